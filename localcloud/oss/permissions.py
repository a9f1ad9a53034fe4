"""Which permissions each operation needs, of RAM or of the bucket's policy, and the refusal of who lacks one.

Sources: alibabacloud.com/help, OSS "Authorization syntax and elements" (actions, resources, condition keys)
and the pages of the EC numbers 0003-00000001, 0003-00000201, 0003-00000202 and 0003-00000905.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from types import MappingProxyType
from typing import NamedTuple, TypeVar

from localcloud.accounts import Identity
from localcloud.oss.access.acl import BUCKET_ACL, opens
from localcloud.oss.access.claims import anonymous
from localcloud.oss.operations.bucket_policies import blocks_public_access, policy_of
from localcloud.oss.operations.multiple_deletion import keys_to_delete
from localcloud.oss.operations.objects import copied_object, replaces_tags
from localcloud.oss.operations.symlinks import target_of
from localcloud.oss.protocol.errors import OssError, access_denied
from localcloud.oss.protocol.request import OssRequest
from localcloud.oss.storage.objects import OBJECT_ACL, SYMLINK, ObjectStore
from localcloud.oss.storage.tags import HEADER, TagRules, TagSet
from localcloud.ram.authorization import NO_POLICY, AccessRefused, Authorization
from localcloud.ram.conditions import DELIMITER, EXISTING_TAG, PREFIX, REQUEST_TAG, Context
from localcloud.ram.policy import Decision, Policy

T = TypeVar("T")
U = TypeVar("U")

_BY_BUCKET_ACL = "You have no right to access this object because of bucket acl."
_NOT_YOURS = "The bucket you access does not belong to you."

# The actions that are not named as their operation is.
_ACTIONS: Mapping[str, str] = MappingProxyType(
    {
        "ListObjectsV2": "oss:ListObjects",
        "PutBucketTags": "oss:PutBucketTagging",
        "GetBucketTags": "oss:GetBucketTagging",
        "DeleteBucketTags": "oss:DeleteBucketTagging",
        "HeadObject": "oss:GetObject",
        "GetObjectMeta": "oss:GetObject",
        "GetSymlink": "oss:GetObject",
        "UploadPart": "oss:PutObject",
        "CompleteMultipartUpload": "oss:PutObject",
    }
)
# Those whose callers may be told apart by the tags that the object has.
_OF_TAGGED_OBJECT = frozenset(
    {
        "GetObject",
        "HeadObject",
        "GetObjectMeta",
        "GetSymlink",
        "GetObjectTagging",
        "PutObjectTagging",
        "DeleteObjectTagging",
    }
)
_WRITING = frozenset({"PutObject", "AppendObject", "InitiateMultipartUpload", "PutSymlink"})
# Who reads through a link reads its target too.
_READING = frozenset({"GetObject", "HeadObject", "GetObjectMeta"})


class _Need(NamedTuple):
    action: str
    path: str
    context: Context
    message: str = _BY_BUCKET_ACL
    ec: str = "0003-00000001"


class Permissions:
    """Asks RAM and bucket policies about operations; without an authorization whoever has keys may do all."""

    def __init__(
        self, store: ObjectStore, rules: TagRules, account_id: str, authorization: Authorization | None
    ) -> None:
        self._store = store
        self._rules = rules
        self._account_id = account_id
        self._authorization = authorization

    def check(
        self,
        identity: Identity | None,
        request: OssRequest,
        operation: str,
        context: Context,
        body: bytes = b"",
    ) -> None:
        """Raise OssError unless the caller may carry out an operation; ``context`` is that of the request.

        Whoever has not signed has no identity, and may do what the bucket's policy opens to everybody.
        """
        if self._authorization is None:
            if identity is None:
                raise anonymous(request)
            return
        for need in self._needs(request, operation, body):
            resource, asked = self._resource(need.path), {**context, **need.context}
            attached = self._attached(self._authorization, identity, need.path)
            try:
                self._authorization.check(identity, need.action, resource, asked, attached)
            except AccessRefused as refused:
                bucket, _, key = need.path.partition("/")
                if refused.decision is Decision.IMPLICIT_DENY and opens(
                    self._store, need.action, bucket, key
                ):
                    continue
                if identity is None:
                    raise anonymous(request) from None
                raise _refusal(refused, need, request.bucket) from None

    def shows_tag_count(self, identity: Identity | None, request: OssRequest, context: Context) -> bool:
        """Whether an object's answer may tell its caller how many tags it has."""
        if self._authorization is None:
            return True
        path = f"{request.bucket}/{request.key}"
        asked = {**context, **self._existing_tags(request.bucket, request.key)}
        attached = self._attached(self._authorization, identity, path)
        action = "oss:GetObjectTagging"
        return self._authorization.permits(identity, action, self._resource(path), asked, attached)

    def _attached(self, authorization: Authorization, identity: Identity | None, path: str) -> Policy:
        """What the policy of the bucket says about a caller."""
        bucket = path.partition("/")[0]
        policy = policy_of(self._store, bucket)
        if policy is None:
            return NO_POLICY
        blocked = blocks_public_access(self._store, bucket)
        return policy.about(authorization.principal(identity), self._account_id, public_blocked=blocked)

    def _resource(self, path: str) -> str:
        return f"acs:oss:*:{self._account_id}:{path}"

    def _needs(self, request: OssRequest, operation: str, body: bytes) -> list[_Need]:
        if not request.bucket:
            return [_Need(_action(operation), "*", {}, _NOT_YOURS, "0003-00000202")]
        if operation == "DeleteMultipleObjects":
            # Whether OSS deletes what is permitted of several is not documented: all must be.
            keys = _readable(keys_to_delete, body)
            return [_Need("oss:DeleteObject", f"{request.bucket}/{key}", {}) for key in keys]
        if not request.raw_key:
            return self._bucket_needs(request, operation)
        path = f"{request.bucket}/{request.key}"
        if operation in _WRITING:
            return self._put_needs(path, request, _readable(self._rules.read_header, request.header(HEADER)))
        if operation == "CopyObject":
            return self._copy_needs(path, request)
        if operation == "UploadPartCopy":
            bucket, key = copied_object(request)
            source = _Need("oss:GetObject", f"{bucket}/{key}", self._existing_tags(bucket, key))
            return [source, _Need("oss:PutObject", path, {})]
        if operation in _OF_TAGGED_OBJECT:
            return self._tagged_needs(path, request, operation, body)
        if operation == "CompleteMultipartUpload":
            # It may bring an ACL; the tags came with the upload's beginning.
            return self._put_needs(path, request, ())
        return [_Need(_action(operation), path, {})]

    def _tagged_needs(self, path: str, request: OssRequest, operation: str, body: bytes) -> list[_Need]:
        context = self._existing_tags(request.bucket, request.key)
        if operation == "PutObjectTagging":
            context.update(_tags(REQUEST_TAG, _readable(self._rules.read_document, body)))
        needs = [_Need(_action(operation), path, context)]
        found = self._store.find(request.bucket, request.key) if operation in _READING else None
        if found is not None and found.object_type == SYMLINK:
            target = target_of(found)
            existing = self._existing_tags(request.bucket, target)
            needs.append(_Need(_action(operation), f"{request.bucket}/{target}", existing))
        return needs

    def _bucket_needs(self, request: OssRequest, operation: str) -> list[_Need]:
        context = {}
        if operation in ("ListObjects", "ListObjectsV2"):
            names = ((PREFIX, "prefix"), (DELIMITER, "delimiter"))
            context = {key: request.parameter(name) or "" for key, name in names}
        ec = "0003-00000202" if operation == "PutBucket" else "0003-00000001"
        need = _Need(_action(operation), request.bucket, context, _NOT_YOURS, ec)
        if operation == "PutBucket" and request.header(BUCKET_ACL):
            return [need, need._replace(action="oss:PutBucketAcl")]
        return [need]

    def _put_needs(self, path: str, request: OssRequest, tags: TagSet) -> list[_Need]:
        context = _tags(REQUEST_TAG, tags)
        needs = [_Need("oss:PutObject", path, context)]
        if request.header(OBJECT_ACL):
            needs.append(_Need("oss:PutObjectAcl", path, context))
        if tags:
            needs.append(_Need("oss:PutObjectTagging", path, context, ec="0003-00000905"))
        return needs

    def _copy_needs(self, path: str, request: OssRequest) -> list[_Need]:
        """Both sides; and where tags are copied or given, the permissions to read and to write them.

        That a copy which takes tags along by itself needs those too is the stricter of two readings.
        """
        bucket, key = copied_object(request)
        source = f"{bucket}/{key}"
        existing = self._existing_tags(bucket, key)
        needs = [_Need("oss:GetObject", source, existing)]
        found = self._store.find(bucket, key)
        if replaces_tags(request):
            tags = _readable(self._rules.read_header, request.header(HEADER))
        else:
            tags = found.tags if found else ()
        if tags:
            needs.append(_Need("oss:GetObjectTagging", source, existing))
        return [*needs, *self._put_needs(path, request, tags)]

    def _existing_tags(self, bucket: str, key: str) -> dict[str, str]:
        found = self._store.find(bucket, key)
        return _tags(EXISTING_TAG, found.tags if found else ())


def _action(operation: str) -> str:
    return _ACTIONS.get(operation, f"oss:{operation}")


def _tags(prefix: str, tags: TagSet) -> dict[str, str]:
    return {prefix + tag.key: tag.value for tag in tags}


def _readable(read: Callable[[T], tuple[U, ...]], given: T) -> tuple[U, ...]:
    """What a request carries; where it cannot be read it is refused later."""
    try:
        return read(given)
    except OssError:
        return ()


def _refusal(refused: AccessRefused, need: _Need, bucket: str) -> OssError:
    message, ec = need.message, need.ec
    if refused.decision is Decision.EXPLICIT_DENY:
        # OSS says so of a Deny in a RAM policy too.
        message, ec = "Access denied by bucket policy.", "0003-00000201"
    return access_denied(message, ec, refused.detail, bucket, refused.principal.name)
