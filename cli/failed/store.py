"""The kept events in OSS: their names, their versions, and what can be read of each."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from typing import NamedTuple

import alibabacloud_oss_v2 as oss

from cli.cloud.objects import Objects
from imm_label_tags.errors import InvalidFailureRecord, InvalidNotification
from imm_label_tags.events.event import read_event
from imm_label_tags.events.imm_message import IgnoredEvent, TaskNotification
from imm_label_tags.failures.failed_event import UNDATED, FailedEvent
from imm_label_tags.results.target import ObjectHead, ObjectPrefix, TargetObject

# What a record takes at the most is a few megabytes: a payload of 256 KB and an answer of 6 MB, escaped.
LARGEST_RECORD = 32 * 1024 * 1024
LISTED_IN = "deploy/policies/failed.json"
# Follows every digit, and so every dated name, in the order of bytes.
_AFTER_DATES = ":"
_DAY = "%Y-%m-%d"
_NAME = re.compile(
    rf"(\d{{4}}-\d{{2}}-\d{{2}}|{UNDATED})/([A-Za-z0-9][A-Za-z0-9._-]{{0,199}})\.json", re.ASCII
)
# FC 2.0's form names a service before the function; a version or an alias may follow.
_FUNCTION = re.compile(
    r"acs:fc:([a-z0-9-]*):[^:]*:(?:services/[^/]+/)?functions/([A-Za-z0-9_-]+)(?:[/.:].*)?", re.ASCII
)


class Listed(NamedTuple):
    """A record as OSS has it; ``name`` is what follows the prefix: ``2026-11-22/1-6742….json``."""

    name: str
    head: ObjectHead

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
        return self.failed.failed_at or self.listed.head.written

    @property
    def tasks(self) -> tuple[TaskNotification, ...]:
        """The tasks that the original event is about; none where it cannot be understood."""
        return tuple(item for item in items_of(self.failed.event) if isinstance(item, TaskNotification))

    def is_of(self, function: str, region: str) -> bool:
        """Whether the event failed in a function, as far as the record tells."""
        if not self.failed.function:
            return True
        match = _FUNCTION.fullmatch(self.failed.function)
        return match is not None and match[1] in ("", region) and match[2] == function


@dataclass(frozen=True)
class Unreadable:
    """A record that could not be read; ``reason`` is a sentence."""

    listed: Listed
    reason: str

    @property
    def moment(self) -> datetime:
        """When it was kept."""
        return self.listed.head.written


Kept = Record | Unreadable


@dataclass(frozen=True)
class Span:
    """From ``after`` up to, but without, ``before``; None leaves that end open. In UTC."""

    after: datetime | None = None
    before: datetime | None = None

    def holds(self, moment: datetime) -> bool:
        """Whether a moment lies in it."""
        return (self.after is None or moment >= self.after) and (self.before is None or moment < self.before)


ALWAYS = Span()


class Store:
    """The records under one prefix; every method raises CallFailed.

    ``client`` may be used by as many threads as it has connections.
    """

    def __init__(self, client: oss.Client, place: ObjectPrefix, account_id: str) -> None:
        self.place = place
        records = f"{place.bucket}/{place.prefix}/*"
        self._objects = Objects(client, account_id, LISTED_IN, resource=records)

    def list(self, span: Span = ALWAYS) -> Iterator[Listed]:
        """The records by name; days that lie wholly outside of the span are left out, where dated."""
        last_day = span.before.strftime(_DAY) if span.before else ""
        for listed in self._listed_after(span.after.strftime(_DAY) if span.after else ""):
            if last_day and last_day < listed.folder < _AFTER_DATES:
                yield from self._listed_after(_AFTER_DATES)
                return
            yield listed

    def find(self, name: str) -> Listed | None:
        """A record as it is now, if it is there."""
        head = self._objects.head(self._place_of(name))
        return None if head is None else Listed(name, head)

    def read(self, name: str) -> Kept | None:
        """A record as it is now, with its content; None where it is gone."""
        content = self._objects.read(self._place_of(name), LARGEST_RECORD)
        if content is None:
            return None
        listed = Listed(name, content.head)
        if content.body is None:
            return Unreadable(listed, f"It has {listed.head.size} bytes, more than any record.")
        try:
            return Record(listed, FailedEvent.read(content.body))
        except InvalidFailureRecord as error:
            return Unreadable(listed, str(error))

    def delete(self, name: str) -> None:
        """Remove a record; one that is gone already stays so."""
        self._objects.delete(self._place_of(name))

    def uri(self, name: str) -> str:
        """The URI of a record."""
        return self._place_of(name).uri

    def _listed_after(self, start: str) -> Iterator[Listed]:
        prefix = f"{self.place.prefix}/"
        after = f"{prefix}{start}" if start else ""
        for key, head in self._objects.listed(self.place.bucket, prefix, after=after):
            if is_record(name := key.removeprefix(prefix)):
                yield Listed(name, head)

    def _place_of(self, name: str) -> TargetObject:
        return TargetObject(self.place.bucket, f"{self.place.prefix}/{name}")


def is_record(name: str) -> bool:
    """Whether something under the prefix has a record's name; all else there belongs to somebody else."""
    return _NAME.fullmatch(name) is not None


def items_of(event: bytes) -> tuple[TaskNotification | IgnoredEvent | InvalidNotification, ...]:
    """What an event is about, or why it cannot be understood."""
    try:
        return read_event(event).items
    except InvalidNotification as error:
        return (error,)
