"""Does something with many records, a bounded number at a time, until Ctrl-C asks it to stop."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from concurrent.futures import FIRST_COMPLETED, Future, ThreadPoolExecutor, wait
from dataclasses import dataclass
from enum import Enum

from cli.cloud.calls import CallFailed
from cli.signals import Interruption

# How often it is looked whether Ctrl-C was pressed.
_LOOK_SECONDS = 0.1


class End(Enum):
    """What has become of a record."""

    REMOVED = "removed"
    GONE = "gone"
    STAYS = "stays"


@dataclass(frozen=True)
class Ended:
    """A record that was worked on.

    ``statuses`` are the outcomes of its event. ``error``, ``message`` and ``retryable`` say why it stays.
    """

    name: str
    end: End
    statuses: tuple[str, ...] = ()
    error: str = ""
    message: str = ""
    retryable: bool | None = None


class Work:
    """``act`` is called with a record's name and version, in as many threads as ``concurrency`` says.

    A CallFailed that it raises concerns every record: nothing more is begun. ``observe`` is told of each end,
    ``interrupted`` once how many are waited for.
    """

    def __init__(
        self,
        act: Callable[[str, str], Ended],
        concurrency: int,
        interruption: Interruption,
        *,
        observe: Callable[[Ended], None],
        interrupted: Callable[[int], None],
    ) -> None:
        self._act = act
        self._concurrency = concurrency
        self._interruption = interruption
        self._observe = observe
        self._interrupted = interrupted
        self._running: set[Future[Ended]] = set()
        self._told = False
        self.failure: CallFailed | None = None

    @property
    def running(self) -> int:
        """How many have not ended; none after ``run``, unless it was left."""
        return len(self._running)

    def run(self, records: Iterable[tuple[str, str]]) -> None:
        """Work on the records. What was begun is waited for, unless the user does not even want that."""
        executor = ThreadPoolExecutor(self._concurrency, thread_name_prefix="record")
        try:
            for name, etag in records:
                self._collect(self._concurrency - 1)
                if self._interruption.asked_to_stop or self.failure is not None:
                    break
                self._running.add(executor.submit(self._act, name, etag))
            self._collect(0)
        finally:
            executor.shutdown(wait=False)

    def _collect(self, most: int) -> None:
        """Wait until at most so many run."""
        while len(self._running) > most and not self._interruption.asked_to_leave:
            done, self._running = wait(self._running, _LOOK_SECONDS, FIRST_COMPLETED)
            for future in done:
                self._take(future)
            self._tell()

    def _take(self, future: Future[Ended]) -> None:
        try:
            self._observe(future.result())
        except CallFailed as failure:
            self.failure = self.failure or failure

    def _tell(self) -> None:
        if self._interruption.asked_to_stop and not self._told:
            self._told = True
            self._interrupted(len(self._running))
