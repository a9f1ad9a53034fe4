"""The tag that says which tasks an object's tags come from.

Its value has an entry for each kind of task, in a fixed order and with a space between two. The labels' entry
is ``<start>/<task id>``, that of any other kind ``<kind>=<start>/<task id>``.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from datetime import datetime, timezone
from typing import NamedTuple

from imm_label_tags.tags.charset import MAX_VALUE_BYTES, make_legal, shorten

_ENTRY = re.compile(r"(?:([a-z][a-z0-9-]{0,15})=)?(\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3})Z/([^ ]+)", re.ASCII)
_START_BYTES = len("2021-12-24T03:00:38.892Z/")


class Provenance(NamedTuple):
    """A task's start in whole milliseconds and its id; the greater one is the newer task."""

    start: datetime
    task_id: str

    @classmethod
    def of_task(cls, start: datetime, task_id: str, room: int = MAX_VALUE_BYTES) -> Provenance:
        """The provenance of a task, of at most ``room`` bytes.

        What of its id a tag cannot hold, and white space, becomes hyphens.
        """
        utc = start.astimezone(timezone.utc)
        whole = utc.replace(microsecond=utc.microsecond // 1000 * 1000)
        legal = make_legal(task_id).replace(" ", "-")
        return cls(whole, shorten(legal, room - _START_BYTES, task_id))

    def __str__(self) -> str:
        return f"{self.start.replace(tzinfo=None).isoformat(timespec='milliseconds')}Z/{self.task_id}"


class Provenances:
    """The newest task of each kind that has tagged an object, by the kind's name ("" for labels)."""

    def __init__(self, entries: Mapping[str, Provenance]) -> None:
        self._entries = entries

    @classmethod
    def parse(cls, value: str) -> Provenances:
        """Read a tag's value; what is no entry counts as absent."""
        entries: dict[str, Provenance] = {}
        for text in value.split(" "):
            match = _ENTRY.fullmatch(text)
            if match is None:
                continue
            try:
                start = datetime.fromisoformat(match[2])
            except ValueError:
                continue
            entries[match[1] or ""] = Provenance(start.replace(tzinfo=timezone.utc), match[3])
        return cls(entries)

    def of(self, kind: str) -> Provenance | None:
        """The newest task of a kind; None where there was none."""
        return self._entries.get(kind)

    def replace(self, kind: str, task: Provenance) -> Provenances:
        """The same with another task of a kind."""
        return Provenances({**self._entries, kind: task})

    def __str__(self) -> str:
        """The tag's value. Entries for which there is no room are left out, those of labels last of all."""
        value = ""
        for kind in sorted(self._entries):
            entry = f"{kind}={self._entries[kind]}" if kind else str(self._entries[kind])
            longer = f"{value} {entry}" if value else entry
            value = longer if len(longer) <= MAX_VALUE_BYTES else value
        return value


def room_for_entry(kind: str, kinds: int) -> int:
    """How many bytes a task may take in the entry of a kind, so that those of ``kinds`` kinds fit.

    It depends on what is deployed and not on the object: the entry of a task is the same whichever is
    written first.
    """
    entry = (MAX_VALUE_BYTES - (kinds - 1)) // kinds
    return entry - (len(kind) + 1 if kind else 0)
