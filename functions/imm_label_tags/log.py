"""One JSON object a line on standard output."""

from __future__ import annotations

import json
import select
import sys
from collections.abc import Callable, Mapping
from datetime import datetime, timezone
from threading import Lock
from typing import Any, TextIO

from imm_label_tags.text import escape_unprintable, truncate_middle

# Function Compute cuts a record at 128 KB, and what it leaves of a longer one is not JSON any more.
MAX_LINE_BYTES = 65536

_ORDER = {"DEBUG": 10, "INFO": 20, "WARNING": 30, "ERROR": 40}
_ENCODERS = {
    ascii_only: json.JSONEncoder(ensure_ascii=ascii_only, allow_nan=False, default=str)
    for ascii_only in (False, True)
}
# The characters that each field of a line may have, one attempt after the other until it is short enough.
_FIELD_LENGTHS = (MAX_LINE_BYTES, 8192, 1024, 128)


class Log:
    """Writes lines of a level and above, of any number of threads, one after the other.

    ``redact`` takes secrets out of every line.
    """

    def __init__(self, level: str, redact: Callable[[str], str], stream: TextIO | None = None) -> None:
        self._threshold = _ORDER[level]
        self.redact = redact
        self._stream = stream
        self._lock = Lock()

    def write(self, level: str, message: str, **fields: Any) -> None:
        """Write one line: time (UTC), level, message, then the fields that are not None.

        Where the line would be longer than MAX_LINE_BYTES, long fields lose their middles.
        """
        if _ORDER[level] < self._threshold:
            return
        now = datetime.now(timezone.utc).isoformat(timespec="milliseconds").replace("+00:00", "Z")
        record = {"time": now, "level": level, "message": message}
        record.update((name, value) for name, value in fields.items() if value is not None)
        stream = self._stream or sys.stdout
        encoding = stream.encoding or "utf-8"
        utf8 = encoding.lower().replace("-", "") == "utf8"
        line = self._line(record, ascii_only=not utf8) + "\n"
        with self._lock:
            _write_whole(stream, line, encoding)

    def _line(self, record: Mapping[str, Any], *, ascii_only: bool) -> str:
        line = ""
        for length in _FIELD_LENGTHS:
            fields = (
                f"{_json(name, ascii_only)}: {_json(self._shortened(value, length), ascii_only)}"
                for name, value in record.items()
            )
            line = escape_unprintable(self.redact("{" + ", ".join(fields) + "}"))
            if len(line.encode()) < MAX_LINE_BYTES:
                break
        return line

    def _shortened(self, value: Any, length: int) -> Any:
        text = value if isinstance(value, str) else _json(value, False)
        # Redacted first: what is left of a secret that was cut would not be found any more.
        return value if len(text) <= length else truncate_middle(self.redact(text), length)


def _write_whole(stream: TextIO, line: str, encoding: str) -> None:
    """Write a line and wait until all of it is written.

    A text stream is not safe for threads, and loses what its pipe does not take at once where it has no
    buffer (``python -u``) or must not wait (O_NONBLOCK).
    """
    buffer = getattr(stream, "buffer", None)
    if buffer is None:
        stream.write(line)
        stream.flush()
        return
    # What others have written comes first.
    stream.flush()
    raw = getattr(buffer, "raw", buffer)
    left = memoryview(line.encode(encoding))
    while left:
        taken = raw.write(left)
        if taken is None:
            select.select([], [raw], [])
        else:
            left = left[taken:]


def _json(value: Any, ascii_only: bool) -> str:
    try:
        return _ENCODERS[ascii_only].encode(value)
    except Exception:
        # Not a number, a circle, a key that is no text: no reason to lose the line.
        return json.dumps(_described(value), ensure_ascii=ascii_only)


def _described(value: Any) -> str:
    try:
        return str(value)
    except Exception:
        return f"a {type(value).__name__} that cannot be shown"
