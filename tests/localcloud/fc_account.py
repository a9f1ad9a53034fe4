"""A local cloud that is deployed to with the official SDK, as fc3 does it: token, upload, call."""

from __future__ import annotations

import base64
import hashlib
import hmac
import io
import json
import stat
import zipfile
from collections.abc import Mapping
from dataclasses import dataclass, field
from email.utils import formatdate
from typing import Any

import requests
from alibabacloud_fc20230330 import models as fc
from alibabacloud_fc20230330.client import Client
from darabonba.runtime import RuntimeOptions

from localcloud.accounts import Identity
from localcloud.cloud import LocalCloud
from localcloud.config import CloudConfig
from localcloud.fc.signature import sign
from tests.localcloud.tenancy import sdk

ACCOUNT = CloudConfig().account_id
REGION = CloudConfig().region
TOKEN_PATH = "/2016-08-15/tempBucketToken"
TOPIC = "tasks"
HELLO = {"index.py": "def handler(event, context):\n    return b'hello ' + event\n"}


def package(files: Mapping[str, str | bytes], links: Mapping[str, str] | None = None) -> bytes:
    """A zip file of texts, and of symbolic links by their targets."""
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in files.items():
            archive.writestr(name, content)
        for name, target in (links or {}).items():
            entry = zipfile.ZipInfo(name)
            entry.create_system = 3
            entry.external_attr = (stat.S_IFLNK | 0o777) << 16
            archive.writestr(entry, target)
    return buffer.getvalue()


@dataclass(frozen=True)
class Account:
    """Whoever deploys, and with which keys."""

    cloud: LocalCloud
    keys: Identity = field(repr=False)

    @property
    def sdk(self) -> Client:
        return Client(sdk(self.cloud.endpoints.fc, self.keys))

    def token(self, **headers: str) -> requests.Response:
        """What fc3's older SDK asks for before each upload."""
        signed = {"date": formatdate(usegmt=True), "x-fc-account-id": ACCOUNT, **headers}
        if self.keys.security_token:
            signed["x-fc-security-token"] = self.keys.security_token
        signature = sign(self.keys.access_key_secret, "GET", TOKEN_PATH, signed)
        signed.setdefault("authorization", f"FC {self.keys.access_key_id}:{signature}")
        return requests.get(f"{self.cloud.endpoints.fc}{TOKEN_PATH}", headers=signed, timeout=10)

    def put(self, token: Mapping[str, Any], data: bytes, name: str = "", **headers: str) -> requests.Response:
        """Upload as ali-oss does to an address that is a number: the bucket stands in the host alone."""
        keys, bucket = token["credentials"], token["ossBucket"]
        key = name or f"{ACCOUNT}/{token['objectName']}"
        sent = {
            "content-type": "application/zip",
            "x-oss-date": formatdate(usegmt=True),
            "x-oss-security-token": keys["SecurityToken"],
            **headers,
        }
        own = "".join(f"{name}:{sent[name]}\n" for name in sorted(sent) if name.startswith("x-oss-"))
        text = f"PUT\n\n{sent['content-type']}\n{sent['x-oss-date']}\n{own}/{bucket}/{key}"
        digest = hmac.new(keys["AccessKeySecret"].encode(), text.encode(), hashlib.sha1).digest()
        sent.setdefault("authorization", f"OSS {keys['AccessKeyId']}:{base64.b64encode(digest).decode()}")
        host = {"host": f"{bucket}.oss-{REGION}.aliyuncs.com"}
        return requests.put(f"{self.cloud.endpoints.oss}/{key}", data, headers={**sent, **host}, timeout=10)

    def upload(self, data: bytes) -> fc.InputCodeLocation:
        """Upload a package and give its place."""
        token = self.token().json()
        answer = self.put(token, data)
        assert answer.status_code == 200, answer.text
        name = f"{ACCOUNT}/{token['objectName']}"
        return fc.InputCodeLocation(oss_bucket_name=token["ossBucket"], oss_object_name=name)

    def create(
        self, name: str = "hello", files: Mapping[str, str | bytes] = HELLO, **props: Any
    ) -> fc.Function:
        """CreateFunction."""
        given = {"runtime": "python3.12", "handler": "index.handler", "timeout": 30, **props}
        body = fc.CreateFunctionInput(function_name=name, code=self.upload(package(files)), **given)
        return self.sdk.create_function(fc.CreateFunctionRequest(body=body)).body

    def update(
        self, name: str = "hello", files: Mapping[str, str | bytes] | None = None, **props: Any
    ) -> fc.Function:
        """UpdateFunction."""
        code = None if files is None else self.upload(package(files))
        body = fc.UpdateFunctionInput(code=code, **props)
        return self.sdk.update_function(name, fc.UpdateFunctionRequest(body=body)).body

    def subscribe(self, function: str = "hello", name: str = "imm", **settings: Any) -> fc.Trigger:
        """CreateTrigger of the type mns_topic."""
        config = {"notifyContentFormat": "STREAM", "notifyStrategy": "BACKOFF_RETRY"}
        given = {
            "trigger_type": "mns_topic",
            "source_arn": f"acs:mns:{REGION}:{ACCOUNT}:/topics/{TOPIC}",
            "invocation_role": f"acs:ram::{ACCOUNT}:role/mns",
            "qualifier": "LATEST",
            "trigger_config": json.dumps(config),
            **settings,
        }
        body = fc.CreateTriggerInput(trigger_name=name, **given)
        return self.sdk.create_trigger(function, fc.CreateTriggerRequest(body=body)).body

    def put_rules(self, function: str = "hello", failure: str | None = None, **rules: Any) -> Any:
        """PutAsyncInvokeConfig."""
        destinations = (
            fc.DestinationConfig(on_failure=fc.Destination(destination=failure)) if failure else None
        )
        body = fc.PutAsyncInvokeConfigInput(destination_config=destinations, **rules)
        request = fc.PutAsyncInvokeConfigRequest(body=body, qualifier="LATEST")
        return self.sdk.put_async_invoke_config(function, request).body

    def publish_layer(
        self,
        files: Mapping[str, str | bytes],
        name: str = "deps",
        runtimes: tuple[str, ...] = ("python3.12",),
    ) -> fc.Layer:
        """CreateLayerVersion."""
        body = fc.CreateLayerVersionInput(code=self.upload(package(files)), compatible_runtime=list(runtimes))
        return self.sdk.create_layer_version(name, fc.CreateLayerVersionRequest(body=body)).body

    def invoke(self, event: bytes = b"", name: str = "hello") -> bytes:
        """InvokeFunction, and wait for the answer."""
        request = fc.InvokeFunctionRequest(body=io.BytesIO(event))
        answer = self.sdk.invoke_function_with_options(
            name, request, fc.InvokeFunctionHeaders(), RuntimeOptions(autoretry=False)
        )
        body: bytes = answer.body.read()
        return body
