"""The time that the services keep, which a test may move forward."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from datetime import datetime, timedelta, timezone


def _real_time() -> datetime:
    return datetime.now(timezone.utc)


class Clock:
    """Wall-clock time in UTC plus an offset; it never goes back, as little as a cloud's does.

    Request signatures are always checked against the real time; this clock serves what the services
    remember: when objects were written, when tasks ran, how long results are kept. Where the machine's clock
    leaps back, the services' goes on at its pace. ``ticks`` counts seconds from any beginning.
    """

    def __init__(
        self, wall: Callable[[], datetime] = _real_time, ticks: Callable[[], float] = time.monotonic
    ) -> None:
        self._wall = wall
        self._ticks = ticks
        self._guard = threading.Lock()
        self._offset = timedelta()
        self._latest = (wall(), ticks())

    def now(self) -> datetime:
        """The services' present, in UTC."""
        with self._guard:
            present, then = self._latest
            now = self._ticks()
            present = max(self._wall(), present + timedelta(seconds=now - then))
            self._latest = (present, now)
            return present + self._offset

    def advance(self, seconds: float) -> None:
        """Move the services' present by so many seconds."""
        self._offset += timedelta(seconds=seconds)

    def timestamp(self) -> str:
        """The services' present as most of them show it: ``2015-01-23T12:33:18Z``."""
        return in_seconds(self.now())


def in_seconds(moment: datetime) -> str:
    """``2015-01-23T12:33:18Z``, of a moment in UTC."""
    return moment.strftime("%Y-%m-%dT%H:%M:%SZ")
