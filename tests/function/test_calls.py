"""How many remote calls a notification costs, and how many of them wait for each other."""

from __future__ import annotations

from collections.abc import Sequence

import pytest

from localcloud.calls import Call
from localcloud.faults import Fault, FaultKind
from tests.function.test_outcomes import an_hour_ago
from tests.stage import CHAIR, Stage

RESULT, TASK = "GetVideoLabelClassificationResult", "GetTask"
HEAD, READ, WRITE = "HeadObject", "GetObjectTagging", "PutObjectTagging"


def round_trips(calls: Sequence[Call]) -> int:
    """The longest chain of calls of which each began after the one before had ended."""
    longest: dict[int, int] = {}
    ordered = sorted(calls, key=lambda call: call.started)
    for index, call in enumerate(ordered):
        before = [longest[other] for other in range(index) if ordered[other].ended <= call.started]
        longest[index] = 1 + max(before, default=0)
    return max(longest.values(), default=0)


@pytest.fixture
def pairs(stage: Stage) -> Stage:
    """A stage on which the calls that may be made at the same time wait for each other."""
    stage.break_call(Fault(FaultKind.MEET, action=f"{RESULT}|{TASK}", times=None))
    stage.break_call(Fault(FaultKind.MEET, action=f"{HEAD}|{READ}", times=None))
    return stage


def test_a_first_delivery(pairs: Stage) -> None:
    task_id = pairs.task(pairs.upload(), CHAIR)
    pairs.forget_calls()
    assert pairs.handle(task_id)["status"] == "tagged"
    assert pairs.calls() == sorted([RESULT, TASK, HEAD, READ, WRITE])
    assert round_trips(pairs.raw_calls()) == 3


def test_a_second_delivery(pairs: Stage) -> None:
    task_id = pairs.task(pairs.upload(), CHAIR)
    pairs.handle(task_id)
    pairs.forget_calls()
    assert pairs.handle(task_id)["status"] == "unchanged"
    assert pairs.calls() == sorted([RESULT, TASK, HEAD, READ])
    assert round_trips(pairs.raw_calls()) == 2


@pytest.mark.parametrize("request_names_it", [True, False], ids=["request", "UserData alone"])
def test_user_data_makes_no_difference_to_the_calls(pairs: Stage, request_names_it: bool) -> None:
    uri = pairs.upload()
    task_id = pairs.task(uri if request_names_it else None, CHAIR, user_data=uri)
    pairs.forget_calls()
    assert pairs.handle(task_id, UserData=uri)["status"] == "tagged"
    assert pairs.calls() == sorted([RESULT, TASK, HEAD, READ, WRITE])
    assert round_trips(pairs.raw_calls()) == 3


def test_where_stale_objects_may_be_tagged_they_are_not_looked_at(stage: Stage) -> None:
    stage.set(STALE_OBJECTS="tag")
    task_id = stage.task(stage.upload(), CHAIR, start=an_hour_ago())
    stage.forget_calls()
    assert stage.handle(task_id)["status"] == "tagged"
    assert stage.calls() == sorted([RESULT, TASK, READ, WRITE])


def test_a_failed_task_costs_no_call_to_oss(stage: Stage) -> None:
    task_id = stage.task(stage.upload(), status="Failed", code="X")
    stage.forget_calls()
    stage.handle(task_id)
    assert stage.calls() == sorted([RESULT, TASK])


def test_a_failed_task_without_a_readable_request_is_still_a_failed_task(stage: Stage) -> None:
    task_id = stage.task(stage.upload(), status="Failed", code="X")
    stage.break_call(Fault(FaultKind.ERROR, action=TASK, status=400, code="Odd"))
    assert stage.handle(task_id)["object"] is None


def test_raw_names_cost_one_more_reading_and_write_where_oss_refuses_them(stage: Stage) -> None:
    stage.set(LABEL_NAMES="raw")
    task_id = stage.task(stage.upload(), CHAIR)
    stage.forget_calls()
    stage.handle(task_id)
    assert stage.calls() == sorted([RESULT, TASK, HEAD, HEAD, READ, READ, WRITE, WRITE])
    assert "imm_yi-zi" in stage.tags()
