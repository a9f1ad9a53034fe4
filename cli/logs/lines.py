"""Lines of the functions' logs in Log Service, those of a while and those that come.

A line is one of ours (JSON), Function Compute's, or something printed.
"""

from __future__ import annotations

import json
import re
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta, timezone
from typing import Any

from cli.installation.log_service import LogService

TOPIC = "FCLogs:"
FAILED = "failed"
# Log Service shows a log some seconds after it was written, and not always in order.
LATE_SECONDS = 30
# The lines around an invocation; the last one says so where Function Compute itself ended it.
_FRAME = re.compile(
    r"FC (?:Invoke|Initialize|PreStop) (?P<which>Start|End) RequestId: (?P<request>[^\s,]+)"
    r"(?:, Error: (?P<error>.*))?\s*",
    re.DOTALL,
)


@dataclass(frozen=True)
class Line:
    """A line; ``record`` is what one of ours says, ``error`` what Function Compute says of an invocation.

    ``frame`` is whether it only marks where an invocation begins or ends. ``time`` is in UTC.
    """

    time: datetime
    function: str
    text: str
    request_id: str = ""
    record: Mapping[str, Any] | None = None
    error: str = ""
    frame: bool = False

    @property
    def status(self) -> str:
        """How a notification, or an invocation, ended; empty where the line does not tell."""
        if self.error:
            return FAILED
        return self.told("status")

    def told(self, field: str) -> str:
        """A field of one of ours; empty where there is none."""
        return str(self.record.get(field) or "") if self.record else ""


@dataclass(frozen=True)
class Wanted:
    """Which lines are shown; empty: all of them."""

    status: str = ""
    task: str = ""

    def query(self, functions: Iterable[str]) -> str:
        """The search that finds these lines, and some that ``chosen`` leaves out.

        It needs the full-text index only, so that it works in a logstore that fc3 made, too.
        """
        topics = " or ".join(f'__topic__: "{TOPIC}{name}"' for name in functions)
        terms = [term for term in (self.status, self.task) if term]
        if not terms:
            return f"({topics})"
        ours = " and ".join(f'"{term}"' for term in terms)
        # What Function Compute ended has no words of ours.
        return f"({topics}) and (({ours}) or (RequestId and Error))"

    def chosen(self, lines: Iterable[Line]) -> list[Line]:
        """The wanted lines in their order."""
        lines = [line for line in lines if not line.frame]
        if self.task:
            requests = {line.request_id for line in lines if line.told("task_id") == self.task}
            lines = [
                line
                for line in lines
                if line.told("task_id") == self.task or (line.error and line.request_id in requests)
            ]
        return [line for line in lines if self.status in ("", line.status)]


class Reader:
    """The lines of functions, by the project and logstore that they are in; raises CallFailed."""

    def __init__(
        self, logs: LogService, places: Mapping[tuple[str, str], Iterable[str]], wanted: Wanted
    ) -> None:
        self._logs = logs
        self._places = places
        self._wanted = wanted

    def read(self, begin: datetime, end: datetime) -> list[Line]:
        """The wanted lines from one moment up to another, the oldest first."""
        found: list[Line] = []
        for (project, logstore), functions in self._places.items():
            query = self._wanted.query(functions)
            seconds = (int(begin.timestamp()), int(end.timestamp()) + 1)
            found += map(read_line, self._logs.search(project, logstore, query, *seconds))
        # Whole seconds, because only our own lines know more; those of one second stay in their order.
        found.sort(key=lambda line: int(line.time.timestamp()))
        return self._wanted.chosen(found)

    def follow(
        self, begin: datetime, now: Callable[[], datetime], pause: Callable[[], None]
    ) -> Iterator[Line]:
        """The wanted lines from a moment on, and then each that comes, until ``pause`` raises."""
        shown = Counter[tuple[object, ...]]()
        while True:
            end = now()
            lines = self.read(begin, end)
            seen = Counter[tuple[object, ...]]()
            for line in lines:
                same = (line.time, line.function, line.text)
                seen[same] += 1
                if seen[same] > shown[same]:
                    yield line
            shown = seen
            begin = max(begin, end - timedelta(seconds=LATE_SECONDS))
            pause()


def read_line(log: Mapping[str, str]) -> Line:
    """A line out of a log of Log Service."""
    text = (log.get("message") or "").rstrip()
    function = log.get("functionName") or log.get("__topic__", "").removeprefix(TOPIC)
    time = datetime.fromtimestamp(int(log.get("__time__") or 0), timezone.utc)
    frame = _FRAME.fullmatch(text)
    if frame is not None:
        error = frame["error"] or ""
        return Line(time, function, text, frame["request"], error=error, frame=not error)
    record = _record(text)
    if record is None:
        return Line(time, function, text)
    return Line(_time(record, time), function, text, str(record.get("request_id") or ""), record)


def _record(text: str) -> Mapping[str, Any] | None:
    try:
        content = json.loads(text)
    except ValueError:
        return None
    return content if isinstance(content, dict) and "message" in content and "level" in content else None


def _time(record: Mapping[str, Any], otherwise: datetime) -> datetime:
    try:
        return datetime.fromisoformat(str(record.get("time")).replace("Z", "+00:00")).astimezone(timezone.utc)
    except ValueError:
        return otherwise
