"""The API's name of what a request asks for, and what of OSS the local cloud leaves out."""

from __future__ import annotations

from collections.abc import Container

from localcloud.oss.protocol.errors import method_not_allowed, not_implemented_here
from localcloud.oss.protocol.request import OssRequest

_OF_SERVICE = {"GET": "ListBuckets"}
_OF_BUCKET = {"GET": "ListObjects", "PUT": "PutBucket", "DELETE": "DeleteBucket", "POST": "PostObject"}
_OF_OBJECT = {
    "GET": "GetObject",
    "HEAD": "HeadObject",
    "PUT": "PutObject",
    "DELETE": "DeleteObject",
    "OPTIONS": "OptionObject",
}

# Of several that a query names the first counts.
_WITH_PARAMETER = {
    "service": {("GET", "regions"): "DescribeRegions", ("GET", "tagging"): "ListBuckets"},
    "bucket": {
        ("GET", "bucketInfo"): "GetBucketInfo",
        ("POST", "delete"): "DeleteMultipleObjects",
        ("GET", "uploads"): "ListMultipartUploads",
        ("GET", "versions"): "ListObjectVersions",
        ("GET", "acl"): "GetBucketAcl",
        ("PUT", "acl"): "PutBucketAcl",
        ("GET", "location"): "GetBucketLocation",
        ("GET", "stat"): "GetBucketStat",
        ("PUT", "tagging"): "PutBucketTags",
        ("GET", "tagging"): "GetBucketTags",
        ("DELETE", "tagging"): "DeleteBucketTags",
        ("PUT", "policy"): "PutBucketPolicy",
        ("GET", "policy"): "GetBucketPolicy",
        ("DELETE", "policy"): "DeleteBucketPolicy",
        ("GET", "policyStatus"): "GetBucketPolicyStatus",
        ("PUT", "publicAccessBlock"): "PutBucketPublicAccessBlock",
        ("GET", "publicAccessBlock"): "GetBucketPublicAccessBlock",
        ("DELETE", "publicAccessBlock"): "DeleteBucketPublicAccessBlock",
        ("PUT", "lifecycle"): "PutBucketLifecycle",
        ("GET", "lifecycle"): "GetBucketLifecycle",
        ("DELETE", "lifecycle"): "DeleteBucketLifecycle",
        ("GET", "metaQuery"): "GetMetaQueryStatus",
    },
    "object": {
        ("GET", "tagging"): "GetObjectTagging",
        ("PUT", "tagging"): "PutObjectTagging",
        ("DELETE", "tagging"): "DeleteObjectTagging",
        ("HEAD", "objectMeta"): "GetObjectMeta",
        ("POST", "uploads"): "InitiateMultipartUpload",
        ("PUT", "partNumber"): "UploadPart",
        ("PUT", "uploadId"): "UploadPart",
        ("POST", "uploadId"): "CompleteMultipartUpload",
        ("DELETE", "uploadId"): "AbortMultipartUpload",
        ("GET", "uploadId"): "ListParts",
        ("POST", "append"): "AppendObject",
        ("POST", "restore"): "RestoreObject",
        ("POST", "x-oss-process"): "PostProcessTask",
        ("GET", "acl"): "GetObjectAcl",
        ("PUT", "acl"): "PutObjectAcl",
        ("GET", "symlink"): "GetSymlink",
        ("PUT", "symlink"): "PutSymlink",
    },
}

# By the parameter comp, beside metaQuery.
_OF_META_QUERY = {"add": "OpenMetaQuery", "query": "DoMetaQuery", "delete": "CloseMetaQuery"}

# With the header x-oss-copy-source.
_WITH_SOURCE = {"PutObject": "CopyObject", "UploadPart": "UploadPartCopy"}

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
_VARIANTS = frozenset(
    {
        "callback",
        "callback-var",
        "versionId",
        "x-oss-process",
        "x-oss-traffic-limit",
    }
)

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


def name_of(request: OssRequest) -> str:
    """The API's name of the operation; for one that is not known here, its method and parameter."""
    if not request.bucket:
        return _name(request, "service", _OF_SERVICE)
    if not request.raw_key:
        if request.method == "POST" and request.has("metaQuery"):
            return _OF_META_QUERY.get(request.parameter("comp") or "", "POST ?metaQuery")
        listing = request.parameter("list-type") == "2"
        return _name(request, "bucket", {**_OF_BUCKET, "GET": "ListObjectsV2"} if listing else _OF_BUCKET)
    name = _name(request, "object", _OF_OBJECT)
    return _WITH_SOURCE.get(name, name) if request.header("x-oss-copy-source") is not None else name


def refuse_left_out(request: OssRequest, operation: str, implemented: Container[str]) -> None:
    """Refuse what OSS would do and the local cloud would silently not do; raises OssError."""
    if operation == request.method:
        resource_type = "Object" if request.raw_key else "Bucket" if request.bucket else "Service"
        raise method_not_allowed(request.method, resource_type)
    if operation not in implemented:
        raise not_implemented_here(operation)
    for name, _ in request.query:
        if name in _VARIANTS:
            raise not_implemented_here(f"the parameter {name} of {operation}")
    for header, harmless in _LEFT_OUT.items():
        if request.header(header) not in (None, harmless) and (operation, header) not in _TAKEN:
            raise not_implemented_here(f"the header {header} of {operation}")


def _name(request: OssRequest, level: str, plain: dict[str, str]) -> str:
    for (method, parameter), name in _WITH_PARAMETER[level].items():
        if method == request.method and request.has(parameter):
            return name
    selecting = [name for name, _ in request.query if name in _SUBRESOURCES]
    if selecting:
        return f"{request.method} ?{selecting[0]}"
    return plain.get(request.method, request.method)
