"""The tags of buckets: Put-, Get- and DeleteBucketTags, and which buckets have one.

Sources: help.aliyun.com, PutBucketTags, ListBuckets. They are other tags than those of objects, of other
characters and lengths.
"""

from __future__ import annotations

import json
from collections.abc import Mapping

from starlette.responses import Response

from localcloud.oss.protocol import responses
from localcloud.oss.protocol.errors import OssError, invalid_argument, malformed_xml
from localcloud.oss.protocol.request import OssRequest
from localcloud.oss.storage.objects import ObjectStore
from localcloud.oss.storage.tags import Tag, TagSet, read_tags, write_document

MAX_TAGS = 20
MAX_KEY = 64
MAX_VALUE = 128

_NAME = "tagging"
_RESERVED = ("http://", "https://", "aliyun", "acs:")


class BucketTagOperations:
    """Answers requests about the tags of buckets."""

    def __init__(self, store: ObjectStore) -> None:
        self._store = store

    def put(self, request: OssRequest, body: bytes) -> Response:
        """PutBucketTags: the tags are replaced as a whole."""
        try:
            tags = read_tags(body.decode())
        except UnicodeDecodeError as error:
            raise malformed_xml(str(error)) from None
        _check(tags)
        self._store.configure(request.bucket, _NAME, write_document(tags).decode())
        return responses.empty()

    def get(self, request: OssRequest) -> Response:
        """GetBucketTags; a bucket without tags has an empty set."""
        return responses.document(write_document(self._tags(request.bucket)))

    def delete(self, request: OssRequest) -> Response:
        """DeleteBucketTags: those whose keys the query names, or all."""
        named = (request.parameter("tagging") or "").split(",")
        left = tuple(tag for tag in self._tags(request.bucket) if named != [""] and tag.key not in named)
        self._store.configure(request.bucket, _NAME, write_document(left).decode())
        return responses.empty(204)

    def has(self, bucket: str, asked: Mapping[str, str | None]) -> bool:
        """Whether a bucket has all of these tags; with None any value will do."""
        tags = dict(self._tags(bucket))
        return all(key in tags and value in (None, tags[key]) for key, value in asked.items())

    def _tags(self, bucket: str) -> TagSet:
        kept = self._store.configuration(bucket, _NAME)
        return () if kept is None else read_tags(kept.document)


def asked_tags(request: OssRequest) -> Mapping[str, str | None]:
    """The tags that ListBuckets asks for: one by ``tag-key`` and ``tag-value``, or several by ``tagging``."""
    key, several = request.parameter("tag-key"), request.parameter("tagging")
    if key:
        return {key: request.parameter("tag-value")}
    if not several:
        return {}
    try:
        asked = json.loads(f"{{{several}}}")
    except ValueError:
        asked = None
    if not isinstance(asked, dict) or not all(isinstance(value, str) for value in asked.values()):
        message = 'The tags must be written as "key1":"value1","key2":"value2".'
        raise invalid_argument("tagging", several, message)
    return asked


def _check(tags: TagSet) -> None:
    if len(tags) > MAX_TAGS or len({tag.key for tag in tags}) < len(tags):
        message = f"A bucket has at most {MAX_TAGS} tags, each with a key of its own."
        raise OssError(400, "InvalidTag", message)
    for tag in tags:
        if not _is_legal(tag):
            raise OssError(400, "InvalidTag", "The tag you have provided is invalid", "", {"TagKey": tag.key})


def _is_legal(tag: Tag) -> bool:
    reserved = tag.key.lower().startswith(_RESERVED)
    return 0 < len(tag.key) <= MAX_KEY and len(tag.value) <= MAX_VALUE and not reserved
