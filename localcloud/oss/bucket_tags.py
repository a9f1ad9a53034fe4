"""The tags of buckets: Put-, Get- and DeleteBucketTags, and which buckets have one.

Sources: help.aliyun.com, PutBucketTags, ListBuckets. They are other tags than those of objects, of other
characters and lengths.
"""

from __future__ import annotations

from starlette.responses import Response

from localcloud.oss import responses
from localcloud.oss.errors import OssError, malformed_xml
from localcloud.oss.objects import ObjectStore
from localcloud.oss.request import OssRequest
from localcloud.oss.tagging import Tag, TagSet, read_tags, write_document

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
        """DeleteBucketTags."""
        self._store.unconfigure(request.bucket, _NAME)
        return responses.empty(204)

    def has(self, bucket: str, key: str | None, value: str | None) -> bool:
        """Whether a bucket has a tag of that key, and of that value if one is given."""
        if key is None:
            return True
        return any(tag.key == key and value in (None, tag.value) for tag in self._tags(bucket))

    def _tags(self, bucket: str) -> TagSet:
        kept = self._store.configuration(bucket, _NAME)
        return () if kept is None else read_tags(kept.document)


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
