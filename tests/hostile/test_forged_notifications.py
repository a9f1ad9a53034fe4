"""Notifications that somebody else wrote: they change nothing, or only what IMM itself says."""

from __future__ import annotations

import base64
import json
from collections.abc import Callable, Mapping
from contextlib import suppress
from typing import Any

import alibabacloud_oss_v2 as oss
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from imm_label_tags.errors import (
    BatchFailed,
    InvalidNotification,
    ServiceUnavailable,
    TaggingError,
    TargetUnknown,
    TaskNotFinished,
    TaskNotFound,
)
from localcloud.imm.tasks import TaskRecord
from proof.fuzz.bounds import bounded
from tests.stage import CHAIR, FURNITURE, Stage

MINE, VICTIM, PRIVATE = "videos/a.mp4", "videos/victim.mp4", "private/secret.mp4"
TAGS = {MINE: {"team": "a"}, VICTIM: {"owner": "v", "empty": ""}, PRIVATE: {"class": "secret"}}

Tags = Mapping[str, Mapping[str, str]]


class Scene:
    """Three objects with tags of their own, and one task for the first of them."""

    def __init__(self, stage: Stage) -> None:
        self.stage = stage
        for key, tags in TAGS.items():
            stage.upload(key, tags)
        self.task_id = stage.task(stage.uri(MINE), CHAIR)

    def all_tags(self) -> Tags:
        """The tags of every object in the bucket."""
        listing = self.stage.oss().list_objects_v2(oss.ListObjectsV2Request(bucket=self.stage.bucket))
        return {found.key: self.stage.tags(found.key) for found in listing.contents or []}

    def tags_of_the_task(self, start: str = "2199-12-24T03:00:38.892Z") -> Mapping[str, str]:
        return {"imm": f"{start}/{self.task_id}", "imm_yi-zi": "yes"}


@pytest.fixture
def scene(stage: Stage) -> Scene:
    return Scene(stage)


def put_elsewhere(stage: Stage, project: str, task_id: str, uri: str) -> None:
    """A task of the same account in another project."""
    stage.cloud.call(stage.cloud.media.put_project, project)
    record = TaskRecord(
        project=project,
        task_id=task_id,
        start_time="2199-12-24T04:00:00Z",
        end_time="2199-12-24T05:00:00Z",
        status="Succeeded",
        labels=(FURNITURE,),
        request={"ProjectName": project, "SourceURI": uri},
    )
    stage.cloud.run(stage.cloud.media.put_task(record, notify=False))


# Projects and tasks


@pytest.mark.parametrize(
    "project", ["", " ", "no-such-project", "../other", "a&TaskId=b", "а-look-alike", "*", "%2a"]
)
def test_a_wrong_project_changes_nothing(scene: Scene, project: str) -> None:
    with pytest.raises((TaskNotFound, InvalidNotification)):
        scene.stage.handle(scene.task_id, ProjectName=project)
    assert scene.all_tags() == TAGS


def test_a_project_that_exists_but_has_no_such_task_changes_nothing(scene: Scene) -> None:
    put_elsewhere(scene.stage, f"{scene.stage.project}-2", "another", scene.stage.uri(VICTIM))
    with pytest.raises(TaskNotFound):
        scene.stage.handle(scene.task_id, ProjectName=f"{scene.stage.project}-2")
    assert scene.all_tags() == TAGS


@pytest.mark.parametrize(
    "task_id",
    [
        "VideoLabelClassification-0",
        "VideoLabelClassification-*",
        "../VideoLabelClassification",
        "a&ProjectName=b",
        "%00",
        "ＶideoLabelClassification",
    ],
)
def test_an_invented_task_changes_nothing(scene: Scene, task_id: str) -> None:
    with pytest.raises(TaskNotFound):
        scene.stage.handle(task_id)
    assert scene.all_tags() == TAGS


def test_somebody_elses_task_id_leads_to_that_tasks_own_object_and_labels(scene: Scene) -> None:
    # Given a task of another project with the same id, for another object
    other = f"{scene.stage.project}-2"
    put_elsewhere(scene.stage, other, scene.task_id, scene.stage.uri(VICTIM))

    # When the message says that project, and everything else of the first
    outcome = scene.stage.handle(
        scene.task_id, ProjectName=other, UserData=scene.stage.uri(MINE), SourceURI=scene.stage.uri(MINE)
    )

    # Then what IMM says of that task is what is done
    assert outcome["object"] == scene.stage.uri(VICTIM)
    assert scene.all_tags() == {
        **TAGS,
        VICTIM: {**TAGS[VICTIM], "imm": f"2199-12-24T04:00:00.000Z/{scene.task_id}", "imm_jia-ju": "yes"},
    }


# What the message says of the object, the labels and the task's end


FORGERIES: dict[str, Callable[[Stage], dict[str, Any]]] = {
    "SourceURI": lambda stage: {"SourceURI": stage.uri(VICTIM)},
    "URI": lambda stage: {"URI": stage.uri(VICTIM), "uri": stage.uri(VICTIM), "Uri": stage.uri(VICTIM)},
    "UserData": lambda stage: {"UserData": stage.uri(VICTIM)},
    "UserData in JSON": lambda stage: {"UserData": json.dumps({"uri": stage.uri(VICTIM)})},
    "UserData that is an object": lambda stage: {"UserData": {"uri": stage.uri(VICTIM)}},
    "UserData of an unsafe object": lambda stage: {"UserData": stage.uri("videos/../" + VICTIM)},
    "object": lambda stage: {"Object": VICTIM, "Key": VICTIM, "Bucket": stage.bucket, "ObjectName": VICTIM},
    "request": lambda stage: {"TaskRequestDefinition": json.dumps({"SourceURI": stage.uri(VICTIM)})},
    "labels": lambda stage: {"Labels": [{"LabelName": "forged", "LabelConfidence": 1}]},
    "tags": lambda stage: {"Tags": {"team": "forged"}, "Tagging": {"team": "forged"}},
    "times": lambda stage: {"StartTime": "2299-01-01T00:00:00Z", "EndTime": "2299-01-01T00:00:00Z"},
    "status": lambda stage: {"Status": "Failed", "Code": "X", "Message": "forged"},
    "settings": lambda stage: {"TAG_NAMESPACE": "team", "ALLOWED_OBJECTS": "*/*", "OSS_ENDPOINT": "http://x"},
    "account": lambda stage: {"AccountId": "1", "Region": "cn-beijing", "EventId": "1", "HostId": "x"},
}


@pytest.mark.parametrize("forged", FORGERIES.values(), ids=FORGERIES.keys())
def test_nothing_but_project_and_task_is_taken_from_the_message(
    scene: Scene, forged: Callable[[Stage], dict[str, Any]]
) -> None:
    outcome = scene.stage.handle(scene.task_id, **forged(scene.stage))
    assert (outcome["status"], outcome["object"]) == ("tagged", scene.stage.uri(MINE))
    assert scene.all_tags() == {**TAGS, MINE: {**TAGS[MINE], **scene.tags_of_the_task()}}


def test_fields_of_every_wrapping_that_name_an_object_are_not_looked_at(scene: Scene) -> None:
    victim = scene.stage.uri(VICTIM)
    content = scene.stage.notification(scene.task_id, UserData=victim, SourceURI=victim)
    envelope = {"source": "acs.imm", "type": "imm:Task:VideoLabelClassification", "subject": victim}
    event = {
        "TopicName": "t",
        "SourceURI": victim,
        "UserData": victim,
        "Message": json.dumps({**envelope, "object": victim, "content": json.dumps(content)}),
    }
    scene.stage.invoke([event, {"requestContext": {"object": victim}, "requestPayload": json.dumps(event)}])
    assert scene.all_tags() == {**TAGS, MINE: {**TAGS[MINE], **scene.tags_of_the_task()}}


@pytest.mark.parametrize("status", ["Running", "Suspended", "Failed"])
def test_a_message_that_says_a_task_has_succeeded_is_not_believed(scene: Scene, status: str) -> None:
    task_id = scene.stage.task(scene.stage.uri(MINE), CHAIR, status=status, code="X")
    try:
        assert scene.stage.handle(task_id, Status="Succeeded")["status"] == "task_failed"
    except (TaskNotFinished, ServiceUnavailable):
        assert status != "Failed"
    assert scene.all_tags() == TAGS


@pytest.mark.parametrize(
    "task_type", ["MediaConvert", "VideoLabelClassification2", "videolabelclassification", "*"]
)
@pytest.mark.parametrize(
    "kind", ["imm:Task:VideoLabelClassification", "imm:Task:MediaConvert", "imm:FileMeta:Index"]
)
def test_an_envelope_of_another_task_type_changes_nothing(scene: Scene, task_type: str, kind: str) -> None:
    content = scene.stage.notification(scene.task_id, TaskType=task_type)
    result = scene.stage.invoke({"source": "acs.imm", "type": kind, "content": json.dumps(content)})
    assert result["outcomes"][0]["status"] == "ignored"
    assert scene.all_tags() == TAGS


# Objects outside of ALLOWED_OBJECTS. Whoever creates tasks can name any object.

OUTSIDE = [
    PRIVATE,
    "videos",
    "Videos/a.mp4",
    "VIDEOS/a.mp4",
    "vidеos/a.mp4",  # a Cyrillic е
    "ｖideos/a.mp4",
    "videos∕a.mp4",  # a division slash
    "videos\\a.mp4",
    "videos%2Fa.mp4",
    "videos%2f..%2fprivate/secret.mp4",
    "/videos/a.mp4",
    " videos/a.mp4",
    "\u200bvideos/a.mp4",
    "\u202evideos/a.mp4",
    "*",
    "*/videos/a.mp4",
    "private/videos/a.mp4",
    "private/?x=/videos/a.mp4",
    "private/#/videos/a.mp4",
]


@pytest.mark.parametrize("key", OUTSIDE, ids=ascii)
def test_an_object_that_only_looks_allowed_is_not_touched(scene: Scene, key: str) -> None:
    # Given an object under such a key, where OSS can have one, and a task for it
    stage = scene.stage
    stage.set(ALLOWED_OBJECTS=f"{stage.bucket}/videos/*, {stage.bucket}-2/*")
    if not key.startswith(("/", "\\")) and key != PRIVATE:
        stage.upload(key, {"team": "b"})
    before = scene.all_tags()
    uri = stage.uri(key)
    by_request, by_user_data = stage.task(uri, CHAIR), stage.task(None, CHAIR, user_data=uri)

    # When the function is notified
    stage.forget_calls()
    outcomes = [stage.handle(by_request), stage.handle(by_user_data, UserData=uri)]

    # Then it says no, and has not even asked OSS
    assert [outcome["status"] for outcome in outcomes] == ["not_allowed"] * 2
    assert not {"HeadObject", "GetObjectTagging", "PutObjectTagging"} & set(stage.calls())
    assert scene.all_tags() == before


@pytest.mark.parametrize(
    "key",
    [
        "videos/../private/secret.mp4",
        "videos/./../private/secret.mp4",
        "..",
        ".",
        "videos/..",
        "../videos/a.mp4",
        "videos/\n../private/secret.mp4",
        "videos/a.mp4\r\nx-oss-tagging: a=b",
        "videos/\0",
        "videos/" + "x" * 2000,
    ],
    ids=ascii,
)
def test_a_key_that_cannot_be_addressed_safely_touches_nothing(scene: Scene, key: str) -> None:
    scene.stage.set(ALLOWED_OBJECTS=f"{scene.stage.bucket}/videos/*")
    scene.stage.forget_calls()
    with pytest.raises(TargetUnknown) as caught:
        scene.stage.handle(scene.stage.task(scene.stage.uri(key), CHAIR))
    assert str(caught.value).isprintable()
    assert not {"HeadObject", "GetObjectTagging", "PutObjectTagging"} & set(scene.stage.calls())
    assert scene.all_tags() == TAGS


@pytest.mark.parametrize(
    "key",
    [
        "videos/%2e%2e/private/secret.mp4",
        "videos/..%2f..%2fprivate/secret.mp4",
        "videos/*",
        "videos/a?tagging&x=y",
        "videos/a#b",
        "videos/a b+c.mp4",
        "videos/a.mp4 ",
        "videos/...",
        "videos/vidеo.mp4",
        "videos/\u202e4pm.a",
        "videos//a.mp4",
        "videos/a.mp4/",
        "videos/'\"<>&;`$(x).mp4",
    ],
    ids=ascii,
)
def test_an_allowed_object_with_an_odd_key_is_tagged_and_no_other(scene: Scene, key: str) -> None:
    stage = scene.stage
    stage.set(ALLOWED_OBJECTS=f"{stage.bucket}/videos/*")
    uri = stage.upload(key, {"team": "b"})
    by_request = stage.task(uri, CHAIR)
    by_user_data = stage.task(None, FURNITURE, user_data=uri, start="2199-12-25T00:00:00Z")

    assert stage.handle(by_request)["status"] == "tagged"
    expected = {"team": "b", "imm": f"2199-12-24T03:00:38.892Z/{by_request}", "imm_yi-zi": "yes"}
    assert scene.all_tags() == {**TAGS, key: expected}

    assert stage.handle(by_user_data, UserData=uri)["status"] == "tagged"
    expected = {"team": "b", "imm": f"2199-12-25T00:00:00.000Z/{by_user_data}", "imm_jia-ju": "yes"}
    assert scene.all_tags() == {**TAGS, key: expected}


def test_many_stars_in_a_pattern_cost_nobody_anything(stage: Stage) -> None:
    # A regular expression of it would try about 10 to the 24th ways.
    stage.set(ALLOWED_OBJECTS=f"{stage.bucket}/*a*a*a*a*a*a*a*a*a*a*.mp4")
    task_id = stage.task(stage.uri("a" * 1000), CHAIR)
    assert bounded(lambda: stage.handle(task_id))["status"] == "not_allowed"


# Anything else


def test_forgeries_in_a_list_change_nothing_beside_the_true_item(scene: Scene) -> None:
    stage = scene.stage
    items: list[object] = [
        stage.notification(scene.task_id, ProjectName="elsewhere"),
        stage.notification("VideoLabelClassification-0", UserData=stage.uri(VICTIM)),
        stage.notification(scene.task_id, UserData=stage.uri(VICTIM), SourceURI=stage.uri(VICTIM)),
        {**stage.notification(scene.task_id), "TaskId": [scene.task_id]},
        base64.b64encode(json.dumps(stage.notification("x\ny")).encode()).decode(),
        [[stage.notification(scene.task_id, TaskType="MediaConvert")]],
    ]
    with pytest.raises(BatchFailed) as caught:
        stage.invoke(items)
    assert [index for index, _ in caught.value.failures] == [0, 1, 3, 4]
    assert scene.all_tags() == {**TAGS, MINE: {**TAGS[MINE], **scene.tags_of_the_task()}}


NAMES = (
    "Status Code Message UserData SourceURI uri URI Labels Tags StartTime specversion source type data "
    "content body attrs events Success Files messageBody TopicName MessageId eventSource"
)
texts = st.text(max_size=12) | st.sampled_from(
    ["Succeeded", "acs.imm", "imm:Task:VideoLabelClassification", "oss://media/a.mp4", "1.0"]
)
fields = st.dictionaries(
    st.sampled_from(NAMES.split()) | st.text(max_size=8),
    st.recursive(texts | st.none() | st.integers() | st.floats(), st.lists, max_leaves=4),
    max_size=5,
)


def test_whatever_else_a_message_says_only_the_tasks_own_object_changes(scene: Scene) -> None:
    # Given objects as they are once the task's own has been tagged
    stage = scene.stage
    stage.handle(scene.task_id)
    tagged = scene.all_tags()
    assert tagged == {**TAGS, MINE: {**TAGS[MINE], **scene.tags_of_the_task()}}

    # When messages about it say anything beside it, then nothing changes any more
    @settings(max_examples=40, deadline=None, suppress_health_check=list(HealthCheck))
    @given(fields, st.booleans())
    def explore(forged: dict[str, Any], wrapped: bool) -> None:
        message: object = {**forged, **stage.notification(scene.task_id), **forged}
        with suppress(TaggingError):
            stage.invoke({"TopicName": "t", **forged, "Message": json.dumps(message)} if wrapped else message)
        assert scene.all_tags() == tagged

    explore()
