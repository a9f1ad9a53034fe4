"""How long a call may take, whether it is tried again, and when nothing is begun any more."""

from __future__ import annotations

import math
import threading
from concurrent.futures import ThreadPoolExecutor
from types import SimpleNamespace
from typing import Any

import pytest

from imm_label_tags.errors import ServiceUnavailable, TransientError
from imm_label_tags.retries import (
    ASSUMED_TIMEOUT_SECONDS,
    CONNECT_SECONDS,
    MARGIN_SECONDS,
    READ_SECONDS,
    SHORTEST_CALL_SECONDS,
    Deadline,
    RetryBudget,
    RetryPolicy,
    Timeouts,
)

ASSUMED = ASSUMED_TIMEOUT_SECONDS - MARGIN_SECONDS
NO_TIMEOUTS: list[object] = [None, "", "soon", 0, -1, "nan", "inf", "-inf", [], True]


class Time:
    """A clock that only pauses move."""

    def __init__(self) -> None:
        self.now = 1000.0
        self.pauses: list[float] = []

    def clock(self) -> float:
        return self.now

    def sleep(self, seconds: float) -> None:
        self.pauses.append(seconds)
        self.now += seconds

    def retry_policy(self, **changes: Any) -> RetryPolicy:
        retry_policy = RetryPolicy(sleep=self.sleep, jitter=lambda: 1.0, clock=self.clock)
        return retry_policy._replace(**changes)

    def retries(self, seconds: float = 60.0, **changes: Any) -> RetryBudget:
        return RetryBudget(self.retry_policy(**changes), Deadline(seconds, self.clock))


@pytest.fixture
def time() -> Time:
    return Time()


def failure(after_seconds: float = 0.0) -> TransientError:
    return ServiceUnavailable("out of order", after_seconds=after_seconds)


def context(timeout: object) -> SimpleNamespace:
    return SimpleNamespace(function=SimpleNamespace(timeout=timeout))


@pytest.mark.parametrize(
    ("given", "seconds"),
    [
        (context(150), 149.0),
        (context("150"), 149.0),
        (context(10), 9.0),
        (context(3), 2.7),
        (context("1"), 0.9),
        (context(0.5), 0.45),
        *((context(odd), ASSUMED) for odd in NO_TIMEOUTS),
        (SimpleNamespace(function=None), ASSUMED),
        (SimpleNamespace(), ASSUMED),
        (None, ASSUMED),
    ],
)
def test_the_deadline_lies_a_margin_before_the_functions_timeout(
    time: Time, given: object, seconds: float
) -> None:
    deadline = Deadline.of(given, time.clock)
    assert deadline.remaining() == pytest.approx(seconds)
    time.now += seconds + 5
    assert deadline.remaining() == pytest.approx(-5)


@pytest.mark.parametrize(
    ("remaining", "timeouts"),
    [
        (60.0, Timeouts(CONNECT_SECONDS, READ_SECONDS)),
        (CONNECT_SECONDS + READ_SECONDS, Timeouts(CONNECT_SECONDS, READ_SECONDS)),
        (5.0, Timeouts(2.0, 3.0)),
        (3.0, Timeouts(1.5, 1.5)),
        (SHORTEST_CALL_SECONDS, Timeouts(SHORTEST_CALL_SECONDS / 2, SHORTEST_CALL_SECONDS / 2)),
    ],
)
def test_connecting_and_answering_fit_into_the_time_that_is_left(
    time: Time, remaining: float, timeouts: Timeouts
) -> None:
    given = time.retries(remaining).timeouts("GetTask")
    assert given == timeouts
    assert given.connect + given.read <= remaining


@pytest.mark.parametrize("remaining", [SHORTEST_CALL_SECONDS - 0.001, 0.0, -1000.0])
def test_a_call_that_could_not_be_answered_any_more_is_not_begun(time: Time, remaining: float) -> None:
    with pytest.raises(ServiceUnavailable, match=r"^GetTask was not started") as caught:
        time.retries(remaining).timeouts("GetTask")
    assert "A retry helps" in str(caught.value)
    assert "timeout" in str(caught.value)


def test_pauses_double_up_to_the_longest(time: Time) -> None:
    retries = time.retries(attempts=9, retries=9)
    for attempt in range(1, 7):
        retries.pause(attempt, failure())
    assert time.pauses == pytest.approx([0.2, 0.4, 0.8, 1.6, 2.0, 2.0])


@pytest.mark.parametrize("chance", [0.0, 0.25, 1.0])
def test_chance_shortens_the_pause_but_not_what_the_service_asks_for(time: Time, chance: float) -> None:
    retries = time.retries(jitter=lambda: chance)
    retries.pause(1, failure())
    retries.pause(2, failure(after_seconds=1.5))
    assert time.pauses == pytest.approx([0.2 * chance, 1.5 + 0.4 * chance])


def test_the_last_attempt_is_followed_by_its_error(time: Time) -> None:
    retries, error = time.retries(), failure()
    retries.pause(1, failure())
    retries.pause(2, failure())
    with pytest.raises(ServiceUnavailable) as caught:
        retries.pause(3, error)
    assert caught.value is error
    assert len(time.pauses) == 2


def test_all_calls_share_the_repetitions(time: Time) -> None:
    retries = time.retries()
    for _ in range(4):
        retries.pause(1, failure())
    with pytest.raises(ServiceUnavailable):
        retries.pause(1, failure())
    with pytest.raises(ServiceUnavailable):
        retries.pause(1, failure())
    assert len(time.pauses) == 4


@pytest.mark.parametrize("asked", [2.001, 60.0, 1e300, math.inf])
def test_what_takes_longer_than_the_longest_pause_is_not_waited_for(time: Time, asked: float) -> None:
    retries = time.retries()
    with pytest.raises(ServiceUnavailable):
        retries.pause(1, failure(after_seconds=asked))
    # It has used nothing up.
    for _ in range(4):
        retries.pause(1, failure(after_seconds=2.0))
    assert time.pauses == pytest.approx([2.2] * 4)


def test_a_pause_that_would_outlast_the_time_is_not_made(time: Time) -> None:
    fits = 0.2 + SHORTEST_CALL_SECONDS
    time.retries(fits + 0.001).pause(1, failure())
    with pytest.raises(ServiceUnavailable):
        time.retries(fits - 0.001).pause(1, failure())
    assert len(time.pauses) == 1


def test_calls_at_the_same_time_take_no_more_repetitions_than_there_are(time: Time) -> None:
    # Given more threads than repetitions, all of which fail at the same moment
    threads = 32
    together = threading.Barrier(threads)
    taken: list[float] = []
    retries = time.retries(sleep=taken.append, jitter=lambda: float(together.wait(60) >= 0))

    def fail(_: int) -> bool:
        try:
            retries.pause(1, failure())
        except ServiceUnavailable:
            return False
        return True

    # When they ask for another attempt, then as many get one as there are
    with ThreadPoolExecutor(threads) as pool:
        assert sum(pool.map(fail, range(threads))) == RetryPolicy().retries
    assert len(taken) == RetryPolicy().retries


def test_a_wait_that_the_settings_ask_for_has_to_fit_into_the_time(time: Time) -> None:
    retries = time.retries(5.0)
    retries.wait(4.0, "The second look")
    assert time.pauses == [4.0]
    with pytest.raises(ServiceUnavailable, match=r"^The second look was not started"):
        retries.wait(1.0, "The second look")
    assert time.pauses == [4.0]


def test_without_a_replacement_the_clocks_and_pauses_are_real() -> None:
    retry_policy = RetryPolicy()
    before = retry_policy.clock()
    retry_policy.sleep(0.001)
    assert retry_policy.clock() > before
    assert 0 <= retry_policy.jitter() < 1


def test_what_an_invocation_has_spent_on_its_cold_start_is_gone() -> None:
    context = SimpleNamespace(function=SimpleNamespace(timeout=10))
    deadline = Deadline.of(context, lambda: 0.0, spent_seconds=4.0)
    assert deadline.remaining() == pytest.approx(10 - MARGIN_SECONDS - 4.0)
