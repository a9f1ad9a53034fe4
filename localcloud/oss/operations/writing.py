"""The operations that write an object whole: PutObject, CopyObject and PutSymlink, and what they share.

Sources: help.aliyun.com, the API page of each operation.
"""

from __future__ import annotations

import re
from dataclasses import replace
from urllib.parse import quote, unquote_to_bytes

from starlette.responses import Response

from localcloud.oss.access.acl import read_acl
from localcloud.oss.access.uploads import UPLOAD_BUCKET, not_the_accounts
from localcloud.oss.operations import conditions
from localcloud.oss.operations.reading import checksum_headers
from localcloud.oss.operations.restoring import check_readable
from localcloud.oss.protocol import documents, errors, responses
from localcloud.oss.protocol.request import OssRequest
from localcloud.oss.storage import objects
from localcloud.oss.storage.bodies import IncomingBody
from localcloud.oss.storage.checksums import check_content_md5, content_md5
from localcloud.oss.storage.objects import Draft, ObjectInfo, check_object_name, read_storage_class
from localcloud.oss.storage.storage import Storage
from localcloud.oss.storage.tags import HEADER as TAGS

MAX_BODY_BYTES = 5 * 1024**3
MAX_METADATA_BYTES = 8 * 1024
DEFAULT_CONTENT_TYPE = "application/octet-stream"
# The prefix of the conditions of a copy.
OF_SOURCE = "x-oss-copy-source-"

# Without them nobody could decrypt the copy.
_OF_CLIENT_SIDE_ENCRYPTION = tuple(
    f"{objects.USER_METADATA_PREFIX}client-side-encryption-{name}"
    for name in ("key", "start", "cek-alg", "wrap-alg")
)


async def put_object(storage: Storage, request: OssRequest) -> Response:
    """PutObject; nothing is left of an upload that breaks off."""
    conditions.refuse_conditions(request)
    draft = read_draft(storage, request)
    storage.objects.check(draft)
    with storage.objects.receive() as incoming:
        await take_in(request, incoming)
        info = storage.objects.put(draft, incoming.keep())
    return responses.empty(headers={**checksum_headers(info), "content-md5": content_md5(info.etag)})


def put_symlink(storage: Storage, request: OssRequest) -> Response:
    """PutSymlink: whether there is a target is of no concern."""
    conditions.refuse_conditions(request)
    text = request.header(objects.SYMLINK_TARGET)
    target = unquote_to_bytes(text.encode("latin-1"))
    if not target:
        raise errors.invalid_argument(objects.SYMLINK_TARGET, text, "A symbolic link must have a target.")
    check_object_name(target)
    draft = read_draft(storage, request)
    headers = {**draft.headers, objects.OBJECT_TYPE: objects.SYMLINK, objects.SYMLINK_TARGET: quote(target)}
    with storage.objects.receive() as empty:
        info = storage.objects.put(replace(draft, headers=headers), empty.keep())
    return responses.empty(headers={"etag": f'"{info.etag}"'})


def copy_object(storage: Storage, request: OssRequest) -> Response:
    """CopyObject: metadata and tags come along unless a directive says REPLACE."""
    conditions.refuse_conditions(request, unless_beside=OF_SOURCE)
    source = source_of_copy(storage, request)
    if not conditions.is_modified(request, source, prefix=OF_SOURCE):
        return responses.empty(304)
    # Onto itself, a copy changes the metadata whatever the directive says.
    onto_itself = (source.bucket, source.key) == (request.bucket, request.key)
    replaces_headers = _replaces(request, "x-oss-metadata-directive") or onto_itself
    if source.object_type == objects.APPENDABLE and not onto_itself:
        raise errors.NOT_SUPPORTED(Key=source.key)
    check_readable(source, storage.now())
    headers = _replaced_headers(request, source) if replaces_headers else dict(source.headers)
    # A copy is of the class that is asked for, or the bucket's, whatever the source's is.
    for name in (objects.STORAGE_CLASS, objects.OBJECT_TYPE, objects.OBJECT_ACL, objects.RESTORATION):
        headers.pop(name, None)
    if source.object_type == objects.APPENDABLE:
        headers[objects.OBJECT_TYPE] = objects.APPENDABLE
    elif source.object_type == objects.SYMLINK:
        # It is the link that is copied.
        headers |= {name: source.headers[name] for name in (objects.OBJECT_TYPE, objects.SYMLINK_TARGET)}
    draft = Draft(
        bucket=request.bucket,
        key=request.key,
        headers={**headers, **_storage_class(storage, request), **read_object_acl(storage, request)},
        tags=storage.rules.read_header(request.header(TAGS)) if replaces_tags(request) else source.tags,
        forbid_overwrite=forbids_overwrite(request),
    )
    info = storage.objects.copy(draft, source)
    result: list[documents.Node] = [("LastModified", info.last_modified), ("ETag", f'"{info.etag}"')]
    return responses.document("CopyObjectResult", result, checksum_headers(info))


def read_draft(storage: Storage, request: OssRequest) -> Draft:
    """What a request says of the object that it writes: headers, class, ACL and tags; raises OssError."""
    headers = {
        **_kept_headers(request),
        **_storage_class(storage, request),
        **read_object_acl(storage, request),
    }
    tags = storage.rules.read_header(request.header(TAGS))
    return Draft(request.bucket, request.key, headers, tags, forbids_overwrite(request))


def read_object_acl(storage: Storage, request: OssRequest) -> dict[str, str]:
    """The header of the ACL that is asked for, if one is; raises OssError."""
    asked = request.header(objects.OBJECT_ACL)
    return {objects.OBJECT_ACL: read_acl(storage.objects, request, objects.OBJECT_ACL)} if asked else {}


def forbids_overwrite(request: OssRequest) -> bool:
    """Whether an object that is there may not be replaced."""
    return request.header("x-oss-forbid-overwrite").lower() == "true"


def check_length(request: OssRequest) -> None:
    """Make sure that a body has a length that OSS takes, or is sent in chunks; raises OssError."""
    length = request.header("content-length")
    if not length:
        if not request.has_header("transfer-encoding"):
            raise errors.MISSING_CONTENT_LENGTH()
    elif re.fullmatch(r"\d{11,}", length) or int(length) > MAX_BODY_BYTES:
        raise errors.ENTITY_TOO_LARGE(MaxSizeAllowed=MAX_BODY_BYTES)


async def take_in(request: OssRequest, incoming: IncomingBody) -> None:
    """Take in the body of a request, which must be that of its Content-MD5; raises OssError, ClientGone."""
    check_length(request)
    await request.stream(incoming.write)
    check_content_md5(request, incoming.checksums.md5)


def copied_object(request: OssRequest) -> tuple[str, str]:
    """The bucket and key that CopyObject or UploadPartCopy copies from; raises OssError."""
    text = request.header("x-oss-copy-source")
    path, _, query = text.partition("?")
    bucket, _, raw_key = path.removeprefix("/").partition("/")
    if not path.startswith("/") or not bucket or not raw_key:
        message = "The copy source must be /bucket/key with the key encoded as in a URL."
        raise errors.invalid_argument("x-oss-copy-source", text, message)
    if query:
        raise errors.not_implemented_here("the versions of objects that are copied")
    # The SDK for Go and ossutil encode a blank as a plus sign.
    key = unquote_to_bytes(raw_key.replace("+", " ").encode("latin-1"))
    check_object_name(key)
    return bucket, key.decode()


def source_of_copy(storage: Storage, request: OssRequest) -> ObjectInfo:
    """The object that a request copies from; raises OssError."""
    bucket, key = copied_object(request)
    if bucket == UPLOAD_BUCKET:
        raise not_the_accounts()
    storage.objects.bucket(bucket)
    return storage.objects.get(bucket, key)


def replaces_tags(request: OssRequest) -> bool:
    """Whether CopyObject is to give the copy other tags than the source's; raises OssError."""
    return _replaces(request, "x-oss-tagging-directive")


def _storage_class(storage: Storage, request: OssRequest) -> dict[str, str]:
    asked = request.header(objects.STORAGE_CLASS)
    bucket = storage.objects.bucket(request.bucket)
    return {objects.STORAGE_CLASS: read_storage_class(asked) if asked else bucket.storage_class}


def _kept_headers(request: OssRequest) -> dict[str, str]:
    """The headers that come back with the object; raises OssError for too much metadata."""
    kept = {"content-type": DEFAULT_CONTENT_TYPE}
    metadata_bytes = 0
    for name, value in request.headers:
        if name.startswith(objects.USER_METADATA_PREFIX):
            metadata_bytes += len(name) - len(objects.USER_METADATA_PREFIX) + len(value)
            kept[name] = value.decode("latin-1")
        elif name in objects.KEPT_HEADERS and value:
            kept[name] = value.decode("latin-1")
    if metadata_bytes > MAX_METADATA_BYTES:
        raise errors.METADATA_TOO_LARGE(MaxSizeAllowed=MAX_METADATA_BYTES)
    return kept


def _replaced_headers(request: OssRequest, source: ObjectInfo) -> dict[str, str]:
    """What a copy with other metadata keeps of its source all the same, as the vendor's tests expect."""
    kept = ("content-type", *_OF_CLIENT_SIDE_ENCRYPTION)
    headers = {name: source.headers[name] for name in kept if name in source.headers}
    given = _kept_headers(request)
    if not request.header("content-type"):
        del given["content-type"]
    return {**headers, **given}


def _replaces(request: OssRequest, directive: str) -> bool:
    value = request.header(directive) or "COPY"
    if value.upper() not in ("COPY", "REPLACE"):
        raise errors.invalid_argument(directive, value, f"The {directive} must be COPY or REPLACE.")
    return value.upper() == "REPLACE"
