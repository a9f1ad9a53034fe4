"""AppendObject: an object that grows at its end.

Source: help.aliyun.com, AppendObject.
"""

from __future__ import annotations

import asyncio
import hashlib
from dataclasses import replace

from starlette.responses import Response

from localcloud.database import StateInaccessible
from localcloud.oss.operations import conditions
from localcloud.oss.operations.reading import NEXT_POSITION, checksum_headers
from localcloud.oss.operations.writing import MAX_BODY_BYTES, read_draft, take_in
from localcloud.oss.protocol import errors, responses
from localcloud.oss.protocol.request import OssRequest, whole_number
from localcloud.oss.storage.bodies import Body
from localcloud.oss.storage.checksums import joined_crc64
from localcloud.oss.storage.objects import APPENDABLE, OBJECT_TYPE, Draft, ObjectInfo
from localcloud.oss.storage.storage import Storage


async def append_object(storage: Storage, request: OssRequest) -> Response:
    """AppendObject: headers and tags are those of the first call, and what later ones have is ignored."""
    conditions.refuse_conditions(request)
    position = whole_number(request.parameter("position"))
    if position is None:
        message = "The position must be an integer that is not negative."
        raise errors.invalid_argument("position", request.parameter("position"), message)
    found = _appendable(storage, request, position)
    draft = read_draft(storage, request) if found is None else None
    with storage.objects.receive() as incoming:
        await take_in(request, incoming)
        async with storage.lock(f"{request.bucket}/{request.key}"):
            found = _appendable(storage, request, position)
            if found is None:
                draft = draft or read_draft(storage, request)
                draft = replace(draft, headers={**draft.headers, OBJECT_TYPE: APPENDABLE})
                body = incoming.keep()
                info = storage.objects.put(draft, body._replace(etag=_etag(body.crc64, body.size)))
            else:
                info = await _grow(storage, request, found, incoming.keep())
    return responses.empty(headers={**checksum_headers(info), NEXT_POSITION: str(info.size)})


def _appendable(storage: Storage, request: OssRequest, position: int) -> ObjectInfo | None:
    """The object that ends at a position; None where there is none yet. Raises OssError."""
    found = storage.objects.find(request.bucket, request.key)
    if found is not None and found.object_type != APPENDABLE:
        raise errors.NOT_APPENDABLE(Key=request.key)
    size = found.size if found else 0
    if position != size:
        raise _elsewhere(position, size)
    return found


async def _grow(storage: Storage, request: OssRequest, found: ObjectInfo, added: Body) -> ObjectInfo:
    size = found.size + added.size
    try:
        if size > MAX_BODY_BYTES:
            raise errors.ENTITY_TOO_LARGE(MaxSizeAllowed=MAX_BODY_BYTES)
        file = await asyncio.to_thread(storage.files.join, [found.body, added.file])
    except StateInaccessible:
        _unchanged(storage, request, found)
        raise
    finally:
        storage.files.remove(added.file)
    try:
        now = _unchanged(storage, request, found)
    except errors.OssError:
        storage.files.remove(file)
        raise
    crc64 = joined_crc64([(found.crc64, found.size), (added.crc64, added.size)])
    draft = Draft(now.bucket, now.key, now.headers, now.tags, forbid_overwrite=False)
    return storage.objects.put(draft, Body(file, size, _etag(crc64, size), crc64))


def _unchanged(storage: Storage, request: OssRequest, found: ObjectInfo) -> ObjectInfo:
    """The object as it is now; raises OssError where others have written it meanwhile, which stays."""
    now = _appendable(storage, request, found.size)
    if now is None or now.body != found.body:
        raise _elsewhere(found.size, now.size if now else 0)
    return now


def _elsewhere(position: int, size: int) -> errors.OssError:
    elements = {"PositionProvided": str(position), "ActualObjectLength": str(size)}
    headers = {NEXT_POSITION: str(size)}
    message = "Position is not equal to file length"
    return errors.OssError(409, "PositionNotEqualToLength", message, "", elements, headers)


def _etag(crc64: str, size: int) -> str:
    """An ETag that changes with the content; that of an appendable object is not its MD5."""
    return hashlib.md5(f"{crc64}-{size}".encode(), usedforsecurity=False).hexdigest().upper()
