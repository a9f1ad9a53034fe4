"""What a request that writes an object says of it beside its body: headers, storage class and tags.

Sources: help.aliyun.com, PutObject, CopyObject, InitiateMultipartUpload.
"""

from __future__ import annotations

import re

from localcloud.oss.access.acl import read_acl
from localcloud.oss.protocol.errors import entity_too_large, metadata_too_large, missing_content_length
from localcloud.oss.protocol.request import OssRequest
from localcloud.oss.storage import storage_classes
from localcloud.oss.storage.objects import OBJECT_ACL, USER_METADATA_PREFIX, Draft, ObjectStore
from localcloud.oss.storage.tags import HEADER, TagRules

MAX_BODY_BYTES = 5 * 1024**3
MAX_METADATA_BYTES = 8 * 1024
DEFAULT_CONTENT_TYPE = "application/octet-stream"

# Of an object, beside its metadata.
KEPT_HEADERS = (
    "cache-control",
    "content-disposition",
    "content-encoding",
    "content-language",
    "content-type",
    "expires",
)


class Drafts:
    """Reads what requests say of the objects that they write."""

    def __init__(self, store: ObjectStore, rules: TagRules) -> None:
        self._store = store
        self._rules = rules

    def read(self, request: OssRequest) -> Draft:
        """The draft of an upload; raises OssError."""
        return Draft(
            bucket=request.bucket,
            key=request.key,
            headers={**kept_headers(request), **self.storage_class(request), **self.acl(request)},
            tags=self._rules.read_header(request.header(HEADER)),
            forbid_overwrite=forbids_overwrite(request),
        )

    def storage_class(self, request: OssRequest) -> dict[str, str]:
        """The header of the class that is asked for, or of the bucket's; raises OssError."""
        asked = request.header(storage_classes.HEADER)
        storage_class = storage_classes.read_storage_class(asked) if asked else ""
        return {storage_classes.HEADER: storage_class or self._store.bucket(request.bucket).storage_class}

    def acl(self, request: OssRequest) -> dict[str, str]:
        """The header of the ACL that is asked for, if one is; raises OssError."""
        asked = request.header(OBJECT_ACL)
        return {OBJECT_ACL: read_acl(self._store, request.bucket, OBJECT_ACL, asked)} if asked else {}


def kept_headers(request: OssRequest) -> dict[str, str]:
    """The headers that come back with the object; raises OssError for too much metadata."""
    kept = {"content-type": DEFAULT_CONTENT_TYPE}
    metadata_bytes = 0
    for name, value in request.headers:
        if name.startswith(USER_METADATA_PREFIX):
            metadata_bytes += len(name) - len(USER_METADATA_PREFIX) + len(value)
            kept[name] = value.decode("latin-1")
        elif name in KEPT_HEADERS and value:
            kept[name] = value.decode("latin-1")
    if metadata_bytes > MAX_METADATA_BYTES:
        raise metadata_too_large(MAX_METADATA_BYTES)
    return kept


def forbids_overwrite(request: OssRequest) -> bool:
    """Whether an object that is there may not be replaced."""
    return (request.header("x-oss-forbid-overwrite") or "").lower() == "true"


def check_length(request: OssRequest) -> None:
    """Make sure that a body has a length that OSS takes, or is sent in chunks; raises OssError."""
    length = request.header("content-length")
    if length is None:
        if request.header("transfer-encoding") is None:
            raise missing_content_length()
    elif re.fullmatch(r"\d{11,}", length) or int(length) > MAX_BODY_BYTES:
        raise entity_too_large(MAX_BODY_BYTES)
