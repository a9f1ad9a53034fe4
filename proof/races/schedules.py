"""Runs threads one at a time, each until its next step, in every order in which their steps can be taken.

Nothing here waits for time to pass or looks twice: a thread that stops hands the turn on itself. The same
choices give the same run, so that every order is reached by running again with other choices.
"""

from __future__ import annotations

import threading
from collections import deque
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import Executor, Future, ThreadPoolExecutor
from dataclasses import dataclass, field
from typing import Any, TypeVar

_Result = TypeVar("_Result")

# More than any run has at a time; what one run has used is used by the next.
_THREADS = ThreadPoolExecutor(64)


@dataclass(frozen=True)
class Step:
    """What a thread is about to do.

    A ``silent`` step does not touch anything that another one's step touches: when it is taken makes no
    difference, so it is taken as soon as it can be and never chosen. ``possible`` says whether it can be.
    """

    who: str
    what: str
    silent: bool = False
    possible: Callable[[], bool] = field(default=lambda: True, compare=False)

    def __str__(self) -> str:
        return f"{self.who} {self.what}"


# Is given the steps that can be taken now, two or more, and says which.
Choose = Callable[[Sequence[Step]], int]


class NotDeterministic(Exception):
    """The same choices led to another run."""


def explore(play: Callable[[Choose], _Result]) -> Iterator[_Result]:
    """The results of all runs, each of a different order of steps.

    Depth first: the next run makes the same choices up to the last one that has another way left, and takes
    that. Raises NotDeterministic where other steps are there than the last time.
    """
    choices: list[tuple[int, tuple[Step, ...]]] = []
    while True:
        made = 0

        def choose(steps: Sequence[Step]) -> int:
            nonlocal made
            if made == len(choices):
                choices.append((0, tuple(steps)))
            way, known = choices[made]
            if known != tuple(steps):
                raise NotDeterministic(f"{list(map(str, known))} became {list(map(str, steps))}")
            made += 1
            return way

        yield play(choose)
        while choices and choices[-1][0] + 1 == len(choices[-1][1]):
            choices.pop()
        if not choices:
            return
        way, steps = choices.pop()
        choices.append((way + 1, steps))


class Deadlock(Exception):
    """Threads are left, and none of them can go on."""


class Abandoned(BaseException):
    """Ends a thread that is not needed any more."""


class _Strand:
    """A thread's part in a run."""

    def __init__(self, who: str) -> None:
        self.who = who
        self.step = Step(who, "")
        self.turn = _closed()


class Run:
    """One run. ``taken`` has the steps in the order in which they were taken."""

    def __init__(self, choose: Choose) -> None:
        self._choose = choose
        self._ready: deque[_Strand] = deque()
        self._stopped: list[_Strand] = []
        self._waiting: dict[Future[Any], _Strand] = {}
        self._running: _Strand | None = None
        self._alive = 0
        self._abandoned = False
        self._failure: BaseException | None = None
        self._over = _closed()
        self.taken: list[Step] = []

    def start(self, who: str, function: Callable[[], _Result]) -> Future[_Result]:
        """Have a function run in a thread of its own, from the next turn on; its steps are ``who``'s."""
        strand, future = _Strand(who), _Awaited[_Result](self)
        self._alive += 1
        self._ready.append(strand)
        _THREADS.submit(self._live, strand, future, function)
        return future

    def stop(self, what: str, *, silent: bool = False, possible: Callable[[], bool] = lambda: True) -> None:
        """Wait until it is the turn of the running thread's next step."""
        me = self._me()
        me.step = Step(me.who, what, silent, possible)
        if silent and possible():
            self.taken.append(me.step)
        else:
            self._stopped.append(me)
            self._give_way(me)

    def wait(self, future: Future[Any]) -> None:
        """Wait for another thread's result, if the caller is of this run."""
        if self._abandoned:
            raise Abandoned
        if self._running is not None and not future.done():
            me = self._me()
            self._waiting[future] = me
            self._give_way(me)

    def play(self) -> None:
        """Let all threads run to their ends. Raises Deadlock, and what a choice raised."""
        self._pass_on()
        self._over.acquire()
        if self._alive:
            left = [str(strand.step) for strand in self._stopped]
            self._abandon()
            raise self._failure or Deadlock(", ".join(left))

    @property
    def who(self) -> str:
        """Whose the running thread is."""
        return self._me().who

    def lock(self) -> Any:
        """A lock whose acquisition is a step; an ordinary one where no thread of the run asks for it."""
        return _Lock(self) if self._running else threading.Lock()

    def _live(self, strand: _Strand, future: Future[_Result], function: Callable[[], _Result]) -> None:
        strand.turn.acquire()
        try:
            if not self._abandoned:
                future.set_result(function())
        except Abandoned:
            pass
        except BaseException as error:
            future.set_exception(error)
        self._alive -= 1
        if self._abandoned:
            self._over.release()
            return
        if future in self._waiting:
            self._ready.append(self._waiting.pop(future))
        self._pass_on()

    def _me(self) -> _Strand:
        if self._running is None:
            raise Abandoned
        return self._running

    def _give_way(self, me: _Strand) -> None:
        following = self._following()
        if following is not me:
            self._pass_to(following)
            me.turn.acquire()
        if self._abandoned:
            raise Abandoned

    def _pass_on(self) -> None:
        self._pass_to(self._following())

    def _pass_to(self, following: _Strand | None) -> None:
        self._running = following
        (following.turn if following else self._over).release()

    def _following(self) -> _Strand | None:
        if self._ready:
            return self._ready.popleft()
        able = [strand for strand in self._stopped if strand.step.possible()]
        try:
            chosen = next((strand for strand in able if strand.step.silent), None) or self._chosen(able)
        except BaseException as error:
            # It belongs to whoever plays the run, not to the thread that happens to have the turn.
            self._failure = error
            return None
        if chosen is not None:
            self._stopped.remove(chosen)
            self.taken.append(chosen.step)
        return chosen

    def _chosen(self, able: Sequence[_Strand]) -> _Strand | None:
        if len(able) > 1:
            return able[self._choose([strand.step for strand in able])]
        return able[0] if able else None

    def _abandon(self) -> None:
        self._abandoned = True
        for strand in (*self._stopped, *self._waiting.values(), *self._ready):
            strand.turn.release()
            self._over.acquire()


class Threads(Executor):
    """Runs calls as threads of a run, in the name of the thread that submits them."""

    def __init__(self, run: Run) -> None:
        self._run = run

    def submit(self, fn: Callable[..., _Result], /, *args: Any, **kwargs: Any) -> Future[_Result]:
        """Run a call beside the one that submits it."""
        return self._run.start(self._run.who, lambda: fn(*args, **kwargs))


class AtOnce(Executor):
    """Runs calls while they are submitted: for those that have no step to choose."""

    def submit(self, fn: Callable[..., _Result], /, *args: Any, **kwargs: Any) -> Future[_Result]:
        """Run a call beside the one that submits it."""
        future: Future[_Result] = Future()
        try:
            future.set_result(fn(*args, **kwargs))
        except Exception as error:
            future.set_exception(error)
        return future


class _Awaited(Future[_Result]):
    """A future whose waiting thread gives way to the others."""

    def __init__(self, run: Run) -> None:
        super().__init__()
        self._run = run

    def result(self, timeout: float | None = None) -> _Result:
        self._run.wait(self)
        return super().result(timeout)

    def exception(self, timeout: float | None = None) -> BaseException | None:
        self._run.wait(self)
        return super().exception(timeout)


class _Lock:
    """Who gets it first is chosen like any other step."""

    def __init__(self, run: Run) -> None:
        self._run = run
        self._held = False

    def acquire(self) -> bool:
        self._run.stop("enters", possible=lambda: not self._held)
        self._held = True
        return True

    def release(self) -> None:
        self._held = False

    def __enter__(self) -> bool:
        return self.acquire()

    def __exit__(self, *_: object) -> None:
        self.release()


def _closed() -> threading.Lock:
    """A lock that lets nobody pass until it is released. It is the quickest way to wake a thread."""
    lock = threading.Lock()
    lock.acquire()
    return lock
