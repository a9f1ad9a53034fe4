"""An IMM on loopback for tests, with objects and topics in memory and the official SDK as its client."""

from __future__ import annotations

import json
import os
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import datetime, timezone
from pathlib import Path
from typing import Any
from unittest import mock

from alibabacloud_imm20200930 import models
from alibabacloud_imm20200930.client import Client

from localcloud.accounts import Accounts, Identity
from localcloud.clock import Clock
from localcloud.imm.service import MediaManagement
from tests.localcloud.serving import Serving, serve, until
from tests.localcloud.tenancy import OWNER, sdk, tenancy

VIDEO = "oss://media/videos/猫 a.mp4"
VIDEO_LABELS = "VideoLabelClassification"


@dataclass(frozen=True)
class StoredObject:
    last_modified: datetime


@dataclass
class Buckets:
    """Object storage in memory. ``fleeting`` objects are gone as soon as they have been seen once."""

    objects: dict[tuple[str, str], bytes] = field(default_factory=dict)
    fleeting: bool = False

    def put(self, uri: str, content: bytes = b"") -> None:
        bucket, _, key = uri.removeprefix("oss://").partition("/")
        self.objects[bucket, key] = content

    def stat(self, bucket: str, key: str) -> StoredObject | None:
        if (bucket, key) not in self.objects:
            return None
        if self.fleeting:
            del self.objects[bucket, key]
        return StoredObject(datetime.now(timezone.utc))

    def read(self, bucket: str, key: str) -> bytes | None:
        return self.objects.get((bucket, key))


@dataclass
class Topics:
    """Topics in memory; the messages are kept. ``fleeting`` topics are gone once they have been seen."""

    names: set[str] = field(default_factory=lambda: {"labels"})
    fleeting: set[str] = field(default_factory=set)
    messages: list[tuple[str, bytes]] = field(default_factory=list)

    def has(self, topic: str) -> bool:
        if topic in self.fleeting:
            self.fleeting.remove(topic)
            return True
        return topic in self.names

    async def publish(self, topic: str, body: bytes) -> str:
        self.messages.append((topic, body))
        return "message"


@dataclass(frozen=True)
class Region:
    """IMM with all that a test sees of it."""

    service: MediaManagement
    serving: Serving
    accounts: Accounts
    clock: Clock
    buckets: Buckets
    topics: Topics

    def reset(self) -> None:
        """Back to an idle IMM with one video, for the next test."""
        self.service.task_seconds = 0.0
        self.buckets.fleeting = False
        self.buckets.objects.clear()
        self.buckets.put(VIDEO)
        self.topics.messages.clear()
        self.serving.forget_calls()

    def client(self, identity: Identity = OWNER) -> Client:
        return Client(sdk(self.serving.address, identity))

    def create_task(self, **parameters: Any) -> str:
        """Create a task of the project ``immtest`` and give its id."""
        request = models.CreateVideoLabelClassificationTaskRequest(
            **{"project_name": "immtest", "source_uri": VIDEO, **parameters}
        )
        answer = self.client().create_video_label_classification_task(request)
        assert answer.status_code == 200
        task_id: str = answer.body.task_id
        return task_id

    def get_task(self, task_id: str, **parameters: Any) -> models.GetTaskResponseBody:
        request = models.GetTaskRequest(
            **{"project_name": "immtest", "task_type": VIDEO_LABELS, "task_id": task_id, **parameters}
        )
        return self.client().get_task(request).body

    def get_result(
        self, task_id: str, **parameters: Any
    ) -> models.GetVideoLabelClassificationResultResponseBody:
        request = models.GetVideoLabelClassificationResultRequest(
            **{"project_name": "immtest", "task_type": VIDEO_LABELS, "task_id": task_id, **parameters}
        )
        return self.client().get_video_label_classification_result(request).body

    def finished(self, task_id: str) -> models.GetTaskResponseBody:
        """The task, once it runs no more."""
        until(lambda: self.get_task(task_id).status != "Running")
        return self.get_task(task_id)

    def notifications(self, count: int) -> list[dict[str, Any]]:
        """The envelopes that were published, once there are so many."""
        until(lambda: len(self.topics.messages) >= count)
        return [json.loads(body) for _, body in self.topics.messages]


@contextmanager
def region(
    directory: Path | None = None, task_seconds: float = 0.0, seconds_later: float = 0.0
) -> Iterator[Region]:
    """An IMM with a project, a video and a topic."""
    buckets, topics = Buckets(), Topics()
    buckets.put(VIDEO)
    with tenancy(directory) as tenant:
        tenant.clock.advance(seconds_later)
        service = MediaManagement(tenant, objects=buckets, topics=topics, task_seconds=task_seconds)
        service.put_project("immtest")
        with without_proxies(), serve(service) as serving:
            yield Region(service, serving, tenant.accounts, tenant.clock, buckets, topics)


@contextmanager
def without_proxies() -> Iterator[None]:
    """The SDK obeys the environment's proxies even for loopback."""
    with mock.patch.dict(os.environ):
        for name in ("http_proxy", "https_proxy", "HTTP_PROXY", "HTTPS_PROXY"):
            os.environ.pop(name, None)
        yield
