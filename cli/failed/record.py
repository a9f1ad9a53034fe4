"""A kept event as it lies in OSS: its name, its version, and what can be read of it."""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import datetime

from imm_label_tags.errors import InvalidNotification
from imm_label_tags.events.event import read_event
from imm_label_tags.events.imm_message import IgnoredEvent, TaskNotification
from imm_label_tags.failures.failed_event import UNDATED, FailedEvent

_NAME = re.compile(
    rf"(\d{{4}}-\d{{2}}-\d{{2}}|{UNDATED})/([A-Za-z0-9][A-Za-z0-9._-]{{0,199}})\.json", re.ASCII
)
# FC 2.0's form names a service before the function; a version or an alias may follow.
_FUNCTION = re.compile(
    r"acs:fc:([a-z0-9-]*):[^:]*:(?:services/[^/]+/)?functions/([A-Za-z0-9_-]+)(?:[/.:].*)?", re.ASCII
)


@dataclass(frozen=True)
class Listed:
    """A record as OSS lists it.

    ``name`` is what follows the prefix: ``2026-11-22/1-6742….json``. ``etag`` is the version of its content.
    ``kept`` is when it was written, in UTC.
    """

    name: str
    etag: str
    size: int
    kept: datetime

    @property
    def folder(self) -> str:
        """The UTC date on which the event failed, or ``undated``."""
        return self.name.partition("/")[0]

    @property
    def request_id(self) -> str:
        """The request id as it stands in the name."""
        return self.name.partition("/")[2].removesuffix(".json")


@dataclass(frozen=True)
class Record:
    """A record that was read."""

    listed: Listed
    failed: FailedEvent

    @property
    def moment(self) -> datetime:
        """When the event failed; where the record does not tell, when it was kept."""
        return self.failed.failed_at or self.listed.kept

    @property
    def tasks(self) -> tuple[TaskNotification, ...]:
        """The tasks that the original event is about; none where it cannot be understood."""
        return tuple(item for item in _items(self.failed.event) if isinstance(item, TaskNotification))


@dataclass(frozen=True)
class Unreadable:
    """A record that could not be read; ``reason`` is a sentence."""

    listed: Listed
    reason: str

    @property
    def moment(self) -> datetime:
        """When it was kept."""
        return self.listed.kept


Kept = Record | Unreadable


def is_record(name: str) -> bool:
    """Whether something under the prefix has a record's name; all else there belongs to somebody else."""
    return _NAME.fullmatch(name) is not None


def is_of(failed: FailedEvent, function: str, region: str) -> bool:
    """Whether an event failed in a function, as far as its record tells."""
    if not failed.function:
        return True
    match = _FUNCTION.fullmatch(failed.function)
    return match is not None and match[1] in ("", region) and match[2] == function


def described_items(event: bytes) -> list[str]:
    """What an event is about, a sentence for each of its notifications."""
    return [_described(item) for item in _items(event)]


def _items(event: bytes) -> tuple[TaskNotification | IgnoredEvent | InvalidNotification, ...]:
    try:
        return read_event(event).items
    except InvalidNotification as error:
        return (error,)


def _described(item: TaskNotification | IgnoredEvent | InvalidNotification) -> str:
    if isinstance(item, TaskNotification):
        return f"task {item.task_id} of project {item.project_name}"
    if isinstance(item, IgnoredEvent):
        return f"not about a video label task: {item.reason}"
    return f"not understood: {item}"
