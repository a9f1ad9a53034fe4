"""Conditions and ranges of a read: whether an object is sent at all, and which of its bytes.

Sources: help.aliyun.com, GetObject, HeadObject, CopyObject, "Use HTTP Range requests to get OSS resources in
segments", "HTTP status code 416".
"""

from __future__ import annotations

import re
from collections.abc import Callable
from datetime import datetime

from localcloud.oss.protocol import errors
from localcloud.oss.protocol.request import OssRequest
from localcloud.oss.storage.objects import ObjectInfo
from localcloud.signatures_v1 import read_date

CONDITIONS = ("If-Match", "If-None-Match", "If-Modified-Since", "If-Unmodified-Since")

_RANGE = re.compile(r"bytes=(\d{0,18})-(\d{0,18})")


def is_modified(request: OssRequest, info: ObjectInfo, prefix: str = "") -> bool:
    """False where the answer is 304; raises OssError where it is 412.

    ``prefix`` is that of the headers: CopyObject's are ``x-oss-copy-source-if-match`` and so on.
    """

    def given(condition: str) -> str:
        return request.header(prefix + condition.lower())

    match, none_match, modified_since, unmodified_since = map(given, CONDITIONS)
    if match and not _same_etag(match, info):
        raise errors.PRECONDITION_FAILED(Condition="If-Match")
    if _holds(unmodified_since, lambda time: info.last_modified > time):
        raise errors.PRECONDITION_FAILED(Condition="If-Unmodified-Since")
    if none_match and _same_etag(none_match, info):
        return False
    return not _holds(modified_since, lambda time: info.last_modified <= time)


def refuse_conditions(request: OssRequest, unless_beside: str = "") -> None:
    """OSS has no conditional writes, and says so; raises OssError.

    A condition is let pass beside the header of the same name with the prefix ``unless_beside``: of
    CopyObject's two the vendor's SDK for Node.js sends both. What OSS makes of a plain one alone is unknown.
    """
    for condition in CONDITIONS:
        name = condition.lower()
        beside = unless_beside and request.has_header(unless_beside + name)
        if request.has_header(name) and not beside:
            raise errors.CONDITION_NOT_IMPLEMENTED(Header=condition)


def selected_range(request: OssRequest, size: int, name: str = "range") -> tuple[int, int] | None:
    """The bytes that are asked for, as first and past-the-last; None for the whole object.

    Without ``x-oss-range-behavior: standard`` OSS takes a range that leaves the object for no range at all.
    Raises OssError.
    """
    header = request.header(name)
    outside = errors.INVALID_RANGE(ActualObjectSize=size, RangeRequested=header)
    standard = request.header("x-oss-range-behavior") == "standard"
    if "," in header:
        raise outside
    found = _RANGE.fullmatch(header)
    if found is None or not (found[1] or found[2]):
        return None
    if not found[1]:
        length = int(found[2])
        within = 0 < length <= size or (standard and length > size > 0)
        return (max(size - length, 0), size) if within else None
    first, last = int(found[1]), int(found[2]) if found[2] else max(size - 1, int(found[1]))
    if last < first:
        return None
    if first >= size and standard:
        raise outside
    if last >= size and not standard:
        return None
    return first, min(last + 1, size)


def _same_etag(given: str, info: ObjectInfo) -> bool:
    return given.strip().strip('"') == info.etag


def _holds(given: str, test: Callable[[datetime], bool]) -> bool:
    time = read_date(given)
    # OSS takes a time that it cannot read, as it takes none.
    return time is not None and test(time)
