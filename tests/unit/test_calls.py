"""Calls are measured, repeated as long as there is retry_policy, and some are made beside others."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor

import pytest

from imm_label_tags.errors import ServiceUnavailable, TaskNotFound, Throttled
from imm_label_tags.retries import Deadline, RetryBudget, RetryPolicy, Timeouts
from imm_label_tags.services.calls import Calls
from imm_label_tags.services.responses import CallTimes

MEETING_SECONDS = 60.0


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
    """Calls of one notification, with a clock that stands still."""

    def __init__(self, executor: ThreadPoolExecutor) -> None:
        self.executor = executor
        self.now = 0.0
        self.pauses: list[float] = []
        self.times = CallTimes()

    def calls(self, subject: str = "task T of project P") -> Calls:
        retry_policy = RetryPolicy(sleep=self.pauses.append, jitter=lambda: 1.0, clock=lambda: self.now)
        return Calls(RetryBudget(retry_policy, Deadline(60, retry_policy.clock)), self.times, subject)


@pytest.fixture
def bench() -> Iterator[Bench]:
    with ThreadPoolExecutor(2) as executor:
        yield Bench(executor)


def unavailable() -> ServiceUnavailable:
    return ServiceUnavailable("out of order")


def test_a_call_that_succeeds_is_made_once(bench: Bench) -> None:
    service = Service()
    assert bench.calls().call_with_retry("GetTask", service) == "answer"
    assert service.timeouts == [Timeouts(2.0, 5.0)]
    assert bench.times.calls == {"GetTask": 1}
    assert bench.pauses == []


def test_a_call_that_fails_for_now_is_repeated_until_it_succeeds(bench: Bench) -> None:
    service = Service(unavailable(), Throttled("slowly", after_seconds=1.0))
    assert bench.calls().call_with_retry("GetTask", service) == "answer"
    assert bench.times.calls == {"GetTask": 3}
    assert bench.pauses == pytest.approx([0.2, 1.4])


def test_the_error_of_the_last_attempt_is_raised(bench: Bench) -> None:
    errors = [unavailable() for _ in range(4)]
    with pytest.raises(ServiceUnavailable) as caught:
        bench.calls().call_with_retry("GetTask", Service(*errors))
    assert caught.value is errors[2]
    assert bench.times.calls == {"GetTask": 3}


def test_an_error_that_a_retry_cannot_mend_ends_it_at_once(bench: Bench) -> None:
    with pytest.raises(TaskNotFound):
        bench.calls().call_with_retry("GetTask", Service(TaskNotFound("gone")))
    assert bench.times.calls == {"GetTask": 1}
    assert bench.pauses == []


def test_a_call_may_be_made_a_single_time(bench: Bench) -> None:
    with pytest.raises(ServiceUnavailable):
        bench.calls().call("PutObjectTagging", Service(unavailable()))
    assert bench.times.calls == {"PutObjectTagging": 1}
    assert bench.calls().call("PutObjectTagging", Service()) == "answer"


@pytest.mark.parametrize(
    ("subject", "words"),
    [
        ("task T of project P", "GetTask for task T of project P was not"),
        ("oss://b/a.mp4", "GetTask for oss://b/a.mp4 was not"),
    ],
)
def test_a_call_for_which_there_is_no_time_is_named_and_not_counted(
    bench: Bench, subject: str, words: str
) -> None:
    calls, service = bench.calls(subject), Service()
    bench.now = 60.0
    with pytest.raises(ServiceUnavailable, match=f"^{words} started"):
        calls.call_with_retry("GetTask", service)
    assert service.timeouts == []
    assert bench.times.calls == {}


def test_calls_are_made_at_the_same_time(bench: Bench) -> None:
    # Given two calls each of which ends only when the other has begun
    both = threading.Barrier(2)

    def meet(_: Timeouts) -> int:
        return both.wait(MEETING_SECONDS)

    # When one is begun beside the other, then both end
    calls = bench.calls()
    begun = calls.submit(bench.executor, "GetTask", meet)
    assert {calls.call_with_retry("GetVideoLabelClassificationResult", meet), begun.result()} == {0, 1}
    assert bench.times.calls == {"GetTask": 1, "GetVideoLabelClassificationResult": 1}


def test_a_call_beside_others_is_repeated_too_and_has_its_error_in_its_future(bench: Bench) -> None:
    calls = bench.calls()
    assert calls.submit(bench.executor, "GetTask", Service(unavailable())).result() == "answer"
    assert isinstance(
        calls.submit(bench.executor, "HeadObject", Service(TaskNotFound("gone"))).exception(), TaskNotFound
    )
    assert bench.times.calls == {"GetTask": 2, "HeadObject": 1}


def test_what_takes_time_is_measured_however_it_ends(bench: Bench) -> None:
    calls = bench.calls()
    with pytest.raises(TaskNotFound):
        calls.call("GetTask", Service(TaskNotFound("gone")))
    calls.record_window(0.0123)
    assert bench.times.milliseconds["GetTask"] >= 0
    assert bench.times.window == 12.3


def test_a_wait_between_calls_has_to_fit_into_the_time(bench: Bench) -> None:
    calls = bench.calls()
    calls.wait(2.0, "The second look")
    assert bench.pauses == [2.0]
    bench.now = 58.0
    with pytest.raises(ServiceUnavailable, match="The second look was not started"):
        calls.wait(2.0, "The second look")
