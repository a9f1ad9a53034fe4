"""The log of functions: what they print and what they log, as Simple Log Service would show it."""

from __future__ import annotations

import struct
from collections import OrderedDict, deque
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime

from localcloud.clock import Clock

REMEMBERED_LINES = 200_000
REMEMBERED_REQUESTS = 20_000
# The last part of a request's log that an invocation returns on demand.
TAIL_BYTES = 4096

_FRAME = struct.Struct("!II")
_FRAME_MARK = struct.pack("!I", 0xEDDBAC9B)
# A record has at most 128 K characters, each of at most four bytes.
_LONGEST_RECORD = 4 * 128 * 1024


@dataclass(frozen=True)
class LogLine:
    """A line that a function printed, or a whole record that it logged.

    ``request_id`` is the request that the instance was serving at that moment, if any.
    """

    time: datetime
    function: str
    instance_id: str
    request_id: str | None
    text: str


class LogBook:
    """The log of all functions; the oldest lines are forgotten first."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._sinks: list[Callable[[LogLine], None]] = []
        self._lines: deque[LogLine] = deque(maxlen=REMEMBERED_LINES)
        self._requests: OrderedDict[str, list[LogLine]] = OrderedDict()

    def watch(self, sink: Callable[[LogLine], None]) -> None:
        """Tell somebody of every line from now on."""
        self._sinks.append(sink)

    def add(self, function: str, instance_id: str, request_id: str | None, text: str) -> None:
        """Append a line."""
        line = LogLine(self._clock.now(), function, instance_id, request_id, text)
        self._lines.append(line)
        if request_id is not None:
            self._requests.setdefault(request_id, []).append(line)
            if len(self._requests) > REMEMBERED_REQUESTS:
                self._requests.popitem(last=False)
        for sink in self._sinks:
            sink(line)

    def lines(self, function: str, request_id: str | None = None) -> list[LogLine]:
        """The lines of a function, of one request if named."""
        lines = self._lines if request_id is None else self._requests.get(request_id, [])
        return [line for line in list(lines) if line.function == function]


class OutputReader:
    """Turns the bytes of an instance's standard output into lines and records."""

    def __init__(self, line: Callable[[str], None], record: Callable[[str], None]) -> None:
        self._line = line
        self._record = record
        self._buffer = bytearray()

    def feed(self, data: bytes) -> None:
        """Take what the instance has written since."""
        self._buffer += data
        while self._take_record() or self._take_line():
            pass

    def finish(self) -> None:
        """The instance has ended: what is left is its last line."""
        if self._starts_with_frame():
            del self._buffer[: _FRAME.size]
        self._text(bytes(self._buffer))
        self._buffer.clear()

    def _take_record(self) -> bool:
        """Take a whole frame off the start of the buffer."""
        if not self._starts_with_frame() or len(self._buffer) < _FRAME.size:
            return False
        _, size = _FRAME.unpack_from(self._buffer)
        end = _FRAME.size + size
        if len(self._buffer) < end:
            return False
        text = self._buffer[_FRAME.size : end].decode("utf-8", "replace")
        del self._buffer[:end]
        self._record(text[:-1] if text.endswith("\n") else text)
        return True

    def _take_line(self) -> bool:
        """Take a line off the start of the buffer; a frame ends a line that lacks its end."""
        if self._starts_with_frame():
            return False
        line_end = self._buffer.find(b"\n") + 1
        frame = self._buffer.find(_FRAME_MARK, 1)
        ends = [end for end in (line_end, frame) if end > 0]
        if not ends:
            return False
        self._text(bytes(self._buffer[: min(ends)]))
        del self._buffer[: min(ends)]
        return True

    def _starts_with_frame(self) -> bool:
        if not self._buffer.startswith(_FRAME_MARK):
            return False
        if len(self._buffer) < _FRAME.size:
            return True
        # The mark may also be garbage that a function printed.
        return int(_FRAME.unpack_from(self._buffer)[1]) <= _LONGEST_RECORD

    def _text(self, data: bytes) -> None:
        if data:
            text = data.decode("utf-8", "replace")
            self._line(text[:-1] if text.endswith("\n") else text)


def tail(lines: list[LogLine]) -> bytes:
    """The last 4 KB of some lines."""
    return "".join(f"{line.text}\n" for line in lines).encode()[-TAIL_BYTES:]
