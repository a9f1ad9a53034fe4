"""The operations on a bucket's metadata index: objects are found by conditions over metadata and tags.

Sources: help.aliyun.com, the API pages of Open-, Get-, Do- and CloseMetaQuery and "List of fields and
operators for scalar retrieval". OSS's index lags behind the bucket; this one does not. Texts are compared by
their code points; OSS's order is not documented.
"""

from __future__ import annotations

import base64
import json
import re
from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime, timedelta
from statistics import fmean
from types import MappingProxyType
from typing import Any, NamedTuple
from xml.etree.ElementTree import Element

from starlette.responses import Response

from localcloud.oss.access.acl import object_acl
from localcloud.oss.protocol import documents, errors, responses
from localcloud.oss.protocol.request import OssRequest, whole_number
from localcloud.oss.storage.objects import USER_METADATA_PREFIX, Configuration, ObjectInfo
from localcloud.oss.storage.storage import Storage

MAX_RESULTS = 100
_INDEX = "metaQuery"
_BASIC = "basic"
# A new index says Ready for a while, which means that it is being prepared.
_PREPARED_IN = timedelta(seconds=2)
# Deeper conditions than anybody writes.
_DEEPEST = 20

_TIME = re.compile(
    r"(?P<second>\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d)(\.(?P<fraction>\d+))?(?P<zone>Z|[+-]\d\d:\d\d)"
)

Value = str | int | datetime
Condition = Callable[[ObjectInfo], bool]

_COMPARISONS: Mapping[str, Callable[[Any, Any], bool]] = MappingProxyType(
    {
        "eq": lambda found, given: bool(found == given),
        "gt": lambda found, given: bool(found > given),
        "gte": lambda found, given: bool(found >= given),
        "lt": lambda found, given: bool(found < given),
        "lte": lambda found, given: bool(found <= given),
    }
)
_ON_NUMBERS: Mapping[str, Callable[[Sequence[int]], float]] = MappingProxyType(
    {"min": min, "max": max, "average": fmean, "sum": sum}
)
_ON_VALUES = ("count", "distinct", "group")
_TAG = "OSSTagging."
_USER_METADATA = "OSSUserMeta."


class Field(NamedTuple):
    """A field that can be asked for; ``sortable`` ones can be aggregated too, numbers in more ways."""

    read: Callable[[ObjectInfo], Value | None]
    parse: Callable[[str], Value]
    prefix: bool
    match: bool = False
    sortable: bool = True


def _moment(text: str) -> datetime:
    found = _TIME.fullmatch(text)
    if found is None:
        raise ValueError(f"{text!r} is not a time as RFC 3339 writes it")
    # What is finer than a microsecond is beyond what objects are dated to.
    fraction = (found["fraction"] or "").ljust(6, "0")[:6]
    zone = "+00:00" if found["zone"] == "Z" else found["zone"]
    return datetime.fromisoformat(f"{found['second']}.{fraction}{zone}")


_FIELDS: Mapping[str, Field] = MappingProxyType(
    {
        "Filename": Field(lambda info: info.key, str, prefix=True, match=True),
        "Size": Field(lambda info: info.size, int, prefix=False),
        "FileModifiedTime": Field(lambda info: info.last_modified, _moment, prefix=False),
        "ETag": Field(lambda info: info.etag, lambda text: text.strip('"'), prefix=True),
        "OSSCRC64": Field(lambda info: info.crc64, str, prefix=True),
        "OSSObjectType": Field(lambda info: info.object_type, str, prefix=True),
        "OSSStorageClass": Field(lambda info: info.storage_class, str, prefix=True),
        "ObjectACL": Field(object_acl, str, prefix=True),
        "OSSTaggingCount": Field(lambda info: len(info.tags), int, prefix=False),
        "ServerSideEncryption": Field(lambda _: None, str, prefix=True),
    }
)


def open_meta_query(storage: Storage, request: OssRequest) -> Response:
    """OpenMetaQuery."""
    _check_mode(request)
    if storage.objects.configuration(request.bucket, _INDEX) is not None:
        raise errors.META_QUERY_EXISTS(BucketName=request.bucket)
    storage.objects.configure(request.bucket, _INDEX, _BASIC)
    return responses.empty()


def get_meta_query_status(storage: Storage, request: OssRequest) -> Response:
    """GetMetaQueryStatus."""
    index = _index_of(storage, request.bucket)
    prepared = storage.now() >= index.created + _PREPARED_IN
    created = index.created.isoformat()
    nodes = [
        ("State", "Running" if prepared else "Ready"),
        ("Phase", "IncrementalScanning" if prepared else "FullScanning"),
        ("CreateTime", created),
        ("UpdateTime", created),
        ("MetaQueryMode", index.document),
    ]
    return responses.document("MetaQueryStatus", nodes)


def do_meta_query(storage: Storage, request: OssRequest) -> Response:
    """DoMetaQuery."""
    _check_mode(request)
    _index_of(storage, request.bucket)
    query = _read_meta_query(request.body)
    return responses.document("MetaQuery", query.answer(storage.objects.objects(request.bucket)))


def close_meta_query(storage: Storage, request: OssRequest) -> Response:
    """CloseMetaQuery; 200 also where there is no index."""
    storage.objects.unconfigure(request.bucket, _INDEX)
    return responses.empty()


def _index_of(storage: Storage, bucket: str) -> Configuration:
    index = storage.objects.configuration(bucket, _INDEX)
    if index is None:
        raise errors.NO_SUCH_META_QUERY(BucketName=bucket)
    return index


def _check_mode(request: OssRequest) -> None:
    mode = request.parameter("mode") or _BASIC
    if mode != _BASIC:
        raise errors.not_implemented_here(f"the mode {mode} of metadata indexes")


@dataclass(frozen=True)
class _MetaQuery:
    """A request of DoMetaQuery. Without ``sort`` objects come in the order of their names."""

    condition: Condition
    sort: str
    descending: bool
    size: int
    after: tuple[Value, str] | None
    aggregations: tuple[tuple[str, str], ...]

    def answer(self, objects: Iterable[ObjectInfo]) -> list[documents.Node]:
        """What is told about the objects of a bucket."""
        found = [info for info in objects if self.condition(info)]
        if self.aggregations:
            results = [("Aggregation", _aggregate(*one, found)) for one in self.aggregations]
            return [("NextToken", ""), ("Aggregations", results)]
        found.sort(key=self._place, reverse=self.descending)
        rest = [info for info in found if self._comes_later(info)]
        page = rest[: self.size]
        token = self._token(page[-1]) if len(rest) > len(page) else ""
        return [("NextToken", token), ("Files", [("File", _file(info)) for info in page])]

    def _place(self, info: ObjectInfo) -> tuple[Value, str]:
        value = _FIELDS[self.sort].read(info)
        return ("" if value is None else value), info.key

    def _comes_later(self, info: ObjectInfo) -> bool:
        if self.after is None:
            return True
        place: tuple[Any, str] = self._place(info)
        return place < self.after if self.descending else place > self.after

    def _token(self, last: ObjectInfo) -> str:
        value, key = self._place(last)
        return base64.urlsafe_b64encode(json.dumps([self.sort, _shown(value), key]).encode()).decode()


def _read_meta_query(body: bytes) -> _MetaQuery:
    root = documents.read(body, "MetaQuery")
    sort = root.findtext("Sort") or "Filename"
    if sort not in _FIELDS or not _FIELDS[sort].sortable:
        raise errors.invalid_argument("Sort", sort, "The field cannot be sorted by.")
    order = (root.findtext("Order") or ("desc" if root.findtext("Sort") else "asc")).lower()
    if order not in ("asc", "desc"):
        raise errors.invalid_argument("Order", order, "The order is asc or desc.")
    return _MetaQuery(
        condition=read_condition(root.findtext("Query") or ""),
        sort=sort,
        descending=order == "desc",
        size=_size(root.findtext("MaxResults") or ""),
        after=_after(root.findtext("NextToken") or "", sort),
        aggregations=tuple(_aggregation(element) for element in root.findall("Aggregations/Aggregation")),
    )


def read_condition(text: str) -> Condition:
    """The condition that the JSON of ``Query`` is; raises OssError."""
    try:
        query = json.loads(text)
        return _condition(query, 0)
    except (ValueError, RecursionError) as error:
        raise errors.invalid_argument("Query", text, f"The query is not valid: {error}.") from None


def _condition(query: Any, depth: int) -> Condition:
    match query:
        case {"Operation": "and" | "or" | "not" as operation, "SubQueries": [_, *_] as queries}:
            if depth == _DEEPEST:
                raise ValueError("it is nested too deeply")
            parts = [_condition(one, depth + 1) for one in queries]
            if operation == "and":
                return lambda info: all(part(info) for part in parts)
            if operation == "or":
                return lambda info: any(part(info) for part in parts)
            return lambda info: not any(part(info) for part in parts)
        case {"Field": str(field), "Operation": str(operation), "Value": str(value)}:
            return _comparison(field, operation, value)
    raise ValueError(
        "a condition has a Field, an Operation and a Value, or the Operation and, or or not and SubQueries"
    )


def _comparison(name: str, operation: str, text: str) -> Condition:
    field = _field(name)
    if operation in _COMPARISONS:
        compare, value = _COMPARISONS[operation], field.parse(text)
        return lambda info: (found := field.read(info)) is not None and compare(found, value)
    if operation == "prefix" and field.prefix:
        return lambda info: (found := field.read(info)) is not None and str(found).startswith(text)
    if operation == "match" and field.match:
        # A fuzzy search; here it is one for a part, whatever its case.
        return lambda info: text.casefold() in str(field.read(info)).casefold()
    raise ValueError(f"the field {name} has no operation {operation}")


def _field(name: str) -> Field:
    if name in _FIELDS:
        return _FIELDS[name]
    if name.startswith(_TAG) and name != _TAG:
        key = name.removeprefix(_TAG)
        return Field(lambda info: dict(info.tags).get(key), str, prefix=True, sortable=False)
    if name.startswith(_USER_METADATA):
        # Keys of user metadata are of any case, and may be given with their header's prefix.
        key = name.removeprefix(_USER_METADATA).lower().removeprefix(USER_METADATA_PREFIX)
        header = USER_METADATA_PREFIX + key
        return Field(lambda info: info.headers.get(header), str, prefix=True, sortable=False)
    raise ValueError(f"there is no field {name}")


def _size(text: str) -> int:
    number = whole_number(text or "0")
    if number is None:
        raise errors.invalid_argument("MaxResults", text, "MaxResults is an integer from 0 to 100.")
    # The vendor's tests ask for 80,369 and are not refused.
    return min(number or MAX_RESULTS, MAX_RESULTS)


def _after(token: str, sort: str) -> tuple[Value, str] | None:
    if not token:
        return None
    with suppress(ValueError):
        match json.loads(base64.urlsafe_b64decode(token.encode("ascii"))):
            case [str(sorted_by), str(value), str(key)] if sorted_by == sort:
                return _FIELDS[sort].parse(value), key
    raise errors.invalid_argument(
        "NextToken", token, "NextToken must be that of the page before, in equal order."
    )


def _aggregation(element: Element) -> tuple[str, str]:
    field, operation = element.findtext("Field") or "", element.findtext("Operation") or ""
    known = _FIELDS.get(field)
    numeric = known is not None and known.parse is int
    if known is None or operation not in (*_ON_VALUES, *(_ON_NUMBERS if numeric else ())):
        message = "The field cannot be aggregated in this way."
        raise errors.invalid_argument("Aggregation", f"{operation}({field})", message)
    return field, operation


def _aggregate(field: str, operation: str, found: Sequence[ObjectInfo]) -> list[documents.Node]:
    values: list[Any] = [value for info in found if (value := _FIELDS[field].read(info)) is not None]
    described: list[documents.Node] = [("Field", field), ("Operation", operation)]
    if operation == "group":
        counted = Counter(_shown(value) for value in values).most_common(MAX_RESULTS)
        groups: list[documents.Node] = [
            ("Group", [("Value", value), ("Count", count)]) for value, count in counted
        ]
        return [*described, ("Groups", groups)]
    if operation == "count":
        result: float = len(values)
    elif operation == "distinct":
        result = len(set(values))
    else:
        result = _ON_NUMBERS[operation](values) if values else 0
    return [*described, ("Value", f"{result:.10g}" if isinstance(result, float) else str(result))]


def _file(info: ObjectInfo) -> list[documents.Node]:
    nodes: list[documents.Node] = [
        ("Filename", info.key),
        ("Size", info.size),
        ("FileModifiedTime", _shown(info.last_modified)),
        ("OSSObjectType", info.object_type),
        ("OSSStorageClass", info.storage_class),
        ("ObjectACL", object_acl(info)),
        ("ETag", f'"{info.etag}"'),
        ("OSSCRC64", info.crc64),
        ("OSSTaggingCount", len(info.tags)),
    ]
    tags = [("Tagging", [("Key", tag.key), ("Value", tag.value)]) for tag in info.tags]
    metadata = [
        ("UserMeta", [("Key", USER_METADATA_PREFIX + key), ("Value", value)])
        for key, value in info.metadata.items()
    ]
    return [*nodes, ("OSSTagging", tags or None), ("OSSUserMeta", metadata or None)]


def _shown(value: Value) -> str:
    return value.isoformat() if isinstance(value, datetime) else str(value)
