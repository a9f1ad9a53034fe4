"""An object storage on loopback, and the two official SDKs that talk to it."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import alibabacloud_oss_v2 as oss
import oss2
import pytest
import requests
from alibabacloud_oss_v2.transport import RequestsHttpClient

from localcloud.accounts import Accounts, Identity
from localcloud.calls import Call
from localcloud.clock import Clock
from localcloud.cloud import LocalCloud
from localcloud.config import CloudConfig
from localcloud.oss.service import ObjectStorage
from tests.localcloud.oss_signing import REGION, Answer, send, sign
from tests.localcloud.services import started

MEBIBYTE = 1024 * 1024
BUCKET = "media"
ACCOUNT_ID = CloudConfig().account_id
OWNER = Identity(CloudConfig().access_key_id, CloudConfig().access_key_secret)


@dataclass(frozen=True)
class Oss:
    """The object storage of a local cloud."""

    local: LocalCloud

    @property
    def storage(self) -> ObjectStorage:
        return self.local.objects

    @property
    def accounts(self) -> Accounts:
        return self.local.accounts

    @property
    def clock(self) -> Clock:
        return self.local.clock

    @property
    def base_url(self) -> str:
        return self.local.endpoints.oss

    @property
    def address(self) -> str:
        return self.base_url.removeprefix("http://")

    @property
    def bodies(self) -> set[str]:
        """The names of the bodies, and of the files of those on their way in."""
        return self.storage._storage.files.names()

    def calls(self, action: str) -> list[Call]:
        """The calls that have reached the storage; waits for those under way."""
        self.local.run(self.local.calls.settled())
        return self.local.calls.list("oss", action)

    def call(self, method: str, key: str | None = None, query: str = "", **options: Any) -> Answer:
        """Send one request to the bucket that is signed by the owner."""
        body = options.pop("body", b"")
        bucket = options.pop("bucket", BUCKET)
        return send(self.address, sign(OWNER, method, bucket, key, query, **options), body)

    def refused(self, method: str, key: str | None = None, query: str = "", **options: Any) -> str:
        """The code of the error that a request ends with, whose status is 400."""
        answer = self.call(method, key, query, **options)
        assert answer.status == 400, answer.body
        return answer.error()["Code"]


@contextmanager
def object_storage(
    directory: Path | None = None, bucket: str | None = BUCKET, **options: Any
) -> Iterator[Oss]:
    """Serve a new object storage with one bucket, or that of a directory."""
    with started(directory=directory, **options) as local:
        if bucket:
            local.call(local.objects.create_bucket, bucket)
        yield Oss(local)


@contextmanager
def official_client(cloud: Oss, identity: Identity = OWNER, **options: Any) -> Iterator[oss.Client]:
    """The official SDK, unmodified, without the environment's proxies and without retries."""
    config = oss.config.load_default()
    config.credentials_provider = oss.credentials.StaticCredentialsProvider(
        identity.access_key_id, identity.access_key_secret, identity.security_token
    )
    config.region, config.endpoint = REGION, cloud.base_url
    config.retryer = oss.retry.StandardRetryer(max_attempts=1)
    for name, value in options.items():
        setattr(config, name, value)
    with requests.Session() as session:
        session.trust_env = False
        config.http_client = RequestsHttpClient(session=session, connect_timeout=30, readwrite_timeout=30)
        yield oss.Client(config)


@contextmanager
def independent_client(cloud: Oss, identity: Identity = OWNER, region: str = REGION) -> Iterator[oss2.Bucket]:
    """The older official SDK, which shares no code with the other: a second opinion on the protocol."""
    if identity.security_token is None:
        auth: Any = oss2.AuthV4(identity.access_key_id, identity.access_key_secret)
    else:
        auth = oss2.StsAuth(
            identity.access_key_id, identity.access_key_secret, identity.security_token, auth_version="v4"
        )
    session = _ClosingSession()
    session.session.trust_env = False
    try:
        yield oss2.Bucket(auth, cloud.base_url, BUCKET, session=session, region=region)
    finally:
        session.close()


class _ClosingSession(oss2.Session):  # type: ignore[misc]
    # The SDK reads the beginning of an error and leaves its connection open.
    def __init__(self) -> None:
        super().__init__()
        self._responses: list[Any] = []

    def do_request(self, request: Any, timeout: Any) -> Any:
        response = super().do_request(request, timeout)
        self._responses.append(response.response)
        return response

    def close(self) -> None:
        for response in self._responses:
            response.close()
        self.session.close()


def ask(client: oss.Client, operation: str, /, **fields: Any) -> Any:
    """Call an operation of the SDK, such as ``head_object``, about the bucket if no field names another."""
    name = "".join(part.capitalize() for part in operation.split("_"))
    request = getattr(oss, f"{name}Request")(**{"bucket": BUCKET, **fields})
    return getattr(client, operation)(request)


def put(client: oss.Client, key: str, body: Any = b"a video", **fields: Any) -> oss.PutObjectResult:
    """Upload an object."""
    return ask(client, "put_object", key=key, body=body, **fields)


def get(client: oss.Client, key: str, **fields: Any) -> bytes:
    """Download an object."""
    with ask(client, "get_object", key=key, **fields).body as stream:
        content: bytes = stream.content
    return content


def head(client: oss.Client, key: str, **fields: Any) -> oss.HeadObjectResult:
    """What is told of an object."""
    return ask(client, "head_object", key=key, **fields)


def tagging(*tags: tuple[str, str]) -> oss.Tagging:
    """Tags as the SDK's requests have them."""
    return oss.Tagging(tag_set=oss.TagSet(tags=[oss.Tag(key=name, value=value) for name, value in tags]))


def set_tags(client: oss.Client, key: str, tags: list[tuple[str, str]], **fields: Any) -> None:
    """Replace an object's tags."""
    ask(client, "put_object_tagging", key=key, tagging=tagging(*tags), **fields)


def tags_of(client: oss.Client, key: str) -> list[tuple[str, str]]:
    """An object's tags in the order that OSS gives them."""
    result = ask(client, "get_object_tagging", key=key)
    tags = (result.tag_set.tags if result.tag_set else None) or []
    return [(tag.key, tag.value or "") for tag in tags]


def refusal(call: Callable[..., object], /, *arguments: Any, **fields: Any) -> Any:
    """The ServiceError that a call of the official SDK ends with."""
    with pytest.raises(oss.exceptions.OperationError) as caught:
        call(*arguments, **fields)
    error = caught.value.unwrap()
    assert isinstance(error, oss.exceptions.ServiceError)
    return error
