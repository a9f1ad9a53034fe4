"""The report in files: a line of CSV for each video, for other programs, and a page that stands alone."""

from __future__ import annotations

import csv
from collections import Counter
from collections.abc import Iterable, Mapping
from datetime import datetime
from html import escape
from typing import IO
from urllib.parse import quote

from cli.narration import utc, utc_seconds
from cli.report.reading import Read, Unread
from cli.report.standing import Standing
from cli.report.totals import NAMED, SAID, Totals
from cli.show.page import assembled, part

_STYLE = "td:last-child, th:last-child { text-align: right; } .uris td { text-align: left; }"
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
        self._writer = csv.DictWriter(file, COLUMNS, lineterminator="\n")
        self._writer.writeheader()

    def add(self, read: Read) -> None:
        """Write the row of a video; everything else has none."""
        if isinstance(read, Standing):
            row = {
                "object": read.target.uri,
                "state": read.state.value,
                "differs": _ANSWERS[read.differs],
                "last_modified": utc(read.written),
                "tags": _as_header(read.tags),
                "wanted_tags": _as_header(read.wanted or {}),
            }
            if read.task is not None:
                row |= {"task_id": read.task.task_id, "task_start": utc(read.task.start)}
            self._writer.writerow(row)
        elif isinstance(read, Unread):
            # An error's class begins with a letter: a spreadsheet takes nothing here for a formula.
            said = f"{read.failure.error}: {read.failure.message}"
            self._writer.writerow({"object": read.target.uri, "state": "failed", "error": said})


def _as_header(tags: Mapping[str, str]) -> str:
    """A tag set as OSS's header x-oss-tagging has it: every value can be told apart."""
    return "&".join(f"{quote(key, safe='')}={quote(value, safe='')}" for key, value in tags.items())


def report_page(totals: Totals, made: datetime) -> str:
    """The page as HTML: no script, nothing that is fetched, all text escaped."""
    counts = [(f"{said[0].upper()}{said[1:]}", count) for count, said in totals.lines()]
    sections = [
        ("Videos", _table(("", "number"), [("All", totals.objects), *counts])),
        ("Rules", _counted(totals.rules, "rule")),
        ("Labels", _counted(totals.labels, "label")),
        *((said, _named(totals.named[kind])) for kind, said in SAID.items() if kind in totals.named),
    ]
    text = "\n".join(f"<section><h2>{escape(title)}</h2>{content}</section>" for title, content in sections)
    return assembled(
        title=totals.place,
        style=part("page.css") + _STYLE,
        body=f"""<header><div class="names"><h1>{escape(totals.place)}</h1>
<p class="note">{utc_seconds(made)}</p></div></header>
<main>
{text}
</main>
""",
    )


def _counted(counts: Counter[str], name: str) -> str:
    return _table((name, "videos"), counts.most_common()) if counts else '<p class="note">None.</p>'


def _named(uris: list[str]) -> str:
    more = f'<p class="note">The first {NAMED}; --csv has all.</p>' if len(uris) == NAMED else ""
    rows = "".join(f"<tr><td>{escape(uri)}</td></tr>" for uri in uris)
    return f'<table class="uris">{rows}</table>{more}'


def _table(head: tuple[str, str], rows: Iterable[tuple[str, int | None]]) -> str:
    cells = "".join(f"<th>{escape(cell)}</th>" for cell in head)
    lines = "".join(
        f"<tr><td>{escape(name)}</td><td>{'unknown' if count is None else f'{count:,}'}</td></tr>"
        for name, count in rows
    )
    return f"<table><thead><tr>{cells}</tr></thead><tbody>{lines}</tbody></table>"
