"""The official SDKs as a user of the services has them."""

from __future__ import annotations

import json
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import alibabacloud_oss_v2 as oss
from alibabacloud_imm20200930 import models as imm_models
from alibabacloud_imm20200930.client import Client as ImmClient
from alibabacloud_tea_openapi.utils_models import Config

from localcloud.cloud import LocalCloud

TASK_TYPE = "VideoLabelClassification"


@dataclass(frozen=True)
class Account:
    """Whose requests are signed, and where they go (URLs of the local cloud's services)."""

    region: str
    access_key_id: str
    access_key_secret: str
    oss_endpoint: str
    imm_endpoint: str

    @classmethod
    def of(cls, cloud: LocalCloud) -> Account:
        """The owner of a local cloud."""
        keys, urls = cloud.accounts.owner, cloud.endpoints
        return cls(cloud.config.region, keys.access_key_id, keys.access_key_secret, urls.oss, urls.imm)


class Video:
    """One object in OSS, through alibabacloud-oss-v2."""

    def __init__(self, account: Account, bucket: str, key: str) -> None:
        self._client = oss_client(account)
        self.bucket = bucket
        self.key = key
        self.uri = f"oss://{bucket}/{key}"

    def upload(self, content: bytes, tags: str) -> None:
        """Create the bucket and the object; ``tags`` as the header x-oss-tagging has them."""
        self._client.put_bucket(oss.PutBucketRequest(bucket=self.bucket))
        self._client.put_object(
            oss.PutObjectRequest(bucket=self.bucket, key=self.key, body=content, tagging=tags)
        )

    def describe(self, labels: bytes) -> None:
        """Put the file beside the object from which the local IMM takes its labels."""
        key = f"{self.key}.labels.json"
        self._client.put_object(oss.PutObjectRequest(bucket=self.bucket, key=key, body=labels))

    def read_beside(self, uri: str) -> bytes:
        """The content of another object of the same bucket."""
        key = uri.removeprefix(f"oss://{self.bucket}/")
        result = self._client.get_object(oss.GetObjectRequest(bucket=self.bucket, key=key))
        with result.body as body:
            content: bytes = body.read()
        return content

    def refusal(self) -> str | None:
        """The code with which OSS refuses to give the object to this account; None where it gives it."""
        try:
            with self._client.get_object(oss.GetObjectRequest(bucket=self.bucket, key=self.key)).body as body:
                body.read()
        except oss.exceptions.OperationError as error:
            refused = error.unwrap()
            if not isinstance(refused, oss.exceptions.ServiceError):
                raise
            return str(refused.code)
        return None

    def tags(self) -> dict[str, str]:
        """The object's tags as OSS has them now."""
        request = oss.GetObjectTaggingRequest(bucket=self.bucket, key=self.key)
        result = self._client.get_object_tagging(request)
        return {tag.key: tag.value or "" for tag in (result.tag_set.tags if result.tag_set else None) or []}


class Bucket:
    """What a bucket does by its objects' tags, through alibabacloud-oss-v2."""

    def __init__(self, account: Account, name: str) -> None:
        self._client = oss_client(account)
        self.name = name

    def move_tagged(self, tag: tuple[str, str], storage_class: str, before: datetime) -> None:
        """Have one lifecycle rule: what has a tag and was written before a time goes to a storage class."""
        key, value = tag
        rule = oss.LifecycleRule(
            id=f"{key}-{value}",
            prefix="",
            status="Enabled",
            tags=[oss.Tag(key=key, value=value)],
            transitions=[
                oss.LifecycleRuleTransition(created_before_date=before, storage_class=storage_class)
            ],
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

    def __init__(self, account: Account, name: str) -> None:
        self.name = name
        self._client = ImmClient(
            Config(
                region_id=account.region,
                endpoint=account.imm_endpoint.partition("://")[2],
                protocol=account.imm_endpoint.partition("://")[0].upper(),
                access_key_id=account.access_key_id,
                access_key_secret=account.access_key_secret,
            )
        )

    def create(self) -> None:
        """Create the project."""
        self._client.create_project(imm_models.CreateProjectRequest(project_name=self.name))

    def start_task(self, uri: str, topic: str) -> str:
        """Create a task that finds a video's labels and tells a topic of its end; returns its id."""
        mns = imm_models.MNS(topic_name=topic)
        request = imm_models.CreateVideoLabelClassificationTaskRequest(
            project_name=self.name, source_uri=uri, notification=imm_models.Notification(mns=mns)
        )
        task_id: str = self._client.create_video_label_classification_task(request).body.task_id
        return task_id

    def result(self, task_id: str) -> Any:
        """The result of a task (GetVideoLabelClassificationResult)."""
        request = imm_models.GetVideoLabelClassificationResultRequest(
            project_name=self.name, task_type=TASK_TYPE, task_id=task_id
        )
        return self._client.get_video_label_classification_result(request).body


def oss_client(account: Account) -> oss.Client:
    """The client of OSS for an account."""
    config = oss.config.load_default()
    config.region = account.region
    config.endpoint = account.oss_endpoint
    config.credentials_provider = oss.credentials.StaticCredentialsProvider(
        account.access_key_id, account.access_key_secret
    )
    return oss.Client(config)
