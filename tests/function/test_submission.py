"""submit_video on the local cloud: one task for each version of a video, however its events arrive."""

from __future__ import annotations

import json
import os
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import alibabacloud_oss_v2 as oss
import pytest

from imm_label_tags.errors import (
    InvalidSetting,
    ServiceRejected,
)
from imm_label_tags.submission.video_submission import VideoSubmission
from localcloud.faults import Fault, FaultKind
from localcloud.imm.tasks import TaskRecord
from tests.stage import TOPIC, Stage

CREATE = "CreateVideoLabelClassificationTask"


class Submissions:
    """An instance of submit_video, and the tasks that its project has."""

    def __init__(self, stage: Stage) -> None:
        self.stage = stage
        self.instance = stage.submission()

    def new_instance(self) -> VideoSubmission:
        return VideoSubmission(os.environ, self.stage.context, self.stage.retry_policy)

    def event(self, *keys: str, name: str = "ObjectCreated:PutObject", etag: str = "") -> dict[str, Any]:
        events = [
            {
                "eventName": name,
                "eventSource": "acs:oss",
                "oss": {"bucket": {"name": self.stage.bucket}, "object": {"key": key, "eTag": etag}},
            }
            for key in keys
        ]
        return {"events": events}

    def handle(self, event: object) -> list[dict[str, Any]]:
        outcomes: list[dict[str, Any]] = self.instance.handle(json.dumps(event).encode(), self.stage.context)[
            "outcomes"
        ]
        return outcomes

    def statuses(self, event: object) -> list[str]:
        return [outcome["status"] for outcome in self.handle(event)]

    def tasks(self) -> list[TaskRecord]:
        return self.stage.cloud.call(self.stage.cloud.media.list_tasks, self.stage.project)


@pytest.fixture
def submissions(stage: Stage) -> Submissions:
    return Submissions(stage)


def test_an_upload_becomes_one_task_with_our_topic(submissions: Submissions, stage: Stage) -> None:
    uri = stage.upload("videos/椅子 a+b.mp4")
    (outcome,) = submissions.handle(submissions.event("videos/椅子 a+b.mp4"))
    (task,) = submissions.tasks()
    assert outcome == {
        "status": "submitted",
        "object": uri,
        "project_name": stage.project,
        "task_id": task.task_id,
        "reason": None,
    }
    assert task.request["SourceURI"] == uri
    assert task.topic == TOPIC


def test_a_version_is_submitted_once_however_often_its_events_arrive(
    submissions: Submissions, stage: Stage
) -> None:
    stage.upload()
    event = submissions.event("videos/a.mp4")
    assert submissions.statuses(event) == ["submitted"]
    assert submissions.statuses(event) == ["already_submitted"]
    # Nor by another instance, under another name of the same event
    submissions.instance = submissions.new_instance()
    assert submissions.statuses([stage.uri("videos/a.mp4")]) == ["already_submitted"]
    assert len(submissions.tasks()) == 1


def test_events_of_one_object_that_arrive_together_make_one_task(
    submissions: Submissions, stage: Stage
) -> None:
    stage.upload()
    assert sorted(submissions.statuses(submissions.event(*["videos/a.mp4"] * 8))) == [
        *["already_submitted"] * 7,
        "submitted",
    ]
    assert len(submissions.tasks()) == 1


def test_another_upload_is_another_version(submissions: Submissions, stage: Stage) -> None:
    stage.upload()
    submissions.handle(submissions.event("videos/a.mp4"))
    stage.oss().put_object(oss.PutObjectRequest(bucket=stage.bucket, key="videos/a.mp4", body=b"another"))
    assert submissions.statuses(submissions.event("videos/a.mp4")) == ["submitted"]
    assert len(submissions.tasks()) == 2


def test_the_same_bytes_uploaded_after_the_task_began_are_submitted_again(
    submissions: Submissions, stage: Stage
) -> None:
    # Given a task that began before the object was written as it is now: the upload has taken its tags
    stage.upload()
    submissions.handle(submissions.event("videos/a.mp4"))
    (task,) = submissions.tasks()
    earlier = TaskRecord(**{**vars(task), "start_time": "2026-01-01T00:00:00.000Z"})
    stage.cloud.run(stage.cloud.media.put_task(earlier, notify=False))
    # When
    statuses = submissions.statuses(submissions.event("videos/a.mp4"))
    # Then
    assert statuses == ["submitted"]


@pytest.mark.parametrize(
    ("key", "event_key"),
    [
        ("videos/a b.mp4", "videos/a%20b.mp4"),
        ("videos/a b.mp4", "videos/a+b.mp4"),
        ("videos/a%20b.mp4", "videos/a%20b.mp4"),
        ("videos/a+b.mp4", "videos/a+b.mp4"),
        ("videos/椅.mp4", "videos%2F%E6%A4%85.mp4"),
    ],
)
def test_the_name_in_an_event_is_the_one_that_exists(
    submissions: Submissions, stage: Stage, key: str, event_key: str
) -> None:
    uri = stage.upload(key)
    (outcome,) = submissions.handle(submissions.event(event_key))
    assert (outcome["status"], outcome["object"]) == ("submitted", uri)


def test_where_both_names_exist_the_etag_decides(submissions: Submissions, stage: Stage) -> None:
    stage.upload("videos/a+b.mp4")
    client = stage.oss()
    request = oss.PutObjectRequest(bucket=stage.bucket, key="videos/a b.mp4", body=b"another video")
    etag = client.put_object(request).etag.strip('"')
    (outcome,) = submissions.handle(submissions.event("videos/a+b.mp4", etag=etag))
    assert outcome["object"] == stage.uri("videos/a b.mp4")


def test_what_is_no_video_to_analyse_ends_in_a_named_outcome(submissions: Submissions, stage: Stage) -> None:
    stage.set(ALLOWED_OBJECTS=f"{stage.bucket}/videos/")
    submissions.instance = submissions.new_instance()
    for key in ("videos/a.jpg", "videos/", "other/a.mp4"):
        stage.upload(key)
    for key, body, storage_class in (("empty", b"", "Standard"), ("cold", b"x", "ColdArchive")):
        request = oss.PutObjectRequest(
            bucket=stage.bucket, key=f"videos/{key}.mp4", body=body, storage_class=storage_class
        )
        stage.oss().put_object(request)
    expected = {
        "videos/a.jpg": "not_video",
        "videos/": "not_video",
        "other/a.mp4": "not_allowed",
        "videos/empty.mp4": "not_video",
        "videos/cold.mp4": "ignored",
        "videos/gone.mp4": "object_gone",
    }
    outcomes = submissions.handle(submissions.event(*expected))
    assert [outcome["status"] for outcome in outcomes] == list(expected.values())
    assert all(outcome["reason"].endswith(".") for outcome in outcomes)
    assert submissions.statuses(submissions.event("videos/a.mp4", name="ObjectRemoved:DeleteObject")) == [
        "ignored"
    ]
    assert submissions.tasks() == []


def test_a_failed_call_is_repeated_only_after_asking_what_it_did(
    submissions: Submissions, stage: Stage
) -> None:
    # Given a task that is created, of which the answer is lost
    stage.upload()
    stage.break_call(Fault(FaultKind.RESET_AFTER, action=CREATE))
    stage.forget_calls()
    # When
    (outcome,) = submissions.handle(submissions.event("videos/a.mp4"))
    # Then
    (task,) = submissions.tasks()
    assert (outcome["status"], outcome["task_id"]) == ("submitted", task.task_id)
    assert stage.calls() == [CREATE, "HeadObject", "ListTasks", "ListTasks"]


def test_a_project_or_topic_that_is_not_there_is_told(submissions: Submissions, stage: Stage) -> None:
    stage.upload()
    stage.set(IMM_PROJECT="nowhere")
    submissions.instance = submissions.new_instance()
    with pytest.raises(ServiceRejected, match="IMM_PROJECT"):
        submissions.handle(submissions.event("videos/a.mp4"))
    stage.set(IMM_PROJECT=stage.project, NOTIFICATION_TOPIC="nowhere")
    submissions.instance = submissions.new_instance()
    with pytest.raises(ServiceRejected, match="nowhere"):
        submissions.handle(submissions.event("videos/a.mp4"))


def test_an_object_that_goes_before_its_task_is_created_is_gone(
    submissions: Submissions, stage: Stage
) -> None:
    stage.upload()
    gone = Fault(
        FaultKind.ERROR, action=CREATE, status=400, code="InvalidArgument", message="File does not exist."
    )
    stage.break_call(gone)
    absent = Fault(FaultKind.ERROR, action="HeadObject", status=404, code="NoSuchKey", skip=1)
    stage.break_call(absent)
    assert submissions.statuses(submissions.event("videos/a.mp4")) == ["object_gone"]


@pytest.mark.parametrize(
    ("variable", "value"),
    [
        ("IMM_PROJECT", ""),
        ("IMM_PROJECT", "no/project"),
        ("NOTIFICATION_TOPIC", ""),
        ("NOTIFICATION_TOPIC", "acs:mns:cn-hangzhou:1:/topics/t"),
        ("VIDEO_SUFFIXES", ".mp4,,.mov"),
        ("VIDEO_SUFFIXES", "*.mp4"),
        ("ALLOWED_OBJECTS", "oss://media/"),
    ],
)
def test_a_setting_that_cannot_be_used_is_named(
    submissions: Submissions, stage: Stage, variable: str, value: str
) -> None:
    stage.set(**{variable: value})
    with pytest.raises(InvalidSetting, match=variable):
        submissions.new_instance()


def test_two_instances_at_the_same_time_are_the_race_that_remains(
    submissions: Submissions, stage: Stage
) -> None:
    """Between the question for a task and the call that creates one, another instance may ask, too."""
    stage.upload()
    stage.break_call(Fault(FaultKind.MEET, action="ListTasks", parties=2, times=2))
    others = [submissions.new_instance() for _ in range(2)]
    event = json.dumps(submissions.event("videos/a.mp4")).encode()
    with ThreadPoolExecutor() as pool:
        list(pool.map(lambda instance: instance.handle(event, stage.context), others))
    assert len(submissions.tasks()) == 2
    # Whoever comes later finds both, and makes no third.
    assert submissions.statuses(submissions.event("videos/a.mp4")) == ["already_submitted"]
