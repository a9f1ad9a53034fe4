"""IMM's two forms of a time: nine fractional digits in the API, milliseconds in notifications."""

from __future__ import annotations

import re
import secrets
from datetime import datetime, timedelta, timezone

_SECOND = 1_000_000_000
_EPOCH = datetime(1970, 1, 1, tzinfo=timezone.utc)
_RFC_3339 = re.compile(r"(\d{4}-\d{2}-\d{2}T\d{2}:\d{2}:\d{2})(?:\.(\d{1,9}))?(Z|[+-]\d{2}:\d{2})", re.ASCII)


def nanoseconds(text: str) -> int:
    """The nanoseconds since 1970 of an RFC 3339 time; raises ValueError."""
    match = _RFC_3339.fullmatch(text)
    if match is None:
        raise ValueError(f"{text!r} is not a time like 2021-12-24T03:00:38.892462383Z")
    moment, fraction, zone = match.groups()
    offset = "+00:00" if zone == "Z" else zone
    whole = (datetime.fromisoformat(moment + offset) - _EPOCH) // timedelta(seconds=1)
    return whole * _SECOND + int((fraction or "0").ljust(9, "0"))


def nanoseconds_of(moment: datetime) -> int:
    """The nanoseconds since 1970 of a moment, the last three digits made up, as no clock here has them."""
    return (moment - _EPOCH) // timedelta(microseconds=1) * 1_000 + secrets.randbelow(1_000)


def in_full(since_1970: int) -> str:
    """The form of the API's answers: ``2021-12-24T03:00:38.892462383Z``."""
    whole, fraction = divmod(since_1970, _SECOND)
    return f"{_EPOCH + timedelta(seconds=whole):%Y-%m-%dT%H:%M:%S}.{fraction:09d}Z"


def in_milliseconds(since_1970: int) -> str:
    """The form of notifications: ``2024-08-20T07:03:07.36Z``, without trailing zeros."""
    whole, fraction = divmod(since_1970, _SECOND)
    digits = f"{fraction // 1_000_000:03d}".rstrip("0")
    return f"{_EPOCH + timedelta(seconds=whole):%Y-%m-%dT%H:%M:%S}{'.' if digits else ''}{digits}Z"
