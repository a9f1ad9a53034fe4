"""The load test in its small form, in which nothing depends on the machine's speed."""

from __future__ import annotations

import json
from dataclasses import replace

import pytest

from proof.load import flood as floods
from proof.load.flood import FloodResult, flood
from proof.load.publishing import Standstill
from proof.load.report import as_json
from proof.load.scenario import FloodPlan
from proof.load.verification import Condition, Verification

PLAN = FloodPlan(
    notifications=120,
    objects=72,
    instances=2,
    faults=0.05,
    duplicates=0.1,
    kills=2,
    seed=20_260_101,
    # Two tasks of one object never at the same time: then it is certain which of them writes last.
    overlapping=False,
    long_waits=False,
)


@pytest.fixture(scope="module")
def result() -> FloodResult:
    return flood(PLAN, lambda text: None)


def broken(result: FloodResult) -> list[str]:
    return [promise.text for promise in result.promises() if not promise.kept]


def look(result: FloodResult, **conditions: int) -> Verification:
    """What the second reading would be if objects were in these conditions."""
    right = PLAN.objects - sum(conditions.values())
    return replace(
        result.after_replay,
        conditions={**result.after_replay.conditions, "newest": right, **conditions},
    )


def test_every_promise_is_kept(result: FloodResult) -> None:
    assert broken(result) == []


def test_it_was_as_bad_as_it_was_meant_to_be(result: FloodResult) -> None:
    assert result.killed == PLAN.kills
    assert sum(result.broken.values()) > 0
    assert result.outages > 0
    assert result.retries > 0


def test_what_could_not_be_reached_was_kept_and_replayed(result: FloodResult) -> None:
    # Given two objects that nobody could reach
    assert result.before_replay.conditions[Condition.WAITING.value] >= 2
    # Then the events of their tasks, and perhaps others, were kept, and each has an outcome now
    assert result.kept == result.given_up == sum(result.kept_errors.values()) >= 2
    assert sum(result.replayed.values()) == result.kept
    assert result.after_replay.conditions[Condition.NEWEST.value] == PLAN.objects


def test_everything_was_counted(result: FloodResult) -> None:
    repeated = PLAN.notifications - PLAN.distinct
    assert result.messages == PLAN.notifications - repeated // 2
    assert sum(result.outcomes.values()) + result.given_up == PLAN.notifications
    assert result.attempts == PLAN.notifications + result.retries
    assert 0 < result.latencies["p50"] <= result.latencies["p99"] <= result.latencies["max"]
    assert 0 < result.peak_memory < result.memory_size
    shown = dict(result.rows())
    assert shown["instances"] == "2 at a time, 2 killed at work"
    assert shown["lost"] == "0"
    document = json.loads(json.dumps(as_json(result)))
    assert document["outcomes"] == result.outcomes
    assert document["after_replay"]["conditions"]["newest"] == PLAN.objects


@pytest.mark.parametrize(
    ("fault", "promise"),
    [
        (lambda one: replace(one, lost=1), "nothing is lost"),
        (lambda one: replace(one, kept=one.kept - 1), "nothing is lost"),
        (lambda one: replace(one, undelivered=1), "has come to an end"),
        (lambda one: replace(one, accepted=one.accepted - 1), "has come to an end"),
        (lambda one: replace(one, outcomes={}), "has come to an end"),
        (lambda one: replace(one, peak_memory=one.memory_size + 1.0), "no instance grows"),
        (lambda one: replace(one, growth=[0.1, 2.0]), "no instance grows"),
        (lambda one: replace(one, replayed={}), "every kept event has an outcome"),
        (lambda one: replace(one, after_replay=look(one, foreign=1)), "every foreign tag"),
        (lambda one: replace(one, after_replay=look(one, older=1)), "after the replay every object"),
        (lambda one: replace(one, after_replay=look(one, waiting=1)), "after the replay every object"),
        (lambda one: replace(one, before_replay=look(one, wrong=1)), "or the event is kept"),
    ],
)
def test_a_broken_promise_is_noticed(result: FloodResult, fault: object, promise: str) -> None:
    assert callable(fault)
    assert promise in "".join(broken(fault(result)))


def test_without_a_second_look_nobody_promises_who_of_two_at_the_same_moment_wins(
    result: FloodResult,
) -> None:
    overlapping = replace(result, plan=replace(PLAN, overlapping=True), after_replay=look(result, older=1))
    assert broken(overlapping) == []
    assert any("second look" in promise.found for promise in overlapping.promises())
    assert broken(replace(overlapping, plan=replace(overlapping.plan, second_look=0.2))) != []


def test_a_flood_that_does_not_drain_is_a_standstill(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(floods, "DRAIN_SECONDS", 0.0)
    with pytest.raises(Standstill, match="for 0 s; 2 are still on their way"):
        flood(FloodPlan(2, 2, 1), lambda text: None)
