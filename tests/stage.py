"""What a test of the function needs: an object, a task, a notification, and the function to hand it to."""

from __future__ import annotations

import json
import math
import os
import secrets
from collections.abc import Mapping, Sequence
from types import SimpleNamespace, TracebackType
from typing import Any

import alibabacloud_oss_v2 as oss
import pytest
import requests

import tag_object
from imm_label_tags.retries import RetryPolicy
from imm_label_tags.submission.video_submission import VideoSubmission
from imm_label_tags.tagging.instance import Instance
from localcloud.accounts import Identity
from localcloud.calls import Call
from localcloud.cloud import LocalCloud
from localcloud.faults import Fault
from localcloud.imm.tasks import TaskRecord
from tests.user import exported, oss_client

TOPIC = "imm-label-tags"
CHAIR = {"Language": "zh-Hans", "LabelName": "椅子", "LabelLevel": 2, "LabelConfidence": 0.95}
FURNITURE = {"Language": "zh-Hans", "LabelName": "家具", "LabelLevel": 1, "LabelConfidence": 1}


class Stage:
    """A bucket, a project and an instance of the function on a local cloud.

    Objects are uploaded in the real present, so tasks start one hour after it unless a test says otherwise.
    """

    def __init__(self, cloud: LocalCloud, monkeypatch: pytest.MonkeyPatch) -> None:
        self.cloud = cloud
        self._monkeypatch = monkeypatch
        self.bucket = f"media-{secrets.token_hex(4)}"
        self.project = f"project-{secrets.token_hex(4)}"
        self.keys: Identity = cloud.accounts.issue_role_keys("imm-label-tags")
        self.context = self.context_of("python3.12")
        self.pauses: list[float] = []
        # However slow the machine is, a reading does not grow old and the present stays the present.
        self.retry_policy = RetryPolicy(max_snapshot_age=math.inf, sleep=self.pauses.append)
        self._session = requests.Session()
        self._session.trust_env = False

    def __enter__(self) -> Stage:
        self.cloud.call(self.cloud.objects.create_bucket, self.bucket)
        self.cloud.call(self.cloud.media.put_project, self.project)
        self.set(
            IMM_ENDPOINT=self.cloud.endpoints.imm,
            OSS_ENDPOINT=self.cloud.endpoints.oss,
            **exported(self.keys),
        )
        self.new_instance()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self._session.close()
        self.new_instance()

    # The function

    def set(self, **variables: str) -> None:
        """Set environment variables of the function."""
        for name, value in variables.items():
            self._monkeypatch.setenv(name, value)

    def new_instance(self) -> None:
        """Forget the instance: the next invocation is a cold start."""
        self._monkeypatch.setattr(tag_object._function, "instance", None)

    def context_of(self, runtime: str) -> SimpleNamespace:
        """The context of an invocation as a runtime gives it, as far as the function may look."""
        context = SimpleNamespace(
            request_id=f"request-{secrets.token_hex(4)}",
            region=self.cloud.config.region,
            account_id=self.cloud.config.account_id,
        )
        if runtime == "python3.10":
            context.credentials = SimpleNamespace(
                access_key_id=self.keys.access_key_id,
                access_key_secret=self.keys.access_key_secret,
                security_token=self.keys.security_token,
            )
        return context

    def invoke(self, event: object) -> dict[str, Any]:
        """Hand an event to the function; text and bytes go as they are, anything else as JSON."""
        if isinstance(event, str):
            event = event.encode()
        raw = event if isinstance(event, bytes) else json.dumps(event).encode()
        if tag_object._function.instance is None:
            instance = Instance(os.environ, self.context, self.retry_policy)
            self._monkeypatch.setattr(tag_object._function, "instance", instance)
        return tag_object.handler(raw, self.context)

    def submission(self) -> VideoSubmission:
        """A new instance of submit_video, with a topic for its tasks to tell of their end."""
        self.cloud.call(self.cloud.messages.create_topic, TOPIC)
        self.set(IMM_PROJECT=self.project, NOTIFICATION_TOPIC=TOPIC)
        return VideoSubmission(os.environ, self.context, self.retry_policy)

    def handle(self, task_id: str, **fields: Any) -> dict[str, Any]:
        """Notify the function of a task; returns its only outcome."""
        (outcome,) = self.invoke(self.notification(task_id, **fields))["outcomes"]
        assert isinstance(outcome, dict)
        return outcome

    def notification(self, task_id: str, **fields: Any) -> dict[str, Any]:
        """IMM's message about a task, bare."""
        return {
            "ProjectName": self.project,
            "TaskType": "VideoLabelClassification",
            "TaskId": task_id,
            "Status": "Succeeded",
            "UserData": "",
            **fields,
        }

    # The cloud

    def uri(self, key: str) -> str:
        return f"oss://{self.bucket}/{key}"

    def upload(self, key: str = "videos/a.mp4", tags: Mapping[str, str] | None = None) -> str:
        """Upload an object with tags of its own; returns its URI."""
        client = self.oss()
        client.put_object(oss.PutObjectRequest(bucket=self.bucket, key=key, body=b"a video"))
        if tags is not None:
            self.write_tags(key, tags)
        return self.uri(key)

    def write_tags(self, key: str, tags: Mapping[str, str]) -> None:
        tag_set = oss.TagSet(tags=[oss.Tag(key=name, value=value) for name, value in tags.items()])
        request = oss.PutObjectTaggingRequest(
            bucket=self.bucket, key=key, tagging=oss.Tagging(tag_set=tag_set)
        )
        self.oss().put_object_tagging(request)

    def tags(self, key: str = "videos/a.mp4") -> dict[str, str]:
        """The object's tags, read back through the SDK."""
        result = self.oss().get_object_tagging(oss.GetObjectTaggingRequest(bucket=self.bucket, key=key))
        found = (result.tag_set.tags if result.tag_set else None) or []
        return {tag.key: tag.value or "" for tag in found}

    def task(
        self,
        uri: str | None,
        *labels: Mapping[str, Any],
        task_id: str | None = None,
        start: str = "2199-12-24T03:00:38.892462383Z",
        **fields: Any,
    ) -> str:
        """A finished task for an object; returns its id."""
        task_id = task_id or f"VideoLabelClassification-{secrets.token_hex(8)}"
        record = TaskRecord(
            project=self.project,
            task_id=task_id,
            start_time=start,
            end_time="2199-12-24T05:00:00.000000000Z",
            status=fields.pop("status", "Succeeded"),
            labels=labels,
            request={"ProjectName": self.project, "SourceURI": uri} if uri else {},
            **fields,
        )
        self.cloud.run(self.cloud.media.put_task(record, notify=False))
        return task_id

    def break_call(self, fault: Fault) -> None:
        self.cloud.call(self.cloud.faults.order, fault)

    def forget_calls(self) -> None:
        self.cloud.run(self.cloud.calls.settled())
        self.cloud.call(self.cloud.calls.clear)

    def calls(self) -> list[str]:
        """The actions that were called since ``forget_calls``, sorted."""
        return sorted(call.action for call in self.raw_calls())

    def raw_calls(self) -> Sequence[Call]:
        self.cloud.run(self.cloud.calls.settled())
        return [call for call in self.cloud.calls.list() if call.service in ("oss", "imm")]

    def oss(self) -> oss.Client:
        return oss_client(self.cloud, self._session)
