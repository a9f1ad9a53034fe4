"""One JSON object a line on standard output."""

from __future__ import annotations

import json
import re
import sys
from collections.abc import Callable
from datetime import datetime, timezone
from typing import Any, TextIO

_ORDER = {"DEBUG": 10, "INFO": 20, "WARNING": 30, "ERROR": 40}
# What JSON leaves as it is and yet breaks a line, hides text or cannot be encoded.
_UNPRINTABLE = re.compile(r"[\x7f-\x9f\u200b-\u200f\u2028-\u202e\u2060-\u2069\ud800-\udfff\ufeff]")


class Log:
    """Writes lines of a level and above. ``redact`` takes secrets out of every line."""

    def __init__(self, level: str, redact: Callable[[str], str], stream: TextIO | None = None) -> None:
        self._threshold = _ORDER[level]
        self.redact = redact
        self._stream = stream

    def write(self, level: str, message: str, **fields: Any) -> None:
        """Write one line: time (UTC), level, message, then the fields that are not None."""
        if _ORDER[level] < self._threshold:
            return
        now = datetime.now(timezone.utc).isoformat(timespec="milliseconds").replace("+00:00", "Z")
        record = {"time": now, "level": level, "message": message}
        record.update((name, value) for name, value in fields.items() if value is not None)
        stream = self._stream or sys.stdout
        utf8 = (stream.encoding or "utf-8").lower().replace("-", "") == "utf8"
        line = self.redact(json.dumps(record, ensure_ascii=not utf8, default=str))
        line = _UNPRINTABLE.sub(lambda match: f"\\u{ord(match[0]):04x}", line)
        stream.write(line + "\n")
        stream.flush()
