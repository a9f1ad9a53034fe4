"""From an event that fails in the deployed function to its labels on the object."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from cli import checkout
from cli.deployer import deploy
from localcloud.cloud import LocalCloud
from localcloud.config import CloudConfig
from tests.cli.failed.records import Records, notification
from tests.cli.world import CHAIR
from tests.installation.account import deployment
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
        world = Records(cloud, tmp_path)
        cloud.call(cloud.objects.create_bucket, "kept-here")
        world.bucket, world.place, world.project = "kept-here", place, "immtest"
        world.settings["FAILED_EVENTS"] = place
        cloud.call(cloud.media.put_project, "immtest")
        event = json.dumps(notification("VideoLabelClassification-1")).encode()
        cloud.run(cloud.functions.invoke_async("imm-label-tags", event))
        cloud.run(cloud.settled())

        # When it has exhausted its retries
        kept = world.list()

        # Then it is kept with its error
        assert [(group["error"], group["count"]) for group in kept["errors"]] == [("TaskNotFound", 1)]
        assert world.failed("show", world.names()[0], "--event").stdout_bytes == event

        # When IMM knows the task, and the event is replayed
        world.put("a.mp4", {"team": "a"})
        world.task("a.mp4", CHAIR, task="VideoLabelClassification-1")
        result = world.failed("replay", "--yes")

        # Then the labels are on the object, and the record is gone
        assert result.exit_code == 0, result.output
        assert "1 record replayed and removed: 1 tagged." in flat(result)
        assert world.names() == []
        assert world.tags("a.mp4").keys() == {"team", "imm", "imm_yi-zi"}
