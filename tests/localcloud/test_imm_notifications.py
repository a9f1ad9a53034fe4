"""What a topic is told of a task's end."""

from __future__ import annotations

import json
import logging
import re

import pytest
from alibabacloud_imm20200930 import models

from localcloud.imm.tasks import TaskRecord
from tests.localcloud.imm_region import VIDEO_LABELS, Region
from tests.localcloud.serving import until
from tests.localcloud.tenancy import ACCOUNT

LABELS_TOPIC = models.Notification(mns=models.MNS(topic_name="labels"))


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


def test_the_message_has_the_envelope_of_the_documentation(imm: Region) -> None:
    # given a task that tells a topic
    request = models.CreateVideoLabelClassificationTaskRequest(
        project_name="immtest",
        source_uri="oss://media/videos/猫 a.mp4",
        user_data='{"ID": "测试"}',
        notification=LABELS_TOPIC,
    )
    created = imm.client().create_video_label_classification_task(request).body

    # when it has ended
    (envelope,) = imm.notifications(1)

    # then the envelope is that of the documentation
    assert list(envelope) == ["id", "source", "type", "subject", "time", "content"]
    assert envelope["id"] == created.event_id
    assert envelope["source"] == "acs.imm"
    assert envelope["type"] == "imm:Task:VideoLabelClassification"
    assert envelope["subject"] == (f"acs:imm:cn-beijing:{ACCOUNT}:immtest/imm:Task:VideoLabelClassification")
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
    assert imm.topics.messages[0][0] == "labels"


def test_the_message_comes_after_the_task_has_ended(imm: Region) -> None:
    task_id = imm.create_task(notification=LABELS_TOPIC)
    imm.notifications(1)

    assert imm.get_task(task_id).status == "Succeeded"


def test_times_are_in_milliseconds_without_trailing_zeros(imm: Region) -> None:
    # given times like those of the documentation's sample
    imm.serving.run(imm.service.put_task(finished_task(), notify=True))
    whole = finished_task(task_id="whole", start_time="2024-08-20T07:03:07.0004Z")
    imm.serving.run(imm.service.put_task(whole, notify=True))

    first, second = (json.loads(envelope["content"]) for envelope in imm.notifications(2))

    assert (first["StartTime"], first["EndTime"]) == ("2024-08-20T07:03:07.362Z", "2024-08-20T07:03:08.57Z")
    assert second["StartTime"] == "2024-08-20T07:03:07Z"


def test_a_failure_is_told_with_its_reason(imm: Region) -> None:
    imm.service.fail_next_task("InternalError", "Out of order.")
    imm.create_task(notification=LABELS_TOPIC)

    (envelope,) = imm.notifications(1)

    content = json.loads(envelope["content"])
    assert (content["Status"], content["Code"], content["Message"]) == (
        "Failed",
        "InternalError",
        "Out of order.",
    )


def test_a_task_without_a_topic_tells_nobody(imm: Region) -> None:
    imm.finished(imm.create_task())
    imm.create_task(notification=LABELS_TOPIC)

    # the only message is that of the second task
    assert len(imm.notifications(1)) == 1


def test_a_topic_that_has_gone_is_not_told(imm: Region, caplog: pytest.LogCaptureFixture) -> None:
    # given a task whose topic is deleted while it runs
    imm.topics.fleeting.add("short-lived")
    topic = models.Notification(mns=models.MNS(topic_name="short-lived"))
    with caplog.at_level(logging.WARNING, logger="localcloud.imm"):
        task_id = imm.create_task(notification=topic)
        imm.finished(task_id)
        until(lambda: bool(caplog.messages))

    # then it ends, and the log says who was not told
    assert caplog.messages == [f"Topic short-lived is gone: nobody is told of task {task_id}"]
    assert imm.topics.messages == []


def test_a_notification_can_be_repeated_at_any_time(imm: Region) -> None:
    # given a finished task
    task_id = imm.create_task(notification=LABELS_TOPIC)
    (first,) = imm.notifications(1)

    # when its notification is published again, long after IMM has forgotten the task
    imm.clock.advance(30 * 24 * 3600)
    imm.serving.run(imm.service.notify("immtest", task_id))

    # then it is the same but for the time at which it was sent
    second = imm.notifications(2)[1]
    assert int(second["time"]) - int(first["time"]) >= 30 * 24 * 3600 * 1000
    assert {**second, "time": ""} == {**first, "time": ""}


def test_only_a_finished_task_with_a_topic_can_be_notified_of(imm: Region) -> None:
    running = finished_task(task_id="running", status="Running", end_time="")
    silent = finished_task(task_id="silent", request={})
    for task in (running, silent):
        imm.serving.run(imm.service.put_task(task, notify=False))

    with pytest.raises(ValueError, match="still runs"):
        imm.serving.run(imm.service.notify("immtest", "running"))
    with pytest.raises(ValueError, match="without a Notification"):
        imm.serving.run(imm.service.notify("immtest", "silent"))
    with pytest.raises(LookupError, match="no task unknown"):
        imm.serving.run(imm.service.notify("immtest", "unknown"))


def test_a_status_of_ones_own_is_told_even_without_an_end(imm: Region) -> None:
    task = finished_task(task_id="odd", status="Suspended", end_time="")
    imm.serving.run(imm.service.put_task(task, notify=True))

    content = json.loads(imm.notifications(1)[0]["content"])

    assert (content["Status"], content["EndTime"]) == ("Suspended", "")
