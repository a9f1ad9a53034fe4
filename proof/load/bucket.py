"""OSS as an owner of objects sees it, through the official SDK."""

from __future__ import annotations

from collections.abc import Iterator
from types import TracebackType
from urllib.parse import urlencode

import alibabacloud_oss_v2 as oss
import requests
from alibabacloud_oss_v2.transport import RequestsHttpClient

from localcloud.cloud import LocalCloud


class Owner:
    """The account's owner, who may read everything. Used as a context, which ends its connections."""

    def __init__(self, cloud: LocalCloud) -> None:
        keys = cloud.accounts.owner
        self._session = requests.Session()
        self._session.trust_env = False
        config = oss.config.load_default()
        config.region = cloud.config.region
        config.endpoint = cloud.endpoints.oss
        config.credentials_provider = oss.credentials.StaticCredentialsProvider(
            keys.access_key_id, keys.access_key_secret
        )
        config.http_client = RequestsHttpClient(session=self._session)
        self._client = oss.Client(config)

    def __enter__(self) -> Owner:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self._session.close()

    def upload(self, bucket: str, key: str, tags: tuple[tuple[str, str], ...]) -> None:
        """Write an object with tags; its content is its key."""
        request = oss.PutObjectRequest(
            bucket=bucket, key=key, body=key.encode(), tagging=urlencode(tags) or None
        )
        self._client.put_object(request)

    def tags(self, bucket: str, key: str) -> tuple[tuple[str, str], ...]:
        """An object's tags in OSS's order."""
        result = self._client.get_object_tagging(oss.GetObjectTaggingRequest(bucket=bucket, key=key))
        found = (result.tag_set.tags if result.tag_set else None) or []
        return tuple((tag.key, tag.value or "") for tag in found)

    def keys(self, bucket: str, prefix: str) -> Iterator[str]:
        """The keys under a prefix."""
        pages = self._client.list_objects_v2_paginator()
        for page in pages.iter_page(oss.ListObjectsV2Request(bucket=bucket, prefix=prefix)):
            for found in page.contents or []:
                yield found.key

    def read(self, bucket: str, key: str) -> bytes:
        """An object's content."""
        content: bytes = self._client.get_object(oss.GetObjectRequest(bucket=bucket, key=key)).body.content
        return content
