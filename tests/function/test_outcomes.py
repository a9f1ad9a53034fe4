"""Every outcome, reached through the function's entry point against the local cloud."""

from __future__ import annotations

import json
from datetime import datetime, timedelta, timezone
from pathlib import Path
from typing import Any

import alibabacloud_oss_v2 as oss
import pytest

from localcloud.cloud import LocalCloud
from localcloud.config import CloudConfig
from tests.stage import CHAIR, FURNITURE, Stage

PROVENANCE_TIME = "2199-12-24T03:00:38.892Z"
EARLIER = "2199-12-24T01:00:00Z"
LATER = "2199-12-24T09:00:00Z"


def an_hour_ago() -> str:
    moment = datetime.now(timezone.utc) - timedelta(hours=1)
    return moment.isoformat(timespec="microseconds").replace("+00:00", "Z")


def test_tagged_the_labels_stand_on_the_object_beside_its_own_tags(stage: Stage) -> None:
    # Given an object with tags of its own and a finished task
    uri = stage.upload(tags={"team": "a", "archived": ""})
    task_id = stage.task(uri, CHAIR, FURNITURE, {"LabelName": "白天", "LabelConfidence": 0.3})

    # When the notification arrives
    outcome = stage.handle(task_id)

    # Then the object has the labels and all that it had
    expected = {
        "team": "a",
        "archived": "",
        "imm": f"{PROVENANCE_TIME}/{task_id}",
        "imm_jia-ju": "yes",
        "imm_yi-zi": "yes",
    }
    assert stage.tags() == expected
    assert outcome == {
        "status": "tagged",
        "project_name": stage.project,
        "task_id": task_id,
        "object": uri,
        "tags": expected,
        "dropped": [{"label": "白天", "reason": "confidence"}],
        "archived": None,
        "reason": None,
    }


def test_unchanged_a_second_delivery_writes_nothing(stage: Stage) -> None:
    task_id = stage.task(stage.upload(tags={"team": ""}), CHAIR)
    stage.handle(task_id)
    before = stage.tags()
    stage.forget_calls()

    outcome = stage.handle(task_id)

    assert outcome["status"] == "unchanged"
    assert outcome["reason"] is None
    assert stage.tags() == before == outcome["tags"]
    assert "PutObjectTagging" not in stage.calls()


def test_tagged_a_task_without_labels_leaves_its_provenance_alone(stage: Stage) -> None:
    task_id = stage.task(stage.upload())
    assert stage.handle(task_id)["status"] == "tagged"
    assert stage.tags() == {"imm": f"{PROVENANCE_TIME}/{task_id}"}


def test_superseded_a_late_notification_of_an_older_task_changes_nothing(stage: Stage) -> None:
    # Given a newer task whose labels stand on the object
    uri = stage.upload()
    newer = stage.task(uri, CHAIR, start=LATER)
    older = stage.task(uri, FURNITURE, start=EARLIER)
    stage.handle(newer)
    before = stage.tags()

    # When the older task's notification comes late
    outcome = stage.handle(older)

    # Then nothing changes and the reason names the newer task
    assert outcome["status"] == "superseded"
    assert newer in outcome["reason"]
    assert stage.tags() == before == outcome["tags"]


def test_stale_an_object_that_was_written_after_the_task_started_is_left_alone(stage: Stage) -> None:
    uri = stage.upload(tags={"team": "a"})
    started = an_hour_ago()
    outcome = stage.handle(stage.task(uri, CHAIR, start=started))
    assert outcome["status"] == "stale"
    assert started in outcome["reason"]
    assert outcome["tags"] == stage.tags() == {"team": "a"}


def test_stale_an_object_that_was_only_rewritten_is_not_called_another_upload(stage: Stage) -> None:
    # Given a video that was copied onto itself for new metadata after its task had started
    stage.upload(tags={"team": "a"})
    request = oss.CopyObjectRequest(
        bucket=stage.bucket,
        key="videos/a.mp4",
        source_key="videos/a.mp4",
        metadata_directive="REPLACE",
        metadata={"reviewed": "yes"},
    )
    stage.oss().copy_object(request)

    # When the task's notification arrives, then nothing is written, and the reason names both possibilities
    outcome = stage.handle(stage.task(stage.uri("videos/a.mp4"), CHAIR, start=an_hour_ago()))
    assert outcome["status"] == "stale"
    for possibility in ("uploaded again", "rewritten in place", "storage class", "Last-Modified"):
        assert possibility in outcome["reason"]
    assert stage.tags() == {"team": "a"}


def test_object_gone_there_is_nothing_to_tag(stage: Stage) -> None:
    task_id = stage.task(stage.uri("videos/deleted.mp4"), CHAIR)
    outcome = stage.handle(task_id)
    assert outcome["status"] == "object_gone"
    assert outcome["tags"] is None
    assert "videos/deleted.mp4" in outcome["reason"]


def test_task_failed_imms_code_and_message_are_the_reason(stage: Stage) -> None:
    uri = stage.upload(tags={"team": "a"})
    task_id = stage.task(uri, status="Failed", code="InvalidArgument", message="The video is broken.")
    outcome = stage.handle(task_id)
    assert outcome["status"] == "task_failed"
    assert "InvalidArgument: The video is broken." in outcome["reason"]
    assert outcome["object"] == uri
    assert stage.tags() == {"team": "a"}


def test_task_failed_without_code_message_or_object(stage: Stage) -> None:
    outcome = stage.handle(stage.task(None, status="Failed"))
    assert outcome["status"] == "task_failed"
    assert "no reason given" in outcome["reason"]
    assert outcome["object"] is None


def test_tag_limit_ten_foreign_tags_are_all_kept(stage: Stage) -> None:
    own = {f"key{number}": "value" for number in range(10)}
    outcome = stage.handle(stage.task(stage.upload(tags=own), CHAIR))
    assert outcome["status"] == "tag_limit"
    assert "10 tags" in outcome["reason"]
    assert stage.tags() == own


def test_not_allowed_another_object_is_never_even_read(stage: Stage) -> None:
    stage.set(ALLOWED_OBJECTS=f"{stage.bucket}/videos/*")
    task_id = stage.task(stage.upload("private/a.mp4"), CHAIR)
    stage.forget_calls()
    outcome = stage.handle(task_id)
    assert outcome["status"] == "not_allowed"
    assert "ALLOWED_OBJECTS" in outcome["reason"]
    assert not {"HeadObject", "GetObjectTagging", "PutObjectTagging"} & set(stage.calls())


def test_ignored_something_else_costs_no_call(stage: Stage) -> None:
    stage.forget_calls()
    (outcome,) = stage.invoke({"TaskType": "MediaConvert", "ProjectName": "p", "TaskId": "t"})["outcomes"]
    assert outcome["status"] == "ignored"
    assert outcome["task_id"] is None
    assert "MediaConvert" in outcome["reason"]
    assert stage.calls() == []


def test_the_result_of_an_invocation_is_json(stage: Stage) -> None:
    assert json.loads(json.dumps(stage.invoke([]))) == {"outcomes": []}


# Which object


@pytest.mark.parametrize(
    "key", ["videos/a b+c.mp4", "视频/椅子.mp4", "a?b#c%2F~é.mp4", "a//b.mp4", "x/%2e%2e/y"]
)
def test_an_object_is_found_whatever_its_key(stage: Stage, key: str) -> None:
    stage.handle(stage.task(stage.upload(key), CHAIR))
    assert "imm_yi-zi" in stage.tags(key)


@pytest.mark.parametrize(
    "user_data",
    [
        "oss://{bucket}/videos/ud%20%E8%A7%86%E9%A2%91%201.mp4",
        "oss://{bucket}/videos/deleted.mp4",
        '{{"uri": "oss://{bucket}/contract.mp4"}}',
        "oss://{bucket}/contract.mp4",
        "oss://{bucket}/../contract.mp4",
    ],
)
def test_the_object_is_the_one_that_was_analysed_whatever_the_user_data_says(
    stage: Stage, user_data: str
) -> None:
    # Given a task for one object, whose UserData spells it differently or names another one
    uri = stage.upload("videos/ud 视频 1.mp4")
    stage.upload("contract.mp4")
    told = user_data.format(bucket=stage.bucket)
    task_id = stage.task(uri, CHAIR, user_data=told)

    # When its notification arrives, then the object that IMM analysed gets the labels and no other does
    outcome = stage.handle(task_id, UserData=told)
    assert (outcome["status"], outcome["object"]) == ("tagged", uri)
    assert "imm_yi-zi" in stage.tags("videos/ud 视频 1.mp4")
    assert stage.tags("contract.mp4") == {}


@pytest.mark.parametrize("user_data", ["{uri}", '{{"uri": "{uri}", "ID": 7}}'])
def test_user_data_names_the_object_where_imm_gives_no_source(stage: Stage, user_data: str) -> None:
    uri = stage.upload()
    task_id = stage.task(None, CHAIR, user_data=user_data.format(uri=uri))
    assert stage.handle(task_id)["object"] == uri
    assert "imm_yi-zi" in stage.tags()


def test_the_object_is_never_taken_from_the_message(stage: Stage) -> None:
    # Given a task for one object and a message that claims another
    task_id = stage.task(stage.upload(), CHAIR)
    other = stage.upload("videos/other.mp4")

    # When the message arrives
    outcome = stage.handle(task_id, UserData=other, SourceURI=other, uri=other, Labels=[FURNITURE])

    # Then the task's own object gets the task's own labels
    assert outcome["object"] == stage.uri("videos/a.mp4")
    assert "imm_yi-zi" in stage.tags()
    assert stage.tags("videos/other.mp4") == {}


# What is written


def written_as(stage: Stage, *labels: dict[str, Any], **settings: str) -> dict[str, str]:
    stage.set(**settings)
    stage.handle(stage.task(stage.upload(), *labels))
    return {key: value for key, value in stage.tags().items() if "_" in key}


def test_tag_value_and_namespace_follow_the_settings(stage: Stage) -> None:
    tags = written_as(stage, CHAIR, TAG_NAMESPACE="video", TAG_VALUE="{level}/{label_base64}")
    assert tags == {"video_yi-zi": "2/5qSF5a2Q"}


def test_raw_names_stay_where_oss_takes_them(monkeypatch: pytest.MonkeyPatch) -> None:
    with LocalCloud(CloudConfig(accept_unicode_tags=True)) as cloud, Stage(cloud, monkeypatch) as stage:
        settings = {"LABEL_NAMES": "raw", "TAG_VALUE": "{parent}/{label}"}
        tags = written_as(stage, {**CHAIR, "ParentLabelName": "家具"}, **settings)
        assert tags == {"imm_椅子": "家具/椅子"}
        task_id = stage.tags()["imm"].partition("/")[2]
        assert stage.handle(task_id)["status"] == "unchanged"


def test_labels_that_imm_describes_oddly_are_taken_as_far_as_they_go(stage: Stage) -> None:
    odd: list[dict[str, Any]] = [
        {"LabelName": "椅子", "LabelConfidence": "0.8"},
        {"LabelName": "", "LabelConfidence": 1},
        {"LabelConfidence": 1},
        {"LabelName": 5, "LabelConfidence": 1},
        {"LabelName": "家具"},
        {"LabelName": "x", "LabelConfidence": 3, "LabelLevel": "2", "Clips": None, "New": {}},
    ]
    stage.set(TAG_VALUE="{confidence}")
    assert written_as(stage, *odd) == {"imm_x": "1.00", "imm_yi-zi": "0.80"}


def test_tags_set_at_upload_are_kept(stage: Stage) -> None:
    request = oss.PutObjectRequest(
        bucket=stage.bucket, key="videos/a.mp4", body=b"x", tagging="retention=30%20days&team=a%2Fb"
    )
    stage.oss().put_object(request)
    stage.handle(stage.task(stage.uri("videos/a.mp4"), CHAIR))
    assert list(stage.tags().items())[:2] == [("retention", "30 days"), ("team", "a/b")]


def test_rules_give_a_video_the_users_own_tags_before_its_labels(stage: Stage, tmp_path: Path) -> None:
    # Given a file of rules
    rules = tmp_path / "rules.json"
    rules.write_text(json.dumps({"content": {"home": ["家具"], "other": "*"}}), "utf-8")
    stage.set(TAG_RULES=str(rules), LABEL_LIMIT="1")

    # When a task whose label has that parent is handled
    outcome = stage.handle(
        stage.task(stage.upload(), {**CHAIR, "ParentLabelName": "家具"}, {"LabelName": "x"})
    )

    # Then its tag stands before the label's and is not counted
    assert [key for key in outcome["tags"] if key != "imm"] == ["imm_content", "imm_yi-zi"]
    assert stage.tags()["imm_content"] == "home"


def test_a_refusal_of_raw_names_is_paid_for_once(stage: Stage) -> None:
    # Given an OSS that takes its documented alphabet only, and names as they are
    stage.set(LABEL_NAMES="raw")
    first, second = (stage.upload(f"videos/{name}.mp4") for name in "ab")
    stage.handle(stage.task(first, CHAIR))

    # When the instance handles another task
    stage.forget_calls()
    stage.handle(stage.task(second, CHAIR))

    # Then it writes once
    assert stage.calls().count("PutObjectTagging") == 1
