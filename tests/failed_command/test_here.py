"""``failed replay --here``: the function's own code in this process."""

from __future__ import annotations

import json

import pytest

from localcloud.faults import Fault, FaultKind
from localcloud.imm.tasks import TaskRecord
from localcloud.oss.tagging import Tag
from tests.failed_command.world import World, failure_record, flat, notification
from tests.stage import CHAIR

KEY = "videos/a.mp4"


@pytest.fixture
def object_uri(world: World) -> str:
    """An object, and a finished task about it."""
    uri = f"oss://{world.bucket}/{KEY}"
    world.cloud.call(world.cloud.objects.put_object, world.bucket, KEY, b"a video", {"team": "a"})
    world.cloud.call(world.cloud.media.put_project, "immtest")
    record = TaskRecord(
        project="immtest",
        task_id=f"VideoLabelClassification-{world.bucket}",
        start_time="2199-12-24T03:00:38.892Z",
        end_time="2199-12-24T05:00:00.000Z",
        status="Succeeded",
        labels=(CHAIR,),
        request={"ProjectName": "immtest", "SourceURI": uri},
    )
    world.cloud.run(world.cloud.media.put_task(record, notify=False))
    return uri


def tags(world: World) -> dict[str, str]:
    info = world.cloud.objects.stat(world.bucket, KEY)
    assert info is not None
    return {tag.key: tag.value for tag in info.tags if isinstance(tag, Tag)}


def keep_task(world: World, task_id: str) -> str:
    return world.keep_record(failure_record(json.dumps(notification(task_id)).encode()))


def test_the_labels_get_onto_the_object_without_the_deployed_function(world: World, object_uri: str) -> None:
    keep_task(world, f"VideoLabelClassification-{world.bucket}")
    result = world.run("replay", "--here", "--yes", TAG_NAMESPACE="video")
    assert result.exit_code == 0, result.output
    assert "To be replayed in this process" in result.output
    assert "1 record replayed and removed: 1 tagged." in flat(result)
    assert world.names() == []
    # with the settings of s.yaml, which reads the environment
    assert tags(world)["team"] == "a"
    assert tags(world)["video_yi-zi"] == "yes"
    assert world.calls("InvokeFunction") == 0
    # and what the function logs is not on the terminal
    assert '"status"' not in result.output


def test_the_question_is_asked_where_it_is_seen(world: World, object_uri: str) -> None:
    keep_task(world, f"VideoLabelClassification-{world.bucket}")
    result = world.run("replay", "--here", stdin="y\n")
    assert "Replay 1 record in this process?" in result.output
    assert result.exit_code == 0


def test_what_fails_here_stays(world: World, object_uri: str) -> None:
    keep_task(world, "VideoLabelClassification-unknown-1")
    keep_task(world, "VideoLabelClassification-unknown-2")
    result = world.run("replay", "--here", "--yes")
    assert result.exit_code == 1
    assert "2 TaskNotFound no" in flat(result)
    assert world.json()["records"] == 2


def test_what_the_function_would_not_start_with_is_said_before_anything_is_read(world: World) -> None:
    world.keep()
    result = world.run("replay", "--here", "--yes", LABEL_LIMIT="many")
    assert result.exit_code == 2
    assert "The setting LABEL_LIMIT is 'many'" in flat(result)
    assert world.calls("ListObjectsV2") == 0


def test_a_service_that_does_not_answer_leaves_the_record(world: World, object_uri: str) -> None:
    keep_task(world, f"VideoLabelClassification-{world.bucket}")
    order = Fault(FaultKind.ERROR, service="imm", action="*", status=403, code="Forbidden.RAM", times=None)
    world.break_call(order)
    result = world.run("replay", "--here", "--yes")
    assert result.exit_code == 1
    assert "1 AccessDenied no" in flat(result)
    assert world.json()["records"] == 1
