"""The report as a page that stands alone: no script, nothing that is fetched, all text escaped."""

from __future__ import annotations

import base64
import hashlib
import html
from collections import Counter
from collections.abc import Iterable
from datetime import datetime
from pathlib import Path

from cli.report.totals import NAMED, Totals

_STYLE = Path(__file__).parent.parent / "show" / "page.css"
_OWN_STYLE = "td:last-child, th:last-child { text-align: right; } .uris td { text-align: left; }"
_TITLES = {
    "differs": "Tagged under other settings than today's",
    "stale": "Uploaded after their task had started",
    "full": "Without room: ten tags of others",
    "not_analysed": "Not analysed",
}


def report_page(totals: Totals, made: datetime) -> str:
    """The page as HTML."""
    style = _STYLE.read_text("utf-8") + _OWN_STYLE
    digest = base64.b64encode(hashlib.sha256(style.encode()).digest()).decode()
    place = f"oss://{totals.bucket}/{totals.prefix}"
    counts = [
        ("All", totals.objects),
        ("Tagged", totals.document()["tagged"]),
        *((title, totals.document()[name]) for name, title in _TITLES.items()),
        ("Tagged, but without an archived result to compare with", totals.not_compared),
        ("Could not be read", totals.failed),
        *((f"Left out: {reason}", count) for reason, count in totals.skipped.items()),
    ]
    sections = [
        _section("Videos", _table(("", "number"), counts)),
        _section("Rules", _counted(totals.rules, "rule")),
        _section("Labels", _counted(totals.labels, "label")),
        *(_section(title, _named(totals, name)) for name, title in _TITLES.items() if name in totals.named),
    ]
    return f"""<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta http-equiv="Content-Security-Policy" content="default-src 'none'; style-src 'sha256-{digest}'">
<title>{html.escape(place)}</title>
<style>{style}</style>
</head>
<body>
<header><div class="names"><h1>{html.escape(place)}</h1>
<p class="note">{made.strftime("%Y-%m-%d %H:%M:%SZ")}</p></div></header>
<main>
{"".join(sections)}
</main>
</body>
</html>
"""


def _section(title: str, content: str) -> str:
    return f"<section><h2>{html.escape(title)}</h2>{content}</section>\n"


def _counted(counts: Counter[str], name: str) -> str:
    return _table((name, "videos"), counts.most_common()) if counts else '<p class="note">None.</p>'


def _named(totals: Totals, kind: str) -> str:
    uris = totals.named[kind]
    more = f'<p class="note">The first {NAMED}; --csv has all.</p>' if len(uris) == NAMED else ""
    rows = "".join(f"<tr><td>{html.escape(uri)}</td></tr>" for uri in uris)
    return f'<table class="uris">{rows}</table>{more}'


def _table(head: tuple[str, str], rows: Iterable[tuple[str, int | None]]) -> str:
    cells = "".join(f"<th>{html.escape(cell)}</th>" for cell in head)
    lines = "".join(
        f"<tr><td>{html.escape(name)}</td><td>{'unknown' if count is None else f'{count:,}'}</td></tr>"
        for name, count in rows
    )
    return f"<table><thead><tr>{cells}</tr></thead><tbody>{lines}</tbody></table>"
