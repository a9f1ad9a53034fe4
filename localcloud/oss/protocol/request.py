"""A request to OSS as its line and headers state it: bucket, object, query and headers, decoded once.

Buckets are named in the path (``/bucket/key``) or in the host: ``bucket.localhost``, or the real name
``bucket.oss-<region>.aliyuncs.com``, which some SDKs send to any address.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from urllib.parse import unquote, unquote_to_bytes

from starlette.types import Scope

_BUCKET_IN_HOST = re.compile(
    r"(?P<bucket>[^.:]+)\.(?:localhost|oss-[a-z0-9-]+\.aliyuncs\.com)(?::\d+)?", re.IGNORECASE
)


@dataclass(frozen=True)
class OssRequest:
    """One request; ``bucket`` and ``raw_key`` are empty where it names none.

    Names and values of the query that are not UTF-8 keep their bytes as surrogate escapes.
    """

    method: str
    bucket: str
    raw_key: bytes
    query: tuple[tuple[str, str], ...]
    headers: tuple[tuple[str, bytes], ...]

    @classmethod
    def from_scope(cls, scope: Scope) -> OssRequest:
        """Read an ASGI scope; the path is taken undecoded, since ``%2F`` may be part of a bucket's key."""
        headers = tuple((name.decode("latin-1").lower(), value) for name, value in scope["headers"])
        host = next((value.decode("latin-1") for name, value in headers if name == "host"), "")
        path: bytes = scope["raw_path"].removeprefix(b"/")
        in_host = _BUCKET_IN_HOST.fullmatch(host)
        if in_host:
            bucket, raw_key = in_host["bucket"].lower(), path
        else:
            raw_bucket, _, raw_key = path.partition(b"/")
            bucket = unquote(raw_bucket.decode("latin-1"))
        return cls(
            method=scope["method"],
            bucket=bucket,
            raw_key=unquote_to_bytes(raw_key),
            query=_query(scope["query_string"]),
            headers=headers,
        )

    @property
    def key(self) -> str:
        """The object's key; bytes that are not UTF-8 are replaced, which only an error message shows."""
        return self.raw_key.decode("utf-8", "replace")

    def has(self, parameter: str) -> bool:
        """Whether the query names a parameter, with or without a value."""
        return any(name == parameter for name, _ in self.query)

    def parameter(self, name: str) -> str | None:
        """The first value of a parameter of the query, empty where it has none."""
        return next((value for known, value in self.query if known == name), None)

    def header(self, name: str) -> str | None:
        """The first value of a header; a byte of it is a character."""
        return next((value.decode("latin-1") for known, value in self.headers if known == name), None)


def whole_number(text: str) -> int | None:
    """The number that a text is, from 0 on; None for another text, and for one too long to be meant."""
    return int(text) if text.isascii() and text.isdigit() and len(text) < 16 else None


def _query(raw: bytes) -> tuple[tuple[str, str], ...]:
    pairs = []
    for part in raw.split(b"&"):
        if part:
            name, _, value = part.partition(b"=")
            pairs.append((_decoded(name), _decoded(value)))
    return tuple(pairs)


def _decoded(raw: bytes) -> str:
    return unquote_to_bytes(raw.replace(b"+", b" ")).decode("utf-8", "surrogateescape")
