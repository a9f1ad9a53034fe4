"""What IMM needs of object storage: whether a video is there, and what the file beside it says."""

from __future__ import annotations

import re
from datetime import datetime
from typing import NamedTuple, Protocol

_URI = re.compile(r"oss://([a-z0-9][a-z0-9-]{1,61}[a-z0-9])/(.+)", re.ASCII | re.DOTALL)
_LONGEST_KEY = 1023


class StoredObject(Protocol):
    """An object's properties."""

    @property
    def last_modified(self) -> datetime:
        """When the object was written."""


class ObjectReader(Protocol):
    """Reads the objects of the cloud's buckets."""

    def stat(self, bucket: str, key: str) -> StoredObject | None:
        """An object's properties, or None if there is no such object or bucket."""

    def read(self, bucket: str, key: str) -> bytes | None:
        """An object's content, or None if there is no such object or bucket."""


class Source(NamedTuple):
    """Where a video is."""

    bucket: str
    key: str


def source_of(uri: str) -> Source | None:
    """The object that an ``oss://bucket/key`` names, or None if it names none."""
    match = _URI.fullmatch(uri)
    if match is None or len(match[2].encode()) > _LONGEST_KEY:
        return None
    return Source(match[1], match[2])
