"""ListObjectsV2 and ListObjects: which objects and common prefixes a page holds, and where the next begins.

Sources: help.aliyun.com, ListObjectsV2 (GetBucketV2), ListObjects (GetBucket).
"""

from __future__ import annotations

import base64
import binascii
from collections.abc import Iterator

from starlette.responses import Response

from localcloud.oss.operations.restoring import shown_restoration
from localcloud.oss.protocol import documents, responses
from localcloud.oss.protocol.errors import invalid_argument
from localcloud.oss.protocol.request import OssRequest
from localcloud.oss.storage.objects import ObjectInfo
from localcloud.oss.storage.storage import Storage

# No byte of UTF-8 is greater, so a prefix and this byte come after every key that begins with the prefix.
_PAST_PREFIX = b"\xff"
# Nothing comes between a key and the key with this byte.
_PAST_KEY = b"\0"


def list_objects(storage: Storage, request: OssRequest) -> Response:
    """ListObjects, which ListObjectsV2 has followed."""
    marker = request.parameter("marker")
    raw = _bytes(marker)
    group = _group(raw, _bytes(request.parameter("prefix")), _bytes(request.parameter("delimiter")))
    # A common prefix as marker stands for all that it holds.
    floor = raw + (_PAST_PREFIX if group == raw != b"" else _PAST_KEY)
    page = _Page(storage, request, floor, with_owner=True)
    name = request.name_writer()
    ends: list[documents.Node] = [
        ("Marker", name(marker)),
        ("IsTruncated", page.truncated),
        ("NextMarker", name(page.last) if page.truncated else None),
    ]
    return page.answer(ends)


def list_objects_v2(storage: Storage, request: OssRequest) -> Response:
    """ListObjectsV2."""
    start_after, token = request.parameter("start-after"), request.parameter("continuation-token")
    # A token goes before start-after; the vendor's tests send an empty one with the first page.
    floor = _bytes(start_after) + _PAST_KEY if start_after else b""
    try:
        floor = base64.b64decode(token.encode("ascii"), altchars=b"-_", validate=True) if token else floor
    except (binascii.Error, ValueError):
        message = "The continuation token is not one that OSS gave."
        raise invalid_argument("continuation-token", token, message) from None
    with_owner = request.parameter("fetch-owner").lower() == "true"
    page = _Page(storage, request, floor, with_owner=with_owner)
    name, following = request.name_writer(), base64.urlsafe_b64encode(page.floor).decode()
    ends: list[documents.Node] = [
        ("StartAfter", name(start_after)),
        ("ContinuationToken", name(token) if token else None),
        ("IsTruncated", page.truncated),
        ("NextContinuationToken", name(following) if page.truncated else None),
        ("KeyCount", len(page.entries)),
    ]
    return page.answer(ends)


class _Page:
    """A page of a list: its entries, the last of them, and the least key that may be on the next page."""

    def __init__(self, storage: Storage, request: OssRequest, floor: bytes, *, with_owner: bool) -> None:
        self._request = request
        self._limit = request.number("max-keys", 100, 1, 1000)
        self.floor = floor
        self.entries: list[documents.Node] = []
        self.truncated, self.last = False, ""
        now, name = storage.now(), request.name_writer()
        for entry, following in _entries(storage, request, floor):
            if len(self.entries) == self._limit:
                self.truncated = True
                break
            if isinstance(entry, ObjectInfo):
                described: list[documents.Node] = [
                    ("Key", name(entry.key)),
                    ("LastModified", entry.last_modified),
                    ("ETag", f'"{entry.etag}"'),
                    ("Type", entry.object_type),
                    ("Size", entry.size),
                    ("StorageClass", entry.storage_class),
                    ("RestoreInfo", shown_restoration(entry, now)),
                    *([storage.owner] if with_owner else []),
                ]
                self.entries.append(("Contents", described))
                self.last = entry.key
            else:
                self.entries.append(("CommonPrefixes", [("Prefix", name(entry))]))
                self.last = entry
            self.floor = following

    def answer(self, ends: list[documents.Node]) -> Response:
        """The document of the page, with what it says of where it begins and ends."""
        name = self._request.name_writer()
        head: list[documents.Node] = [
            ("Name", self._request.bucket),
            ("Prefix", name(self._request.parameter("prefix"))),
            ("MaxKeys", self._limit),
            ("Delimiter", name(self._request.parameter("delimiter"))),
            ("EncodingType", self._request.parameter("encoding-type") or None),
        ]
        # The objects come before the prefixes.
        entries = sorted(self.entries, key=lambda entry: entry[0] != "Contents")
        return responses.document("ListBucketResult", [*head, *ends, *entries])


def _entries(storage: Storage, request: OssRequest, floor: bytes) -> Iterator[tuple[ObjectInfo | str, bytes]]:
    """Each object or common prefix, and the least key that may come after it."""
    prefix, delimiter = _bytes(request.parameter("prefix")), _bytes(request.parameter("delimiter"))
    floor = max(floor, prefix)
    while True:
        info = storage.objects.first_from(request.bucket, floor)
        if info is None or not info.key.encode().startswith(prefix):
            return
        key = info.key.encode()
        group = _group(key, prefix, delimiter)
        if group is None:
            floor = key + _PAST_KEY
            yield info, floor
        else:
            floor = group + _PAST_PREFIX
            yield group.decode("utf-8", "surrogateescape"), floor


def common_prefix(key: str, prefix: str, delimiter: str) -> str | None:
    """The common prefix under which a key is listed, if it is not listed by itself."""
    group = _group(_bytes(key), _bytes(prefix), _bytes(delimiter))
    return None if group is None else group.decode("utf-8", "surrogateescape")


def _group(key: bytes, prefix: bytes, delimiter: bytes) -> bytes | None:
    cut = key.find(delimiter, len(prefix)) if delimiter else -1
    return None if cut < 0 else key[: cut + len(delimiter)]


def _bytes(text: str) -> bytes:
    return text.encode("utf-8", "surrogateescape")
