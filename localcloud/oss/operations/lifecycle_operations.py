"""The operations on a bucket's lifecycle: Put-, Get- and DeleteBucketLifecycle, and carrying its rules out.

Sources: help.aliyun.com, the API page of each operation. OSS carries the rules out once a day; here it is
done when it is asked for.
"""

from __future__ import annotations

from dataclasses import dataclass

from starlette.responses import Response

from localcloud.clock import Clock
from localcloud.oss.operations.lifecycle import ALLOW_OVERLAP, EXPIRATION, Lifecycle, read_lifecycle
from localcloud.oss.protocol import responses
from localcloud.oss.protocol.errors import no_such_lifecycle
from localcloud.oss.protocol.request import OssRequest
from localcloud.oss.storage import storage_classes
from localcloud.oss.storage.multipart import MultipartUploads
from localcloud.oss.storage.objects import ObjectStore
from localcloud.oss.storage.tags import TagRules

_NAME = "lifecycle"


@dataclass(frozen=True)
class Done:
    """What a rule did to an object; ``storage_class`` is its new one, or None where it was deleted.

    With an ``upload_id`` it is that upload of the object which was aborted.
    """

    key: str
    rule_id: str
    storage_class: str | None
    upload_id: str | None = None


class LifecycleOperations:
    """Answers requests about the lifecycle of a bucket."""

    def __init__(self, store: ObjectStore, uploads: MultipartUploads, rules: TagRules, clock: Clock) -> None:
        self._store = store
        self._uploads = uploads
        self._rules = rules
        self._clock = clock

    def put(self, request: OssRequest, body: bytes) -> Response:
        """PutBucketLifecycle: the rules are replaced as a whole."""
        allow_overlap = (request.header(ALLOW_OVERLAP) or "").lower() == "true"
        lifecycle = read_lifecycle(body, self._rules, allow_overlap=allow_overlap)
        self._store.configure(request.bucket, _NAME, lifecycle.document().decode())
        return responses.empty()

    def get(self, request: OssRequest) -> Response:
        """GetBucketLifecycle."""
        lifecycle = self._lifecycle(request.bucket)
        if lifecycle is None:
            raise no_such_lifecycle(request.bucket)
        return responses.document(lifecycle.document())

    def delete(self, request: OssRequest) -> Response:
        """DeleteBucketLifecycle; 204 also where there is none."""
        self._store.unconfigure(request.bucket, _NAME)
        return responses.empty(204)

    def carry_out(self, bucket: str) -> list[Done]:
        """Do what is due in a bucket by now; raises OssError for a bucket that there is not."""
        self._store.bucket(bucket)
        lifecycle, now = self._lifecycle(bucket), self._clock.now()
        done: list[Done] = []
        if lifecycle is None:
            return done
        for info in list(self._store.objects(bucket)):
            due = lifecycle.due(info, now)
            if due is None:
                continue
            action, rule = due
            if action.kind == EXPIRATION:
                self._store.delete(bucket, info.key)
                done.append(Done(info.key, rule.rule_id, None))
            else:
                self._store.set_header(info, storage_classes.HEADER, action.storage_class)
                done.append(Done(info.key, rule.rule_id, action.storage_class))
        for upload in self._uploads.all(bucket):
            found = lifecycle.aborting(upload.key, upload.initiated, now)
            if found is not None:
                self._uploads.forget(upload)
                done.append(Done(upload.key, found.rule_id, None, upload.upload_id))
        return done

    def _lifecycle(self, bucket: str) -> Lifecycle | None:
        kept = self._store.configuration(bucket, _NAME)
        return read_lifecycle(kept.document.encode(), self._rules, allow_overlap=True) if kept else None
