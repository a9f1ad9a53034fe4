"""IMM with a project, a video and a topic, as the official SDK sees it."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

from alibabacloud_imm20200930 import models
from alibabacloud_mns_open20220119 import models as mns
from alibabacloud_oss_v2 import DeleteObjectRequest

from localcloud.imm.service import MediaManagement
from localcloud.imm.tasks import TaskRecord
from tests.localcloud.services import Services, started
from tests.user import oss_client
from tests.waiting import until

VIDEO = "oss://media/videos/猫 a.mp4"
VIDEO_LABELS = "VideoLabelClassification"
LABELS_TOPIC = models.Notification(mns=models.MNS(topic_name="labels"))


@dataclass(frozen=True)
class Imm(Services):
    """A cloud with the project ``immtest``, and the topic ``labels`` whose messages a queue keeps."""

    @property
    def service(self) -> MediaManagement:
        return self.local.media

    def upload(self, uri: str, content: bytes = b"") -> None:
        bucket, key = uri.removeprefix("oss://").split("/", 1)
        self.local.call(self.local.objects.put_object, bucket, key, content, {})

    def delete(self, uri: str) -> None:
        bucket, key = uri.removeprefix("oss://").split("/", 1)
        oss_client(self.local).delete_object(DeleteObjectRequest(bucket=bucket, key=key))

    def put(self, task: TaskRecord, *, notify: bool = False) -> None:
        self.local.run(self.service.put_task(task, notify=notify))

    def create_task(self, **parameters: Any) -> str:
        """Create a task of the project ``immtest`` and give its id."""
        request = models.CreateVideoLabelClassificationTaskRequest(
            **{"project_name": "immtest", "source_uri": VIDEO, **parameters}
        )
        answer = self.imm().create_video_label_classification_task(request)
        assert answer.status_code == 200
        task_id: str = answer.body.task_id
        return task_id

    def get_task(self, task_id: str, **parameters: Any) -> models.GetTaskResponseBody:
        request = {"project_name": "immtest", "task_type": VIDEO_LABELS, "task_id": task_id, **parameters}
        return self.imm().get_task(models.GetTaskRequest(**request)).body

    def get_result(
        self, task_id: str, **parameters: Any
    ) -> models.GetVideoLabelClassificationResultResponseBody:
        request = models.GetVideoLabelClassificationResultRequest(
            **{"project_name": "immtest", "task_type": VIDEO_LABELS, "task_id": task_id, **parameters}
        )
        return self.imm().get_video_label_classification_result(request).body

    def finished(self, task_id: str) -> models.GetTaskResponseBody:
        """The task, once it runs no more."""
        until(lambda: self.get_task(task_id).status != "Running")
        return self.get_task(task_id)

    def in_progress(self) -> set[str]:
        """The names of what the event loop is at; a task's is its id."""

        async def names() -> set[str]:
            return {task.get_name() for task in asyncio.all_tasks()}

        return self.local.run(names())

    def notifications(self, count: int) -> list[dict[str, Any]]:
        """The envelopes that were published, once there are so many."""
        until(lambda: len(self.local.messages.queues.bodies("heard")) >= count)
        return [json.loads(body) for body in self.local.messages.queues.bodies("heard")]


@contextmanager
def imm_started(**options: Any) -> Iterator[Imm]:
    """A cloud with what ``Imm`` says; of a directory, with what it already has."""
    with started(**options) as local:
        imm = Imm(local)
        local.call(local.objects.create_bucket, "media")
        imm.service.put_project("immtest")
        if not local.messages.has("labels"):
            imm.upload(VIDEO)
            local.call(local.messages.create_topic, "labels")
            imm.mns().create_queue(mns.CreateQueueRequest(queue_name="heard"))
            queue = f"acs:mns:{local.config.region}:{local.config.account_id}:queues/heard"
            subscribing = {"topic_name": "labels", "subscription_name": "heard", "push_type": "queue"}
            request = mns.SubscribeRequest(**subscribing, endpoint=queue, notify_content_format="SIMPLIFIED")
            imm.mns().subscribe(request)
        yield imm
