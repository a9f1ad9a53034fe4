"""The whole chain on one machine: IMM, MNS, Function Compute and OSS, with the function as it is deployed."""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from alibabacloud_mns_open20220119 import models

from cli.checkout import DEPLOYMENT, ROOT, TAGGING, layer
from cli.clients import Project, Video, access_to
from cli.local_deployment import load_deployment
from localcloud.cloud import LocalCloud
from localcloud.config import CloudConfig
from localcloud.fc.invocation import InvocationRecord
from tests.localcloud.services import Services

EVENT_BRIDGE = ROOT / "s.eventbridge.yaml"
OWN = {"team": "a", "archived": ""}


class Region:
    """A region with the function deployed, a video and a project."""

    def __init__(self, cloud: LocalCloud, topic: str) -> None:
        self.cloud = cloud
        access = access_to(cloud)
        self.video = Video(access, "media", "videos/宜家.mp4")
        self.project = Project(access, "immtest")
        self.function = cloud.functions.deployment.resources[TAGGING].name
        self.topic = topic

    def prepare(self) -> None:
        self.video.upload(b"a video", "team=a&archived=")
        self.project.create()

    def analyse(self) -> str:
        """Create a task and wait until all that follows from it has happened."""
        task_id = self.project.start_task(self.video.uri, self.topic)
        self.wait(lambda: bool(self.cloud.messages.deliveries) and bool(self.records()))
        return task_id

    def publish(self, event: bytes) -> None:
        self.cloud.run(self.cloud.messages.publish(self.topic, event))
        self.cloud.run(self.cloud.settled())

    def wait(self, happened: Callable[[], bool]) -> None:
        deadline = time.monotonic() + 120
        while not happened():
            assert time.monotonic() < deadline, self.log()
            time.sleep(0.005)
        self.cloud.run(self.cloud.settled())

    def records(self) -> list[InvocationRecord]:
        return self.cloud.functions.invocations()

    def statuses(self) -> list[str]:
        return [json.loads(record.body)["outcomes"][0]["status"] for record in self.records()]

    def log(self) -> list[str]:
        return [line.text for line in self.cloud.functions.logs(self.function)]


@contextmanager
def region(
    deployment: Path = DEPLOYMENT, topic: str = "imm-label-tags", **variables: str
) -> Iterator[Region]:
    config = CloudConfig(
        deployment=load_deployment(deployment, variables),
        layer=layer(),
        task_seconds=0.0,
        time_scale=0.001,
    )
    with LocalCloud(config) as cloud:
        cloud.call(cloud.messages.create_topic, topic)
        prepared = Region(cloud, topic)
        prepared.prepare()
        yield prepared


def subscribe(here: Region, queue: str, content_format: str) -> None:
    """Subscribe a queue to the topic through MNS's API; without a format, in the default one."""
    request = models.SubscribeRequest(
        topic_name=here.topic,
        subscription_name="queue",
        push_type="queue",
        endpoint=queue,
        notify_content_format=content_format or None,
    )
    Services(here.cloud).mns().subscribe(request)


@pytest.mark.parametrize("runtime", ["python3.12", "python3.10"])
def test_the_labels_of_a_task_stand_on_the_object(runtime: str) -> None:
    # Given a region where the function is deployed for one of its runtimes
    with region(IMM_LABEL_TAGS_RUNTIME=runtime) as here:
        # When a task ends
        task_id = here.analyse()

        # Then its labels stand on the object beside the object's own tags
        tags = here.video.tags()
        assert here.statuses() == ["tagged"]
        assert {key: tags[key] for key in OWN} == OWN
        assert tags["imm"].endswith(f"Z/{task_id}")
        assert tags["imm_yi-zi"] == "yes"
        assert len(tags) == 10


def test_a_topic_that_delivers_raw_message_bodies_works_too(tmp_path: Path) -> None:
    text = DEPLOYMENT.read_text("utf-8")
    assert "notifyContentFormat: JSON" in text
    text = text.replace("notifyContentFormat: JSON", "notifyContentFormat: STREAM")
    stream = tmp_path / "s.yaml"
    stream.write_text(text.replace("code: ./functions", f"code: {ROOT / 'functions'}"), "utf-8")
    with region(stream) as here:
        here.analyse()
        assert here.statuses() == ["tagged"]


@pytest.mark.parametrize("content_format", ["", "XML", "JSON", "SIMPLIFIED"])
def test_a_queue_that_the_topic_feeds_works_in_every_format(content_format: str) -> None:
    # Given the other triggers, and the topic with a subscription for their queue
    with region(EVENT_BRIDGE, topic="imm-tasks") as here:
        queue = f"acs:mns:{here.cloud.config.region}:{here.cloud.config.account_id}:queues/imm-label-tags"
        subscribe(here, queue, content_format)

        # When a task ends, then its labels stand on the object
        here.project.start_task(here.video.uri, here.topic)
        here.wait(lambda: bool(here.records()))
        assert here.statuses() == ["tagged"]
        assert "imm_yi-zi" in here.video.tags()


def test_what_a_stream_cannot_deliver_is_in_its_dead_letter_queue() -> None:
    with region(EVENT_BRIDGE, topic="imm-tasks") as here:
        queue = f"acs:mns:{here.cloud.config.region}:{here.cloud.config.account_id}:queues/imm-label-tags"
        subscribe(here, queue, "XML")
        here.publish(b"hello topic")
        (letter,) = here.cloud.call(here.cloud.messages.queues.bodies, "imm-label-tags-failed")
        assert "hello topic" in json.loads(letter)["data"]["messageBody"]
        assert [json.loads(record.body)["errorType"] for record in here.records()] == ["BatchFailed"] * 4
