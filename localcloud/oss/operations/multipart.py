"""The operations of multipart uploads, from their beginning to their end, and the lists of them.

Sources: help.aliyun.com, the API page of each operation; what the vendor's live tests expect of the lists.
"""

from __future__ import annotations

import asyncio
from itertools import pairwise
from urllib.parse import quote

from starlette.responses import Response
from starlette.types import Receive

from localcloud.clock import Clock
from localcloud.oss.operations.drafts import MAX_BODY_BYTES, Drafts, check_length, forbids_overwrite
from localcloud.oss.operations.listing import bounded, common_prefix, is_url_encoded, shown, shown_name
from localcloud.oss.operations.objects import OF_SOURCE, checksum_headers, source_of_copy
from localcloud.oss.operations.restoring import check_readable
from localcloud.oss.protocol import conditions, documents, responses
from localcloud.oss.protocol.bodies import CHUNK_BYTES, receive_body
from localcloud.oss.protocol.errors import (
    entity_too_large,
    invalid_argument,
    invalid_part,
    invalid_part_order,
    malformed_xml,
)
from localcloud.oss.protocol.request import OssRequest, whole_number
from localcloud.oss.storage.checksums import check_content_md5, content_md5
from localcloud.oss.storage.multipart import SEQUENTIAL, MultipartUpload, MultipartUploads
from localcloud.oss.storage.objects import ObjectStore

MAX_PARTS = 10_000
GREATEST_PAGE = 1000


class MultipartOperations:
    """Answers requests that concern multipart uploads."""

    def __init__(self, store: ObjectStore, uploads: MultipartUploads, drafts: Drafts, clock: Clock) -> None:
        self._store = store
        self._clock = clock
        self._uploads = uploads
        self._drafts = drafts

    def _upload(self, request: OssRequest) -> MultipartUpload:
        upload_id = request.parameter("uploadId") or ""
        return self._uploads.get(request.bucket, request.key, upload_id)

    def initiate(self, request: OssRequest) -> Response:
        """InitiateMultipartUpload: all that the object is to have beside its body is said here."""
        conditions.refuse_conditions(request)
        encoded = is_url_encoded(request)
        sequential = request.has(SEQUENTIAL)
        upload = self._uploads.initiate(self._drafts.read(request), sequential=sequential)
        nodes = [*_names(upload, encoded), ("UploadId", upload.upload_id)]
        return responses.document(documents.write("InitiateMultipartUploadResult", nodes))

    async def upload_part(self, request: OssRequest, receive: Receive) -> Response:
        """UploadPart; nothing is left of a part that breaks off."""
        check_length(request)
        number, upload = _part_number(request), self._upload(request)
        self._uploads.check_sequence(upload, number)
        with self._store.receive() as incoming:
            await receive_body(receive, incoming.write)
            check_content_md5(request.header("content-md5"), incoming.checksums.md5)
            part = await self._uploads.put_part(upload, number, incoming)
        headers = {"etag": f'"{part.etag}"', "x-oss-hash-crc64ecma": part.crc64}
        return responses.empty(headers={**headers, "content-md5": content_md5(part.etag)})

    async def upload_part_copy(self, request: OssRequest, body: bytes) -> Response:
        """UploadPartCopy: a part from another object, or from a range of it that lies within."""
        number, upload = _part_number(request), self._upload(request)
        self._uploads.check_sequence(upload, number)
        source = source_of_copy(self._store, request)
        if not conditions.is_modified(request, source, prefix=OF_SOURCE):
            return responses.empty(304)
        check_readable(source, self._clock.now())
        selected = conditions.selected_range(request, source.size, "x-oss-copy-source-range")
        start, stop = selected or (0, source.size)
        if stop - start > MAX_BODY_BYTES:
            raise entity_too_large(MAX_BODY_BYTES)
        with self._store.receive() as incoming, self._store.open(source) as file:
            file.seek(start)
            for position in range(start, stop, CHUNK_BYTES):
                incoming.write(file.read(min(CHUNK_BYTES, stop - position)))
                # Other requests have their turn.
                await asyncio.sleep(0)
            part = await self._uploads.put_part(upload, number, incoming)
        result = [("LastModified", shown(part.last_modified)), ("ETag", f'"{part.etag}"')]
        headers = {"etag": f'"{part.etag}"', "x-oss-hash-crc64ecma": part.crc64}
        if selected:
            headers["content-range"] = f"bytes {start}-{stop - 1}/{source.size}"
        return responses.document(documents.write("CopyPartResult", result), headers)

    async def complete(self, request: OssRequest, body: bytes) -> Response:
        """CompleteMultipartUpload, with the parts that the body lists or with all of them."""
        encoded, upload = is_url_encoded(request), self._upload(request)
        forbid_overwrite = forbids_overwrite(request)
        chosen = None if _takes_all(request, body) else _chosen(body)
        if not (chosen or self._uploads.parts(upload)):
            raise invalid_part(1, "", upload.upload_id)
        acl = self._drafts.acl(request)
        info = await self._uploads.complete(upload, chosen, acl, forbid_overwrite=forbid_overwrite)
        host = (request.header("host") or "").removeprefix(f"{info.bucket}.")
        location = f"http://{info.bucket}.{host}/{quote(info.key)}"
        nodes = [*_names(upload, encoded), ("Location", location), ("ETag", f'"{info.etag}"')]
        result = documents.write("CompleteMultipartUploadResult", nodes)
        return responses.document(result, checksum_headers(info))

    async def abort(self, request: OssRequest, body: bytes) -> Response:
        """AbortMultipartUpload."""
        await self._uploads.abort(self._upload(request))
        return responses.empty(204)

    def list_parts(self, request: OssRequest) -> Response:
        """ListParts."""
        encoded, upload = is_url_encoded(request), self._upload(request)
        limit = bounded(request, "max-parts", GREATEST_PAGE, GREATEST_PAGE)
        marker = _marker(request)
        parts = [part for part in self._uploads.parts(upload) if part.number > marker]
        page = parts[:limit]
        nodes: list[documents.Node] = [
            *_names(upload, encoded),
            ("UploadId", upload.upload_id),
            ("StorageClass", upload.storage_class),
            ("PartNumberMarker", str(marker)),
            ("NextPartNumberMarker", str(page[-1].number if page else marker)),
            ("MaxParts", str(limit)),
            ("IsTruncated", "true" if len(parts) > len(page) else "false"),
        ]
        for part in page:
            described = [
                ("PartNumber", str(part.number)),
                ("LastModified", shown(part.last_modified)),
                ("ETag", f'"{part.etag}"'),
                ("HashCrc64ecma", part.crc64),
                ("Size", str(part.size)),
            ]
            nodes.append(("Part", described))
        return responses.document(documents.write("ListPartsResult", nodes))

    def list_uploads(self, request: OssRequest) -> Response:
        """ListMultipartUploads."""
        limit = bounded(request, "max-uploads", GREATEST_PAGE, GREATEST_PAGE)
        encoded = is_url_encoded(request)
        names = ("prefix", "delimiter", "key-marker", "upload-id-marker")
        prefix, delimiter, key_marker, id_marker = (request.parameter(name) or "" for name in names)
        uploads: list[documents.Node] = []
        groups: list[str] = []
        last, truncated = ("", ""), False
        for upload in self._uploads.all(request.bucket):
            group = common_prefix(upload.key, prefix, delimiter)
            here = (group, "") if group else (upload.key, upload.upload_id)
            after = here > (key_marker, id_marker) if id_marker and not group else here[0] > key_marker
            if not upload.key.startswith(prefix) or not after or group in groups:
                continue
            if len(uploads) + len(groups) == limit:
                truncated = True
                break
            last = here
            if group:
                groups.append(group)
            else:
                uploads.append(("Upload", _described(upload, encoded)))
        nodes: list[documents.Node] = [
            ("Bucket", request.bucket),
            *_encoding(encoded),
            ("KeyMarker", shown_name(key_marker, encoded)),
            ("UploadIdMarker", id_marker),
            ("NextKeyMarker", shown_name(last[0], encoded)),
            ("NextUploadIdMarker", last[1]),
            ("Delimiter", shown_name(delimiter, encoded)),
            ("Prefix", shown_name(prefix, encoded)),
            ("MaxUploads", str(limit)),
            ("IsTruncated", "true" if truncated else "false"),
            *uploads,
            *(("CommonPrefixes", [("Prefix", shown_name(group, encoded))]) for group in groups),
        ]
        return responses.document(documents.write("ListMultipartUploadsResult", nodes))


def _encoding(encoded: bool) -> list[documents.Node]:
    return [("EncodingType", "url")] if encoded else []


def _names(upload: MultipartUpload, encoded: bool) -> list[documents.Node]:
    """What upload a document is about, as all of them begin."""
    return [*_encoding(encoded), ("Bucket", upload.bucket), ("Key", shown_name(upload.key, encoded))]


def _described(upload: MultipartUpload, encoded: bool) -> list[documents.Node]:
    return [
        ("Key", shown_name(upload.key, encoded)),
        ("UploadId", upload.upload_id),
        ("StorageClass", upload.storage_class),
        ("Initiated", shown(upload.initiated)),
    ]


def _part_number(request: OssRequest) -> int:
    text = request.parameter("partNumber")
    if not text:
        message = "Unexpected query string parameter"
        raise invalid_argument("ResourceType", "partNumber", message, "0017-00000219")
    return _number(text)


def _number(text: str) -> int:
    number = whole_number(text)
    if number is None or not 1 <= number <= MAX_PARTS:
        message = f"Part number must be an integer between 1 and {MAX_PARTS}, inclusive."
        raise invalid_argument("PartNumber", text, message, "0017-00000220")
    return number


def _marker(request: OssRequest) -> int:
    text = request.parameter("part-number-marker") or "0"
    number = whole_number(text)
    if number is None:
        message = "Argument part-number-marker must be an integer."
        raise invalid_argument("part-number-marker", text, message)
    return number


def _takes_all(request: OssRequest, body: bytes) -> bool:
    asked = request.header("x-oss-complete-all")
    if asked is None:
        return False
    if asked.lower() != "yes" or body:
        message = "x-oss-complete-all is yes, beside no body."
        raise invalid_argument("x-oss-complete-all", asked, message)
    return True


def _chosen(body: bytes) -> list[tuple[int, str]]:
    """The numbers and ETags of a ``<CompleteMultipartUpload>``; raises OssError."""
    root = documents.read(body, "CompleteMultipartUpload")
    if len(root) == 0:
        raise malformed_xml("a CompleteMultipartUpload has one Part or more")
    chosen = []
    for element in root:
        number, etag = element.findtext("PartNumber"), element.findtext("ETag")
        if element.tag != "Part" or number is None or etag is None:
            raise malformed_xml("a Part has a PartNumber and an ETag")
        chosen.append((_number(number.strip()), etag.strip().strip('"')))
    if any(later[0] <= earlier[0] for earlier, later in pairwise(chosen)):
        raise invalid_part_order()
    return chosen
