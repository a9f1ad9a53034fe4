"""The OSS object that a task is about, and places of objects."""

from __future__ import annotations

import re
from datetime import datetime
from typing import NamedTuple

from imm_label_tags.errors import InvalidSetting, TargetUnknown

MAX_KEY_BYTES = 1023
BUCKET = re.compile(r"[a-z0-9][a-z0-9-]{1,61}[a-z0-9]")
MAX_PREFIX_BYTES = 512
# A prefix stands in a policy's resource, too, where some of these have a meaning of their own.
_NOT_IN_PREFIXES = frozenset('\\*?$"')
_PREFIXES = (
    f"oss://bucket/prefix, with a prefix of at most {MAX_PREFIX_BYTES} bytes without white space, control "
    "characters, empty, '.' or '..' segments, and any of \\ * ? $ \""
)


class ObjectGone(Exception):
    """OSS has no such object (any more), or its newest version is a delete marker."""


class TagsRefused(Exception):
    """OSS answered InvalidTag: it does not accept a key or a value."""


class TargetObject(NamedTuple):
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
        if scheme != "oss" or not BUCKET.fullmatch(bucket) or not key:
            raise TargetUnknown(f"This is no object of the form oss://bucket/key: {uri!a}.")
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


class ObjectHead(NamedTuple):
    """What HeadObject tells of an object. ``written`` is its Last-Modified, ``restore`` its x-oss-restore."""

    etag: str
    size: int
    written: datetime
    storage_class: str = "Standard"
    restore: str = ""


class ObjectPrefix(NamedTuple):
    """Where the functions keep documents: a bucket, and a prefix without slashes around it."""

    bucket: str
    prefix: str

    @property
    def uri(self) -> str:
        """The place as it is set."""
        return f"oss://{self.bucket}/{self.prefix}"

    @classmethod
    def from_setting(cls, variable: str, uri: str) -> ObjectPrefix:
        """Read the ``oss://bucket/prefix`` of a variable, with or without a slash at the end.

        Raises InvalidSetting.
        """
        scheme, _, rest = uri.partition("://")
        bucket, _, prefix = rest.partition("/")
        prefix = prefix.strip("/")
        if scheme != "oss" or not BUCKET.fullmatch(bucket) or not _is_usable(prefix):
            raise InvalidSetting(variable, uri, _PREFIXES)
        return cls(bucket, prefix)


def _is_usable(prefix: str) -> bool:
    if any(segment in ("", ".", "..") for segment in prefix.split("/")) or " " in prefix:
        return False
    if not prefix.isprintable() or _NOT_IN_PREFIXES.intersection(prefix):
        return False
    return len(prefix.encode("utf-8", "surrogatepass")) <= MAX_PREFIX_BYTES


class ObjectPatterns:
    """Patterns ``bucket/prefix*``; ``*`` stands for any characters.

    One that has no ``*`` and ends in ``/`` means everything below it.
    """

    def __init__(self, patterns: tuple[str, ...]) -> None:
        self._patterns = tuple(_literals(pattern) for pattern in patterns)

    @classmethod
    def read(cls, text: str) -> ObjectPatterns:
        """Read comma-separated patterns; raises ValueError, saying what is allowed."""
        patterns = tuple(pattern.strip() for pattern in text.split(",") if pattern.strip())
        for pattern in patterns:
            bucket, slash, _ = pattern.partition("/")
            if not bucket or not slash or "://" in pattern:
                raise ValueError("comma-separated patterns such as bucket/prefix/ or bucket/prefix*")
        return cls(patterns)

    @classmethod
    def from_setting(cls, variable: str, text: str) -> ObjectPatterns | None:
        """Read the patterns of a variable, None where it is unset. Raises InvalidSetting."""
        try:
            return cls.read(text) if text else None
        except ValueError as error:
            raise InvalidSetting(variable, text, str(error)) from None

    def match(self, target: TargetObject) -> bool:
        """Whether any pattern matches the whole of bucket/key."""
        return any(_matches(pattern, f"{target.bucket}/{target.key}") for pattern in self._patterns)


def _literals(pattern: str) -> tuple[str, ...]:
    """The texts between the ``*`` of a pattern."""
    below = pattern.endswith("/") and "*" not in pattern
    return (pattern, "") if below else tuple(pattern.split("*"))


def _matches(literals: tuple[str, ...], path: str) -> bool:
    """Whether a path consists of the literals, in order, with any characters between them.

    A regular expression would try every division of the path, and whoever names objects could make it try
    for hours; the leftmost place of each literal is as good as any other.
    """
    first, *others = literals
    if not others:
        return path == first
    last = others.pop()
    if len(path) < len(first) + len(last) or not path.startswith(first) or not path.endswith(last):
        return False
    position, end = len(first), len(path) - len(last)
    for literal in others:
        found = path.find(literal, position, end)
        if found < 0:
            return False
        position = found + len(literal)
    return True
