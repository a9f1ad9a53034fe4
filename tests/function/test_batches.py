"""Lists: every item is handled, and what failed is named at the end."""

from __future__ import annotations

import pytest

from imm_label_tags.errors import BatchFailed, InvalidNotification, TaskNotFinished, TaskNotFound
from localcloud.faults import Fault, FaultKind
from tests.stage import CHAIR, FURNITURE, Stage


def test_outcomes_stand_in_the_order_of_the_items(stage: Stage) -> None:
    # Given notifications of which every other one takes longer
    task_ids = [stage.task(stage.upload(f"videos/{number}.mp4"), CHAIR) for number in range(6)]
    for number in range(0, 6, 2):
        slow = Fault(FaultKind.DELAY, action="HeadObject", resource=f"*/{number}.mp4", delay_seconds=0.05)
        stage.break_call(slow)

    # When they arrive as a list
    result = stage.invoke([stage.notification(task_id) for task_id in task_ids])

    # Then the outcomes stand in its order
    assert [outcome["task_id"] for outcome in result["outcomes"]] == task_ids
    assert {outcome["status"] for outcome in result["outcomes"]} == {"tagged"}


def test_items_are_handled_at_the_same_time(stage: Stage) -> None:
    task_ids = [stage.task(stage.upload(f"videos/{number}.mp4"), CHAIR) for number in range(4)]
    result = "GetVideoLabelClassificationResult"
    stage.break_call(Fault(FaultKind.MEET, action=result, parties=4, times=None))
    stage.forget_calls()
    stage.invoke([stage.notification(task_id) for task_id in task_ids])
    calls = [call for call in stage.raw_calls() if call.action == result]
    assert max(call.started for call in calls) < min(call.ended for call in calls)


def test_two_tasks_of_one_object_in_one_list_end_with_the_newer_ones_labels(stage: Stage) -> None:
    uri = stage.upload(tags={"team": "a"})
    newer = stage.task(uri, CHAIR, start="2199-12-24T09:00:00Z")
    older = stage.task(uri, FURNITURE, start="2199-12-24T01:00:00Z")
    for order in ([newer, older], [older, newer], [older, newer, older, newer] * 4):
        stage.invoke([stage.notification(task_id) for task_id in order])
        assert stage.tags() == {
            "team": "a",
            "imm": f"2199-12-24T09:00:00.000Z/{newer}",
            "imm_yi-zi": "yes",
        }


def test_one_failed_item_does_not_keep_the_others_from_being_handled(stage: Stage) -> None:
    # Given a batch of which two items fail, one of them for now
    good = stage.task(stage.upload(), CHAIR)
    running = stage.task(stage.uri("x.mp4"), status="Running")
    event = [
        stage.notification("VideoLabelClassification-unknown"),
        stage.notification(good),
        "not JSON",
        stage.notification(running),
        {"TaskType": "MediaConvert"},
    ]

    # When it is handled
    with pytest.raises(BatchFailed) as caught:
        stage.invoke(event)

    # Then the good item is done and each failure is named with its position
    assert "imm_yi-zi" in stage.tags()
    kinds = [(index, type(error)) for index, error in caught.value.failures]
    assert kinds == [(0, TaskNotFound), (2, InvalidNotification), (3, TaskNotFinished)]
    assert caught.value.retryable
    assert "3 of 5" in str(caught.value)


def test_a_list_of_one_failed_item_is_still_a_failed_batch(stage: Stage) -> None:
    with pytest.raises(BatchFailed) as caught:
        stage.invoke(["not JSON"])
    assert not caught.value.retryable
