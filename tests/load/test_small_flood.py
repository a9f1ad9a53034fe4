"""The load test in its small form, in which nothing depends on the machine's speed."""

from __future__ import annotations

from collections import Counter
from dataclasses import replace

import pytest

from proof.load.flood import FloodResult, flood
from proof.load.plan import FloodPlan
from proof.load.promises import of_flood
from proof.load.verification import Condition

PLAN = FloodPlan(
    notifications=120,
    objects=72,
    instances=2,
    faults=0.05,
    duplicates=0.1,
    kills=2,
    second_look=0.0,
    seed=20_260_101,
    # Two tasks of one object never at the same time: then it is certain which of them writes last.
    overlapping=False,
    long_waits=False,
)


@pytest.fixture(scope="module")
def result() -> FloodResult:
    return flood(PLAN, lambda text: None)


def test_every_promise_is_kept(result: FloodResult) -> None:
    assert [promise for promise in of_flood(result) if not promise.kept] == []


def test_it_was_as_bad_as_it_was_meant_to_be(result: FloodResult) -> None:
    assert result.killed == PLAN.kills
    assert sum(result.broken.values()) > 0
    assert result.outages > 0
    assert result.retries > 0
    assert sum(result.repeated.values()) > 0


def test_what_could_not_be_reached_was_kept_and_replayed(result: FloodResult) -> None:
    # Given two objects that nobody could reach
    assert result.before_replay.conditions[Condition.WAITING] >= 2
    # Then the events of their tasks, and perhaps others, were kept, and each has an outcome now
    assert result.kept == result.given_up == sum(result.kept_errors.values()) >= 2
    assert set(result.kept_places) == {"bucket"}
    assert result.replay.replayed == result.kept
    assert result.after_replay.conditions[Condition.NEWEST] == PLAN.objects


def test_everything_was_counted(result: FloodResult) -> None:
    assert result.messages == PLAN.notifications - PLAN.repeated // 2
    assert sum(result.outcomes.values()) + result.given_up == PLAN.notifications
    assert result.durations.count == result.attempts == PLAN.notifications + result.retries
    assert result.latencies.count == sum(result.outcomes.values())
    assert result.windows.count > 0
    assert 0 < result.peak_memory < result.memory_size


def test_a_broken_promise_is_noticed(result: FloodResult) -> None:
    def broken(changed: FloodResult) -> int:
        return sum(not promise.kept for promise in of_flood(changed))

    looks = {
        condition: replace(result.after_replay, conditions={**result.after_replay.conditions, condition: 1})
        for condition in (Condition.FOREIGN, Condition.OLDER, Condition.WRONG)
    }
    for changed in (
        replace(result, lost=1),
        replace(result, kept=result.kept - 1),
        replace(result, undelivered=1),
        replace(result, accepted=result.accepted - 1),
        replace(result, outcomes={}),
        replace(result, peak_memory=result.memory_size + 1.0),
        replace(result, memory=tuple(replace(trend, growth=2.0) for trend in result.memory)),
        replace(result, replay=replace(result.replay, outcomes=Counter())),
    ):
        assert broken(changed) >= 1
    for condition, look in looks.items():
        one_less = {**look.conditions, Condition.NEWEST: PLAN.objects - 1}
        assert broken(replace(result, after_replay=replace(look, conditions=one_less))) >= 1, condition


def test_without_a_second_look_nobody_promises_who_of_two_at_the_same_moment_wins(
    result: FloodResult,
) -> None:
    conditions = {**result.after_replay.conditions, Condition.NEWEST: PLAN.objects - 1, Condition.OLDER: 1}
    look = replace(result.after_replay, conditions=conditions)
    overlapping = replace(result, plan=replace(PLAN, overlapping=True), after_replay=look)
    assert all(promise.kept for promise in of_flood(overlapping))
    assert any("second look" in promise.found for promise in of_flood(overlapping))
    with_second_look = replace(overlapping, plan=replace(overlapping.plan, second_look=0.2))
    assert not all(promise.kept for promise in of_flood(with_second_look))
