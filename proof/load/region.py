"""The local cloud of a load test: a deployment file's functions, and the owner of a bucket of videos."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from typing import Any
from urllib.parse import urlencode

import alibabacloud_oss_v2 as oss

from cli.checkout import DEPLOYMENT, TAGGING, layer
from cli.clients import access_to
from cli.deployer import deploy
from localcloud.cloud import LocalCloud
from localcloud.config import CloudConfig
from localcloud.fc.declaration import Deployment, FunctionDeclaration
from localcloud.imm.tasks import TaskRecord
from proof.load.scenario import BUCKET, PROJECT, PlannedObject, PlannedTask, Tag

TIME_SCALE = 0.05
DELIVERY_SPREAD_SECONDS = 0.25
VIDEOS = "videos/"
_KEPT_BUCKET, _KEPT_PREFIX = "kept", "failed"
_VARIABLES = {
    "FAILED_EVENTS": f"oss://{_KEPT_BUCKET}/{_KEPT_PREFIX}",
    "IMM_LABEL_TAGS_BUCKET": BUCKET,
    "IMM_LABEL_TAGS_PREFIX": VIDEOS,
    "IMM_LABEL_TAGS_PROJECT": PROJECT,
    # Values that differ tell which task a label is from.
    "TAG_VALUE": "{confidence}",
}


@dataclass(frozen=True)
class KeptEvent:
    """An event that keep_failed has kept; ``event`` is the original one, byte for byte."""

    request_id: str
    task_id: str
    error: str
    event: bytes


class Region:
    """A local cloud to which functions are deployed, and the owner of what it holds."""

    def __init__(self, cloud: LocalCloud, declared: Deployment) -> None:
        self.cloud = cloud
        self.declared = declared
        self._owner = access_to(cloud).oss()

    @property
    def tagging(self) -> FunctionDeclaration:
        """The function that tags."""
        return self.declared.resources[TAGGING]

    @property
    def topic(self) -> str:
        """What triggers it."""
        return self.tagging.mns_topic_triggers[0].topic

    def upload(self, key: str, tags: Iterable[Tag]) -> None:
        """Write an object with tags; its content is its key."""
        tagging = urlencode(list(tags)) or None
        self._owner.put_object(
            oss.PutObjectRequest(bucket=BUCKET, key=key, body=key.encode(), tagging=tagging)
        )

    def tags(self, key: str) -> tuple[Tag, ...]:
        """An object's tags in OSS's order."""
        result = self._owner.get_object_tagging(oss.GetObjectTaggingRequest(bucket=BUCKET, key=key))
        found = (result.tag_set.tags if result.tag_set else None) or []
        return tuple((tag.key, tag.value or "") for tag in found)

    def kept_events(self) -> list[KeptEvent]:
        """Every event that is kept."""
        request = oss.ListObjectsV2Request(bucket=_KEPT_BUCKET, prefix=f"{_KEPT_PREFIX}/")
        return [
            _kept(
                self._owner.get_object(oss.GetObjectRequest(bucket=_KEPT_BUCKET, key=found.key)).body.content
            )
            for page in self._owner.list_objects_v2_paginator().iter_page(request)
            for found in page.contents or []
        ]

    def furnish(self, objects: Iterable[PlannedObject]) -> None:
        """Have objects and their tasks, of which nobody has been told yet."""

        async def furnish() -> None:
            for target in objects:
                first = dict(target.first_tags)
                self.cloud.objects.put_object(BUCKET, target.key, b"a video", first)
                for task in target.tasks:
                    await self.cloud.media.put_task(self._record(task), notify=False)

        self.cloud.run(furnish())

    def tasks(self) -> list[TaskRecord]:
        """Every task of the project."""
        return self.cloud.call(self.cloud.media.list_tasks, PROJECT)

    async def settled(self) -> None:
        """Wait until no event, task or message is on its way; in the cloud's event loop."""
        running = True
        while running:
            await self.cloud.settled()
            running = any(task.status == "Running" for task in self.cloud.media.list_tasks(PROJECT))
            await asyncio.sleep(0.01)
        await self.cloud.settled()

    def _record(self, task: PlannedTask) -> TaskRecord:
        notification = {"MNS": {"TopicName": self.topic}}
        uri = f"oss://{BUCKET}/{task.key}"
        return TaskRecord(
            project=PROJECT,
            task_id=task.task_id,
            # RFC 3339 with nine fractional digits, as IMM writes times.
            start_time=f"{task.start:%Y-%m-%dT%H:%M:%S.%f}462Z",
            end_time=f"{task.start + timedelta(seconds=30):%Y-%m-%dT%H:%M:%S.%f}462Z",
            status="Succeeded",
            request={"ProjectName": PROJECT, "SourceURI": uri, "Notification": notification},
            labels=[label(*found) for found in task.labels],
        )


@contextmanager
def running_region(
    deployment: Path = DEPLOYMENT, *, instances: int, second_look: float = 0.0
) -> Iterator[Region]:
    """A region to which a file is deployed, while it runs; each function has so many instances at most.

    Raises Problem where the file cannot be deployed.
    """
    config = CloudConfig(
        task_seconds=0.0,
        time_scale=TIME_SCALE,
        instance_limit=instances,
        delivery_spread_seconds=DELIVERY_SPREAD_SECONDS,
    )
    with LocalCloud(config) as cloud:
        for bucket in (BUCKET, _KEPT_BUCKET):
            cloud.call(cloud.objects.create_bucket, bucket)
        cloud.call(cloud.media.put_project, PROJECT)
        variables = {**_VARIABLES, "SECOND_LOOK_SECONDS": f"{second_look:g}"}
        yield Region(cloud, deploy(cloud, deployment, variables, layer()))


def label(text: str, hundredths: int) -> dict[str, Any]:
    """A label as IMM gives it."""
    return {
        "Language": "zh-Hans",
        "LabelName": text,
        "LabelLevel": 2,
        "LabelConfidence": hundredths / 100,
        "ParentLabelName": "",
        "CentricScore": 0.5,
        "Clips": [{"TimeRange": [0, 4000]}],
    }


def task_of(event: bytes) -> str:
    """The id of the task that an event in the JSON format of an MNS topic trigger announces."""
    return str(json.loads(json.loads(json.loads(event)["Message"])["content"])["TaskId"])


def _kept(document: bytes) -> KeptEvent:
    record = json.loads(document)
    context, event = record["requestContext"], record["requestPayload"].encode()
    try:
        error = str(json.loads(record["responsePayload"])["errorType"])
    except (ValueError, KeyError, TypeError):
        # What kills a process leaves no class.
        error = str(context["condition"])
    return KeptEvent(context["requestId"], task_of(event), error, event)
