"""Work on more objects than fit into memory: listed on the disk, side by side, with how far it is."""

from __future__ import annotations

import json
import threading
import time
from collections import deque
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import ExitStack, contextmanager
from datetime import timedelta
from tempfile import TemporaryFile
from types import TracebackType
from typing import IO, Any, TypeVar

from rich.console import Console, RenderableType
from rich.progress_bar import ProgressBar
from rich.table import Table
from rich.text import Text

from cli.narration import new_console

T = TypeVar("T")
R = TypeVar("R")

LINE_SECONDS = 5.0
_LOOK_SECONDS = 0.5
_BAR_WIDTH = 12
# The rate is that of the last minute: what is passed over goes faster than what is worked on.
_RATE_SECONDS = 60.0


class ListOnDisk:
    """A list of what JSON can hold, in a file."""

    def __init__(self, file: IO[str]) -> None:
        self._file = file
        self._count = 0

    def __len__(self) -> int:
        return self._count

    def __iter__(self) -> Iterator[Any]:
        """Each item; nothing may be added meanwhile."""
        self._file.seek(0)
        yield from map(json.loads, self._file)

    def add(self, item: Any) -> None:
        """Add an item."""
        self._file.write(json.dumps(item) + "\n")
        self._count += 1


@contextmanager
def list_on_disk() -> Iterator[ListOnDisk]:
    """An empty list, in a file that is gone afterwards."""
    with TemporaryFile("w+", encoding="utf-8") as file:
        yield ListOnDisk(file)


def side_by_side(act: Callable[[T], R], items: Iterable[T], threads: int, ahead: int) -> Iterator[R]:
    """What ``act`` gives for each item, in order, with up to ``ahead`` of them begun."""
    executor = ThreadPoolExecutor(threads, thread_name_prefix="reader")
    running: deque[Future[R]] = deque()
    try:
        for item in items:
            running.append(executor.submit(act, item))
            if len(running) >= ahead:
                yield running.popleft().result()
        while running:
            yield running.popleft().result()
    finally:
        executor.shutdown(wait=False, cancel_futures=True)


class Progress:
    """Tells how far some work is while it is entered, on standard error unless ``console`` is given.

    On a terminal that is a line which changes, with a bar, else a line every few seconds. ``goals`` gives how
    many are done and how many there will be, None where that is not known: of the objects first, then of
    whatever else may end the work. ``said`` gives the rest of the line. ``stopping`` is told once, as soon as
    ``stopped``. It has a thread of its own, because the work may wait for minutes.
    """

    def __init__(
        self,
        goals: Callable[[], Sequence[tuple[int, int | None]]],
        said: Callable[[], Iterable[str]],
        *,
        stopped: Callable[[], bool] = lambda: False,
        stopping: str = "",
        console: Console | None = None,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._goals = goals
        self._said = said
        self._stopped = stopped
        self._stopping = stopping
        self._console = console or new_console(stderr=True)
        self._clock = clock
        # Moments, and how many were done by then.
        self._samples = deque([(clock(), [done for done, _ in goals()])])
        self._ended = threading.Event()
        self._thread = threading.Thread(target=self._show, name="progress", daemon=True)

    def __enter__(self) -> Progress:
        self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._ended.set()
        self._thread.join()

    def line(self) -> str:
        """The state of this moment."""
        goals = self._goals()
        rates = self._rates([done for done, _ in goals])
        left = [
            max(0.0, (total - done) / rate)
            for (done, total), rate in zip(goals, rates, strict=True)
            if total is not None and rate > 0
        ]
        done, total = goals[0]
        parts = (
            f"{done:,} objects" if total is None else f"{done:,} of {total:,}",
            f"{rates[0]:,.1f}/s",
            *self._said(),
            f"{timedelta(seconds=round(min(left)))} left" if left else "",
        )
        return ", ".join(filter(None, parts))

    def _rates(self, done: list[int]) -> list[float]:
        """How many a second were done of each goal."""
        now, samples = self._clock(), self._samples
        samples.append((now, done))
        while len(samples) > 2 and samples[1][0] < now - _RATE_SECONDS:
            samples.popleft()
        began, before = samples[0]
        seconds = now - began
        return [(new - old) / seconds if seconds else 0.0 for old, new in zip(before, done, strict=True)]

    def _with_bar(self) -> RenderableType:
        """The line after a bar, where it is known how many there will be."""
        done, total = self._goals()[0]
        line = Text(self.line())
        if not total:
            return line
        grid = Table.grid(padding=(0, 1))
        grid.add_row(ProgressBar(total, done, width=_BAR_WIDTH), line)
        return grid

    def _show(self) -> None:
        told = time.monotonic()
        said_that_it_stops = False
        with ExitStack() as stack:
            terminal = self._console.is_terminal
            status = stack.enter_context(self._console.status("Reading")) if terminal else None
            while not self._ended.wait(_LOOK_SECONDS):
                if self._stopped() and not said_that_it_stops:
                    said_that_it_stops = True
                    self._console.print(self._stopping)
                if status is not None:
                    status.update(self._with_bar())
                elif time.monotonic() - told >= LINE_SECONDS:
                    told = time.monotonic()
                    self._console.print(self.line())
