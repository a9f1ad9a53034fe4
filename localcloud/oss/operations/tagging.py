"""The operations on an object's tags: PutObjectTagging, GetObjectTagging, DeleteObjectTagging.

Sources: help.aliyun.com, the API page of each operation. A set is always replaced as a whole, and neither
Last-Modified nor ETag changes.
"""

from __future__ import annotations

from starlette.responses import Response

from localcloud.oss.protocol import conditions, responses
from localcloud.oss.protocol.request import OssRequest
from localcloud.oss.storage.objects import ObjectStore
from localcloud.oss.storage.tags import TagRules, write_document


class TaggingOperations:
    """Answers requests that concern the tags of objects."""

    def __init__(self, store: ObjectStore, rules: TagRules) -> None:
        self._store = store
        self._rules = rules

    def put(self, request: OssRequest, body: bytes) -> Response:
        """PutObjectTagging."""
        conditions.refuse_conditions(request)
        self._store.set_tags(request.bucket, request.key, self._rules.read_document(body))
        return responses.empty()

    def get(self, request: OssRequest) -> Response:
        """GetObjectTagging; an object without tags has an empty set."""
        info = self._store.get(request.bucket, request.key)
        return responses.document(write_document(info.tags))

    def delete(self, request: OssRequest) -> Response:
        """DeleteObjectTagging."""
        self._store.set_tags(request.bucket, request.key, ())
        return responses.empty(204)
