"""The tag that says which tasks an object's tags come from.

Its value has an entry for each kind of task, in a fixed order and with a space between two. The labels' entry
is ``<start>/<task id>``, that of any other kind ``<kind>=<start>/<task id>``.
"""

from __future__ import annotations

import re
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

    @classmethod
    def parse(cls, value: str, kind: str = "") -> Provenance | None:
        """The newest task of a kind that a tag's value names; None where it names none."""
        return _entries(value).get(kind)

    def recorded(self, value: str, kind: str) -> str:
        """A tag's value with this task as that of its kind.

        Entries for which there is no room are left out, those of labels last of all.
        """
        entries = {**_entries(value), kind: self}
        text = ""
        for name in sorted(entries):
            longer = f"{text} {name}={entries[name]}" if name else str(entries[name])
            text = longer.lstrip() if len(longer.lstrip()) <= MAX_VALUE_BYTES else text
        return text

    def __str__(self) -> str:
        return f"{self.start.replace(tzinfo=None).isoformat(timespec='milliseconds')}Z/{self.task_id}"


def room_for_entry(kind: str, kinds: int) -> int:
    """How many bytes a task may take in the entry of a kind, so that those of ``kinds`` kinds fit.

    It depends on what is deployed and not on the object: the entry of a task is the same whichever is
    written first.
    """
    entry = (MAX_VALUE_BYTES - (kinds - 1)) // kinds
    return entry - (len(kind) + 1 if kind else 0)


def _entries(value: str) -> dict[str, Provenance]:
    """By kind; what is no entry counts as absent."""
    entries = {}
    for text in value.split(" "):
        match = _ENTRY.fullmatch(text)
        if match is None:
            continue
        try:
            start = datetime.fromisoformat(match[2])
        except ValueError:
            continue
        entries[match[1] or ""] = Provenance(start.replace(tzinfo=timezone.utc), match[3])
    return entries
