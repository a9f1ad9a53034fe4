"""The report as the terminal shows it."""

from __future__ import annotations

import sys
from collections import Counter
from collections.abc import Iterable
from contextlib import ExitStack
from types import TracebackType

from rich.console import Console
from rich.status import Status
from rich.text import Text

from cli.narration import Narrator, new_console
from cli.report.reading import Unread
from cli.report.retag import Plan, Retagged
from cli.report.standing import State
from cli.report.totals import Totals
from imm_label_tags.text import escape_unprintable

# So many labels and rules are shown; --json and --html have all.
_SHOWN = 20
_EVERY = 500
_STATES = {
    State.TAGGED: "tagged",
    State.NOT_ANALYSED: "not analysed: no tag of ours",
    State.STALE: "uploaded after their task had started",
    State.FULL: "without room: ten tags of others",
}


class Progress:
    """How many videos have been read, on a terminal."""

    def __init__(self, totals: Totals) -> None:
        self._totals = totals
        self._console = new_console(stderr=True)
        self._status: Status | None = None
        self._stack = ExitStack()
        self._count = 0

    def __enter__(self) -> Progress:
        if self._console.is_terminal and sys.stderr.isatty():
            self._status = self._stack.enter_context(self._console.status("Reading the tags"))
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._stack.close()

    def advance(self) -> None:
        """One more object was looked at."""
        self._count += 1
        if self._status is not None and self._count % _EVERY == 0:
            self._status.update(f"Reading the tags: {self._totals.objects:,} videos")


def videos(count: int) -> str:
    """A number of videos in words."""
    return f"{count:,} video{'' if count == 1 else 's'}"


def show_totals(console: Console, totals: Totals) -> None:
    """The counts of a report."""
    place = f"oss://{totals.bucket}/{totals.prefix}"
    console.print(
        Text(f"{videos(totals.objects)} below {escape_unprintable(place)}\n", "bold"), soft_wrap=True
    )
    for state, said in _STATES.items():
        _line(console, totals.states[state], said)
        if state is State.TAGGED and totals.compares:
            _line(console, totals.differs, "of them under other settings than today's", indent=2)
            if totals.not_compared:
                said = "of them without an archived result to compare with"
                _line(console, totals.not_compared, said, indent=2)
    if not totals.compares:
        said = "Whether today's settings lead to other tags is not known: RESULT_ARCHIVE is not set."
        console.print(Text(f"\n  {said}", "dim"), soft_wrap=True)
    for reason, count in totals.skipped.items():
        _line(console, count, f"left out: {reason}")
    if totals.failed:
        _line(console, totals.failed, "could not be read")
    for error, message in totals.messages.items():
        console.print(Text(f"             {error}: {message}", "red"), soft_wrap=True)
    for title, counts in (("rule", totals.rules), ("label", totals.labels)):
        if counts:
            _show_counts(console, title, counts)


def _show_counts(console: Console, title: str, counts: Counter[str]) -> None:
    console.print()
    rows = [(escape_unprintable(name), f"{count:,}") for name, count in counts.most_common(_SHOWN)]
    Narrator(console, indent=2).table((title, "videos"), rows)
    if len(counts) > _SHOWN:
        console.print(Text(f"  and {len(counts) - _SHOWN:,} more; --json has all", "dim"))


def show_plan(console: Console, plan: Plan) -> None:
    """What would be written."""
    if not plan:
        console.print("\nNothing differs from today's settings: nothing to write.")
        return
    console.print(f"\nTo be written: the tags of {videos(len(plan))}.")
    for standing in plan.shown:
        console.print(Text(f"\n  {escape_unprintable(standing.target.uri)}"), soft_wrap=True)
        tell = Narrator(console, indent=2)
        tell.change(
            {escape_unprintable(key): escape_unprintable(value) for key, value in standing.tags.items()},
            {
                escape_unprintable(key): escape_unprintable(value)
                for key, value in (standing.wanted or {}).items()
            },
        )
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
    for failure in failures:
        said = f"  {escape_unprintable(failure.target.uri)}  {failure.error}: {failure.message}"
        console.print(Text(said, "red"), soft_wrap=True)


def _line(console: Console, count: int, said: str, indent: int = 0) -> None:
    console.print(Text(f"{count:>11,}  {'':{indent}}{said}"), soft_wrap=True)
