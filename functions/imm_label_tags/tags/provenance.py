"""The tag that says which task an object's tags come from: ``<start>/<task id>``."""

from __future__ import annotations

import re
from datetime import datetime, timezone
from typing import NamedTuple

from imm_label_tags.tags.charset import MAX_VALUE_BYTES, make_legal, shorten

_VALUE = re.compile(r"(\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3})Z/([^ ]+)", re.ASCII)
_START_BYTES = len("2021-12-24T03:00:38.892Z/")


class Provenance(NamedTuple):
    """A task's start in whole milliseconds and its id; the greater one is the newer task."""

    start: datetime
    task_id: str

    @classmethod
    def of_task(cls, start: datetime, task_id: str) -> Provenance:
        """The provenance of a task. What of its id a tag cannot hold, and white space, becomes hyphens."""
        utc = start.astimezone(timezone.utc)
        whole = utc.replace(microsecond=utc.microsecond // 1000 * 1000)
        legal = make_legal(task_id).replace(" ", "-")
        return cls(whole, shorten(legal, MAX_VALUE_BYTES - _START_BYTES, task_id))

    @classmethod
    def parse(cls, value: str) -> Provenance | None:
        """Read a tag's value; None where it names no task."""
        match = _VALUE.fullmatch(value)
        if match is None:
            return None
        try:
            start = datetime.fromisoformat(match[1])
        except ValueError:
            return None
        return cls(start.replace(tzinfo=timezone.utc), match[2])

    def __str__(self) -> str:
        return f"{self.start.replace(tzinfo=None).isoformat(timespec='milliseconds')}Z/{self.task_id}"
