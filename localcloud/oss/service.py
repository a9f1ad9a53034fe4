"""The OSS service of the local cloud: one account's buckets in one region, behind version 4 signatures."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime, timezone

from starlette.responses import Response
from starlette.types import ASGIApp, Receive, Scope, Send

from localcloud.gateway import Operation
from localcloud.oss.access.signature import is_anonymous, verify
from localcloud.oss.access.uploads import UPLOAD_BUCKET, Uploads
from localcloud.oss.forms.upload import post_object
from localcloud.oss.operations import lifecycle
from localcloud.oss.operations.reading import TAG_COUNT
from localcloud.oss.operations.table import POST_OBJECT, operation_of, refuse_left_out
from localcloud.oss.operations.writing import DEFAULT_CONTENT_TYPE, put_object
from localcloud.oss.permissions import Permissions
from localcloud.oss.protocol.errors import EC_OF_CODE, OssError
from localcloud.oss.protocol.request import ClientGone, OssRequest
from localcloud.oss.protocol.responses import Exchange
from localcloud.oss.storage.checksums import Checksums, check_content_md5
from localcloud.oss.storage.objects import Draft, ObjectInfo, check_bucket_name, check_object_name
from localcloud.oss.storage.storage import Storage
from localcloud.oss.storage.tags import TagRules
from localcloud.ram.authorization import request_context
from localcloud.tenant import Tenant

# Far more than any document that an operation takes: ten thousand parts are one MiB.
MAX_DOCUMENT_BYTES = 4 * 1024 * 1024
# Each is an event too. After those of a multipart upload but the last there is no new object yet.
_WRITING = ("PutObject", "CopyObject", "AppendObject", "PutSymlink", "CompleteMultipartUpload")
_UPLOADING = ("InitiateMultipartUpload", "UploadPart", "UploadPartCopy")


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
    """

    name = "oss"

    def __init__(self, tenant: Tenant, *, accept_unicode_tags: bool = False) -> None:
        self._tenant = tenant
        self._storage = Storage(tenant, TagRules(accept_unicode=accept_unicode_tags))
        self._objects = self._storage.objects
        self._permissions = Permissions(self._storage)
        self._observers: list[Callable[[ObjectCreated], None]] = []
        self.uploads = Uploads(tenant)
        self.app: ASGIApp = self._serve
        self._objects.create_bucket(UPLOAD_BUCKET)
        # Whoever uploaded packages to an earlier process has used them, or is gone.
        for left in self._objects.objects(UPLOAD_BUCKET):
            self._objects.delete(left.bucket, left.key)

    def operation(self, scope: Scope) -> Operation:
        """The API's name of a request, and ``oss://bucket/key``."""
        request = OssRequest.from_scope(scope)
        path = f"{request.bucket}/{request.key}" if request.raw_key else request.bucket
        return Operation(operation_of(request).name, f"oss://{path}")

    def error(self, status: int, code: str, message: str) -> Response:
        """An error that OSS did not come to by itself.

        The document is in ``x-oss-err`` too, since the request that it answers may be a HEAD.
        """
        error = OssError(status, code, message, EC_OF_CODE.get(code, ""))
        host = f"oss-{self._tenant.region}.aliyuncs.com"
        return Exchange(host).error(error, with_body=True, in_header=True)

    def create_bucket(self, bucket: str) -> None:
        """Make a bucket; one that exists stays as it is. Raises OssError for a name that OSS refuses."""
        check_bucket_name(bucket)
        self._objects.create_bucket(bucket)

    def has_bucket(self, bucket: str) -> bool:
        """Whether there is such a bucket."""
        return self._objects.has_bucket(bucket)

    def put_object(self, bucket: str, key: str, body: bytes, tags: Mapping[str, str]) -> None:
        """Write an object with its tags without a request, as PutObject does; raises OssError."""
        check_bucket_name(bucket)
        check_object_name(key.encode())
        headers = {"content-type": DEFAULT_CONTENT_TYPE}
        tag_set = self._storage.rules.read_mapping(tags)
        with self._objects.receive() as incoming:
            incoming.write(body)
            draft = Draft(bucket, key, headers, tag_set, forbid_overwrite=False)
            self._objects.put(draft, incoming.keep())

    def watch(self, observe: Callable[[ObjectCreated], None]) -> None:
        """Tell somebody of every object that is written from now on, in the services' event loop."""
        self._observers.append(observe)

    def stat(self, bucket: str, key: str) -> ObjectInfo | None:
        """What OSS knows of an object, if there is one."""
        return self._objects.find(bucket, key)

    def read(self, bucket: str, key: str) -> bytes | None:
        """The body of an object, if there is one."""
        info = self._objects.find(bucket, key)
        if info is None:
            return None
        with self._objects.open(info) as file:
            return file.read()

    def listing(self) -> Iterator[ObjectInfo]:
        """Every object of every bucket that is somebody's, in order."""
        for bucket in self._objects.buckets():
            if bucket.name != UPLOAD_BUCKET:
                yield from self._objects.objects(bucket.name)

    def carry_out_lifecycle(self, bucket: str) -> list[lifecycle.Done]:
        """Do to a bucket's objects what its rules say by now; raises OssError without such a bucket."""
        return lifecycle.carry_out(self._storage, bucket)

    async def _serve(self, scope: Scope, receive: Receive, send: Send) -> None:
        request = OssRequest.from_scope(scope, receive)
        exchange = Exchange(request.header("host"))
        is_head = request.method == "HEAD"
        try:
            response = exchange.dated(await self._answer(scope, request), self._storage.now())
        except OssError as error:
            response = exchange.error(error, with_body=not is_head, in_header=is_head)
        except ClientGone:
            return
        if request.method == "GET" and request.header("content-length") not in ("", "0"):
            # Its body has not been waited for, and might be taken for another request.
            response.headers["connection"] = "close"
        await response(scope, receive, send)

    async def _answer(self, scope: Scope, request: OssRequest) -> Response:
        operation = operation_of(request)
        # A bucket is looked up before the signature is: OSS names a missing one to everybody.
        if request.bucket:
            check_bucket_name(request.bucket)
            if operation.name not in ("PutBucket", "PutBucketAcl"):
                self._objects.bucket(request.bucket)
        now = datetime.now(timezone.utc)
        if request.bucket == UPLOAD_BUCKET:
            self.uploads.check(request, operation.name, now)
            return await put_object(self._storage, request)
        context = request_context(scope)
        if operation is POST_OBJECT:
            refuse_left_out(request, operation)
            response, info = await post_object(self._storage, self._permissions, request, context, now)
            self._tell(_created("ObjectCreated:PostObject", info))
            return response
        accounts, region = self._tenant.accounts, self._tenant.region
        identity = None if is_anonymous(request) else verify(request, accounts, region, now)
        if request.raw_key:
            check_object_name(request.raw_key)
        refuse_left_out(request, operation)
        if not operation.streams:
            # What a GET has for a body is not waited for: clients that sign Content-Length send none.
            request = request if request.method == "GET" else await request.whole(MAX_DOCUMENT_BYTES)
            sums = Checksums()
            sums.update(request.body)
            check_content_md5(request, sums.md5)
        self._permissions.check(identity, request, operation, context)
        assert operation.handler is not None, "what nobody carries out was refused"
        answer = operation.handler(self._storage, request)
        response = answer if isinstance(answer, Response) else await answer
        if TAG_COUNT in response.headers and not self._permissions.shows_tag_count(
            identity, request, context
        ):
            del response.headers[TAG_COUNT]
        if response.status_code == 200:
            self._announce(operation.name, request)
        return response

    def _announce(self, operation: str, request: OssRequest) -> None:
        event = f"ObjectCreated:{operation}"
        if operation in _UPLOADING:
            self._tell(ObjectCreated(event, request.bucket, request.key, "", 0, self._storage.now()))
        elif operation in _WRITING and (info := self._objects.find(request.bucket, request.key)) is not None:
            self._tell(_created(event, info))

    def _tell(self, created: ObjectCreated) -> None:
        for observe in self._observers:
            observe(created)


def _created(event: str, info: ObjectInfo) -> ObjectCreated:
    return ObjectCreated(event, info.bucket, info.key, info.etag, info.size, info.last_modified)
