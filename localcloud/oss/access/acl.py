"""Access control lists (ACLs): what everybody may do where no policy forbids it.

Sources: help.aliyun.com, PutBucketAcl, PutObjectAcl, "Block public access".
"""

from __future__ import annotations

from localcloud.oss.access.bucket_policy import blocks_public_access
from localcloud.oss.protocol.errors import invalid_argument, public_access_blocked
from localcloud.oss.protocol.request import OssRequest
from localcloud.oss.storage.objects import OBJECT_ACL, ObjectInfo, ObjectStore

BUCKET_ACL = "x-oss-acl"
PRIVATE = "private"
# An object that has this one is treated as its bucket is.
DEFAULT = "default"

_READ, _READ_AND_WRITE = "public-read", "public-read-write"
_READING = frozenset({"oss:GetObject", "oss:ListObjects"})
_WRITING = frozenset({"oss:PutObject", "oss:DeleteObject", "oss:AbortMultipartUpload"})


def read_acl(store: ObjectStore, request: OssRequest, header: str) -> str:
    """The ACL that a header asks for; raises OssError for none, and for one that the bucket blocks."""
    value = request.header(header)
    if value not in (PRIVATE, _READ, _READ_AND_WRITE) and (header, value) != (OBJECT_ACL, DEFAULT):
        raise invalid_argument(header, value, "The ACL you specified is not valid.")
    if value in (_READ, _READ_AND_WRITE) and blocks_public_access(store, request.bucket):
        raise public_access_blocked("acl")
    return value


def bucket_acl(store: ObjectStore, bucket: str) -> str:
    """The ACL of a bucket."""
    kept = store.configuration(bucket, BUCKET_ACL)
    return PRIVATE if kept is None else kept.document


def object_acl(info: ObjectInfo) -> str:
    """The ACL of an object."""
    return info.headers.get(OBJECT_ACL, DEFAULT)


def opens(store: ObjectStore, action: str, bucket: str, key: str) -> bool:
    """Whether everybody may do something with a bucket, or with an object of it, by their ACLs."""
    if not (action in _READING or action in _WRITING) or blocks_public_access(store, bucket):
        return False
    info = store.find(bucket, key) if key else None
    acl = DEFAULT if info is None else object_acl(info)
    if acl == DEFAULT:
        acl = bucket_acl(store, bucket)
    return acl == _READ_AND_WRITE or (acl == _READ and action in _READING)
