"""What a topic is told of a task's end."""

from __future__ import annotations

import json
import logging
import re

import pytest
from alibabacloud_imm20200930 import models

from localcloud.imm.tasks import TaskRecord
from tests.localcloud.imm_world import LABELS_TOPIC, VIDEO_LABELS, Imm
from tests.localcloud.services import ACCOUNT


def finished_task(**changes: object) -> TaskRecord:
    values: dict[str, object] = {
        "project": "immtest",
        "task_id": "VideoLabelClassification-2f157087-91df-4fda-8c3e-232407ec0000",
        "start_time": "2024-08-20T07:03:07.362462383Z",
        "end_time": "2024-08-20T07:03:08.570000001Z",
        "status": "Succeeded",
        "request": {"Notification": {"MNS": {"TopicName": "labels"}}},
        **changes,
    }
    return TaskRecord(**values)  # type: ignore[arg-type]


def test_the_message_has_the_envelope_of_the_documentation(imm: Imm) -> None:
    # given a task that tells a topic
    request = models.CreateVideoLabelClassificationTaskRequest(
        project_name="immtest",
        source_uri="oss://media/videos/猫 a.mp4",
        user_data='{"ID": "测试"}',
        notification=LABELS_TOPIC,
    )
    created = imm.imm().create_video_label_classification_task(request).body

    # when it has ended
    (envelope,) = imm.notifications(1)

    # which is so once there is a message
    assert imm.get_task(created.task_id).status == "Succeeded"
    # then the envelope is that of the documentation
    assert list(envelope) == ["id", "source", "type", "subject", "time", "content"]
    assert envelope["id"] == created.event_id
    assert envelope["source"] == "acs.imm"
    assert envelope["type"] == "imm:Task:VideoLabelClassification"
    assert envelope["subject"] == (f"acs:imm:cn-hangzhou:{ACCOUNT}:immtest/imm:Task:VideoLabelClassification")
    assert re.fullmatch(r"\d{13}", envelope["time"])

    # and its content is an escaped JSON text with the fields that every task has
    content = json.loads(envelope["content"])
    times = {name: content.pop(name) for name in ("StartTime", "EndTime")}
    assert content == {
        "ProjectName": "immtest",
        "DatasetName": "",
        "RequestId": created.request_id,
        "UserData": '{"ID": "测试"}',
        "TaskType": VIDEO_LABELS,
        "TaskId": created.task_id,
        "Status": "Succeeded",
        "Code": "",
        "Message": "",
        "EventSourceId": "",
    }
    for time in times.values():
        assert re.fullmatch(r"\d{4}-\d{2}-\d{2}T\d{2}:\d{2}:\d{2}(\.\d{1,3})?Z", time)


def test_times_are_in_milliseconds_without_trailing_zeros(imm: Imm) -> None:
    # given times like those of the documentation's sample
    imm.put(finished_task(), notify=True)
    whole = finished_task(task_id="whole", start_time="2024-08-20T07:03:07.0004Z")
    imm.put(whole, notify=True)

    told = {one["TaskId"]: one for one in (json.loads(each["content"]) for each in imm.notifications(2))}
    first, second = told[finished_task().task_id], told["whole"]
    assert (first["StartTime"], first["EndTime"]) == ("2024-08-20T07:03:07.362Z", "2024-08-20T07:03:08.57Z")
    assert second["StartTime"] == "2024-08-20T07:03:07Z"


def test_a_failure_is_told_with_its_reason(imm: Imm) -> None:
    imm.service.fail_next_task("InternalError", "Out of order.")
    imm.create_task(notification=LABELS_TOPIC)

    (envelope,) = imm.notifications(1)

    content = json.loads(envelope["content"])
    assert (content["Status"], content["Code"], content["Message"]) == (
        "Failed",
        "InternalError",
        "Out of order.",
    )


def test_a_task_without_a_topic_tells_nobody(imm: Imm) -> None:
    imm.finished(imm.create_task())
    imm.create_task(notification=LABELS_TOPIC)

    # the only message is that of the second task
    assert len(imm.notifications(1)) == 1


def test_a_topic_that_has_gone_is_not_told(imm: Imm, caplog: pytest.LogCaptureFixture) -> None:
    gone = finished_task(request={"Notification": {"MNS": {"TopicName": "gone"}}})
    with caplog.at_level(logging.WARNING, logger="localcloud.imm"):
        imm.put(gone, notify=True)

    assert caplog.messages == [f"Topic gone is gone: nobody is told of task {gone.task_id}"]
    assert imm.notifications(0) == []


def test_a_notification_can_be_repeated_at_any_time(imm: Imm) -> None:
    # given a finished task
    task_id = imm.create_task(notification=LABELS_TOPIC)
    (first,) = imm.notifications(1)

    # when its notification is published again, long after IMM has forgotten the task
    imm.local.clock.advance(30 * 24 * 3600)
    imm.local.run(imm.service.notify("immtest", task_id))

    # then it is the same but for the time at which it was sent
    second = imm.notifications(2)[1]
    assert int(second["time"]) - int(first["time"]) >= 30 * 24 * 3600 * 1000
    assert {**second, "time": ""} == {**first, "time": ""}


def test_only_a_finished_task_with_a_topic_can_be_notified_of(imm: Imm) -> None:
    running = finished_task(task_id="running", status="Running", end_time="")
    silent = finished_task(task_id="silent", request={})
    for task in (running, silent):
        imm.put(task)

    with pytest.raises(ValueError, match="still runs"):
        imm.local.run(imm.service.notify("immtest", "running"))
    with pytest.raises(ValueError, match="without a Notification"):
        imm.local.run(imm.service.notify("immtest", "silent"))
    with pytest.raises(LookupError, match="no task unknown"):
        imm.local.run(imm.service.notify("immtest", "unknown"))


def test_a_status_of_ones_own_is_told_even_without_an_end(imm: Imm) -> None:
    task = finished_task(task_id="odd", status="Suspended", end_time="")
    imm.put(task, notify=True)

    content = json.loads(imm.notifications(1)[0]["content"])

    assert (content["Status"], content["EndTime"]) == ("Suspended", "")
