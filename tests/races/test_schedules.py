"""That really every order of steps is run, each once, and always the same way."""

from __future__ import annotations

import math
import random
from collections.abc import Callable
from typing import Any

import pytest

from proof.races.schedules import Choose, Deadlock, NotDeterministic, Run, Threads, explore


def all_orders(begin: Callable[[Run], object]) -> list[tuple[str, ...]]:
    def play(choose: Choose) -> tuple[str, ...]:
        run = Run(choose)
        begin(run)
        run.play()
        return tuple(str(step) for step in run.taken if not step.silent)

    return list(explore(play))


def walker(run: Run, steps: int) -> Callable[[], None]:
    def walk() -> None:
        for number in range(steps):
            run.stop(str(number))

    return walk


@pytest.mark.parametrize("lengths", [(1,), (3, 2), (4, 4), (2, 2, 2), (1, 1, 1, 1)])
def test_every_order_is_run_once(lengths: tuple[int, ...]) -> None:
    def begin(run: Run) -> None:
        for index, length in enumerate(lengths):
            run.start(f"walker {index}", walker(run, length))

    orders = all_orders(begin)
    assert len(set(orders)) == len(orders)
    assert len(orders) == math.factorial(sum(lengths)) // math.prod(map(math.factorial, lengths))


def test_a_silent_step_is_taken_at_once_and_never_chosen() -> None:
    def begin(run: Run) -> None:
        def walk() -> None:
            run.stop("before", silent=True)
            run.stop("loud")
            run.stop("after", silent=True)

        run.start("one", walk)
        run.start("other", walk)

    assert all_orders(begin) == [("one loud", "other loud"), ("other loud", "one loud")]


def test_a_step_that_is_not_possible_waits_for_those_that_make_it_so() -> None:
    def begin(run: Run) -> None:
        done: list[str] = []
        run.start("early", lambda: done.append("early") or run.stop("ends"))  # type: ignore[func-returns-value]
        run.start("late", lambda: run.stop("begins", possible=lambda: len(run.taken) == 1))

    assert all_orders(begin) == [("early ends", "late begins")]


@pytest.mark.parametrize("silent", [False, True])
def test_calls_that_are_made_at_the_same_time_are_steps_of_their_own(silent: bool) -> None:
    # Given somebody who makes one call beside another and needs both answers
    answers: list[str] = []

    def begin(run: Run) -> None:
        def call(name: str) -> str:
            run.stop(name, silent=silent)
            return name

        def ask() -> None:
            other = Threads(run).submit(call, "beside")
            answers.append(call("first") + other.result())
            assert other.exception() is None
            run.stop("then")

        run.start("asker", ask)

    # When every order is run, then both orders of the calls are among them, and nothing is lost
    orders = all_orders(begin)
    two = [
        ("asker first", "asker beside", "asker then"),
        ("asker beside", "asker first", "asker then"),
    ]
    assert sorted(orders) == sorted(two if not silent else [("asker then",)])
    assert set(answers) == {"firstbeside"}


def test_a_lock_lets_in_one_at_a_time_in_every_order() -> None:
    def begin(run: Run) -> None:
        locks: list[Any] = []

        def enter() -> None:
            if not locks:
                locks.append(run.lock())
            (lock,) = locks
            lock.acquire()
            run.stop("is inside")
            lock.release()

        run.start("one", enter)
        run.start("other", enter)

    for order in all_orders(begin):
        names = [step.split()[0] for step in order]
        assert names in (["one", "one", "other", "other"], ["other", "other", "one", "one"])


def test_threads_that_can_never_go_on_are_told_of_and_ended() -> None:
    # Given two that wait for what never comes, one through a call of its own
    run = Run(lambda steps: 0)

    def wait() -> None:
        try:
            run.stop("waits", possible=lambda: False)
        finally:
            # What is asked for now is not answered any more, and does not hang either.
            run.stop("tidies up")

    run.start("one", wait)
    run.start("other", lambda: Threads(run).submit(wait).result())

    # When they are run, then that is an error, and the workers are free again
    with pytest.raises(Deadlock, match="one waits, other waits"):
        run.play()
    assert all_orders(lambda run: run.start("next", lambda: run.stop("comes"))) == [("next comes",)]


def test_a_run_that_goes_another_way_with_the_same_choices_is_noticed() -> None:
    lots = random.Random(1)

    def begin(run: Run) -> None:
        for name in ("one", "other"):
            run.start(name, lambda: run.stop(str(lots.random())))

    with pytest.raises(NotDeterministic, match="became"):
        all_orders(begin)
