"""How far a backfill is: on a terminal in one line that changes, else a line every few seconds."""

from __future__ import annotations

import threading
import time
from collections import deque
from collections.abc import Callable
from contextlib import ExitStack
from types import TracebackType
from typing import NamedTuple

from rich.text import Text

from cli.narration import new_console
from cli.submission.backfill import Summary

LINE_SECONDS = 5.0
_LOOK_SECONDS = 0.5
# The rate is that of the last minute: what is passed over goes faster than what is submitted.
_RATE_SECONDS = 60.0
STOPPING = "Stopping: what has begun is finished first. Ctrl-C again ends at once."


class Sample(NamedTuple):
    """A moment (seconds of a monotonic clock), and how many objects had been found and submitted by then."""

    time: float
    found: int
    submitted: int


class Pace:
    """How fast a run goes, and how long it will take."""

    def __init__(self, began: float) -> None:
        self._samples = deque([Sample(began, 0, 0)])

    def note(self, sample: Sample) -> None:
        """Remember how far it is."""
        self._samples.append(sample)
        while len(self._samples) > 2 and self._samples[1].time < sample.time - _RATE_SECONDS:
            self._samples.popleft()

    @property
    def rate(self) -> float:
        """Objects a second."""
        return self._rate(lambda sample: sample.found)

    def left(self, total: int | None, limit: int) -> float | None:
        """Seconds until ``total`` objects are found or ``limit`` (0: none) submitted; None if unknown."""
        ends = []
        last = self._samples[-1]
        if total is not None and self.rate:
            ends.append((total - last.found) / self.rate)
        submitting = self._rate(lambda sample: sample.submitted)
        if limit and submitting:
            ends.append((limit - last.submitted) / submitting)
        return max(0.0, min(ends)) if ends else None

    def _rate(self, count: Callable[[Sample], int]) -> float:
        first, last = self._samples[0], self._samples[-1]
        return (count(last) - count(first)) / (last.time - first.time) if last.time > first.time else 0.0


class Progress:
    """Shows a run while it is entered, from a thread of its own: the run may wait for minutes.

    ``running`` gives the number of tasks in flight; a dry run has none.
    """

    def __init__(
        self,
        summary: Summary,
        total: Callable[[int], int | None],
        running: Callable[[], int] | None,
        limit: int,
        stopped: Callable[[], bool],
    ) -> None:
        self._summary = summary
        self._total = total
        self._running = running
        self._limit = limit
        self._stopped = stopped
        self._console = new_console(stderr=True)
        self._pace = Pace(time.monotonic())
        self._ended = threading.Event()
        self._told_of_the_end = False
        self._stack = ExitStack()
        self._thread = threading.Thread(target=self._show, name="progress", daemon=True)

    def __enter__(self) -> Progress:
        self._status = (
            self._stack.enter_context(self._console.status("Reading")) if self._console.is_terminal else None
        )
        self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._ended.set()
        self._thread.join()
        self._stack.close()

    def line(self) -> str:
        """The state of this moment."""
        summary = self._summary
        self._pace.note(Sample(time.monotonic(), summary.found, summary.submitted))
        total = self._total(summary.found)
        left = self._pace.left(total, self._limit)
        parts = [
            f"{summary.found:,} objects" if total is None else f"{summary.found:,} of {total:,}",
            f"{self._pace.rate:,.1f}/s",
            f"{summary.submitted:,} submitted" if self._running else f"{summary.submitted:,} to submit",
            f"{self._running()} in flight" if self._running else "",
            f"{sum(summary.skipped.values()):,} skipped",
            f"{summary.failed:,} failed" if summary.failed else "",
            "" if left is None else f"{in_words(left)} left",
        ]
        return ", ".join(filter(None, parts))

    def _show(self) -> None:
        told = time.monotonic()
        while not self._ended.wait(_LOOK_SECONDS):
            if self._stopped() and not self._told_of_the_end:
                self._told_of_the_end = True
                self._console.print(STOPPING)
            if self._status is not None:
                self._status.update(Text(self.line(), no_wrap=True, overflow="ellipsis"))
            elif time.monotonic() - told >= LINE_SECONDS:
                told = time.monotonic()
                self._console.print(self.line())


def in_words(seconds: float) -> str:
    """A time in its two largest units."""
    minutes, _ = divmod(round(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    days, hours = divmod(hours, 24)
    if days:
        return f"{days} d {hours} h"
    if hours:
        return f"{hours} h {minutes} min"
    return f"{minutes} min" if minutes else f"{seconds:.0f} s"
