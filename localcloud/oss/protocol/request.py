"""A request to OSS: bucket, object, query and headers, decoded once, and its body.

Buckets are named in the path (``/bucket/key``) or in the host: ``bucket.localhost``, or the real name
``bucket.oss-<region>.aliyuncs.com``, which some SDKs send to any address.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from urllib.parse import quote, unquote, unquote_to_bytes

from starlette.types import Message, Receive, Scope

from localcloud.oss.protocol.errors import ENTITY_TOO_LARGE, invalid_argument

_BUCKET_IN_HOST = re.compile(
    r"(?P<bucket>[^.:]+)\.(?:localhost|oss-[a-z0-9-]+\.aliyuncs\.com)(?::\d+)?", re.IGNORECASE
)


class ClientGone(Exception):
    """The client ended the connection before its request was complete."""


async def _nothing() -> Message:
    return {"type": "http.request"}


@dataclass(frozen=True)
class OssRequest:
    """One request; ``bucket`` and ``raw_key`` are empty where it names none.

    Names and values of the query that are not UTF-8 keep their bytes as surrogate escapes. ``body`` is that
    of a request which has been read whole.
    """

    method: str
    bucket: str
    raw_key: bytes
    query: tuple[tuple[str, str], ...]
    headers: tuple[tuple[str, bytes], ...]
    body: bytes = b""
    receive: Receive = field(default=_nothing, repr=False)

    @classmethod
    def from_scope(cls, scope: Scope, receive: Receive = _nothing) -> OssRequest:
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
            receive=receive,
        )

    @property
    def key(self) -> str:
        """The object's key; bytes that are not UTF-8 are replaced, which only an error message shows."""
        return self.raw_key.decode("utf-8", "replace")

    def url_of(self, key: str) -> str:
        """Where an object of the bucket is, at the host that the client has used."""
        host = self.header("host").removeprefix(f"{self.bucket}.")
        return f"http://{self.bucket}.{host}/{quote(key)}"

    def has(self, parameter: str) -> bool:
        """Whether the query names a parameter, with or without a value."""
        return any(name == parameter for name, _ in self.query)

    def parameter(self, name: str) -> str:
        """The first value of a parameter of the query; empty where it has none."""
        return next((value for known, value in self.query if known == name), "")

    def has_header(self, name: str) -> bool:
        """Whether there is a header of a name, which may be empty."""
        return any(known == name for known, _ in self.headers)

    def header(self, name: str) -> str:
        """The first value of a header, of which a byte is a character; empty where there is none."""
        return next((value.decode("latin-1") for known, value in self.headers if known == name), "")

    def number(self, name: str, default: int, least: int, greatest: int) -> int:
        """A parameter of the query that is a whole number; raises OssError for another."""
        if not self.has(name):
            return default
        text = self.parameter(name)
        number = whole_number(text)
        if number is None or not least <= number <= greatest:
            message = f"Argument {name} must be an integer between {least} and {greatest}."
            raise invalid_argument(name, text, message, "0017-00000289" if name == "max-keys" else "")
        return number

    def name_writer(self) -> Callable[[str], str]:
        """How the answer is to write names: URL-encoded, if so; raises OssError for another encoding."""
        encoding = self.parameter("encoding-type")
        if encoding not in ("", "url"):
            message = "Invalid Encoding Method specified in Request."
            raise invalid_argument("encoding-type", encoding, message)
        return _url_encoded if encoding else str

    async def stream(self, take: Callable[[bytes], None]) -> None:
        """Hand each chunk of the body on as it comes; raises ClientGone."""
        while True:
            message = await self.receive()
            if message["type"] == "http.disconnect":
                raise ClientGone
            if message.get("body"):
                take(message["body"])
            if not message.get("more_body", False):
                return

    async def whole(self, limit: int) -> OssRequest:
        """The request with its body; raises OssError past the limit, and ClientGone."""
        body = bytearray()

        def take(chunk: bytes) -> None:
            body.extend(chunk)
            if len(body) > limit:
                raise ENTITY_TOO_LARGE(MaxSizeAllowed=limit)

        await self.stream(take)
        return replace(self, body=bytes(body))


def whole_number(text: str) -> int | None:
    """The number that a text is, from 0 on; None for another text, and for one too long to be meant."""
    return int(text) if text.isascii() and text.isdigit() and len(text) < 16 else None


def _url_encoded(name: str) -> str:
    return quote(name.encode("utf-8", "surrogateescape"), safe="")


def _query(raw: bytes) -> tuple[tuple[str, str], ...]:
    pairs = []
    for part in raw.split(b"&"):
        if part:
            name, _, value = part.partition(b"=")
            pairs.append((_decoded(name), _decoded(value)))
    return tuple(pairs)


def _decoded(raw: bytes) -> str:
    return unquote_to_bytes(raw.replace(b"+", b" ")).decode("utf-8", "surrogateescape")
