"""Reads the lines of functions: those of a while, and those that come."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping
from datetime import datetime, timedelta

from cli.installation.log_service import LogService
from cli.logs.lines import Line, Wanted, read_line

# Log Service shows a log some seconds after it was written, and not always in order.
LATE_SECONDS = 30


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
