"""Video label tasks: created, carried out, read; through the official SDK."""

from __future__ import annotations

import json
import re
from typing import Any

import pytest
from alibabacloud_imm20200930 import models
from alibabacloud_tea_openapi.exceptions import ClientException

from localcloud.imm.tasks import TaskRecord
from tests.localcloud.imm_world import LABELS_TOPIC, VIDEO, VIDEO_LABELS, Imm
from tests.localcloud.services import refused
from tests.waiting import until

NINE_DIGITS = r"\d{4}-\d{2}-\d{2}T\d{2}:\d{2}:\d{2}\.\d{9}Z"
WEEK = 7 * 24 * 3600


def test_a_task_runs_and_then_has_labels(imm: Imm) -> None:
    # given a task that takes its time
    imm.service.task_seconds = 3600
    task_id = imm.create_task()

    # then it runs, and has no labels yet, which is no error
    running = imm.get_result(task_id)
    assert (running.status, running.end_time, running.labels) == ("Running", "", [])

    # and once it has ended, it has
    imm.service.task_seconds = 0
    done = imm.create_task(user_data='{"ID": "user1"}')
    imm.finished(done)
    result = imm.get_result(done)
    assert (result.status, result.code, result.message) == ("Succeeded", "", "")
    assert (result.project_name, result.task_type, result.task_id) == ("immtest", VIDEO_LABELS, done)
    assert result.user_data == '{"ID": "user1"}'
    assert len(result.labels) == 14
    # which do not say of which video they are
    assert "SourceURI" not in json.dumps(result.to_map())
    assert re.fullmatch(NINE_DIGITS, result.start_time)
    assert re.fullmatch(NINE_DIGITS, result.end_time)
    assert result.start_time <= result.end_time


def test_a_project_carries_out_a_hundred_tasks_at_a_time(imm: Imm) -> None:
    # given a project that is at as many as its EngineConcurrency says (API reference of IMM, GetProject)
    imm.service.put_project("busy")
    imm.service.task_seconds = 3600
    running = [imm.create_task(project_name="busy") for _ in range(100)]

    # when a short one comes, there and in another project
    imm.service.task_seconds = 0
    waiting, other = imm.create_task(project_name="busy"), imm.create_task()
    imm.finished(other)

    # then it waits until one of them has ended
    assert imm.get_task(waiting, project_name="busy").status == "Running"
    ended = TaskRecord(project="busy", task_id=running[0], start_time="2021-12-24T03:00:38.892462383Z")
    imm.put(ended)
    until(lambda: imm.get_task(waiting, project_name="busy").status == "Succeeded")
    imm.imm().delete_project(models.DeleteProjectRequest(project_name="busy"))


def test_identifiers_have_the_forms_of_the_documentation(imm: Imm) -> None:
    request = models.CreateVideoLabelClassificationTaskRequest(project_name="immtest", source_uri=VIDEO)
    answer = imm.imm().create_video_label_classification_task(request)

    uuid = "[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}"
    assert re.fullmatch(f"VideoLabelClassification-{uuid}", answer.body.task_id)
    assert re.fullmatch("[0-9A-F]{3}-[0-9A-Za-z]{27}", answer.body.event_id)
    assert re.fullmatch(uuid.replace("a-f", "A-F"), answer.body.request_id)
    assert answer.headers["x-acs-request-id"] == answer.body.request_id
    assert imm.get_task(answer.body.task_id).event_id == answer.body.event_id


def test_a_task_gives_its_request_back_only_when_asked(imm: Imm) -> None:
    # given a task with everything that a request may hold
    task_id = imm.create_task(
        user_data="mine",
        tags={"test": "val1"},
        notification=LABELS_TOPIC,
        credential_config=models.CredentialConfig(service_role="MyRole"),
    )

    # when it is read with and without its request
    asked, not_asked = imm.get_task(task_id, request_definition=True), imm.get_task(task_id)

    # then the request is a JSON text
    assert json.loads(asked.task_request_definition) == {
        "ProjectName": "immtest",
        "SourceURI": VIDEO,
        "UserData": "mine",
        "Tags": {"test": "val1"},
        "Notification": {"MNS": {"TopicName": "labels"}},
        "CredentialConfig": {"Chain": [], "ServiceRole": "MyRole"},
    }
    assert not_asked.task_request_definition is None
    assert (asked.tags, asked.user_data) == ({"test": "val1"}, "mine")

    # and what was not asked for is not in it
    bare = imm.get_task(imm.create_task(), request_definition=True)
    assert json.loads(bare.task_request_definition) == {"ProjectName": "immtest", "SourceURI": VIDEO}
    assert bare.tags is None


def test_a_flag_is_true_or_false_in_either_spelling(imm: Imm) -> None:
    task_id = imm.create_task()
    for flag in ("True", "true"):
        assert imm.get_task(task_id, request_definition=flag).task_request_definition
    assert refused(imm.get_task, "x", request_definition="yes") == (400, "InvalidRequestDefinition")


def test_some_task_types_never_give_their_request_back(imm: Imm) -> None:
    # given a task of a type for which the reference of GetTask says so
    task = TaskRecord(
        "immtest",
        "ImageModeration-1",
        imm.get_task(imm.create_task()).start_time,
        task_type="ImageModeration",
        request={"SourceURI": VIDEO},
    )
    imm.put(task)

    read = imm.get_task("ImageModeration-1", task_type="ImageModeration", request_definition=True)

    assert read.task_request_definition is None


def notification(topic: str = "labels", **others: Any) -> models.Notification:
    return models.Notification(mns=models.MNS(topic_name=topic), **others)


def test_a_task_that_cannot_be_is_refused(imm: Imm) -> None:
    for code, name, values in (
        ("MissingProjectName", "project_name", [None]),
        ("ResourceNotFound", "project_name", ["other"]),
        ("MissingSourceURI", "source_uri", [None]),
        ("InvalidSourceURI", "source_uri", ["http://media/a.mp4", "oss://media", "oss://media/"]),
        ("InvalidSourceURI", "source_uri", ["oss://Media/a.mp4", "oss://media/" + "视" * 342]),
        ("InvalidArgument", "source_uri", ["oss://media/missing.mp4"]),
        ("InvalidUserData", "user_data", ["视" * 683]),
        ("InvalidTags", "tags", [{"a": 1}]),
        ("InvalidArgument", "notification", [notification("missing")]),
        ("InvalidNotification", "notification", [notification("")]),
        ("InvalidNotification", "notification", [notification(extended_message_uri="oss://b/k")]),
        (
            *("InvalidNotification", "notification"),
            [models.Notification(rocket_mq=models.RocketMQ(topic_name="t"))],
        ),
    ):
        for value in values:
            assert refused(imm.create_task, **{name: value}) == (400, code), value


def test_a_refusal_names_the_topic_or_the_object_that_is_missing(imm: Imm) -> None:
    with pytest.raises(ClientException, match="topic nobody in Notification does not exist"):
        imm.create_task(notification=notification("nobody"))
    with pytest.raises(ClientException, match=re.escape("oss://media/missing.mp4")):
        imm.create_task(source_uri="oss://media/missing.mp4")


def test_user_data_may_have_2048_bytes(imm: Imm) -> None:
    user_data = "视" * 682 + "ab"

    assert imm.get_task(imm.create_task(user_data=user_data)).user_data == user_data


def test_a_task_is_found_only_by_its_project_type_and_id(imm: Imm) -> None:
    task_id = imm.create_task()
    for name, value, code in (
        *(
            ("task_id", "VideoLabelClassification-unknown", "ResourceNotFound"),
            ("task_id", None, "MissingTaskId"),
        ),
        *(("task_type", "ImageModeration", "ResourceNotFound"), ("task_type", None, "MissingTaskType")),
        *(("project_name", "other", "ResourceNotFound"), ("project_name", None, "MissingProjectName")),
    ):
        arguments = {"task_id": task_id, name: value}
        assert refused(imm.get_task, **arguments) == (400, code)
        assert refused(imm.get_result, **arguments) == (400, code)


def test_the_result_of_another_type_of_task_is_not_found(imm: Imm) -> None:
    # given a task that exists, of another type
    task = TaskRecord("immtest", "FaceClustering-1", "2099-01-01T00:00:00Z", task_type="FaceClustering")
    imm.put(task)

    assert imm.get_task("FaceClustering-1", task_type="FaceClustering").status == "Running"
    assert refused(imm.get_result, "FaceClustering-1", task_type="FaceClustering") == (
        400,
        "ResourceNotFound",
    )


def test_a_failed_task_says_why_and_has_no_labels(imm: Imm) -> None:
    # given orders that the next two tasks fail
    imm.service.fail_next_task("ResourceNotFound", "The specified resource project is not found.")
    imm.service.fail_next_task("InternalError", "Again.")

    # when three tasks are created
    first, second, third = imm.create_task(), imm.create_task(), imm.create_task()

    # then the first two fail as ordered
    failed = imm.finished(first)
    assert (failed.status, failed.code) == ("Failed", "ResourceNotFound")
    assert failed.message == "The specified resource project is not found."
    assert imm.finished(second).code == "InternalError"
    assert imm.finished(third).status == "Succeeded"

    # and the result of a failed task is an answer without labels
    result = imm.get_result(first)
    assert (result.status, result.code, result.labels) == ("Failed", "ResourceNotFound", [])


def test_a_task_is_gone_seven_days_after_its_start(imm: Imm) -> None:
    task_id = imm.create_task()
    imm.finished(task_id)

    # when almost seven days have passed
    imm.local.clock.advance(WEEK - 60)
    assert imm.get_result(task_id).status == "Succeeded"

    # and when they have passed
    imm.local.clock.advance(60)
    assert refused(imm.get_task, task_id) == (400, "ResourceNotFound")
    assert refused(imm.get_result, task_id) == (400, "ResourceNotFound")
    request = models.ListTasksRequest(project_name="immtest")
    assert task_id not in {task.task_id for task in imm.imm().list_tasks(request).body.tasks}


def test_a_task_that_is_put_is_shown_exactly_as_given(imm: Imm) -> None:
    # given a task of one's own making, with times that no clock here could give
    label = {"LabelName": "椅子", "LabelLevel": 2, "LabelConfidence": 1, "Language": "zh-Hans"}
    task = TaskRecord(
        project="immtest",
        task_id="c2b277b9-0d30-4882-ad6d-ad6613820000",
        start_time="2099-12-24T03:00:38.892462383Z",
        end_time="2099-12-24T03:00:42.1+08:00",
        status="Succeeded",
        user_data="u",
        tags={"k": "v"},
        request={"SourceURI": "oss://elsewhere/a.mp4"},
        labels=[label],
        event_id="2F6-1Bz99Xi93EnRpNEyLudILJm0000",
    )

    imm.put(task)

    result = imm.get_result(task.task_id)
    assert (result.start_time, result.end_time) == (task.start_time, task.end_time)
    assert (result.event_id, result.user_data) == (task.event_id, "u")
    assert [found.label_name for found in result.labels] == ["椅子"]
    confidence = result.labels[0].label_confidence
    assert confidence == 1
    assert isinstance(confidence, int)
    read = imm.get_task(task.task_id, request_definition=True)
    assert json.loads(read.task_request_definition) == {"SourceURI": "oss://elsewhere/a.mp4"}
    assert imm.notifications(0) == []


def test_a_task_that_is_put_takes_the_place_of_a_running_one(imm: Imm) -> None:
    # given a running task
    imm.service.task_seconds = 3600
    task_id = imm.create_task()
    assert task_id in imm.in_progress()

    # when it is put as one that still runs
    task = TaskRecord("immtest", task_id, "2099-01-01T00:00:00Z", user_data="put")
    imm.put(task)

    # then nothing will end it
    until(lambda: task_id not in imm.in_progress())
    assert (imm.get_task(task_id).status, imm.get_task(task_id).user_data) == ("Running", "put")


def test_a_task_that_is_put_needs_a_project_and_real_times(imm: Imm) -> None:
    with pytest.raises(LookupError, match="no project other"):
        imm.put(TaskRecord("other", "1", "2099-01-01T00:00:00Z"))
    with pytest.raises(ValueError, match="yesterday"):
        imm.put(TaskRecord("immtest", "1", "yesterday"))


def test_a_task_of_wrong_kinds_cannot_be_put() -> None:
    task = {"project": "immtest", "task_id": "1", "start_time": "2099-01-01T00:00:00Z"}
    for name, value in (
        *(("start_time", 1), ("tags", []), ("request", None), ("labels", ["椅子"]), ("labels", 1)),
        ("code", None),
    ):
        with pytest.raises(ValueError, match=f"cannot be the {name} of a task"):
            TaskRecord(**{**task, name: value})  # type: ignore[arg-type]


def test_times_beyond_all_others_are_kept_and_compared(imm: Imm) -> None:
    task = TaskRecord("immtest", "far", "9998-01-01T00:00:00Z")
    imm.put(task)

    forever = models.TimeRange(start="9997-01-01T00:00:00Z", end="9999-12-31T23:59:59Z")
    request = models.ListTasksRequest(project_name="immtest", start_time_range=forever)
    listed = imm.imm().list_tasks(request).body.tasks

    assert [found.start_time for found in listed] == ["9998-01-01T00:00:00Z"]
