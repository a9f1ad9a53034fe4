"""The operations on buckets: GetService, PutBucket, GetBucketInfo, ListObjectsV2, DeleteBucket.

Sources: help.aliyun.com, the API page of each operation.
"""

from __future__ import annotations

import re

from starlette.responses import Response

from localcloud.clock import Clock
from localcloud.oss.access.acl import BUCKET_ACL, bucket_acl, read_acl
from localcloud.oss.access.uploads import UPLOAD_BUCKET
from localcloud.oss.operations.bucket_policies import shown_block
from localcloud.oss.operations.bucket_tags import BucketTagOperations, asked_tags
from localcloud.oss.operations.listing import ListQuery, list_objects, max_keys, shown
from localcloud.oss.protocol import documents, responses
from localcloud.oss.protocol.errors import (
    bucket_not_empty,
    invalid_bucket_name,
    no_such_region,
    not_implemented_here,
)
from localcloud.oss.protocol.request import OssRequest
from localcloud.oss.storage import storage_classes
from localcloud.oss.storage.multipart import MultipartUploads
from localcloud.oss.storage.objects import Bucket, ObjectStore

# The names that GetBucketStat has for storage classes.
_IN_STAT = {
    "Standard": "Standard",
    "IA": "InfrequentAccess",
    "Archive": "Archive",
    "ColdArchive": "ColdArchive",
    "DeepColdArchive": "DeepColdArchive",
}
_LEAST_BILLED_BYTES = 64 * 1024
_NAME = re.compile(r"[a-z0-9][a-z0-9-]{1,61}[a-z0-9]")


def check_bucket_name(name: str) -> None:
    """3 to 63 lower-case letters, digits and inner hyphens; raises OssError."""
    if not _NAME.fullmatch(name):
        raise invalid_bucket_name(name)


class BucketOperations:
    """Answers requests that concern buckets; the body of the request is given where one matters."""

    def __init__(
        self,
        store: ObjectStore,
        uploads: MultipartUploads,
        tags: BucketTagOperations,
        clock: Clock,
        region: str,
        account_id: str,
    ) -> None:
        self._store = store
        self._uploads = uploads
        self._tags = tags
        self._clock = clock
        self._region = region
        self._owner_id = account_id
        self._owner: documents.Node = ("Owner", [("ID", account_id), ("DisplayName", account_id)])

    def list_buckets(self, request: OssRequest) -> Response:
        """ListBuckets (GetService)."""
        prefix, marker = request.parameter("prefix") or "", request.parameter("marker") or ""
        limit = max_keys(request, 100)
        tags = asked_tags(request)
        matching = [
            bucket
            for bucket in self._store.buckets()
            if bucket.name.startswith(prefix) and bucket.name > marker and bucket.name != UPLOAD_BUCKET
            if self._tags.has(bucket.name, tags)
        ]
        page = matching[:limit]
        truncated = len(matching) > limit
        children: list[documents.Node] = [
            ("Prefix", prefix),
            ("Marker", marker),
            ("MaxKeys", str(limit)),
            ("IsTruncated", "true" if truncated else "false"),
        ]
        if truncated:
            children.append(("NextMarker", page[-1].name))
        children.append(self._owner)
        children.append(("Buckets", [("Bucket", self._brief(bucket)) for bucket in page]))
        return responses.document(documents.write("ListAllMyBucketsResult", children))

    def put_bucket(self, request: OssRequest, body: bytes) -> Response:
        """PutBucket; the owner's own bucket may be put again."""
        storage_class = _storage_class(body) if body else storage_classes.STANDARD
        acl = request.header(BUCKET_ACL)
        if acl:
            read_acl(self._store, request.bucket, BUCKET_ACL, acl)
        self._store.create_bucket(request.bucket, storage_class)
        if acl:
            self._store.configure(request.bucket, BUCKET_ACL, acl)
        return responses.empty(headers={"location": f"/{request.bucket}"})

    def get_bucket_info(self, request: OssRequest) -> Response:
        """GetBucketInfo."""
        bucket = self._store.bucket(request.bucket)
        children: list[documents.Node] = [
            *self._brief(bucket),
            ("AccessMonitor", "Disabled"),
            ("BlockPublicAccess", shown_block(self._store, bucket.name)),
            ("Comment", ""),
            ("CrossRegionReplication", "Disabled"),
            ("DataRedundancyType", "LRS"),
            ("ResourceGroupId", f"rg-{self._owner_id}"),
            ("TransferAcceleration", "Disabled"),
            self._owner,
            ("AccessControlList", [("Grant", bucket_acl(self._store, bucket.name))]),
            ("ServerSideEncryptionRule", [("SSEAlgorithm", "None")]),
        ]
        return responses.document(documents.write("BucketInfo", [("Bucket", children)]))

    def get_bucket_location(self, request: OssRequest) -> Response:
        """GetBucketLocation."""
        return responses.document(documents.write("LocationConstraint", f"oss-{self._region}"))

    def get_bucket_stat(self, request: OssRequest) -> Response:
        """GetBucketStat, which lags an hour behind in OSS and does not here."""
        objects = list(self._store.objects(request.bucket))
        uploads = self._uploads.all(request.bucket)
        latest = max((info.last_modified for info in objects), default=None)
        nodes: list[documents.Node] = [
            ("Storage", str(sum(info.size for info in objects))),
            ("ObjectCount", str(len(objects))),
            ("MultipartUploadCount", str(len(uploads))),
            ("MultipartPartCount", str(sum(len(self._uploads.parts(upload)) for upload in uploads))),
            ("LiveChannelCount", "0"),
            ("LastModifiedTime", str(int(latest.timestamp()) if latest else 0)),
            ("DeleteMarkerCount", "0"),
        ]
        for storage_class, name in _IN_STAT.items():
            sizes = [info.size for info in objects if info.storage_class == storage_class]
            least = 0 if storage_class == storage_classes.STANDARD else _LEAST_BILLED_BYTES
            nodes.append((f"{name}Storage", str(sum(max(size, least) for size in sizes))))
            if least:
                nodes.append((f"{name}RealStorage", str(sum(sizes))))
            nodes.append((f"{name}ObjectCount", str(len(sizes))))
        return responses.document(documents.write("BucketStat", nodes))

    def describe_regions(self, request: OssRequest) -> Response:
        """DescribeRegions: the local cloud has one."""
        region = f"oss-{self._region}"
        described: list[documents.Node] = [
            ("Region", region),
            ("InternetEndpoint", f"{region}.aliyuncs.com"),
            ("InternalEndpoint", f"{region}-internal.aliyuncs.com"),
            ("AccelerateEndpoint", "oss-accelerate.aliyuncs.com"),
        ]
        asked = request.parameter("regions")
        if asked not in (None, "", region):
            raise no_such_region(asked or "")
        return responses.document(documents.write("RegionInfoList", [("RegionInfo", described)]))

    def list_objects_v2(self, request: OssRequest) -> Response:
        """ListObjectsV2."""
        return self._listed(request, ListQuery.of(request))

    def list_objects(self, request: OssRequest) -> Response:
        """ListObjects, which ListObjectsV2 has followed."""
        return self._listed(request, ListQuery.of_first_version(request))

    def _listed(self, request: OssRequest, query: ListQuery) -> Response:
        now = self._clock.now()
        return responses.document(list_objects(self._store, request.bucket, query, self._owner, now))

    def delete_bucket(self, request: OssRequest) -> Response:
        """DeleteBucket; parts of an upload that has not ended count as objects do."""
        if self._uploads.all(request.bucket):
            raise bucket_not_empty(request.bucket)
        self._store.delete_bucket(request.bucket)
        return responses.empty(204)

    def _brief(self, bucket: Bucket) -> list[documents.Node]:
        return [
            ("CreationDate", shown(bucket.created)),
            ("ExtranetEndpoint", f"oss-{self._region}.aliyuncs.com"),
            ("IntranetEndpoint", f"oss-{self._region}-internal.aliyuncs.com"),
            ("Location", f"oss-{self._region}"),
            ("Name", bucket.name),
            ("Region", self._region),
            ("StorageClass", bucket.storage_class),
        ]


def _storage_class(body: bytes) -> str:
    """The storage class that a CreateBucketConfiguration asks for; raises OssError."""
    root = documents.read(body, "CreateBucketConfiguration")
    for element in root:
        if element.tag != "StorageClass" and (element.tag, element.text) != ("DataRedundancyType", "LRS"):
            raise not_implemented_here(f"the {element.tag} {element.text} of PutBucket")
    return storage_classes.read_storage_class(root.findtext("StorageClass"))
