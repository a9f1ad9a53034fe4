"""What has become of the records that were worked on."""

from __future__ import annotations

from collections import Counter
from datetime import datetime, timezone

from cli.failed.groups import Groups
from cli.failed.work import End, Ended


class Tally:
    """Counts ends. ``stayed`` groups what stays by why; ``examples`` has a name for each of these groups."""

    def __init__(self) -> None:
        self.ends: Counter[End] = Counter()
        self.statuses: Counter[str] = Counter()
        self.stayed = Groups()
        self.examples: dict[str, str] = {}

    @property
    def count(self) -> int:
        """How many have ended."""
        return self.ends.total()

    def add(self, ended: Ended) -> None:
        """Count one."""
        self.ends[ended.end] += 1
        self.statuses.update(ended.statuses)
        if ended.end is End.STAYS:
            self.stayed.add(ended.error, datetime.now(timezone.utc), ended.retryable, ended.message)
            self.examples.setdefault(ended.error, ended.name)
