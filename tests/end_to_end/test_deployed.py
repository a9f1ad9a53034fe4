"""The whole chain on one machine: IMM, MNS, Function Compute and OSS, with the function as it is deployed."""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from alibabacloud_mns_open20220119 import models

from cli.checkout import DEPLOYMENT, ROOT, TAGGING, cloud_config, layer
from cli.clients import Account, Project, Video
from cli.local_deployment import load_deployment
from imm_label_tags.failures.failed_event import FailedEvent
from localcloud.cloud import LocalCloud
from localcloud.config import CloudConfig, Ports
from localcloud.faults import Fault, FaultKind
from localcloud.fc.invocation import InvocationRecord
from tests.localcloud.services import Services

EVENT_BRIDGE = ROOT / "s.eventbridge.yaml"
OWN = {"team": "a", "archived": ""}


class Region:
    """A region with the function deployed, a video and a project."""

    def __init__(self, cloud: LocalCloud, topic: str) -> None:
        config, urls = cloud.config, cloud.endpoints
        self.cloud = cloud
        account = Account(config.region, config.access_key_id, config.access_key_secret, urls.oss, urls.imm)
        self.video = Video(account, "media", "videos/宜家.mp4")
        self.project = Project(account, "immtest")
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
    base = cloud_config(ports=Ports(), variables=variables, task_seconds=0.0, time_scale=0.001)
    config = CloudConfig(
        deployment=load_deployment(deployment, variables),
        interpreter=base.interpreter,
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


def test_a_message_that_is_delivered_more_than_once_is_written_once() -> None:
    with region() as here:
        here.cloud.call(here.cloud.messages.duplicate_next, here.topic, 3)
        here.project.start_task(here.video.uri, here.topic)
        here.wait(lambda: len(here.records()) == 4)
        assert sorted(here.statuses()) in (
            ["tagged", "unchanged", "unchanged", "unchanged"],
            # Instances that started together may each have found the object untagged.
            ["tagged", "tagged", "unchanged", "unchanged"],
            ["tagged", "tagged", "tagged", "unchanged"],
            ["tagged", "tagged", "tagged", "tagged"],
        )
        assert {key: here.video.tags()[key] for key in OWN} == OWN


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


def test_an_event_that_fails_to_the_end_is_kept() -> None:
    with region(FAILED_EVENTS="oss://media/failed") as here:
        # When something that nobody understands comes through the topic
        here.publish(b"hello topic")

        # Then it was tried four times and is kept, with the error's name
        *attempts, keeping = here.records()
        assert [record.error_type for record in attempts] == ["UnhandledInvocationError"] * 4
        kept = FailedEvent.read(here.video.read_beside(json.loads(keeping.body)["kept"]))
        assert (kept.error, kept.attempts) == ("InvalidNotification", 4)
        assert json.loads(kept.event)["Message"] == "hello topic"
        assert here.cloud.functions.lost == []

        # And the document can be fed to the function again as it is
        result = here.cloud.run(here.cloud.functions.invoke(here.function, kept.document()))
        assert json.loads(result.body)["errorType"] == "InvalidNotification"


def test_a_failure_that_passes_is_made_good_by_the_retry() -> None:
    with region() as here:
        outage = Fault(FaultKind.ERROR, action="GetObjectTagging", status=503, times=3)
        here.cloud.call(here.cloud.faults.order, outage)
        here.project.start_task(here.video.uri, here.topic)
        here.wait(lambda: len(here.records()) == 2)
        assert json.loads(here.records()[0].body)["errorType"] == "ServiceUnavailable"
        assert "imm_yi-zi" in here.video.tags()


def test_a_setting_that_cannot_be_used_fails_the_initializer() -> None:
    with region(LABEL_LIMIT="many") as here:
        result = here.cloud.run(here.cloud.functions.invoke(here.function, b"{}"))
        body = json.loads(result.body)
        assert body["errorType"] == "InvalidSetting"
        assert "LABEL_LIMIT" in body["errorMessage"]


@pytest.mark.parametrize("runtime", ["python3.12", "python3.10"])
def test_no_key_shows_anywhere(runtime: str) -> None:
    # Given a function with the SDK's debugging switched on, and services that fail in various ways
    with region(IMM_LABEL_TAGS_RUNTIME=runtime) as here:
        for action in ("GetTask", "HeadObject", "PutObjectTagging"):
            denied = Fault(FaultKind.ERROR, action=action, status=403, code="AccessDenied")
            here.cloud.call(here.cloud.faults.order, denied)
        here.analyse()
        here.publish(b"hello topic")

        # Then none of the keys that the cloud has issued is in a log or an answer
        written = "\n".join(here.log() + [str(record.body) for record in here.records()])
        assert "tagged" in written
        issued = [identity for identity in here.cloud.accounts.identities() if identity.role]
        assert issued
        for identity in issued:
            for secret in (
                identity.access_key_id,
                identity.access_key_secret,
                identity.security_token or "x" * 99,
            ):
                assert secret not in written


def test_every_line_of_the_function_is_json_and_says_whether_the_start_was_cold() -> None:
    with region() as here:
        here.analyse()
        here.publish(b'{"TaskType": "MediaConvert"}')
        lines = [json.loads(line) for line in here.log() if line.startswith("{")]
        assert [line["status"] for line in lines] == ["tagged", "ignored"]
        assert [line["cold_start"] for line in lines] == [True, False]
        assert lines[0]["request_id"] == here.records()[0].request_id
