"""The operations that read an object: GetObject, HeadObject, GetObjectMeta and GetSymlink.

Sources: help.aliyun.com, the API page of each operation.
"""

from __future__ import annotations

from dataclasses import replace
from email.utils import format_datetime
from urllib.parse import unquote_to_bytes

from starlette.responses import Response

from localcloud.oss.operations import conditions
from localcloud.oss.operations.restoring import check_readable, shown_restoration
from localcloud.oss.protocol import responses
from localcloud.oss.protocol.errors import OssError
from localcloud.oss.protocol.request import OssRequest
from localcloud.oss.storage import objects
from localcloud.oss.storage.checksums import content_md5
from localcloud.oss.storage.multipart import Part
from localcloud.oss.storage.objects import ObjectInfo, ObjectStore
from localcloud.oss.storage.storage import Storage

TAG_COUNT = "x-oss-tagging-count"
NEXT_POSITION = "x-oss-next-append-position"


def get_object(storage: Storage, request: OssRequest) -> Response:
    """GetObject."""
    info = _resolved(storage.objects, request)
    if not conditions.is_modified(request, info):
        return _not_modified(info)
    check_readable(info, storage.now())
    headers = {**_object_headers(storage, info), **_overridden(request)}
    selected = conditions.selected_range(request, info.size)
    start, stop = selected or (0, info.size)
    if selected:
        headers["content-range"] = f"bytes {start}-{stop - 1}/{info.size}"
    file = storage.objects.open(info)
    return responses.FileResponse(file, start, stop, 206 if selected else 200, headers)


def head_object(storage: Storage, request: OssRequest) -> Response:
    """HeadObject."""
    info = _resolved(storage.objects, request)
    if not conditions.is_modified(request, info):
        return _not_modified(info)
    return responses.empty(headers={**_object_headers(storage, info), "content-length": str(info.size)})


def get_object_meta(storage: Storage, request: OssRequest) -> Response:
    """GetObjectMeta: a few of the headers of HeadObject."""
    info = _resolved(storage.objects, request)
    headers = {**checksum_headers(info), **_last_modified(info), "content-length": str(info.size)}
    return responses.empty(headers=headers)


def get_symlink(storage: Storage, request: OssRequest) -> Response:
    """GetSymlink."""
    info = storage.objects.get(request.bucket, request.key)
    if info.object_type != objects.SYMLINK:
        raise OssError(400, "NotSymlink", "The object is not a symbolic link.", "", {"Key": info.key})
    target = {objects.SYMLINK_TARGET: info.headers[objects.SYMLINK_TARGET], "etag": f'"{info.etag}"'}
    return responses.empty(headers={**target, **_last_modified(info)})


def link_target(info: ObjectInfo) -> str:
    """The key that a link points to."""
    return unquote_to_bytes(info.headers[objects.SYMLINK_TARGET]).decode()


def checksum_headers(info: ObjectInfo | Part) -> dict[str, str]:
    """The headers by which a client checks what was written or read."""
    return {"etag": f'"{info.etag}"', "x-oss-hash-crc64ecma": info.crc64}


def _resolved(store: ObjectStore, request: OssRequest) -> ObjectInfo:
    """An object as it is read; raises OssError.

    A link has the body of its target, whose class counts, and the later Last-Modified of both.
    """
    info = store.get(request.bucket, request.key)
    if info.object_type != objects.SYMLINK:
        return info
    target = store.find(request.bucket, link_target(info))
    if target is None:
        message = "The symlink object you requested has no target object."
        raise OssError(404, "SymlinkTargetNotExist", message, "", {"Key": info.key})
    if target.object_type == objects.SYMLINK:
        message = "The target of the symlink object is of an invalid type."
        raise OssError(400, "InvalidTargetType", message, "", {"Key": info.key, "Type": objects.SYMLINK})
    of_body = {
        name: target.headers[name]
        for name in (objects.STORAGE_CLASS, objects.RESTORATION)
        if name in target.headers
    }
    return replace(
        target,
        key=info.key,
        last_modified=max(info.last_modified, target.last_modified),
        headers={**info.headers, **of_body},
        tags=info.tags,
    )


def _object_headers(storage: Storage, info: ObjectInfo) -> dict[str, str]:
    hidden = (objects.OBJECT_ACL, objects.RESTORATION, objects.SYMLINK_TARGET)
    headers = {
        **{name: value for name, value in info.headers.items() if name not in hidden},
        **checksum_headers(info),
        **_last_modified(info),
        "accept-ranges": "bytes",
        objects.OBJECT_TYPE: info.object_type,
        objects.STORAGE_CLASS: info.storage_class,
    }
    restoration = shown_restoration(info, storage.now())
    if restoration:
        headers[objects.RESTORATION] = restoration
    if info.object_type == objects.APPENDABLE:
        headers[NEXT_POSITION] = str(info.size)
    if info.md5:
        headers["content-md5"] = content_md5(info.md5)
    if info.tags:
        headers[TAG_COUNT] = str(len(info.tags))
    return headers


def _overridden(request: OssRequest) -> dict[str, str]:
    """The headers of the answer that the query of a signed request asks for instead of the object's."""
    return {
        name.removeprefix("response-"): responses.header_value(name, value)
        for name, value in request.query
        if name.startswith("response-") and name.removeprefix("response-") in objects.KEPT_HEADERS
    }


def _last_modified(info: ObjectInfo) -> dict[str, str]:
    return {"last-modified": format_datetime(info.last_modified, usegmt=True)}


def _not_modified(info: ObjectInfo) -> Response:
    return responses.empty(304, {**checksum_headers(info), **_last_modified(info)})
