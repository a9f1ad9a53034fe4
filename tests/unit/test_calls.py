"""How long a call may take, whether it is made again, and when nothing is begun any more."""

from __future__ import annotations

import math
import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from types import SimpleNamespace
from typing import Any

import pytest

from imm_label_tags.errors import ServiceUnavailable, TaskNotFound, Throttled, TransientError
from imm_label_tags.retries import (
    ASSUMED_TIMEOUT_SECONDS,
    CONNECT_SECONDS,
    MARGIN_SECONDS,
    READ_SECONDS,
    SHORTEST_CALL_SECONDS,
    Deadline,
    RetryPolicy,
    Timeouts,
)
from imm_label_tags.services.calls import Calls

MEETING_SECONDS = 60.0
ASSUMED = ASSUMED_TIMEOUT_SECONDS - MARGIN_SECONDS


class Service:
    """Fails so often, then answers; remembers the time that each attempt was given."""

    def __init__(self, *errors: Exception) -> None:
        self._errors = list(errors)
        self.timeouts: list[Timeouts] = []

    def __call__(self, timeouts: Timeouts) -> str:
        self.timeouts.append(timeouts)
        if self._errors:
            raise self._errors.pop(0)
        return "answer"


class Bench:
    """Calls of one notification, with a clock that only pauses move."""

    def __init__(self, executor: ThreadPoolExecutor) -> None:
        self.executor = executor
        self.now = 1000.0
        self.pauses: list[float] = []

    def calls(self, seconds: float = 60.0, **changes: Any) -> Calls:
        policy = RetryPolicy(sleep=self._sleep, jitter=lambda: 1.0, clock=lambda: self.now)
        deadline = Deadline(seconds, policy.clock)
        return Calls(policy._replace(**changes), deadline, "task T of project P")

    def _sleep(self, seconds: float) -> None:
        self.pauses.append(seconds)
        self.now += seconds


@pytest.fixture
def bench() -> Iterator[Bench]:
    with ThreadPoolExecutor(2) as executor:
        yield Bench(executor)


def unavailable(after_seconds: float = 0.0) -> TransientError:
    return ServiceUnavailable("out of order", after_seconds=after_seconds)


# When an invocation has to be done


def context(timeout: object) -> SimpleNamespace:
    return SimpleNamespace(function=SimpleNamespace(timeout=timeout))


@pytest.mark.parametrize(
    ("given", "seconds"),
    [
        (context(150), 149.0),
        (context("150"), 149.0),
        (context(10), 9.0),
        (context(3), 2.7),
        (context(0.5), 0.45),
        *((context(odd), ASSUMED) for odd in (None, "", "soon", 0, -1, "nan", "inf", "-inf", (), True)),
        (SimpleNamespace(function=None), ASSUMED),
        (None, ASSUMED),
    ],
)
def test_the_deadline_lies_a_margin_before_the_functions_timeout(given: object, seconds: float) -> None:
    clock = iter([1000.0, 1000.0, 1005.0 + seconds]).__next__
    deadline = Deadline.of(given, clock)
    assert deadline.remaining() == pytest.approx(seconds)
    assert deadline.remaining() == pytest.approx(-5)
    assert Deadline.of(given, lambda: 0.0, spent_seconds=0.4).remaining() == pytest.approx(seconds - 0.4)


# The time that a call has


@pytest.mark.parametrize(
    ("remaining", "timeouts"),
    [
        (60.0, Timeouts(CONNECT_SECONDS, READ_SECONDS)),
        (5.0, Timeouts(2.0, 3.0)),
        (3.0, Timeouts(1.5, 1.5)),
        (SHORTEST_CALL_SECONDS, Timeouts(SHORTEST_CALL_SECONDS / 2, SHORTEST_CALL_SECONDS / 2)),
    ],
)
def test_connecting_and_answering_fit_into_the_time_that_is_left(
    bench: Bench, remaining: float, timeouts: Timeouts
) -> None:
    service = Service()
    assert bench.calls(remaining).call("GetTask", service) == "answer"
    assert service.timeouts == [timeouts]


@pytest.mark.parametrize("remaining", [SHORTEST_CALL_SECONDS - 0.001, 0.0, -1000.0])
def test_a_call_that_could_not_be_answered_any_more_is_not_begun_nor_counted(
    bench: Bench, remaining: float
) -> None:
    calls, service = bench.calls(remaining), Service()
    with pytest.raises(
        ServiceUnavailable, match=r"^GetTask for task T of project P was not started.*timeout.*A retry helps"
    ):
        calls.call_with_retry("GetTask", service)
    assert (service.timeouts, calls.trace.calls) == ([], {})


def test_a_wait_that_the_settings_ask_for_has_to_fit_into_the_time(bench: Bench) -> None:
    calls = bench.calls(5.0)
    calls.wait(4.0, "The second look")
    with pytest.raises(ServiceUnavailable, match=r"^The second look was not started"):
        calls.wait(1.0, "The second look")
    assert bench.pauses == [4.0]


# Repetitions


def test_a_call_that_fails_for_now_is_repeated_until_it_succeeds(bench: Bench) -> None:
    calls = bench.calls()
    service = Service(unavailable(), Throttled("slowly", after_seconds=1.0))
    assert calls.call_with_retry("GetTask", service) == "answer"
    assert calls.trace.calls == {"GetTask": 3}
    assert bench.pauses == pytest.approx([0.2, 1.4])


def test_the_error_of_the_last_attempt_is_raised(bench: Bench) -> None:
    errors = [unavailable() for _ in range(4)]
    with pytest.raises(ServiceUnavailable) as caught:
        bench.calls().call_with_retry("GetTask", Service(*errors))
    assert caught.value is errors[2]


def test_an_error_that_a_retry_cannot_mend_ends_it_at_once_and_a_call_may_be_made_a_single_time(
    bench: Bench,
) -> None:
    calls = bench.calls()
    with pytest.raises(TaskNotFound):
        calls.call_with_retry("GetTask", Service(TaskNotFound("gone")))
    with pytest.raises(ServiceUnavailable):
        calls.call("PutObjectTagging", Service(unavailable()))
    assert calls.trace.calls == {"GetTask": 1, "PutObjectTagging": 1}
    assert all(spent >= 0 for spent in calls.trace.milliseconds.values())
    assert bench.pauses == []


@pytest.mark.parametrize("chance", [0.25, 1.0])
def test_pauses_double_up_to_the_longest_and_chance_shortens_them(bench: Bench, chance: float) -> None:
    calls = bench.calls(attempts=9, retries=9, jitter=lambda: chance)
    for attempt in range(1, 7):
        calls.pause(attempt, unavailable())
    assert bench.pauses == pytest.approx([chance * pause for pause in (0.2, 0.4, 0.8, 1.6, 2.0, 2.0)])


def test_all_calls_share_the_repetitions(bench: Bench) -> None:
    calls = bench.calls()
    for _ in range(4):
        calls.pause(1, unavailable())
    for _ in range(2):
        with pytest.raises(ServiceUnavailable):
            calls.pause(1, unavailable())
    assert len(bench.pauses) == 4


@pytest.mark.parametrize("asked", [2.001, 60.0, 1e300, math.inf])
def test_what_takes_longer_than_the_longest_pause_is_not_waited_for(bench: Bench, asked: float) -> None:
    calls = bench.calls()
    with pytest.raises(ServiceUnavailable):
        calls.pause(1, unavailable(after_seconds=asked))
    # It has used nothing up.
    for _ in range(4):
        calls.pause(1, unavailable(after_seconds=2.0))
    assert bench.pauses == pytest.approx([2.2] * 4)


def test_a_pause_that_would_outlast_the_time_is_not_made(bench: Bench) -> None:
    fits = 0.2 + SHORTEST_CALL_SECONDS
    bench.calls(fits + 0.001).pause(1, unavailable())
    with pytest.raises(ServiceUnavailable):
        bench.calls(fits - 0.001).pause(1, unavailable())
    assert len(bench.pauses) == 1


def test_calls_at_the_same_time_take_no_more_repetitions_than_there_are(bench: Bench) -> None:
    # Given more threads than repetitions, all of which fail at the same moment
    threads = 32
    together = threading.Barrier(threads)
    calls = bench.calls(sleep=lambda _: None, jitter=lambda: float(together.wait(MEETING_SECONDS) >= 0))

    def fail(_: int) -> bool:
        try:
            calls.pause(1, unavailable())
        except ServiceUnavailable:
            return False
        return True

    # When they ask for another attempt, then as many get one as there are
    with ThreadPoolExecutor(threads) as pool:
        assert sum(pool.map(fail, range(threads))) == RetryPolicy().retries


# At the same time


def test_calls_are_made_at_the_same_time(bench: Bench) -> None:
    # Given two calls each of which ends only when the other has begun
    both = threading.Barrier(2)

    def meet(_: Timeouts) -> int:
        return both.wait(MEETING_SECONDS)

    # When one is begun beside the other, then both end
    calls = bench.calls()
    begun = calls.submit(bench.executor, "GetTask", meet)
    assert {calls.call_with_retry("GetVideoLabelClassificationResult", meet), begun.result()} == {0, 1}


def test_a_call_beside_others_is_repeated_too_and_has_its_error_in_its_future(bench: Bench) -> None:
    calls = bench.calls()
    assert calls.submit(bench.executor, "GetTask", Service(unavailable())).result() == "answer"
    failed = calls.submit(bench.executor, "HeadObject", Service(TaskNotFound("gone")))
    assert isinstance(failed.exception(), TaskNotFound)
    assert calls.trace.calls == {"GetTask": 2, "HeadObject": 1}


def test_without_a_replacement_the_clocks_and_pauses_are_real() -> None:
    retry_policy = RetryPolicy()
    before = retry_policy.clock()
    retry_policy.sleep(0.001)
    assert retry_policy.clock() > before
    assert 0 <= retry_policy.jitter() < 1
