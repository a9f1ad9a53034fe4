"""ListObjectsV2 and ListObjects: which objects and common prefixes a page holds, and where the next begins.

Sources: help.aliyun.com, ListObjectsV2 (GetBucketV2), ListObjects (GetBucket).
"""

from __future__ import annotations

import base64
import binascii
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from urllib.parse import quote

from localcloud.oss.operations.restoring import restoration
from localcloud.oss.protocol import documents
from localcloud.oss.protocol.errors import invalid_argument
from localcloud.oss.protocol.request import OssRequest, whole_number
from localcloud.oss.storage.objects import ObjectInfo, ObjectStore

DEFAULT_MAX_KEYS = 100
GREATEST_MAX_KEYS = 1000

# No byte of UTF-8 is greater, so a prefix and this byte come after every key that begins with the prefix.
_PAST_PREFIX = b"\xff"
# Nothing comes between a key and the key with this byte.
_PAST_KEY = b"\0"


@dataclass(frozen=True)
class ListQuery:
    """What is asked for; ``marker`` is where ListObjects goes on, and None for ListObjectsV2."""

    prefix: str
    delimiter: str
    max_keys: int
    start_after: str
    token: str | None
    url_encoded: bool
    fetch_owner: bool
    marker: str | None = None

    @classmethod
    def of(cls, request: OssRequest) -> ListQuery:
        """Read the query of ListObjectsV2; raises OssError."""
        return cls(
            prefix=request.parameter("prefix") or "",
            delimiter=request.parameter("delimiter") or "",
            max_keys=max_keys(request, DEFAULT_MAX_KEYS),
            start_after=request.parameter("start-after") or "",
            # The vendor's tests send an empty token with the first page.
            token=request.parameter("continuation-token") or None,
            url_encoded=is_url_encoded(request),
            fetch_owner=(request.parameter("fetch-owner") or "").lower() == "true",
        )

    @classmethod
    def of_first_version(cls, request: OssRequest) -> ListQuery:
        """Read the query of ListObjects; raises OssError."""
        return cls(
            prefix=request.parameter("prefix") or "",
            delimiter=request.parameter("delimiter") or "",
            max_keys=max_keys(request, DEFAULT_MAX_KEYS),
            start_after="",
            token=None,
            url_encoded=is_url_encoded(request),
            fetch_owner=True,
            marker=request.parameter("marker") or "",
        )

    def floor(self) -> bytes:
        """The least key that may be listed; a token goes before ``start-after``. Raises OssError."""
        if self.marker is not None:
            marker = _bytes(self.marker)
            group = _group(marker, _bytes(self.prefix), _bytes(self.delimiter))
            # A common prefix as marker stands for all that it holds.
            return marker + (_PAST_PREFIX if group == marker != b"" else _PAST_KEY)
        if self.token is None:
            return _bytes(self.start_after) + _PAST_KEY if self.start_after else b""
        try:
            return base64.b64decode(self.token.encode("ascii"), altchars=b"-_", validate=True)
        except (binascii.Error, ValueError):
            message = "The continuation token is not one that OSS gave."
            raise invalid_argument("continuation-token", self.token, message) from None


def is_url_encoded(request: OssRequest) -> bool:
    """Whether names are to be URL-encoded in the answer; raises OssError for another encoding."""
    encoding = request.parameter("encoding-type")
    if encoding not in (None, "", "url"):
        message = "Invalid Encoding Method specified in Request."
        raise invalid_argument("encoding-type", encoding or "", message)
    return encoding == "url"


def max_keys(request: OssRequest, default: int) -> int:
    """The ``max-keys`` of a request; raises OssError."""
    return bounded(request, "max-keys", default, GREATEST_MAX_KEYS)


def bounded(request: OssRequest, name: str, default: int, greatest: int) -> int:
    """A parameter that is a number from 1 on; raises OssError."""
    text = request.parameter(name)
    if text is None:
        return default
    number = whole_number(text)
    if number is None or not 1 <= number <= greatest:
        message = f"Argument {name} must be an integer between 1 and {greatest}."
        raise invalid_argument(name, text, message, "0017-00000289" if name == "max-keys" else "")
    return number


def list_objects(
    store: ObjectStore, bucket: str, query: ListQuery, owner: documents.Node, now: datetime
) -> bytes:
    """The document of one page; ``owner`` is that of every object. Raises OssError."""
    objects: list[documents.Node] = []
    prefixes: list[documents.Node] = []
    floor = query.floor()
    truncated, last = False, ""
    for entry, following in _entries(store, bucket, query, floor):
        if len(objects) + len(prefixes) == query.max_keys:
            truncated = True
            break
        if isinstance(entry, ObjectInfo):
            contents = _contents(entry, query, now)
            objects.append(("Contents", [*contents, owner] if query.fetch_owner else contents))
        else:
            prefixes.append(("CommonPrefixes", [("Prefix", _text(entry, query))]))
        floor, last = following, entry.key if isinstance(entry, ObjectInfo) else entry
    start = ("StartAfter", query.start_after) if query.marker is None else ("Marker", query.marker)
    head: list[documents.Node] = [
        ("Name", bucket),
        ("Prefix", _text(query.prefix, query)),
        (start[0], _text(start[1], query)),
        ("MaxKeys", str(query.max_keys)),
        ("Delimiter", _text(query.delimiter, query)),
    ]
    if query.url_encoded:
        head.append(("EncodingType", "url"))
    if query.marker is not None:
        head.append(("IsTruncated", "true" if truncated else "false"))
        if truncated:
            head.append(("NextMarker", _text(last, query)))
        return documents.write("ListBucketResult", [*head, *objects, *prefixes])
    if query.token is not None:
        head.append(("ContinuationToken", _text(query.token, query)))
    head.append(("IsTruncated", "true" if truncated else "false"))
    if truncated:
        next_token = base64.urlsafe_b64encode(floor).decode()
        head.append(("NextContinuationToken", _text(next_token, query)))
    head.append(("KeyCount", str(len(objects) + len(prefixes))))
    return documents.write("ListBucketResult", [*head, *objects, *prefixes])


def shown(moment: datetime) -> str:
    """A time as OSS's documents give it."""
    return moment.strftime("%Y-%m-%dT%H:%M:%S.000Z")


def _entries(
    store: ObjectStore, bucket: str, query: ListQuery, floor: bytes
) -> Iterator[tuple[ObjectInfo | str, bytes]]:
    prefix, delimiter = _bytes(query.prefix), _bytes(query.delimiter)
    floor = max(floor, prefix)
    while True:
        info = store.first_from(bucket, floor)
        if info is None or not info.key.startswith(query.prefix):
            return
        key = info.key.encode()
        group = _group(key, prefix, delimiter)
        if group is None:
            floor = key + _PAST_KEY
            yield info, floor
        else:
            floor = group + _PAST_PREFIX
            yield group.decode("utf-8", "surrogateescape"), floor


def _group(key: bytes, prefix: bytes, delimiter: bytes) -> bytes | None:
    """The common prefix that a key belongs to, if it belongs to one."""
    cut = key.find(delimiter, len(prefix)) if delimiter else -1
    return None if cut < 0 else key[: cut + len(delimiter)]


def _contents(info: ObjectInfo, query: ListQuery, now: datetime) -> list[documents.Node]:
    restored = restoration(info, now)
    return [
        ("Key", _text(info.key, query)),
        ("LastModified", shown(info.last_modified)),
        ("ETag", f'"{info.etag}"'),
        ("Type", info.object_type),
        ("Size", str(info.size)),
        ("StorageClass", info.storage_class),
        *([("RestoreInfo", restored.shown(now))] if restored else []),
    ]


def _text(text: str, query: ListQuery) -> str:
    return shown_name(text, query.url_encoded)


def shown_name(text: str, encoded: bool) -> str:
    """A key or the like as a document has it, where the request may have asked for another encoding."""
    return quote(_bytes(text), safe="") if encoded else text


def common_prefix(key: str, prefix: str, delimiter: str) -> str | None:
    """The common prefix under which a key is listed, if it is not listed by itself."""
    group = _group(_bytes(key), _bytes(prefix), _bytes(delimiter))
    return None if group is None else group.decode("utf-8", "surrogateescape")


def _bytes(text: str) -> bytes:
    return text.encode("utf-8", "surrogateescape")
