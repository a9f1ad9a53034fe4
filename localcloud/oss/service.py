"""The OSS service of the local cloud: one account's buckets in one region, behind version 4 signatures."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime, timezone

from starlette.responses import Response
from starlette.types import ASGIApp, Receive, Scope, Send

from localcloud.accounts import Accounts
from localcloud.clock import Clock
from localcloud.database import Database
from localcloud.gateway import Operation
from localcloud.oss.access.claims import is_anonymous
from localcloud.oss.access.signature import verify
from localcloud.oss.access.uploads import UPLOAD_BUCKET, Uploads
from localcloud.oss.forms.upload import PostOperations
from localcloud.oss.operations.acls import AclOperations
from localcloud.oss.operations.appending import AppendOperations
from localcloud.oss.operations.bucket_policies import BucketPolicyOperations
from localcloud.oss.operations.bucket_tags import BucketTagOperations
from localcloud.oss.operations.buckets import BucketOperations, check_bucket_name
from localcloud.oss.operations.drafts import Drafts
from localcloud.oss.operations.lifecycle_operations import Done, LifecycleOperations
from localcloud.oss.operations.meta_query_operations import MetaQueryOperations
from localcloud.oss.operations.multipart import MultipartOperations
from localcloud.oss.operations.multiple_deletion import MultipleDeletion
from localcloud.oss.operations.objects import TAG_COUNT, ObjectOperations
from localcloud.oss.operations.restoring import RestoreOperations
from localcloud.oss.operations.symlinks import SymlinkOperations
from localcloud.oss.operations.table import name_of, refuse_left_out
from localcloud.oss.operations.tagging import TaggingOperations
from localcloud.oss.permissions import Permissions
from localcloud.oss.protocol.bodies import ClientGone, read_body
from localcloud.oss.protocol.errors import EC_OF_CODE, OssError
from localcloud.oss.protocol.request import OssRequest
from localcloud.oss.protocol.responses import Exchange
from localcloud.oss.storage.body_files import BodyFiles
from localcloud.oss.storage.checksums import Checksums, check_content_md5
from localcloud.oss.storage.multipart import MultipartUploads
from localcloud.oss.storage.object_names import check_object_name
from localcloud.oss.storage.objects import ObjectInfo, ObjectStore
from localcloud.oss.storage.tags import TagRules
from localcloud.ram.authorization import Authorization, request_context

# Far more than any document that an operation takes: ten thousand parts are one MiB.
MAX_DOCUMENT_BYTES = 4 * 1024 * 1024
# Each is an event too. After those of a multipart upload but the last there is no new object yet.
_WRITING = frozenset({"PutObject", "CopyObject", "AppendObject", "PutSymlink", "CompleteMultipartUpload"})
_UPLOADING = frozenset({"InitiateMultipartUpload", "UploadPart", "UploadPartCopy"})


Streaming = Callable[[OssRequest, Receive], Awaitable[Response]]
WithBody = Callable[[OssRequest, bytes], Response | Awaitable[Response]]
WithoutBody = Callable[[OssRequest], Response]


@dataclass(frozen=True)
class ObjectCreated:
    """An object that was written, or is being: ``event`` is ``ObjectCreated:PutObject`` and the like.

    Before a multipart upload is complete, size and ETag are those of no object: 0 and empty.
    """

    event: str
    bucket: str
    key: str
    etag: str
    size: int
    time: datetime


class ObjectStorage:
    """OSS, for the gateway and for the other services of the cloud.

    ``accept_unicode_tags`` lets tags be other than ASCII, of which OSS's documentation and tests disagree.
    Without an ``authorization`` everybody with keys may do everything.
    """

    name = "oss"

    def __init__(
        self,
        *,
        region: str,
        account_id: str,
        database: Database,
        accounts: Accounts,
        clock: Clock,
        accept_unicode_tags: bool = False,
        authorization: Authorization | None = None,
    ) -> None:
        self._region = region
        self._accounts = accounts
        self._clock = clock
        files = BodyFiles(database.directory / "objects")
        self._store = ObjectStore(database, files, clock)
        multipart_uploads = MultipartUploads(database, self._store, files, clock)
        files.sweep(self._store.bodies() | multipart_uploads.bodies())
        rules = TagRules(accept_unicode=accept_unicode_tags)
        self.uploads = Uploads(accounts, region)
        self._store.create_bucket(UPLOAD_BUCKET)
        self._forget_uploads()
        bucket_tags = BucketTagOperations(self._store)
        buckets = BucketOperations(self._store, multipart_uploads, bucket_tags, clock, region, account_id)
        acls = AclOperations(self._store, account_id)
        drafts = Drafts(self._store, rules)
        multipart = MultipartOperations(self._store, multipart_uploads, drafts, clock)
        tagging = TaggingOperations(self._store, rules)
        self._objects = ObjectOperations(self._store, rules, clock)
        self._permissions = Permissions(self._store, rules, account_id, authorization)
        self._lifecycle = lifecycle = LifecycleOperations(self._store, multipart_uploads, rules, clock)
        symlinks = SymlinkOperations(self._store, drafts)
        policies = BucketPolicyOperations(self._store)
        meta_query = MetaQueryOperations(self._store, clock)
        self._streaming: Mapping[str, Streaming] = {
            "PutObject": self._objects.put_object,
            "UploadPart": multipart.upload_part,
            "AppendObject": AppendOperations(self._store, files, drafts).append,
        }
        self._forms = PostOperations(self._store, drafts, self._permissions, accounts, region)
        self._with_body: Mapping[str, WithBody] = {
            "PutBucket": buckets.put_bucket,
            "PutBucketTags": bucket_tags.put,
            "PutBucketPolicy": policies.put,
            "PutBucketPublicAccessBlock": policies.put_block,
            "PutBucketLifecycle": lifecycle.put,
            "DeleteMultipleObjects": MultipleDeletion(self._store).delete,
            "DoMetaQuery": meta_query.query,
            "PutObjectTagging": tagging.put,
            "RestoreObject": RestoreOperations(self._store, clock).restore,
            "UploadPartCopy": multipart.upload_part_copy,
            "CompleteMultipartUpload": multipart.complete,
            "AbortMultipartUpload": multipart.abort,
        }
        self._without_body: Mapping[str, WithoutBody] = {
            "ListBuckets": buckets.list_buckets,
            "GetBucketInfo": buckets.get_bucket_info,
            "ListObjects": buckets.list_objects,
            "ListObjectsV2": buckets.list_objects_v2,
            "DeleteBucket": buckets.delete_bucket,
            "DescribeRegions": buckets.describe_regions,
            "GetBucketLocation": buckets.get_bucket_location,
            "GetBucketStat": buckets.get_bucket_stat,
            "PutBucketAcl": acls.put_bucket_acl,
            "GetBucketAcl": acls.get_bucket_acl,
            "PutObjectAcl": acls.put_object_acl,
            "GetObjectAcl": acls.get_object_acl,
            "GetBucketTags": bucket_tags.get,
            "DeleteBucketTags": bucket_tags.delete,
            "GetBucketPolicy": policies.get,
            "DeleteBucketPolicy": policies.delete,
            "GetBucketPolicyStatus": policies.status,
            "GetBucketPublicAccessBlock": policies.get_block,
            "DeleteBucketPublicAccessBlock": policies.delete_block,
            "GetBucketLifecycle": lifecycle.get,
            "DeleteBucketLifecycle": lifecycle.delete,
            "OpenMetaQuery": meta_query.open,
            "GetMetaQueryStatus": meta_query.status,
            "CloseMetaQuery": meta_query.close,
            "CopyObject": self._objects.copy_object,
            "GetObject": self._objects.get_object,
            "HeadObject": self._objects.head_object,
            "GetObjectMeta": self._objects.get_object_meta,
            "DeleteObject": self._objects.delete_object,
            "PutSymlink": symlinks.put,
            "GetSymlink": symlinks.get,
            "GetObjectTagging": tagging.get,
            "DeleteObjectTagging": tagging.delete,
            "InitiateMultipartUpload": multipart.initiate,
            "ListParts": multipart.list_parts,
            "ListMultipartUploads": multipart.list_uploads,
        }
        self._implemented = {"PostObject", *self._streaming, *self._with_body, *self._without_body}
        self._observers: list[Callable[[ObjectCreated], None]] = []
        self.app: ASGIApp = self._serve

    def operation(self, scope: Scope) -> Operation:
        """The API's name of a request, and ``oss://bucket/key``."""
        request = OssRequest.from_scope(scope)
        path = f"{request.bucket}/{request.key}" if request.raw_key else request.bucket
        return Operation(name_of(request), f"oss://{path}")

    def error(self, status: int, code: str, message: str) -> Response:
        """An error that OSS did not come to by itself.

        The document is in ``x-oss-err`` too, since the request that it answers may be a HEAD.
        """
        error = OssError(status, code, message, EC_OF_CODE.get(code, ""))
        return Exchange(f"oss-{self._region}.aliyuncs.com").error(error, with_body=True, in_header=True)

    def create_bucket(self, bucket: str) -> None:
        """Make a bucket; one that exists stays as it is. Raises OssError for a name that OSS refuses."""
        check_bucket_name(bucket)
        self._store.create_bucket(bucket)

    def has_bucket(self, bucket: str) -> bool:
        """Whether there is such a bucket."""
        try:
            self._store.bucket(bucket)
        except OssError:
            return False
        return True

    def put_object(self, bucket: str, key: str, body: bytes, tags: Mapping[str, str]) -> None:
        """Write an object with its tags, as PutObject does; raises OssError."""
        check_bucket_name(bucket)
        check_object_name(key.encode(), key)
        self._objects.put(bucket, key, body, tags)

    def watch(self, observe: Callable[[ObjectCreated], None]) -> None:
        """Tell somebody of every object that is written from now on, in the services' event loop."""
        self._observers.append(observe)

    def stat(self, bucket: str, key: str) -> ObjectInfo | None:
        """What OSS knows of an object, if there is one."""
        return self._store.find(bucket, key)

    def read(self, bucket: str, key: str) -> bytes | None:
        """The body of an object, if there is one."""
        info = self._store.find(bucket, key)
        if info is None:
            return None
        with self._store.open(info) as file:
            return file.read()

    def listing(self) -> Iterator[ObjectInfo]:
        """Every object of every bucket that is somebody's, in order."""
        for bucket in self._store.buckets():
            if bucket.name != UPLOAD_BUCKET:
                yield from self._store.objects(bucket.name)

    def carry_out_lifecycle(self, bucket: str) -> list[Done]:
        """Do to a bucket's objects what its lifecycle rules say by now; LookupError without such a bucket."""
        try:
            return self._lifecycle.carry_out(bucket)
        except OssError as error:
            raise LookupError(error.message) from None

    def _announce(self, request: OssRequest, response: Response) -> None:
        operation = name_of(request)
        if response.status_code != 200 or request.bucket == UPLOAD_BUCKET:
            return
        event, bucket, key = f"ObjectCreated:{operation}", request.bucket, request.key
        if operation in _UPLOADING:
            created = ObjectCreated(event, bucket, key, "", 0, self._clock.now())
        elif operation in _WRITING and (info := self._store.find(bucket, key)) is not None:
            created = _created(event, info)
        else:
            return
        self._tell(created)

    def _tell(self, created: ObjectCreated) -> None:
        for observe in self._observers:
            observe(created)

    def _forget_uploads(self) -> None:
        """Delete the packages of an earlier process: whoever uploaded them has used them, or is gone."""
        while (left := self._store.first_from(UPLOAD_BUCKET, b"")) is not None:
            self._store.delete(left.bucket, left.key)

    async def _serve(self, scope: Scope, receive: Receive, send: Send) -> None:
        request = OssRequest.from_scope(scope)
        exchange = Exchange(request.header("host") or "")
        is_head = request.method == "HEAD"
        try:
            response = exchange.dated(await self._answer(scope, request, receive), self._clock.now())
            self._announce(request, response)
        except OssError as error:
            response = exchange.error(error, with_body=not is_head, in_header=is_head)
        except ClientGone:
            return
        if request.method == "GET" and request.header("content-length") not in (None, "0"):
            # Its body has not been waited for, and might be taken for another request.
            response.headers["connection"] = "close"
        await response(scope, receive, send)

    async def _answer(self, scope: Scope, request: OssRequest, receive: Receive) -> Response:
        operation = name_of(request)
        # A bucket is looked up before the signature is: OSS names a missing one to everybody.
        if request.bucket:
            check_bucket_name(request.bucket)
            if operation not in ("PutBucket", "PutBucketAcl"):
                self._store.bucket(request.bucket)
        now = datetime.now(timezone.utc)
        if request.bucket == UPLOAD_BUCKET:
            self.uploads.check(request, operation, now)
            return await self._objects.put_object(request, receive)
        context = request_context(scope)
        if operation == "PostObject":
            # What signs it is in its form.
            refuse_left_out(request, operation, self._implemented)
            response, info = await self._forms.post(request, receive, context, now)
            self._tell(_created("ObjectCreated:PostObject", info))
            return response
        identity = None if is_anonymous(request) else verify(request, self._accounts, self._region, now)
        if request.raw_key:
            check_object_name(request.raw_key, request.key)
        refuse_left_out(request, operation, self._implemented)
        if operation in self._streaming:
            self._permissions.check(identity, request, operation, context)
            return await self._streaming[operation](request, receive)
        # What a GET has for a body is not waited for: clients that sign Content-Length send none.
        body = await read_body(receive, MAX_DOCUMENT_BYTES) if request.method != "GET" else b""
        sums = Checksums()
        sums.update(body)
        check_content_md5(request.header("content-md5"), sums.md5)
        self._permissions.check(identity, request, operation, context, body)
        if operation in self._with_body:
            answer = self._with_body[operation](request, body)
            return answer if isinstance(answer, Response) else await answer
        response = self._without_body[operation](request)
        if TAG_COUNT in response.headers and not self._permissions.shows_tag_count(
            identity, request, context
        ):
            del response.headers[TAG_COUNT]
        return response


def _created(event: str, info: ObjectInfo) -> ObjectCreated:
    return ObjectCreated(event, info.bucket, info.key, info.etag, info.size, info.last_modified)
