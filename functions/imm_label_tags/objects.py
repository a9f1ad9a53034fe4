"""The OSS object that a task is about."""

from __future__ import annotations

import re
from dataclasses import dataclass

from imm_label_tags.errors import TargetUnknown

MAX_KEY_BYTES = 1023
_BUCKET = re.compile(r"[a-z0-9][a-z0-9-]{1,61}[a-z0-9]")


class ObjectGone(Exception):
    """OSS has no such object (any more), or its newest version is a delete marker."""


class TagsRefused(Exception):
    """OSS answered InvalidTag: it does not accept a key or a value."""


@dataclass(frozen=True)
class TargetObject:
    """A bucket and a key that can be addressed without any doubt about which object is meant."""

    bucket: str
    key: str

    @property
    def uri(self) -> str:
        """The object as IMM writes it."""
        return f"oss://{self.bucket}/{self.key}"

    @classmethod
    def from_uri(cls, uri: str) -> TargetObject:
        """Read ``oss://bucket/key``. The key is taken as it stands: IMM does not percent-encode it.

        Raises TargetUnknown.
        """
        scheme, _, rest = uri.partition("://")
        bucket, _, key = rest.partition("/")
        if scheme != "oss" or not _BUCKET.fullmatch(bucket) or not key:
            raise TargetUnknown(f"IMM names an object that is not of the form oss://bucket/key: {uri!a}.")
        if "." in (segments := key.split("/")) or ".." in segments:
            raise TargetUnknown(
                f"The key of {uri!a} has a '.' or '..' segment. The OSS SDK would address another object; "
                "copy the object to a key without one."
            )
        if any(character < " " or "\ud800" <= character <= "\udfff" for character in key):
            raise TargetUnknown(f"The key of {uri!a} has characters that cannot be sent.")
        if len(key.encode()) > MAX_KEY_BYTES:
            raise TargetUnknown(f"The key of {uri[:80]!a}... is longer than OSS's {MAX_KEY_BYTES} bytes.")
        return cls(bucket, key)


class ObjectPatterns:
    """Comma-separated patterns ``bucket/prefix*``; ``*`` stands for any characters."""

    def __init__(self, patterns: tuple[str, ...]) -> None:
        self._patterns = tuple(
            re.compile(".*".join(map(re.escape, pattern.split("*"))), re.DOTALL) for pattern in patterns
        )

    def match(self, target: TargetObject) -> bool:
        """Whether any pattern matches the whole of bucket/key."""
        return any(pattern.fullmatch(f"{target.bucket}/{target.key}") for pattern in self._patterns)
