"""The report as the terminal shows it."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable

from rich.console import Console

from cli.narration import Narrator, counted, say
from cli.report.reading import Unread
from cli.report.retag import Plan, Retagged
from cli.report.totals import Totals
from imm_label_tags.text import escape_unprintable

# So many labels and rules are shown; --json and --html have all.
_SHOWN = 20


def show_totals(console: Console, totals: Totals) -> None:
    """The counts of a report."""
    say(console, f"{counted(totals.objects, 'video')} below {totals.place}", "bold")
    console.print()
    for count, said in totals.lines():
        _line(console, count, said)
    if not totals.compares:
        console.print()
        said = "Whether today's settings lead to other tags is not known: RESULT_ARCHIVE is not set."
        say(console, f"  {said}", "dim")
    for error, message in totals.messages.items():
        say(console, f"             {error}: {message}", "red")
    for title, counts in (("rule", totals.rules), ("label", totals.labels)):
        if counts:
            _show_counts(console, title, counts)


def _show_counts(console: Console, title: str, counts: Counter[str]) -> None:
    console.print()
    rows = [(escape_unprintable(name), f"{count:,}") for name, count in counts.most_common(_SHOWN)]
    Narrator(console, indent=2).table((title, "videos"), rows)
    if len(counts) > _SHOWN:
        say(console, f"  and {len(counts) - _SHOWN:,} more; --json has all", "dim")


def show_plan(console: Console, plan: Plan) -> None:
    """What would be written."""
    console.print()
    if not plan:
        console.print("Nothing differs from today's settings: nothing to write.")
        return
    console.print(f"To be written: the tags of {counted(len(plan), 'video')}.")
    for standing in plan.shown:
        console.print()
        say(console, f"  {standing.target.uri}")
        Narrator(console, indent=2).change(standing.tags, standing.wanted or {})
    if len(plan) > len(plan.shown):
        console.print(f"\n  and {len(plan) - len(plan.shown):,} more")


def show_retagged(console: Console, retagged: Retagged) -> None:
    """What has become of a plan."""
    console.print()
    for status, count in retagged.outcomes.most_common():
        _line(console, count, status)
    if retagged.failed:
        _line(console, retagged.failed, "failed")
    show_failures(console, retagged.failures)


def show_failures(console: Console, failures: Iterable[Unread]) -> None:
    """Why objects could not be read or written."""
    for one in failures:
        say(console, f"  {one.target.uri}  {one.failure.error}: {one.failure.message}", "red")


def _line(console: Console, count: int | None, said: str) -> None:
    say(console, f"{'unknown' if count is None else f'{count:,}':>11}  {said}")
