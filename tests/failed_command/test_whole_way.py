"""From an event that fails in the deployed function to its labels on the object."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from cli import checkout
from cli.deployer import deploy
from localcloud.cloud import LocalCloud
from localcloud.config import CloudConfig
from localcloud.imm.tasks import TaskRecord
from tests.failed_command.world import World, notification
from tests.installation.account import deployment
from tests.stage import CHAIR
from tests.user import flat


def test_a_kept_event_gets_its_object_tagged_after_all(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    # Given both functions deployed by the API, and a notification of a task that IMM does not know yet
    place = "oss://kept-here/failed/events"
    # (a copy of s.yaml: beside the real one there may be a developer's .env)
    monkeypatch.setattr(checkout, "DEPLOYMENT", deployment(tmp_path))
    with LocalCloud(CloudConfig(time_scale=0.001)) as cloud:
        deploy(cloud, checkout.DEPLOYMENT, {"FAILED_EVENTS": place}, checkout.layer())
        world = World(cloud, tmp_path)
        world.bucket, world.place = "kept-here", place
        cloud.call(cloud.objects.create_bucket, "kept-here")
        cloud.call(cloud.media.put_project, "immtest")
        event = json.dumps(notification("VideoLabelClassification-1")).encode()
        cloud.run(cloud.functions.invoke_async("imm-label-tags", event))
        cloud.run(cloud.settled())

        # When it has exhausted its retries
        kept = world.json()

        # Then it is kept with its error
        assert [(group["error"], group["count"]) for group in kept["errors"]] == [("TaskNotFound", 1)]
        assert world.run("show", world.names()[0], "--event").stdout_bytes == event

        # When IMM knows the task, and the event is replayed
        cloud.call(cloud.objects.put_object, "kept-here", "a.mp4", b"a video", {"team": "a"})
        cloud.run(
            cloud.media.put_task(
                TaskRecord(
                    project="immtest",
                    task_id="VideoLabelClassification-1",
                    start_time="2199-12-24T03:00:38.892Z",
                    end_time="2199-12-24T05:00:00.000Z",
                    status="Succeeded",
                    labels=(CHAIR,),
                    request={"ProjectName": "immtest", "SourceURI": "oss://kept-here/a.mp4"},
                ),
                notify=False,
            )
        )
        result = world.run("replay", "--yes")

        # Then the labels are on the object, and the record is gone
        assert result.exit_code == 0, result.output
        assert "1 record replayed and removed: 1 tagged." in flat(result)
        assert world.names() == []
        info = cloud.objects.stat("kept-here", "a.mp4")
        assert info is not None
        assert {tag.key for tag in info.tags} == {"team", "imm", "imm_yi-zi"}
