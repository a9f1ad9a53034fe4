"""One line of CSV for each video: what spreadsheets and other programs go on with."""

from __future__ import annotations

import csv
from collections.abc import Mapping
from datetime import datetime
from typing import IO
from urllib.parse import quote

from cli.report.reading import Read, Unread
from cli.report.standing import Standing

COLUMNS = (
    "object",
    "state",
    "differs",
    "last_modified",
    "task_id",
    "task_start",
    "tags",
    "wanted_tags",
    "error",
)
_ANSWERS = {True: "yes", False: "no", None: ""}


class Rows:
    """Writes rows to a file."""

    def __init__(self, file: IO[str]) -> None:
        self._writer = csv.writer(file, lineterminator="\n")
        self._writer.writerow(COLUMNS)

    def add(self, read: Read) -> None:
        """Write the row of a video; everything else has none."""
        if isinstance(read, Standing):
            task = read.task
            self._writer.writerow(
                (
                    read.target.uri,
                    read.state.value,
                    _ANSWERS[read.differs],
                    _utc(read.written),
                    task.task_id if task else "",
                    _utc(task.start) if task else "",
                    as_header(read.tags),
                    as_header(read.wanted or {}),
                    "",
                )
            )
        elif isinstance(read, Unread):
            # An error's class begins with a letter: a spreadsheet takes nothing here for a formula.
            said = f"{read.error}: {read.message}"
            self._writer.writerow((read.target.uri, "failed", "", "", "", "", "", "", said))


def as_header(tags: Mapping[str, str]) -> str:
    """A tag set as OSS's header x-oss-tagging has it: every value can be told apart."""
    return "&".join(f"{quote(key, safe='')}={quote(value, safe='')}" for key, value in tags.items())


def _utc(moment: datetime) -> str:
    return moment.isoformat(timespec="milliseconds").replace("+00:00", "Z")
