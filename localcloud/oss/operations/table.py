"""The operations of OSS's API that the local cloud knows, and what of OSS it leaves out."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import dataclass

from starlette.responses import Response

from localcloud.oss.operations import (
    appending,
    buckets,
    deletion,
    lifecycle,
    listing,
    meta_query,
    multipart,
    reading,
    restoring,
    settings,
    writing,
)
from localcloud.oss.protocol.errors import METHOD_NOT_ALLOWED, not_implemented_here
from localcloud.oss.protocol.request import OssRequest
from localcloud.oss.storage.storage import Storage

Handler = Callable[[Storage, OssRequest], Response | Awaitable[Response]]


@dataclass(frozen=True)
class OssOperation:
    """An operation: the method and the part of the query that ask for it, and who carries it out, if anybody.

    ``selector`` is a parameter, parameters with their values, or empty for what is asked for without any.
    ``action`` is the permission that it needs, if that has another name. One that ``streams`` takes its body
    in by itself.
    """

    name: str
    method: str = ""
    selector: str = ""
    handler: Handler | None = None
    action: str = ""
    streams: bool = False

    @property
    def permission(self) -> str:
        """The action of RAM that whoever asks for it has to be allowed."""
        return f"oss:{self.action or self.name}"

    def is_selected_by(self, request: OssRequest) -> bool:
        """Whether a request has what selects it in its query."""
        asked = [part.partition("=") for part in self.selector.split("&")]
        return all(
            request.parameter(name) == value if equals else request.has(name) for name, equals, value in asked
        )


_Operation = OssOperation
# Of several that a query selects the first counts.
_OF_SERVICE = (
    _Operation("DescribeRegions", "GET", "regions", buckets.describe_regions),
    _Operation("ListBuckets", "GET", "tagging", buckets.list_buckets),
    _Operation("ListBuckets", "GET", "", buckets.list_buckets),
)
_LIST_OBJECTS = _Operation("ListObjects", "GET", "", listing.list_objects)
# With the parameter list-type=2.
_LIST_OBJECTS_V2 = _Operation("ListObjectsV2", handler=listing.list_objects_v2, action="ListObjects")
_OF_BUCKET = (
    _Operation("GetBucketInfo", "GET", "bucketInfo", buckets.get_bucket_info),
    _Operation("DeleteMultipleObjects", "POST", "delete", deletion.delete_multiple_objects),
    _Operation("ListMultipartUploads", "GET", "uploads", multipart.list_multipart_uploads),
    _Operation("ListObjectVersions", "GET", "versions"),
    _Operation("GetBucketAcl", "GET", "acl", settings.get_bucket_acl),
    _Operation("PutBucketAcl", "PUT", "acl", settings.put_bucket_acl),
    _Operation("GetBucketLocation", "GET", "location", buckets.get_bucket_location),
    _Operation("GetBucketStat", "GET", "stat", buckets.get_bucket_stat),
    _Operation("PutBucketTags", "PUT", "tagging", settings.put_bucket_tags, "PutBucketTagging"),
    _Operation("GetBucketTags", "GET", "tagging", settings.get_bucket_tags, "GetBucketTagging"),
    _Operation("DeleteBucketTags", "DELETE", "tagging", settings.delete_bucket_tags, "DeleteBucketTagging"),
    _Operation("PutBucketPolicy", "PUT", "policy", settings.put_bucket_policy),
    _Operation("GetBucketPolicy", "GET", "policy", settings.get_bucket_policy),
    _Operation("DeleteBucketPolicy", "DELETE", "policy", settings.delete_bucket_policy),
    _Operation("GetBucketPolicyStatus", "GET", "policyStatus", settings.get_bucket_policy_status),
    _Operation("PutBucketPublicAccessBlock", "PUT", "publicAccessBlock", settings.put_public_access_block),
    _Operation("GetBucketPublicAccessBlock", "GET", "publicAccessBlock", settings.get_public_access_block),
    _Operation(
        "DeleteBucketPublicAccessBlock", "DELETE", "publicAccessBlock", settings.delete_public_access_block
    ),
    _Operation("PutBucketLifecycle", "PUT", "lifecycle", lifecycle.put_bucket_lifecycle),
    _Operation("GetBucketLifecycle", "GET", "lifecycle", lifecycle.get_bucket_lifecycle),
    _Operation("DeleteBucketLifecycle", "DELETE", "lifecycle", lifecycle.delete_bucket_lifecycle),
    _Operation("OpenMetaQuery", "POST", "metaQuery&comp=add", meta_query.open_meta_query),
    _Operation("DoMetaQuery", "POST", "metaQuery&comp=query", meta_query.do_meta_query),
    _Operation("CloseMetaQuery", "POST", "metaQuery&comp=delete", meta_query.close_meta_query),
    _Operation("GetMetaQueryStatus", "GET", "metaQuery", meta_query.get_meta_query_status),
    _LIST_OBJECTS,
    _Operation("PutBucket", "PUT", "", buckets.put_bucket),
    _Operation("DeleteBucket", "DELETE", "", buckets.delete_bucket),
)
PUT_OBJECT = _Operation("PutObject", "PUT", "", writing.put_object, streams=True)
_OF_OBJECT = (
    _Operation("GetObjectTagging", "GET", "tagging", settings.get_object_tagging),
    _Operation("PutObjectTagging", "PUT", "tagging", settings.put_object_tagging),
    _Operation("DeleteObjectTagging", "DELETE", "tagging", settings.delete_object_tagging),
    _Operation("GetObjectMeta", "HEAD", "objectMeta", reading.get_object_meta, "GetObject"),
    _Operation("InitiateMultipartUpload", "POST", "uploads", multipart.initiate_multipart_upload),
    _Operation("UploadPart", "PUT", "partNumber", multipart.upload_part, "PutObject", streams=True),
    _Operation("UploadPart", "PUT", "uploadId", multipart.upload_part, "PutObject", streams=True),
    _Operation(
        "CompleteMultipartUpload", "POST", "uploadId", multipart.complete_multipart_upload, "PutObject"
    ),
    _Operation("AbortMultipartUpload", "DELETE", "uploadId", multipart.abort_multipart_upload),
    _Operation("ListParts", "GET", "uploadId", multipart.list_parts),
    _Operation("AppendObject", "POST", "append", appending.append_object, streams=True),
    _Operation("RestoreObject", "POST", "restore", restoring.restore_object),
    _Operation("PostProcessTask", "POST", "x-oss-process"),
    _Operation("GetObjectAcl", "GET", "acl", settings.get_object_acl),
    _Operation("PutObjectAcl", "PUT", "acl", settings.put_object_acl),
    _Operation("GetSymlink", "GET", "symlink", reading.get_symlink, "GetObject"),
    _Operation("PutSymlink", "PUT", "symlink", writing.put_symlink),
    _Operation("GetObject", "GET", "", reading.get_object),
    _Operation("HeadObject", "HEAD", "", reading.head_object, "GetObject"),
    PUT_OBJECT,
    _Operation("DeleteObject", "DELETE", "", deletion.delete_object),
    _Operation("OptionObject", "OPTIONS", ""),
)
# With the header x-oss-copy-source.
_WITH_SOURCE = {
    "PutObject": _Operation("CopyObject", handler=writing.copy_object),
    "UploadPart": _Operation("UploadPartCopy", handler=multipart.upload_part_copy),
}
# What signs it, and so who sends it, is in its form.
POST_OBJECT = _Operation("PostObject", "POST")

# The names in a query that select another operation; names that OSS does not know mean nothing to it.
_SELECTING = (
    "accessPoint accessPointPolicy accessmonitor acl append asyncFetch bucketArchiveDirectRead bucketInfo "
    "cname comp cors delete encryption httpsConfig inventory legalHold lifecycle live location logging "
    "metaQuery objectInfo objectMeta partNumber policy policyStatus publicAccessBlock qos qosInfo "
    "redundancyTransition referer regionList regions replication replicationLocation replicationProgress "
    "requestPayment resourceGroup restore rtc seal stat status style symlink tagging transferAcceleration "
    "uploadId uploads versioning versions vod website worm wormExtend wormId x-oss-async-process"
)
_SUBRESOURCES = frozenset(_SELECTING.split())
# The names that ask for another form of the same operation.
_VARIANTS = ("callback", "callback-var", "versionId", "x-oss-process", "x-oss-traffic-limit")

# Headers that ask OSS for something; the values beside them ask for what is done anyway.
_LEFT_OUT = {
    "x-oss-bucket-tagging": "",
    "x-oss-copy-source-range": "",
    "x-oss-callback": "",
    "x-oss-hns-status": "disabled",
    "x-oss-object-worm-legal-hold": "",
    "x-oss-object-worm-mode": "",
    "x-oss-object-worm-retain-until-date": "",
    "x-oss-server-side-data-encryption": "",
    "x-oss-server-side-encryption": "",
    "x-oss-server-side-encryption-key-id": "",
    "x-oss-symlink-target": "",
    "x-oss-traffic-limit": "",
}

_TAKEN = frozenset({("UploadPartCopy", "x-oss-copy-source-range"), ("PutSymlink", "x-oss-symlink-target")})


def operation_of(request: OssRequest) -> OssOperation:
    """The operation that a request asks for; one that is not known here is named by method and parameter."""
    if not request.bucket:
        return _first(request, _OF_SERVICE)
    if not request.raw_key:
        found = _first(request, (*_OF_BUCKET, POST_OBJECT))
        is_v2 = found is _LIST_OBJECTS and request.parameter("list-type") == "2"
        return _LIST_OBJECTS_V2 if is_v2 else found
    found = _first(request, _OF_OBJECT)
    return _WITH_SOURCE.get(found.name, found) if request.has_header("x-oss-copy-source") else found


def refuse_left_out(request: OssRequest, operation: OssOperation) -> None:
    """Refuse what OSS would do and the local cloud would silently not do; raises OssError."""
    if operation.name == request.method:
        resource_type = "Object" if request.raw_key else "Bucket" if request.bucket else "Service"
        raise METHOD_NOT_ALLOWED(Method=request.method, ResourceType=resource_type)
    if operation.handler is None and operation is not POST_OBJECT:
        raise not_implemented_here(operation.name)
    for name, _ in request.query:
        if name in _VARIANTS:
            raise not_implemented_here(f"the parameter {name} of {operation.name}")
    for header, harmless in _LEFT_OUT.items():
        if request.header(header) not in ("", harmless) and (operation.name, header) not in _TAKEN:
            raise not_implemented_here(f"the header {header} of {operation.name}")


def _first(request: OssRequest, operations: tuple[OssOperation, ...]) -> OssOperation:
    selecting = [name for name, _ in request.query if name in _SUBRESOURCES]
    for operation in operations:
        selected = operation.is_selected_by(request) if operation.selector else not selecting
        if operation.method == request.method and selected:
            return operation
    return OssOperation(f"{request.method} ?{selecting[0]}" if selecting else request.method)
