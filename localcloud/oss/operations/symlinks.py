"""Symbolic links: PutSymlink, GetSymlink, and what is read through a link.

Sources: help.aliyun.com, PutSymlink, GetSymlink, GetObject, CopyObject.
"""

from __future__ import annotations

from dataclasses import replace
from email.utils import format_datetime
from urllib.parse import quote, unquote_to_bytes

from starlette.responses import Response

from localcloud.oss.operations.drafts import Drafts
from localcloud.oss.protocol import conditions, responses
from localcloud.oss.protocol.errors import OssError, invalid_argument
from localcloud.oss.protocol.request import OssRequest
from localcloud.oss.storage import storage_classes
from localcloud.oss.storage.object_names import check_object_name
from localcloud.oss.storage.objects import (
    OBJECT_TYPE,
    RESTORATION,
    SYMLINK,
    SYMLINK_TARGET,
    ObjectInfo,
    ObjectStore,
)


class SymlinkOperations:
    """Answers requests that concern links themselves."""

    def __init__(self, store: ObjectStore, drafts: Drafts) -> None:
        self._store = store
        self._drafts = drafts

    def put(self, request: OssRequest) -> Response:
        """PutSymlink: whether there is a target is of no concern."""
        conditions.refuse_conditions(request)
        text = request.header(SYMLINK_TARGET) or ""
        target = unquote_to_bytes(text.encode("latin-1"))
        if not target:
            raise invalid_argument(SYMLINK_TARGET, text, "A symbolic link must have a target.")
        check_object_name(target, target.decode("utf-8", "replace"))
        draft = self._drafts.read(request)
        headers = {**draft.headers, OBJECT_TYPE: SYMLINK, SYMLINK_TARGET: quote(target)}
        with self._store.receive() as empty:
            info = self._store.put(replace(draft, headers=headers), empty)
        return responses.empty(headers={"etag": f'"{info.etag}"'})

    def get(self, request: OssRequest) -> Response:
        """GetSymlink."""
        info = self._store.get(request.bucket, request.key)
        if info.object_type != SYMLINK:
            message = "The object is not a symbolic link."
            raise OssError(400, "NotSymlink", message, "", {"Key": info.key})
        return responses.empty(
            headers={
                SYMLINK_TARGET: info.headers[SYMLINK_TARGET],
                "etag": f'"{info.etag}"',
                "last-modified": format_datetime(info.last_modified, usegmt=True),
            }
        )


def target_of(info: ObjectInfo) -> str:
    """The key that a link points to."""
    return unquote_to_bytes(info.headers[SYMLINK_TARGET]).decode()


def resolved(store: ObjectStore, bucket: str, key: str) -> ObjectInfo:
    """An object as it is read; raises OssError.

    A link has the body of its target, whose class counts, and the later Last-Modified of both.
    """
    info = store.get(bucket, key)
    if info.object_type != SYMLINK:
        return info
    target = store.find(bucket, target_of(info))
    if target is None:
        message = "The symlink object you requested has no target object."
        raise OssError(404, "SymlinkTargetNotExist", message, "", {"Key": info.key})
    if target.object_type == SYMLINK:
        message = "The target of the symlink object is of an invalid type."
        raise OssError(400, "InvalidTargetType", message, "", {"Key": info.key, "Type": SYMLINK})
    later = max(info.last_modified, target.last_modified)
    readable = {
        name: value for name, value in target.headers.items() if name in (storage_classes.HEADER, RESTORATION)
    }
    return replace(
        info,
        size=target.size,
        etag=target.etag,
        crc64=target.crc64,
        body=target.body,
        last_modified=later,
        headers={**info.headers, **readable},
    )
