"""How long the function waits before it tries again: at random, longer each time, never less than asked."""

from __future__ import annotations

import random
from types import SimpleNamespace

import pytest

from imm_label_tags.errors import ServiceUnavailable
from imm_label_tags.retries import ATTEMPTS, FIRST_PAUSE_SECONDS, MAX_PAUSE_SECONDS, RETRIES, RetryPolicy
from localcloud.faults import Fault, FaultKind
from proof.faults.fault_case import Call
from tests.faults.trial import FOREIGN
from tests.stage import CHAIR, Stage


@pytest.fixture
def task_id(stage: Stage) -> str:
    # So that every call is made.
    stage.set(RESULT_ARCHIVE=stage.uri("labels"))
    return stage.task(stage.upload(tags=FOREIGN), CHAIR)


def throttled(call: Call, hint: str, times: int | None = None) -> Fault:
    return Fault(FaultKind.ERROR, action=call, status=503, headers={"Retry-After": hint}, times=times)


def longest_pauses(asked: float) -> list[float]:
    """The pauses between the attempts of one call, where chance makes them as long as they can be."""
    return [asked + FIRST_PAUSE_SECONDS * 2**attempt for attempt in range(ATTEMPTS - 1)]


@pytest.mark.parametrize("chance", [0.0, 0.5, 1.0])
def test_without_a_hint_the_pauses_are_random_and_grow(stage: Stage, task_id: str, chance: float) -> None:
    stage.retry_policy = stage.retry_policy._replace(jitter=lambda: chance)
    stage.break_call(Fault(FaultKind.ERROR, action=Call.READ, status=503, times=None))
    with pytest.raises(ServiceUnavailable):
        stage.handle(task_id)
    assert stage.pauses == pytest.approx([chance * pause for pause in longest_pauses(0)])


def test_chance_is_real_unless_a_test_replaces_it() -> None:
    assert RetryPolicy().jitter is random.random


def test_a_hint_is_waited_for_and_then_a_little_longer(stage: Stage, task_id: str) -> None:
    stage.retry_policy = stage.retry_policy._replace(jitter=lambda: 1.0)
    stage.break_call(throttled(Call.READ, "1"))
    with pytest.raises(ServiceUnavailable) as caught:
        stage.handle(task_id)
    assert stage.pauses == pytest.approx(longest_pauses(1.0))
    assert caught.value.after_seconds == 1.0


@pytest.mark.parametrize(("hint", "attempts"), [("2", ATTEMPTS), ("3", 1)])
def test_the_longest_hint_that_is_waited_for(stage: Stage, task_id: str, hint: str, attempts: int) -> None:
    assert MAX_PAUSE_SECONDS == 2
    stage.break_call(throttled(Call.READ, hint))
    stage.forget_calls()
    with pytest.raises(ServiceUnavailable):
        stage.handle(task_id)
    assert stage.calls().count(Call.READ) == attempts


def test_a_hint_that_is_longer_than_the_time_that_is_left_is_not_waited_for(
    stage: Stage, task_id: str
) -> None:
    # Given a function with a timeout that a hint of the service would exceed
    stage.context.function = SimpleNamespace(timeout=2)
    stage.retry_policy = stage.retry_policy._replace(clock=lambda: 0.0)
    stage.break_call(throttled(Call.READ, "2"))
    stage.forget_calls()

    # When the event is delivered
    with pytest.raises(ServiceUnavailable, match="HTTP 503"):
        stage.handle(task_id)

    # Then it is not waited for, and the error is the service's
    assert stage.pauses == []
    assert stage.calls().count(Call.READ) == 1


def test_all_calls_of_a_notification_together_are_repeated_a_few_times_only(
    stage: Stage, task_id: str
) -> None:
    # Given calls each of which would succeed at its third attempt
    tried_twice = RETRIES // 2
    for call in (Call.RESULT, Call.READ):
        stage.break_call(Fault(FaultKind.ERROR, action=call, status=503, times=tried_twice))
    stage.break_call(Fault(FaultKind.ERROR, action=Call.WRITE, status=503, times=tried_twice))
    stage.forget_calls()

    # When the event is delivered
    with pytest.raises(ServiceUnavailable, match="PutObjectTagging"):
        stage.handle(task_id)

    # Then the last of them finds no repetition left, and the next delivery begins with new ones
    assert len(stage.pauses) == RETRIES
    assert stage.calls().count(Call.WRITE) == 1
    assert stage.handle(task_id)["status"] == "tagged"


def test_what_others_write_during_a_pause_is_kept(stage: Stage, task_id: str) -> None:
    # Given a write that fails, and another writer who adds a tag before it is repeated
    added = {**FOREIGN, "reviewed": "yes"}
    stage.retry_policy = stage.retry_policy._replace(
        sleep=lambda seconds: stage.write_tags("videos/a.mp4", added)
    )
    stage.break_call(Fault(FaultKind.ERROR, action=Call.WRITE, status=503, times=1))

    # When the event is delivered
    outcome = stage.handle(task_id)

    # Then both are on the object
    assert outcome["status"] == "tagged"
    assert stage.tags().items() > added.items()
    assert stage.tags()["imm_yi-zi"] == "yes"
