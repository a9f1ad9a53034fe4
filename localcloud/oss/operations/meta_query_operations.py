"""The operations on a bucket's metadata index: Open-, Get-, Do- and CloseMetaQuery.

Sources: help.aliyun.com, the API page of each operation. OSS's index lags behind the bucket; this one does
not.
"""

from __future__ import annotations

from datetime import timedelta

from starlette.responses import Response

from localcloud.clock import Clock
from localcloud.oss.operations.meta_query import read_meta_query
from localcloud.oss.protocol import documents, responses
from localcloud.oss.protocol.errors import meta_query_exists, no_such_meta_query, not_implemented_here
from localcloud.oss.protocol.request import OssRequest
from localcloud.oss.storage.objects import Configuration, ObjectStore

_NAME = "metaQuery"
_BASIC = "basic"
# A new index says Ready for a while, which means that it is being prepared.
_PREPARED_IN = timedelta(seconds=2)


class MetaQueryOperations:
    """Answers requests about a bucket's metadata index."""

    def __init__(self, store: ObjectStore, clock: Clock) -> None:
        self._store = store
        self._clock = clock

    def open(self, request: OssRequest) -> Response:
        """OpenMetaQuery."""
        _check_mode(request)
        if self._store.configuration(request.bucket, _NAME) is not None:
            raise meta_query_exists(request.bucket)
        self._store.configure(request.bucket, _NAME, _BASIC)
        return responses.empty()

    def status(self, request: OssRequest) -> Response:
        """GetMetaQueryStatus."""
        index = self._index(request.bucket)
        prepared = self._clock.now() >= index.created + _PREPARED_IN
        created = index.created.isoformat()
        nodes: list[documents.Node] = [
            ("State", "Running" if prepared else "Ready"),
            ("Phase", "IncrementalScanning" if prepared else "FullScanning"),
            ("CreateTime", created),
            ("UpdateTime", created),
            ("MetaQueryMode", index.document),
        ]
        return responses.document(documents.write("MetaQueryStatus", nodes))

    def query(self, request: OssRequest, body: bytes) -> Response:
        """DoMetaQuery."""
        _check_mode(request)
        self._index(request.bucket)
        query = read_meta_query(body)
        return responses.document(query.document(self._store.objects(request.bucket)))

    def close(self, request: OssRequest) -> Response:
        """CloseMetaQuery; 200 also where there is no index."""
        self._store.unconfigure(request.bucket, _NAME)
        return responses.empty()

    def _index(self, bucket: str) -> Configuration:
        index = self._store.configuration(bucket, _NAME)
        if index is None:
            raise no_such_meta_query(bucket)
        return index


def _check_mode(request: OssRequest) -> None:
    mode = request.parameter("mode") or _BASIC
    if mode != _BASIC:
        raise not_implemented_here(f"the mode {mode} of metadata indexes")
