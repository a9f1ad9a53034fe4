"""Nothing but the function's five calls, as the SDKs' samples make them: what a notification has to cost.

The clients are kept, as are their connections; the calls are made one after the other in one thread, their
answers are read by the SDKs and not looked at. The OSS client is spared what requests does by default for
every call and the function avoids: looking for proxies and .netrc. So nothing is counted in the function's
favour.
"""

from __future__ import annotations

import json
import os
from typing import Any

import alibabacloud_oss_v2 as oss
import requests
from alibabacloud_imm20200930 import models as imm_models
from alibabacloud_imm20200930.client import Client as ImmClient
from alibabacloud_tea_openapi import models as open_api_models

TASK_TYPE = "VideoLabelClassification"

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
    session = requests.Session()
    session.trust_env = False
    cfg.http_client = oss.transport.RequestsHttpClient(session=session)
    oss_client = oss.Client(cfg)


def handler(event: bytes, context: Any) -> str:
    """Make the calls for a task, an object and tags: an event of this program's own."""
    order = json.loads(event)
    task = {"project_name": order["project"], "task_type": TASK_TYPE, "task_id": order["task_id"]}
    target = {"bucket": order["bucket"], "key": order["key"]}
    imm_client.get_video_label_classification_result(
        imm_models.GetVideoLabelClassificationResultRequest(**task)
    )
    imm_client.get_task(imm_models.GetTaskRequest(**task, request_definition=True))
    oss_client.head_object(oss.HeadObjectRequest(**target))
    oss_client.get_object_tagging(oss.GetObjectTaggingRequest(**target))
    tags = [oss.Tag(key=key, value=value) for key, value in order["tags"].items()]
    oss_client.put_object_tagging(
        oss.PutObjectTaggingRequest(**target, tagging=oss.Tagging(tag_set=oss.TagSet(tags=tags)))
    )
    return "OK"
