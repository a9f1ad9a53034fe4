"""The operations on buckets as such, and the regions in which they are.

Sources: help.aliyun.com, the API page of each operation.
"""

from __future__ import annotations

from starlette.responses import Response

from localcloud.oss.access.acl import BUCKET_ACL, bucket_acl, read_acl
from localcloud.oss.access.bucket_policy import blocks_public_access
from localcloud.oss.access.uploads import UPLOAD_BUCKET
from localcloud.oss.operations.settings import asked_tags, has_tags
from localcloud.oss.protocol import documents, errors, responses
from localcloud.oss.protocol.request import OssRequest
from localcloud.oss.storage.objects import STANDARD, STORAGE_CLASSES, Bucket, read_storage_class
from localcloud.oss.storage.storage import Storage

_LEAST_BILLED_BYTES = 64 * 1024


def list_buckets(storage: Storage, request: OssRequest) -> Response:
    """ListBuckets (GetService)."""
    prefix, marker = request.parameter("prefix"), request.parameter("marker")
    limit, tags = request.number("max-keys", 100, 1, 1000), asked_tags(request)
    matching = [
        bucket
        for bucket in storage.objects.buckets()
        if bucket.name.startswith(prefix) and bucket.name > marker and bucket.name != UPLOAD_BUCKET
        if has_tags(storage.objects, bucket.name, tags)
    ]
    page = matching[:limit]
    truncated = len(matching) > limit
    result: list[documents.Node] = [
        ("Prefix", prefix),
        ("Marker", marker),
        ("MaxKeys", limit),
        ("IsTruncated", truncated),
        ("NextMarker", page[-1].name if truncated else None),
        storage.owner,
        ("Buckets", [("Bucket", _brief(storage, bucket)) for bucket in page]),
    ]
    return responses.document("ListAllMyBucketsResult", result)


def put_bucket(storage: Storage, request: OssRequest) -> Response:
    """PutBucket; the owner's own bucket may be put again."""
    storage_class = _storage_class(request.body) if request.body else STANDARD
    acl = read_acl(storage.objects, request, BUCKET_ACL) if request.header(BUCKET_ACL) else ""
    storage.objects.create_bucket(request.bucket, storage_class)
    if acl:
        storage.objects.configure(request.bucket, BUCKET_ACL, acl)
    return responses.empty(headers={"location": f"/{request.bucket}"})


def delete_bucket(storage: Storage, request: OssRequest) -> Response:
    """DeleteBucket; parts of an upload that has not ended count as objects do."""
    if storage.uploads.all(request.bucket):
        raise errors.BUCKET_NOT_EMPTY(BucketName=request.bucket)
    storage.objects.delete_bucket(request.bucket)
    return responses.empty(204)


def get_bucket_info(storage: Storage, request: OssRequest) -> Response:
    """GetBucketInfo."""
    bucket = storage.objects.bucket(request.bucket)
    described: list[documents.Node] = [
        *_brief(storage, bucket),
        ("AccessMonitor", "Disabled"),
        ("BlockPublicAccess", blocks_public_access(storage.objects, bucket.name)),
        ("Comment", ""),
        ("CrossRegionReplication", "Disabled"),
        ("DataRedundancyType", "LRS"),
        ("ResourceGroupId", f"rg-{storage.tenant.account_id}"),
        ("TransferAcceleration", "Disabled"),
        storage.owner,
        ("AccessControlList", [("Grant", bucket_acl(storage.objects, bucket.name))]),
        ("ServerSideEncryptionRule", [("SSEAlgorithm", "None")]),
    ]
    return responses.document("BucketInfo", [("Bucket", described)])


def get_bucket_location(storage: Storage, request: OssRequest) -> Response:
    """GetBucketLocation."""
    return responses.document("LocationConstraint", f"oss-{storage.tenant.region}")


def get_bucket_stat(storage: Storage, request: OssRequest) -> Response:
    """GetBucketStat, which lags an hour behind in OSS and does not here."""
    objects = list(storage.objects.objects(request.bucket))
    uploads = storage.uploads.all(request.bucket)
    latest = max((info.last_modified for info in objects), default=None)
    result: list[documents.Node] = [
        ("Storage", sum(info.size for info in objects)),
        ("ObjectCount", len(objects)),
        ("MultipartUploadCount", len(uploads)),
        ("MultipartPartCount", sum(len(storage.uploads.parts(upload)) for upload in uploads)),
        ("LiveChannelCount", 0),
        ("LastModifiedTime", int(latest.timestamp()) if latest else 0),
        ("DeleteMarkerCount", 0),
    ]
    for storage_class in STORAGE_CLASSES:
        name = "InfrequentAccess" if storage_class == "IA" else storage_class
        sizes = [info.size for info in objects if info.storage_class == storage_class]
        is_standard = storage_class == STANDARD
        billed = sum(size if is_standard else max(size, _LEAST_BILLED_BYTES) for size in sizes)
        result += [
            (f"{name}Storage", billed),
            (f"{name}RealStorage", None if is_standard else sum(sizes)),
            (f"{name}ObjectCount", len(sizes)),
        ]
    return responses.document("BucketStat", result)


def describe_regions(storage: Storage, request: OssRequest) -> Response:
    """DescribeRegions: the local cloud has one."""
    region, asked = f"oss-{storage.tenant.region}", request.parameter("regions")
    if asked not in ("", region):
        raise errors.NO_SUCH_REGION(Region=asked)
    described = [
        ("Region", region),
        ("InternetEndpoint", f"{region}.aliyuncs.com"),
        ("InternalEndpoint", f"{region}-internal.aliyuncs.com"),
        ("AccelerateEndpoint", "oss-accelerate.aliyuncs.com"),
    ]
    return responses.document("RegionInfoList", [("RegionInfo", described)])


def _brief(storage: Storage, bucket: Bucket) -> list[documents.Node]:
    region = storage.tenant.region
    return [
        ("CreationDate", bucket.created),
        ("ExtranetEndpoint", f"oss-{region}.aliyuncs.com"),
        ("IntranetEndpoint", f"oss-{region}-internal.aliyuncs.com"),
        ("Location", f"oss-{region}"),
        ("Name", bucket.name),
        ("Region", region),
        ("StorageClass", bucket.storage_class),
    ]


def _storage_class(body: bytes) -> str:
    """The storage class that a CreateBucketConfiguration asks for; raises OssError."""
    root = documents.read(body, "CreateBucketConfiguration")
    for element in root:
        if element.tag != "StorageClass" and (element.tag, element.text) != ("DataRedundancyType", "LRS"):
            raise errors.not_implemented_here(f"the {element.tag} {element.text} of PutBucket")
    return read_storage_class(root.findtext("StorageClass") or STANDARD)
