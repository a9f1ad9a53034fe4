"""The time that the services keep, which a test may move forward."""

from __future__ import annotations

from datetime import datetime, timedelta, timezone


class Clock:
    """Wall-clock time in UTC plus an offset.

    Request signatures are always checked against the real time; this clock serves what the services
    remember: when objects were written, when tasks ran, how long results are kept.
    """

    def __init__(self) -> None:
        self._offset = timedelta()

    def now(self) -> datetime:
        """The services' present, in UTC."""
        return datetime.now(timezone.utc) + self._offset

    def advance(self, seconds: float) -> None:
        """Move the services' present by so many seconds."""
        self._offset += timedelta(seconds=seconds)
