"""A place for races over HTTP: the official SDKs and the local cloud."""

from __future__ import annotations

from collections.abc import Mapping

import alibabacloud_oss_v2 as oss

from imm_label_tags.environment import Variables, read_endpoint
from imm_label_tags.events.imm_message import TaskNotification
from imm_label_tags.results.target import TargetObject
from imm_label_tags.services.connections import Connections
from imm_label_tags.services.credentials import RoleCredentials
from imm_label_tags.services.imm import ImmTasks
from imm_label_tags.services.oss import OssObjects
from proof.races.storage import BEFORE, LABELS, STARTS, UPLOADED_AGAIN
from tests.stage import Stage
from tests.user import exported

KEY = "videos/a.mp4"


class CloudStorage:
    """The storage of a stage. ``connections`` are to be dropped at the end."""

    def __init__(self, stage: Stage, connections: Connections) -> None:
        self._stage = stage
        self.target = TargetObject(stage.bucket, KEY)
        config = stage.cloud.config
        credentials = RoleCredentials(exported(stage.keys))
        credentials.use(None)
        addresses = Variables(
            {"IMM_ENDPOINT": stage.cloud.endpoints.imm, "OSS_ENDPOINT": stage.cloud.endpoints.oss}
        )
        imm, bucket = (read_endpoint(addresses, name) for name in ("IMM_ENDPOINT", "OSS_ENDPOINT"))
        self.tasks = ImmTasks(config.region, config.account_id, imm, credentials, connections)
        self.objects = OssObjects(config.region, config.account_id, bucket, credentials, connections)
        for task, start in STARTS.items():
            labels = [
                {"LabelName": label.name, "LabelConfidence": label.confidence} for label in LABELS[task]
            ]
            stage.task(self.target.uri, *labels, task_id=task, start=start.isoformat())

    def begin(self) -> None:
        """Put the object there as it is before a race, and forget the calls that were made."""
        self._stage.upload(KEY, BEFORE)
        self._stage.forget_calls()

    def notification(self, task: str) -> TaskNotification:
        """What IMM says of a task."""
        return TaskNotification(self._stage.project, task)

    def upload(self, tags: Mapping[str, str]) -> None:
        """Upload the object again, with tags."""
        cloud = self._stage.cloud
        tagging = "&".join(f"{key}={value}" for key, value in tags.items())
        ahead = (UPLOADED_AGAIN - cloud.clock.now()).total_seconds()
        cloud.call(cloud.clock.advance, ahead)
        try:
            self._stage.oss().put_object(
                oss.PutObjectRequest(bucket=self.target.bucket, key=KEY, body=b"another", tagging=tagging)
            )
        finally:
            cloud.call(cloud.clock.advance, -ahead)
