"""What has become of the records that were worked on, and how far the work is while it goes on."""

from __future__ import annotations

from collections import Counter
from contextlib import ExitStack
from datetime import datetime, timezone
from types import TracebackType

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

from cli.failed.groups import Groups
from cli.failed.work import End, Ended


class Tally:
    """Counts ends. ``stayed`` groups what stays by why; ``examples`` has a name for each of these groups."""

    def __init__(self) -> None:
        self.ends: Counter[End] = Counter()
        self.statuses: Counter[str] = Counter()
        self.stayed = Groups()
        self.examples: dict[str, str] = {}

    @property
    def count(self) -> int:
        """How many have ended."""
        return self.ends.total()

    def add(self, ended: Ended) -> None:
        """Count one."""
        self.ends[ended.end] += 1
        self.statuses.update(ended.statuses)
        if ended.end is End.STAYS:
            self.stayed.add(ended.error, datetime.now(timezone.utc), ended.retryable, ended.message)
            self.examples.setdefault(ended.error, ended.name)


# Lines where there is no terminal.
_LINES = 10


class Advance:
    """Shows the progress of ``total`` records; entered while they are worked on."""

    def __init__(self, console: Console, total: int) -> None:
        self._console = console
        self._total = total
        self._stack = ExitStack()
        self._bar = Progress(
            TextColumn("  {task.description}"),
            BarColumn(),
            MofNCompleteColumn(),
            TimeRemainingColumn(),
            console=console,
            transient=True,
            redirect_stdout=False,
            redirect_stderr=False,
        )
        self._task = self._bar.add_task(_words(Tally()), total=total)

    def __enter__(self) -> Advance:
        if self._console.is_terminal:
            self._stack.enter_context(self._bar)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._stack.close()

    def show(self, tally: Tally) -> None:
        """One more has ended."""
        if self._console.is_terminal:
            self._bar.update(self._task, completed=tally.count, description=_words(tally))
        elif tally.count % max(1, self._total // _LINES) == 0:
            self._console.print(f"  {tally.count} of {self._total}: {_words(tally)}")


def _words(tally: Tally) -> str:
    return f"{tally.ends[End.REMOVED]} removed, {tally.ends[End.STAYS]} stay"
