"""Which permissions each operation needs, of RAM or of the bucket's policy, and the refusal of who lacks one.

Sources: alibabacloud.com/help, OSS "Authorization syntax and elements" (actions, resources, condition keys)
and the pages of the EC numbers 0003-00000001, 0003-00000201, 0003-00000202 and 0003-00000905.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple, TypeVar

from localcloud.accounts import Identity
from localcloud.oss.access.acl import BUCKET_ACL, opens
from localcloud.oss.access.bucket_policy import blocks_public_access, policy_of
from localcloud.oss.access.signature import anonymous
from localcloud.oss.operations.deletion import keys_to_delete
from localcloud.oss.operations.reading import link_target
from localcloud.oss.operations.table import OssOperation
from localcloud.oss.operations.writing import copied_object, replaces_tags
from localcloud.oss.protocol.errors import Content, OssError
from localcloud.oss.protocol.request import OssRequest
from localcloud.oss.storage.objects import OBJECT_ACL, SYMLINK
from localcloud.oss.storage.storage import Storage
from localcloud.oss.storage.tags import HEADER, TagSet
from localcloud.ram.authorization import NO_POLICY, AccessRefused, Authorization
from localcloud.ram.conditions import DELIMITER, EXISTING_TAG, PREFIX, REQUEST_TAG, Context
from localcloud.ram.policy import Decision

T = TypeVar("T")
U = TypeVar("U")

_BY_BUCKET_ACL = "You have no right to access this object because of bucket acl."
_NOT_YOURS = "The bucket you access does not belong to you."

_WRITING = ("PutObject", "AppendObject", "InitiateMultipartUpload", "PutSymlink")
# Who reads through a link reads its target too.
_READING = ("GetObject", "HeadObject", "GetObjectMeta")
# Those whose callers may be told apart by the tags that the object has.
_OF_TAGGED_OBJECT = (
    *_READING,
    "GetSymlink",
    "GetObjectTagging",
    "PutObjectTagging",
    "DeleteObjectTagging",
)


class _Need(NamedTuple):
    action: str
    path: str
    context: Context
    message: str = _BY_BUCKET_ACL
    ec: str = "0003-00000001"


class Permissions:
    """Asks RAM and bucket policies about operations; without an authorization whoever has keys may do all."""

    def __init__(self, storage: Storage) -> None:
        self._storage = storage
        self._authorization = storage.tenant.authorization

    def check(
        self, identity: Identity | None, request: OssRequest, operation: OssOperation, context: Context
    ) -> None:
        """Raise OssError unless the caller may carry out an operation; ``context`` is that of the request.

        Whoever has not signed has no identity, and may do what the bucket's policy opens to everybody.
        """
        if self._authorization is None:
            if identity is None:
                raise anonymous(request)
            return
        for need in self._needs(request, operation):
            try:
                self._check(self._authorization, identity, need, context)
            except AccessRefused as refused:
                bucket, _, key = need.path.partition("/")
                undecided = refused.decision is Decision.IMPLICIT_DENY
                if undecided and opens(self._storage.objects, need.action, bucket, key):
                    continue
                if identity is None:
                    raise anonymous(request) from None
                raise _refusal(refused, need, request.bucket) from None

    def shows_tag_count(self, identity: Identity | None, request: OssRequest, context: Context) -> bool:
        """Whether an object's answer may tell its caller how many tags it has."""
        if self._authorization is None:
            return True
        existing = self._existing_tags(request.bucket, request.key)
        need = _Need("oss:GetObjectTagging", f"{request.bucket}/{request.key}", existing)
        try:
            self._check(self._authorization, identity, need, context)
        except AccessRefused:
            return False
        return True

    def _check(
        self, authorization: Authorization, identity: Identity | None, need: _Need, context: Context
    ) -> None:
        account_id = self._storage.tenant.account_id
        bucket = need.path.partition("/")[0]
        policy, attached = policy_of(self._storage.objects, bucket), NO_POLICY
        if policy is not None:
            blocked = blocks_public_access(self._storage.objects, bucket)
            caller = authorization.principal(identity)
            attached = policy.about(caller, account_id, public_blocked=blocked)
        resource = f"acs:oss:*:{account_id}:{need.path}"
        authorization.check(identity, need.action, resource, {**context, **need.context}, attached)

    def _needs(self, request: OssRequest, operation: OssOperation) -> list[_Need]:
        if not request.bucket:
            return [_Need(operation.permission, "*", {}, _NOT_YOURS, "0003-00000202")]
        if operation.name == "DeleteMultipleObjects":
            # Whether OSS deletes what is permitted of several is not documented: all must be.
            keys = _readable(keys_to_delete, request.body)
            return [_Need("oss:DeleteObject", f"{request.bucket}/{key}", {}) for key in keys]
        if not request.raw_key:
            return self._bucket_needs(request, operation)
        path = f"{request.bucket}/{request.key}"
        if operation.name in _WRITING:
            tags = _readable(self._storage.rules.read_header, request.header(HEADER))
            return self._put_needs(path, request, tags)
        if operation.name == "CopyObject":
            return self._copy_needs(path, request)
        if operation.name == "UploadPartCopy":
            bucket, key = copied_object(request)
            source = _Need("oss:GetObject", f"{bucket}/{key}", self._existing_tags(bucket, key))
            return [source, _Need("oss:PutObject", path, {})]
        if operation.name in _OF_TAGGED_OBJECT:
            return self._tagged_needs(path, request, operation)
        if operation.name == "CompleteMultipartUpload":
            # It may bring an ACL; the tags came with the upload's beginning.
            return self._put_needs(path, request, ())
        return [_Need(operation.permission, path, {})]

    def _tagged_needs(self, path: str, request: OssRequest, operation: OssOperation) -> list[_Need]:
        context = self._existing_tags(request.bucket, request.key)
        if operation.name == "PutObjectTagging":
            context.update(_tags(REQUEST_TAG, _readable(self._storage.rules.read_document, request.body)))
        needs = [_Need(operation.permission, path, context)]
        found = self._storage.objects.find(request.bucket, request.key)
        if operation.name in _READING and found is not None and found.object_type == SYMLINK:
            target = link_target(found)
            existing = self._existing_tags(request.bucket, target)
            needs.append(_Need(operation.permission, f"{request.bucket}/{target}", existing))
        return needs

    def _bucket_needs(self, request: OssRequest, operation: OssOperation) -> list[_Need]:
        context = {}
        if operation.permission == "oss:ListObjects":
            context = {PREFIX: request.parameter("prefix"), DELIMITER: request.parameter("delimiter")}
        put = _Need("oss:PutBucket", request.bucket, {}, _NOT_YOURS, "0003-00000202")
        put_acl = _Need("oss:PutBucketAcl", request.bucket, {}, _NOT_YOURS)
        if operation.name == "PutBucket":
            return [put, put_acl] if request.header(BUCKET_ACL) else [put]
        if operation.name == "PutBucketAcl" and not self._storage.objects.has_bucket(request.bucket):
            # It makes the bucket.
            return [put_acl, put]
        return [_Need(operation.permission, request.bucket, context, _NOT_YOURS)]

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
        found = self._storage.objects.find(bucket, key)
        if replaces_tags(request):
            tags = _readable(self._storage.rules.read_header, request.header(HEADER))
        else:
            tags = found.tags if found else ()
        if tags:
            needs.append(_Need("oss:GetObjectTagging", source, existing))
        return [*needs, *self._put_needs(path, request, tags)]

    def _existing_tags(self, bucket: str, key: str) -> dict[str, str]:
        found = self._storage.objects.find(bucket, key)
        return _tags(EXISTING_TAG, found.tags if found else ())


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
    elements: dict[str, Content] = {"AccessDeniedDetail": list(refused.detail.items())}
    if bucket:
        elements["Bucket"] = bucket
    return OssError(403, "AccessDenied", message, ec, {**elements, "User": refused.principal.name})
