"""AppendObject: an object that grows at its end.

Source: help.aliyun.com, AppendObject.
"""

from __future__ import annotations

import asyncio
import hashlib
from dataclasses import replace
from weakref import WeakValueDictionary

from starlette.responses import Response
from starlette.types import Receive

from localcloud.oss.operations.drafts import MAX_BODY_BYTES, Drafts, check_length
from localcloud.oss.operations.objects import NEXT_POSITION, checksum_headers
from localcloud.oss.protocol import conditions, responses
from localcloud.oss.protocol.bodies import receive_body
from localcloud.oss.protocol.errors import (
    entity_too_large,
    invalid_argument,
    not_appendable,
    position_not_length,
)
from localcloud.oss.protocol.request import OssRequest, whole_number
from localcloud.oss.storage.body_files import BodyFiles, IncomingBody
from localcloud.oss.storage.checksums import check_content_md5, joined_crc64
from localcloud.oss.storage.objects import APPENDABLE, OBJECT_TYPE, Draft, ObjectInfo, ObjectStore


class AppendOperations:
    """Answers AppendObject."""

    def __init__(self, store: ObjectStore, files: BodyFiles, drafts: Drafts) -> None:
        self._store = store
        self._files = files
        self._drafts = drafts
        self._locks: WeakValueDictionary[tuple[str, str], asyncio.Lock] = WeakValueDictionary()

    async def append(self, request: OssRequest, receive: Receive) -> Response:
        """AppendObject: headers and tags are those of the first call, and what later ones have is ignored."""
        conditions.refuse_conditions(request)
        check_length(request)
        position = _position(request)
        found = self._appendable(request, position)
        draft = self._drafts.read(request) if found is None else None
        with self._store.receive() as incoming:
            await receive_body(receive, incoming.write)
            check_content_md5(request.header("content-md5"), incoming.checksums.md5)
            async with self._locks.setdefault((request.bucket, request.key), asyncio.Lock()):
                found = self._appendable(request, position)
                if found is None:
                    info = self._begin(draft or self._drafts.read(request), incoming)
                else:
                    info = await self._grow(found, incoming)
        return responses.empty(headers={**checksum_headers(info), NEXT_POSITION: str(info.size)})

    def _appendable(self, request: OssRequest, position: int) -> ObjectInfo | None:
        found = self._store.find(request.bucket, request.key)
        if found is not None and found.object_type != APPENDABLE:
            raise not_appendable(request.key)
        size = found.size if found else 0
        if position != size:
            raise position_not_length(position, size)
        return found

    def _begin(self, draft: Draft, incoming: IncomingBody) -> ObjectInfo:
        sums = incoming.checksums
        draft = replace(draft, headers={**draft.headers, OBJECT_TYPE: APPENDABLE})
        etag = _etag(sums.crc64, sums.size)
        return self._store.put_kept(draft, incoming.keep(), sums.size, etag, sums.crc64)

    async def _grow(self, found: ObjectInfo, incoming: IncomingBody) -> ObjectInfo:
        sums = incoming.checksums
        size = found.size + sums.size
        if size > MAX_BODY_BYTES:
            raise entity_too_large(MAX_BODY_BYTES)
        added = incoming.keep()
        try:
            body = await asyncio.to_thread(self._files.join, [found.body, added])
        finally:
            self._files.remove(added)
        # Meanwhile other operations went on: what they wrote stays.
        now = self._store.find(found.bucket, found.key)
        if now is None or now.body != found.body:
            self._files.remove(body)
            if now is not None and now.object_type != APPENDABLE:
                raise not_appendable(found.key)
            raise position_not_length(found.size, now.size if now else 0)
        crc64 = joined_crc64([(found.crc64, found.size), (sums.crc64, sums.size)])
        draft = Draft(now.bucket, now.key, now.headers, now.tags, forbid_overwrite=False)
        return self._store.put_kept(draft, body, size, _etag(crc64, size), crc64)


def _position(request: OssRequest) -> int:
    text = request.parameter("position") or ""
    position = whole_number(text)
    if position is None:
        message = "The position must be an integer that is not negative."
        raise invalid_argument("position", text, message)
    return position


def _etag(crc64: str, size: int) -> str:
    """An ETag that changes with the content; that of an appendable object is not its MD5."""
    return hashlib.md5(f"{crc64}-{size}".encode(), usedforsecurity=False).hexdigest().upper()
