"""Records by the class of their error."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime

from cli.failed.messages import Forms
from cli.failed.record import Kept, Record

UNREADABLE = "(unreadable)"


@dataclass
class Group:
    """The records of one error class.

    ``retryable`` says whether a retry may help; None where that is not known or not the same for all.
    """

    error: str
    retryable: bool | None
    oldest: datetime
    newest: datetime
    count: int = 0
    messages: Forms = field(default_factory=Forms)

    def add(self, moment: datetime, retryable: bool | None, message: str) -> None:
        """Count a record."""
        self.count += 1
        self.oldest = min(self.oldest, moment)
        self.newest = max(self.newest, moment)
        self.retryable = retryable if retryable == self.retryable else None
        self.messages.add(message)


class Groups:
    """All groups of some records."""

    def __init__(self) -> None:
        self._groups: dict[str, Group] = {}

    @property
    def count(self) -> int:
        """The number of records."""
        return sum(group.count for group in self._groups.values())

    @property
    def by_error(self) -> Mapping[str, Group]:
        """The groups by their error, the greatest first."""
        groups = sorted(self._groups.values(), key=lambda group: (-group.count, group.error))
        return {group.error: group for group in groups}

    def add_kept(self, kept: Kept) -> None:
        """Count a record; those that cannot be read are a group of their own."""
        if isinstance(kept, Record):
            failed = kept.failed
            self.add(failed.error, kept.moment, failed.retryable, failed.message)
        else:
            self.add(UNREADABLE, kept.moment, None, kept.reason)

    def add(self, error: str, moment: datetime, retryable: bool | None, message: str) -> None:
        """Count what failed with an error."""
        group = self._groups.get(error)
        if group is None:
            group = self._groups[error] = Group(error, retryable, moment, moment)
        group.add(moment, retryable, message)
