"""The operations on objects: PutObject, CopyObject, GetObject, HeadObject, GetObjectMeta, DeleteObject.

Sources: help.aliyun.com, the API page of each operation.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from email.utils import format_datetime
from urllib.parse import unquote_to_bytes

from starlette.responses import Response
from starlette.types import Receive

from localcloud.clock import Clock
from localcloud.oss.access.uploads import UPLOAD_BUCKET, not_the_accounts
from localcloud.oss.operations.drafts import (
    DEFAULT_CONTENT_TYPE,
    KEPT_HEADERS,
    Drafts,
    check_length,
    forbids_overwrite,
    kept_headers,
)
from localcloud.oss.operations.listing import shown
from localcloud.oss.operations.restoring import check_readable, restoration
from localcloud.oss.operations.symlinks import resolved
from localcloud.oss.protocol import conditions, documents, responses
from localcloud.oss.protocol.bodies import FilePart, FileResponse, receive_body
from localcloud.oss.protocol.errors import (
    invalid_argument,
    not_implemented_here,
    not_supported,
)
from localcloud.oss.protocol.request import OssRequest
from localcloud.oss.storage import storage_classes
from localcloud.oss.storage.checksums import check_content_md5, content_md5
from localcloud.oss.storage.object_names import check_object_name
from localcloud.oss.storage.objects import (
    APPENDABLE,
    OBJECT_ACL,
    OBJECT_TYPE,
    RESTORATION,
    SYMLINK,
    SYMLINK_TARGET,
    USER_METADATA_PREFIX,
    Draft,
    ObjectInfo,
    ObjectStore,
)
from localcloud.oss.storage.tags import HEADER, TagRules

TAG_COUNT = "x-oss-tagging-count"
NEXT_POSITION = "x-oss-next-append-position"

# The prefix of the conditions of a copy.
OF_SOURCE = "x-oss-copy-source-"
# Without them nobody could decrypt the copy.
_OF_CLIENT_SIDE_ENCRYPTION = tuple(
    f"{USER_METADATA_PREFIX}client-side-encryption-{name}" for name in ("key", "start", "cek-alg", "wrap-alg")
)


def copied_object(request: OssRequest) -> tuple[str, str]:
    """The bucket and key that CopyObject or UploadPartCopy copies from; raises OssError."""
    text = request.header("x-oss-copy-source") or ""
    path, _, query = text.partition("?")
    bucket, _, raw_key = path.removeprefix("/").partition("/")
    if not path.startswith("/") or not bucket or not raw_key:
        message = "The copy source must be /bucket/key with the key encoded as in a URL."
        raise invalid_argument("x-oss-copy-source", text, message)
    if query:
        raise not_implemented_here("the versions of objects that are copied")
    # The SDK for Go and ossutil encode a blank as a plus sign.
    key = unquote_to_bytes(raw_key.replace("+", " ").encode("latin-1"))
    check_object_name(key, key.decode("utf-8", "replace"))
    return bucket, key.decode()


def source_of_copy(store: ObjectStore, request: OssRequest) -> ObjectInfo:
    """The object that a request copies from; raises OssError."""
    bucket, key = copied_object(request)
    if bucket == UPLOAD_BUCKET:
        raise not_the_accounts()
    store.bucket(bucket)
    return store.get(bucket, key)


def replaces_tags(request: OssRequest) -> bool:
    """Whether CopyObject is to give the copy other tags than the source's; raises OssError."""
    return _replaces(request, "x-oss-tagging-directive")


class ObjectOperations:
    """Answers requests that concern whole objects."""

    def __init__(self, store: ObjectStore, rules: TagRules, clock: Clock) -> None:
        self._store = store
        self._rules = rules
        self._clock = clock
        self._drafts = Drafts(store, rules)

    def put(self, bucket: str, key: str, body: bytes, tags: Mapping[str, str]) -> None:
        """Write an object without a request, in the place of any other; raises OssError."""
        draft = Draft(
            bucket=bucket,
            key=key,
            headers={"content-type": DEFAULT_CONTENT_TYPE},
            tags=self._rules.read_mapping(tags),
            forbid_overwrite=False,
        )
        with self._store.receive() as incoming:
            incoming.write(body)
            self._store.put(draft, incoming)

    async def put_object(self, request: OssRequest, receive: Receive) -> Response:
        """PutObject; nothing is left of an upload that breaks off."""
        conditions.refuse_conditions(request)
        check_length(request)
        draft = self._drafts.read(request)
        self._store.check(draft)
        with self._store.receive() as incoming:
            await receive_body(receive, incoming.write)
            check_content_md5(request.header("content-md5"), incoming.checksums.md5)
            info = self._store.put(draft, incoming)
        return responses.empty(headers={**checksum_headers(info), "content-md5": content_md5(info.etag)})

    def copy_object(self, request: OssRequest) -> Response:
        """CopyObject: metadata and tags come along unless a directive says REPLACE."""
        conditions.refuse_conditions(request, unless_beside=OF_SOURCE)
        source = source_of_copy(self._store, request)
        if not conditions.is_modified(request, source, prefix=OF_SOURCE):
            return responses.empty(304)
        # Onto itself, a copy changes the metadata whatever the directive says.
        onto_itself = (source.bucket, source.key) == (request.bucket, request.key)
        replace_headers = _replaces(request, "x-oss-metadata-directive") or onto_itself
        if source.object_type == APPENDABLE and not onto_itself:
            raise not_supported(source.key)
        check_readable(source, self._clock.now())
        headers = _replaced_headers(request, source) if replace_headers else dict(source.headers)
        # A copy is of the class that is asked for, or the bucket's, whatever the source's is.
        for name in (storage_classes.HEADER, OBJECT_TYPE, OBJECT_ACL, RESTORATION):
            headers.pop(name, None)
        if source.object_type == APPENDABLE:
            headers[OBJECT_TYPE] = APPENDABLE
        elif source.object_type == SYMLINK:
            # It is the link that is copied.
            headers |= {name: source.headers[name] for name in (OBJECT_TYPE, SYMLINK_TARGET)}
        draft = Draft(
            bucket=request.bucket,
            key=request.key,
            headers={**headers, **self._drafts.storage_class(request), **self._drafts.acl(request)},
            tags=self._rules.read_header(request.header(HEADER)) if replaces_tags(request) else source.tags,
            forbid_overwrite=forbids_overwrite(request),
        )
        info = self._store.copy(draft, source)
        result = [("LastModified", shown(info.last_modified)), ("ETag", f'"{info.etag}"')]
        return responses.document(documents.write("CopyObjectResult", result), checksum_headers(info))

    def get_object(self, request: OssRequest) -> Response:
        """GetObject."""
        info = resolved(self._store, request.bucket, request.key)
        if not conditions.is_modified(request, info):
            return _not_modified(info)
        check_readable(info, self._clock.now())
        headers = _object_headers(info, self._clock.now())
        headers.update(_overridden(request))
        selected = conditions.selected_range(request, info.size)
        if selected is None:
            return FileResponse(FilePart(self._store.open(info), 0, info.size), 200, headers)
        start, stop = selected
        headers["content-range"] = f"bytes {start}-{stop - 1}/{info.size}"
        return FileResponse(FilePart(self._store.open(info), start, stop), 206, headers)

    def head_object(self, request: OssRequest) -> Response:
        """HeadObject."""
        info = resolved(self._store, request.bucket, request.key)
        if not conditions.is_modified(request, info):
            return _not_modified(info)
        return responses.empty(
            headers={**_object_headers(info, self._clock.now()), "content-length": str(info.size)}
        )

    def get_object_meta(self, request: OssRequest) -> Response:
        """GetObjectMeta: a few of the headers of HeadObject."""
        info = resolved(self._store, request.bucket, request.key)
        headers = {**checksum_headers(info), **_last_modified(info), "content-length": str(info.size)}
        return responses.empty(headers=headers)

    def delete_object(self, request: OssRequest) -> Response:
        """DeleteObject; 204 also where there is none."""
        self._store.delete(request.bucket, request.key)
        return responses.empty(204)


def _replaced_headers(request: OssRequest, source: ObjectInfo) -> dict[str, str]:
    """What a copy with other metadata keeps of its source all the same, as the vendor's tests expect."""
    kept = ("content-type", *_OF_CLIENT_SIDE_ENCRYPTION)
    headers = {name: source.headers[name] for name in kept if name in source.headers}
    given = kept_headers(request)
    if not request.header("content-type"):
        del given["content-type"]
    return {**headers, **given}


def _overridden(request: OssRequest) -> dict[str, str]:
    """The headers of the answer that the query of a signed request asks for instead of the object's."""
    return {
        name.removeprefix("response-"): responses.header_value(name, value)
        for name, value in request.query
        if name.startswith("response-") and name.removeprefix("response-") in KEPT_HEADERS
    }


def _replaces(request: OssRequest, directive: str) -> bool:
    value = request.header(directive) or "COPY"
    if value.upper() not in ("COPY", "REPLACE"):
        raise invalid_argument(directive, value, f"The {directive} must be COPY or REPLACE.")
    return value.upper() == "REPLACE"


def checksum_headers(info: ObjectInfo) -> dict[str, str]:
    """The headers by which a client checks what was written or read."""
    return {"etag": f'"{info.etag}"', "x-oss-hash-crc64ecma": info.crc64}


def _last_modified(info: ObjectInfo) -> dict[str, str]:
    return {"last-modified": format_datetime(info.last_modified, usegmt=True)}


def _object_headers(info: ObjectInfo, now: datetime) -> dict[str, str]:
    headers = {
        **info.headers,
        **checksum_headers(info),
        **_last_modified(info),
        "accept-ranges": "bytes",
        OBJECT_TYPE: info.object_type,
        storage_classes.HEADER: info.storage_class,
    }
    for name in (OBJECT_ACL, RESTORATION, SYMLINK_TARGET):
        headers.pop(name, None)
    restored = restoration(info, now)
    if restored:
        headers[RESTORATION] = restored.shown(now)
    if info.object_type == APPENDABLE:
        headers[NEXT_POSITION] = str(info.size)
    if info.md5:
        headers["content-md5"] = content_md5(info.md5)
    if info.tags:
        headers[TAG_COUNT] = str(len(info.tags))
    return headers


def _not_modified(info: ObjectInfo) -> Response:
    return responses.empty(304, {**checksum_headers(info), **_last_modified(info)})
