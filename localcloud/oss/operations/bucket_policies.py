"""The operations on a bucket's policy, and on whether it may open the bucket to the public.

Sources: help.aliyun.com, the API pages of Put-, Get- and DeleteBucketPolicy, GetBucketPolicyStatus and
PutBucketPublicAccessBlock. New buckets block public access.
"""

from __future__ import annotations

from starlette.responses import Response

from localcloud.oss.access.bucket_policy import MAX_POLICY_BYTES, BucketPolicy, parse_bucket_policy
from localcloud.oss.protocol import documents, responses
from localcloud.oss.protocol.errors import (
    invalid_policy,
    malformed_xml,
    no_such_bucket_policy,
    public_access_blocked,
)
from localcloud.oss.protocol.request import OssRequest
from localcloud.oss.storage.objects import ObjectStore
from localcloud.ram.document import MalformedPolicy

_POLICY = "policy"
_BLOCK = "publicAccessBlock"


class BucketPolicyOperations:
    """Answers requests about the policies of buckets."""

    def __init__(self, store: ObjectStore) -> None:
        self._store = store

    def put(self, request: OssRequest, body: bytes) -> Response:
        """PutBucketPolicy: the policy is replaced as a whole."""
        try:
            text = body.decode()
            policy = parse_bucket_policy(text)
        except (MalformedPolicy, UnicodeDecodeError) as error:
            raise invalid_policy(str(error)) from None
        if len(body) > MAX_POLICY_BYTES:
            raise invalid_policy(f"the document has more than {MAX_POLICY_BYTES} bytes")
        if policy.is_public and blocks_public_access(self._store, request.bucket):
            raise public_access_blocked("policy")
        self._store.configure(request.bucket, _POLICY, text)
        return responses.empty()

    def get(self, request: OssRequest) -> Response:
        """GetBucketPolicy: the policy as it was put."""
        kept = self._store.configuration(request.bucket, _POLICY)
        if kept is None:
            raise no_such_bucket_policy(request.bucket)
        return Response(kept.document, 200, {"content-type": "application/json"})

    def delete(self, request: OssRequest) -> Response:
        """DeleteBucketPolicy; 204 also where there is none."""
        self._store.unconfigure(request.bucket, _POLICY)
        return responses.empty(204)

    def status(self, request: OssRequest) -> Response:
        """GetBucketPolicyStatus."""
        policy = policy_of(self._store, request.bucket)
        is_public = policy is not None and policy.is_public
        shown: list[documents.Node] = [("IsPublic", "true" if is_public else "false")]
        return responses.document(documents.write("PolicyStatus", shown))

    def put_block(self, request: OssRequest, body: bytes) -> Response:
        """PutBucketPublicAccessBlock."""
        root = documents.read(body, "PublicAccessBlockConfiguration")
        # The older SDK for Python writes True and False.
        blocked = (root.findtext("BlockPublicAccess") or "").lower()
        if blocked not in ("true", "false"):
            raise malformed_xml("BlockPublicAccess is true or false")
        self._store.configure(request.bucket, _BLOCK, blocked)
        return responses.empty()

    def get_block(self, request: OssRequest) -> Response:
        """GetBucketPublicAccessBlock."""
        shown: list[documents.Node] = [("BlockPublicAccess", shown_block(self._store, request.bucket))]
        return responses.document(documents.write("PublicAccessBlockConfiguration", shown))

    def delete_block(self, request: OssRequest) -> Response:
        """DeleteBucketPublicAccessBlock."""
        self._store.configure(request.bucket, _BLOCK, "false")
        return responses.empty(204)


def policy_of(store: ObjectStore, bucket: str) -> BucketPolicy | None:
    """The policy of a bucket, if it has one."""
    kept = store.configuration(bucket, _POLICY)
    return None if kept is None else parse_bucket_policy(kept.document)


def shown_block(store: ObjectStore, bucket: str) -> str:
    """Whether public access to a bucket is blocked: ``true`` or ``false``."""
    kept = store.configuration(bucket, _BLOCK)
    return "true" if kept is None else kept.document


def blocks_public_access(store: ObjectStore, bucket: str) -> bool:
    """Whether nothing may open a bucket to the public."""
    return shown_block(store, bucket) == "true"
