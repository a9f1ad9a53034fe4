"""The services of a local cloud through the official SDKs, as the demo and who else tries it uses them."""

from __future__ import annotations

import json
from datetime import datetime
from typing import Any

import alibabacloud_oss_v2 as oss
from alibabacloud_imm20200930 import models
from alibabacloud_imm20200930.client import Client

from cli.cloud.access import Access, Endpoints
from cli.cloud.calls import CallFailed
from cli.cloud.objects import Objects
from imm_label_tags.events.imm_message import VIDEO_LABELS
from imm_label_tags.results.target import TargetObject
from imm_label_tags.services.credentials import Keys
from localcloud.accounts import Identity
from localcloud.cloud import LocalCloud

_LARGEST = 1024 * 1024


def access_to(cloud: LocalCloud, identity: Identity | None = None) -> Access:
    """Access to a local cloud of this process, with its owner's keys or others."""
    config, urls = cloud.config, cloud.endpoints
    who = identity or cloud.accounts.owner
    keys = Keys(who.access_key_id, who.access_key_secret, who.security_token or "")
    endpoints = Endpoints(urls.ram, urls.ram, urls.mns, urls.fc, urls.imm, urls.oss, urls.sls)
    return Access(config.region, keys, endpoints.resolved(config.region, config.account_id))


class Video:
    """One object in OSS, through alibabacloud-oss-v2. Raises CallFailed."""

    def __init__(self, access: Access, bucket: str, key: str) -> None:
        self._objects = Objects(access.oss(), "", "deploy/policies")
        self.place = TargetObject(bucket, key)
        self.uri = self.place.uri

    def upload(self, content: bytes, tags: str) -> None:
        """Create the bucket and the object; ``tags`` as the header x-oss-tagging has them."""
        bucket, key = self.place
        self._objects.client.put_bucket(oss.PutBucketRequest(bucket=bucket))
        request = oss.PutObjectRequest(bucket=bucket, key=key, body=content, tagging=tags)
        self._objects.client.put_object(request)

    def describe(self, labels: bytes) -> None:
        """Put the file beside the object from which the local IMM takes its labels."""
        bucket, key = self.place
        request = oss.PutObjectRequest(bucket=bucket, key=f"{key}.labels.json", body=labels)
        self._objects.client.put_object(request)

    def read_beside(self, uri: str) -> bytes:
        """The content of another object."""
        content = self._objects.read(TargetObject.from_uri(uri), _LARGEST)
        assert content is not None and content.body is not None, f"{uri} was written just now"
        return content.body

    def refusal(self) -> str | None:
        """The code with which OSS refuses to give the object to this account; None where it gives it."""
        try:
            self._objects.read(self.place, _LARGEST)
        except CallFailed as failure:
            return failure.code
        return None

    def tags(self) -> dict[str, str]:
        """The object's tags as OSS has them now."""
        return self._objects.tags(self.place) or {}


class Bucket:
    """What a bucket does by its objects' tags, through alibabacloud-oss-v2."""

    def __init__(self, access: Access, name: str) -> None:
        self._client = access.oss()
        self.name = name

    def move_tagged(self, tag: tuple[str, str], storage_class: str, before: datetime) -> None:
        """Have one lifecycle rule: what has a tag and was written before a time goes to a storage class."""
        key, value = tag
        move = oss.LifecycleRuleTransition(created_before_date=before, storage_class=storage_class)
        rule = oss.LifecycleRule(
            id=f"{key}-{value}",
            prefix="",
            status="Enabled",
            tags=[oss.Tag(key=key, value=value)],
            transitions=[move],
        )
        configuration = oss.LifecycleConfiguration(rules=[rule])
        self._client.put_bucket_lifecycle(
            oss.PutBucketLifecycleRequest(bucket=self.name, lifecycle_configuration=configuration)
        )

    def storage_class(self, key: str) -> str:
        """The storage class of an object."""
        result = self._client.head_object(oss.HeadObjectRequest(bucket=self.name, key=key))
        return str(result.storage_class)

    def open_index(self) -> None:
        """Have an index of the objects' metadata, which searches need."""
        self._client.open_meta_query(oss.OpenMetaQueryRequest(bucket=self.name, mode="basic"))

    def find_tagged(self, tag: tuple[str, str]) -> list[str]:
        """The keys of at most 100 objects that have a tag (DoMetaQuery)."""
        key, value = tag
        query = json.dumps({"Field": f"OSSTagging.{key}", "Value": value, "Operation": "eq"})
        request = oss.DoMetaQueryRequest(
            bucket=self.name, mode="basic", meta_query=oss.MetaQuery(max_results=100, query=query)
        )
        files = self._client.do_meta_query(request).files
        return [file.filename for file in (files.file if files else None) or []]


class Project:
    """One IMM project, through alibabacloud-imm20200930."""

    def __init__(self, access: Access, name: str) -> None:
        self.name = name
        self._client = Client(access.openapi("imm"))

    def create(self) -> None:
        """Create the project."""
        self._client.create_project(models.CreateProjectRequest(project_name=self.name))

    def start_task(self, uri: str, topic: str) -> str:
        """Create a task that finds a video's labels and tells a topic of its end; returns its id."""
        mns = models.MNS(topic_name=topic)
        request = models.CreateVideoLabelClassificationTaskRequest(
            project_name=self.name, source_uri=uri, notification=models.Notification(mns=mns)
        )
        task_id: str = self._client.create_video_label_classification_task(request).body.task_id
        return task_id

    def result(self, task_id: str) -> Any:
        """The result of a task (GetVideoLabelClassificationResult)."""
        request = models.GetVideoLabelClassificationResultRequest(
            project_name=self.name, task_type=VIDEO_LABELS, task_id=task_id
        )
        return self._client.get_video_label_classification_result(request).body
