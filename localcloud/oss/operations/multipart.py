"""The operations of multipart uploads, from their beginning to their end, and the lists of them.

Sources: help.aliyun.com, the API page of each operation; what the vendor's live tests expect of the lists.
"""

from __future__ import annotations

import asyncio
from itertools import pairwise

from starlette.responses import Response

from localcloud.oss.operations import conditions
from localcloud.oss.operations.listing import common_prefix
from localcloud.oss.operations.reading import checksum_headers
from localcloud.oss.operations.restoring import check_readable
from localcloud.oss.operations.writing import (
    MAX_BODY_BYTES,
    OF_SOURCE,
    forbids_overwrite,
    read_draft,
    read_object_acl,
    source_of_copy,
    take_in,
)
from localcloud.oss.protocol import documents, errors, responses
from localcloud.oss.protocol.request import OssRequest, whole_number
from localcloud.oss.storage.checksums import content_md5
from localcloud.oss.storage.multipart import MultipartUpload
from localcloud.oss.storage.storage import Storage

MAX_PARTS = 10_000
GREATEST_PAGE = 1000


def initiate_multipart_upload(storage: Storage, request: OssRequest) -> Response:
    """InitiateMultipartUpload: all that the object is to have beside its body is said here."""
    conditions.refuse_conditions(request)
    request.name_writer()
    draft = read_draft(storage, request)
    upload = storage.uploads.initiate(draft, sequential=request.has("sequential"))
    nodes = [*_names(request), ("UploadId", upload.upload_id)]
    return responses.document("InitiateMultipartUploadResult", nodes)


async def upload_part(storage: Storage, request: OssRequest) -> Response:
    """UploadPart; nothing is left of a part that breaks off."""
    number, upload = _part_number(request), _upload(storage, request)
    storage.uploads.check_sequence(upload, number)
    with storage.objects.receive() as incoming:
        await take_in(request, incoming)
        part = await storage.uploads.put_part(upload, number, incoming)
    return responses.empty(headers={**checksum_headers(part), "content-md5": content_md5(part.etag)})


async def upload_part_copy(storage: Storage, request: OssRequest) -> Response:
    """UploadPartCopy: a part from another object, or from a range of it that lies within."""
    number, upload = _part_number(request), _upload(storage, request)
    storage.uploads.check_sequence(upload, number)
    source = source_of_copy(storage, request)
    if not conditions.is_modified(request, source, prefix=OF_SOURCE):
        return responses.empty(304)
    check_readable(source, storage.now())
    selected = conditions.selected_range(request, source.size, "x-oss-copy-source-range")
    start, stop = selected or (0, source.size)
    if stop - start > MAX_BODY_BYTES:
        raise errors.ENTITY_TOO_LARGE(MaxSizeAllowed=MAX_BODY_BYTES)
    with storage.objects.receive() as incoming, storage.objects.open(source) as file:
        file.seek(start)
        for position in range(start, stop, responses.CHUNK_BYTES):
            incoming.write(file.read(min(responses.CHUNK_BYTES, stop - position)))
            # Other requests have their turn.
            await asyncio.sleep(0)
        part = await storage.uploads.put_part(upload, number, incoming)
    headers = checksum_headers(part)
    if selected:
        headers["content-range"] = f"bytes {start}-{stop - 1}/{source.size}"
    result: list[documents.Node] = [("LastModified", part.last_modified), ("ETag", f'"{part.etag}"')]
    return responses.document("CopyPartResult", result, headers)


async def complete_multipart_upload(storage: Storage, request: OssRequest) -> Response:
    """CompleteMultipartUpload, with the parts that the body lists or with all of them."""
    request.name_writer()
    upload = _upload(storage, request)
    chosen = None if _takes_all(request) else _chosen(request.body)
    if not (chosen or storage.uploads.parts(upload)):
        raise errors.INVALID_PART(PartNumber=1, ETag="", UploadId=upload.upload_id)
    acl, forbid_overwrite = read_object_acl(storage, request), forbids_overwrite(request)
    info = await storage.uploads.complete(upload, chosen, acl, forbid_overwrite=forbid_overwrite)
    nodes = [*_names(request), ("Location", request.url_of(info.key)), ("ETag", f'"{info.etag}"')]
    return responses.document("CompleteMultipartUploadResult", nodes, checksum_headers(info))


async def abort_multipart_upload(storage: Storage, request: OssRequest) -> Response:
    """AbortMultipartUpload."""
    await storage.uploads.abort(_upload(storage, request))
    return responses.empty(204)


def list_parts(storage: Storage, request: OssRequest) -> Response:
    """ListParts."""
    names, upload = _names(request), _upload(storage, request)
    limit = request.number("max-parts", GREATEST_PAGE, 1, GREATEST_PAGE)
    named = request.parameter("part-number-marker")
    marker = request.number("part-number-marker", 0, 0, 2**31 - 1) if named else 0
    parts = [part for part in storage.uploads.parts(upload) if part.number > marker]
    page = parts[:limit]
    nodes: list[documents.Node] = [
        *names,
        ("UploadId", upload.upload_id),
        ("StorageClass", upload.storage_class),
        ("PartNumberMarker", marker),
        ("NextPartNumberMarker", page[-1].number if page else marker),
        ("MaxParts", limit),
        ("IsTruncated", len(parts) > len(page)),
    ]
    for part in page:
        described: list[documents.Node] = [
            ("PartNumber", part.number),
            ("LastModified", part.last_modified),
            ("ETag", f'"{part.etag}"'),
            ("HashCrc64ecma", part.crc64),
            ("Size", part.size),
        ]
        nodes.append(("Part", described))
    return responses.document("ListPartsResult", nodes)


def list_multipart_uploads(storage: Storage, request: OssRequest) -> Response:
    """ListMultipartUploads."""
    limit = request.number("max-uploads", GREATEST_PAGE, 1, GREATEST_PAGE)
    name = request.name_writer()
    asked = ("prefix", "delimiter", "key-marker", "upload-id-marker")
    prefix, delimiter, key_marker, id_marker = map(request.parameter, asked)
    uploads: list[documents.Node] = []
    groups: list[str] = []
    last, truncated = ("", ""), False
    for upload in storage.uploads.all(request.bucket):
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
            continue
        described: list[documents.Node] = [
            ("Key", name(upload.key)),
            ("UploadId", upload.upload_id),
            ("StorageClass", upload.storage_class),
            ("Initiated", upload.initiated),
        ]
        uploads.append(("Upload", described))
    nodes: list[documents.Node] = [
        ("Bucket", request.bucket),
        ("EncodingType", request.parameter("encoding-type") or None),
        ("KeyMarker", name(key_marker)),
        ("UploadIdMarker", id_marker),
        ("NextKeyMarker", name(last[0])),
        ("NextUploadIdMarker", last[1]),
        ("Delimiter", name(delimiter)),
        ("Prefix", name(prefix)),
        ("MaxUploads", limit),
        ("IsTruncated", truncated),
        *uploads,
        *(("CommonPrefixes", [("Prefix", name(group))]) for group in groups),
    ]
    return responses.document("ListMultipartUploadsResult", nodes)


def _upload(storage: Storage, request: OssRequest) -> MultipartUpload:
    return storage.uploads.get(request.bucket, request.key, request.parameter("uploadId"))


def _names(request: OssRequest) -> list[documents.Node]:
    """What upload a document is about, as all of them begin; raises OssError."""
    name = request.name_writer()
    encoding = request.parameter("encoding-type") or None
    return [("EncodingType", encoding), ("Bucket", request.bucket), ("Key", name(request.key))]


def _part_number(request: OssRequest) -> int:
    text = request.parameter("partNumber")
    if not text:
        message = "Unexpected query string parameter"
        raise errors.invalid_argument("ResourceType", "partNumber", message, "0017-00000219")
    return _number(text)


def _number(text: str) -> int:
    number = whole_number(text)
    if number is None or not 1 <= number <= MAX_PARTS:
        message = f"Part number must be an integer between 1 and {MAX_PARTS}, inclusive."
        raise errors.invalid_argument("PartNumber", text, message, "0017-00000220")
    return number


def _takes_all(request: OssRequest) -> bool:
    asked = request.header("x-oss-complete-all")
    if asked and (asked.lower() != "yes" or request.body):
        message = "x-oss-complete-all is yes, beside no body."
        raise errors.invalid_argument("x-oss-complete-all", asked, message)
    return bool(asked)


def _chosen(body: bytes) -> list[tuple[int, str]]:
    """The numbers and ETags of a ``<CompleteMultipartUpload>``; raises OssError."""
    root = documents.read(body, "CompleteMultipartUpload")
    if len(root) == 0:
        raise errors.malformed_xml("a CompleteMultipartUpload has one Part or more")
    chosen = []
    for element in root:
        number, etag = element.findtext("PartNumber"), element.findtext("ETag")
        if element.tag != "Part" or number is None or etag is None:
            raise errors.malformed_xml("a Part has a PartNumber and an ETag")
        chosen.append((_number(number.strip()), etag.strip().strip('"')))
    if any(later[0] <= earlier[0] for earlier, later in pairwise(chosen)):
        raise errors.INVALID_PART_ORDER()
    return chosen
