"""The handler that the documentation leads to: what this project's function is compared with.

Each part follows a sample, as somebody would put them together who has the same task:

* the handler and its event: help.aliyun.com, Function Compute, "MNS topic triggers", ``json.loads(event)``;
* the initializer, with clients that are kept: Function Compute, "Instance lifecycle hooks";
* the IMM client with keys from the environment: the sample that OpenAPI Explorer generates for Python;
* GetVideoLabelClassificationResult and GetTask: the same, for each of the two;
* the OSS client: the OSS SDK's ``samples/get_object_tagging.py``, with the static keys that Function
  Compute's page on accessing OSS has in place of variables that it does not set;
* GetObjectTagging and PutObjectTagging: ``samples/get_object_tagging.py``, ``samples/put_object_tagging.py``.

It does its job: tags of others are kept, and a name that OSS would refuse is written in base64. It leaves out
what the samples leave out: which of two tasks is the newer one, objects that have changed since, repetitions
beyond the SDKs' own, settings, a log. A list is handled one by one.
"""

from __future__ import annotations

import base64
import json
import os
from typing import Any

import alibabacloud_oss_v2 as oss
from alibabacloud_imm20200930 import models as imm_models
from alibabacloud_imm20200930.client import Client as ImmClient
from alibabacloud_tea_openapi import models as open_api_models

TASK_TYPE = "VideoLabelClassification"
MAX_TAGS = 10

imm_client: ImmClient
oss_client: oss.Client


def initialize(context: Any) -> None:
    """Build both clients."""
    global imm_client, oss_client
    key_id = os.environ["ALIBABA_CLOUD_ACCESS_KEY_ID"]
    secret = os.environ["ALIBABA_CLOUD_ACCESS_KEY_SECRET"]
    token = os.environ["ALIBABA_CLOUD_SECURITY_TOKEN"]
    config = open_api_models.Config(access_key_id=key_id, access_key_secret=secret, security_token=token)
    config.endpoint = os.environ["IMM_ENDPOINT"].partition("://")[2]
    imm_client = ImmClient(config)
    cfg = oss.config.load_default()
    cfg.credentials_provider = oss.credentials.StaticCredentialsProvider(key_id, secret, token)
    cfg.region = context.region
    cfg.endpoint = os.environ["OSS_ENDPOINT"]
    oss_client = oss.Client(cfg)


def handler(event: bytes, context: Any) -> str:
    """Tag the object of every task that the event announces."""
    messages = json.loads(event)
    for message in messages if isinstance(messages, list) else [messages]:
        notification = json.loads(message["Message"])
        _tag(json.loads(notification["content"]))
    return "OK"


def _tag(task: dict[str, Any]) -> None:
    result = imm_client.get_video_label_classification_result(
        imm_models.GetVideoLabelClassificationResultRequest(
            project_name=task["ProjectName"], task_type=TASK_TYPE, task_id=task["TaskId"]
        )
    )
    described = imm_client.get_task(
        imm_models.GetTaskRequest(
            project_name=task["ProjectName"],
            task_type=TASK_TYPE,
            task_id=task["TaskId"],
            request_definition=True,
        )
    )
    uri = json.loads(described.body.task_request_definition)["SourceURI"]
    bucket, _, key = uri.removeprefix("oss://").partition("/")
    current = oss_client.get_object_tagging(oss.GetObjectTaggingRequest(bucket=bucket, key=key))
    tags = {tag.key: tag.value or "" for tag in current.tag_set.tags or []}
    for label in result.body.labels:
        name = f"imm_{_name(label.label_name)}"
        if name in tags or len(tags) < MAX_TAGS:
            tags[name] = f"{label.label_confidence:.2f}"
    oss_client.put_object_tagging(
        oss.PutObjectTaggingRequest(
            bucket=bucket,
            key=key,
            tagging=oss.Tagging(
                tag_set=oss.TagSet(tags=[oss.Tag(key=key, value=value) for key, value in tags.items()])
            ),
        )
    )


def _name(label: str) -> str:
    return label if label.isascii() else base64.b64encode(label.encode()).decode()
