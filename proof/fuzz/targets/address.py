"""Any key as an object's: refused, or asked for under exactly that name and no other."""

from __future__ import annotations

from typing import Any
from urllib.parse import unquote_to_bytes

import alibabacloud_oss_v2 as oss
import requests
from urllib3.util import parse_url

from imm_label_tags.errors import TargetUnknown
from imm_label_tags.results.target import ObjectPatterns, TargetObject
from proof.fuzz.choices import Choices
from proof.fuzz.promises import require
from proof.fuzz.targets.target import Target

BUCKET = "media"


def run(data: bytes) -> None:
    """Address an object, and compare its name with patterns.

    Promises: what the SDK and its HTTP library make of the name is the name; only a name that cannot be
    addressed is refused; a pattern matches as an independent reading of it does.
    """
    choices = Choices(data)
    by_path = choices.flag()
    cuts = [(choices.byte(), choices.byte()) for _ in range(choices.below(4))]
    key = choices.text() if choices.flag() else choices.rest().decode("utf-8", "replace")
    try:
        target = TargetObject.from_uri(f"oss://{BUCKET}/{key}")
    except TargetUnknown:
        require(_unsafe(key), f"A key that can be addressed is taken: {key!a}")
        return
    require((target.bucket, target.key) == (BUCKET, key), f"The key is taken as it is: {target.uri!a}")
    addressed = _addressed(target, by_path)
    require(addressed == key.encode(), f"The object {key!a} is asked for, not {addressed!a}")
    for pattern in _patterns(f"{BUCKET}/{key}", cuts):
        matched, expected = ObjectPatterns((pattern,)).match(target), _matches(pattern, f"{BUCKET}/{key}")
        require(matched == expected, f"{pattern!a} matches {key!a}: {expected}")


def _patterns(path: str, cuts: list[tuple[int, int]]) -> list[str]:
    """Pieces of a path with stars between them, in their order or overlapping, alone and joined."""
    path = path[:64]
    pieces = [path[start % (len(path) + 1) :][: end % 8] for start, end in cuts]
    alone = [f"{path[: start % 16]}*{path[-(end % 16) :]}" for start, end in cuts]
    return [*alone, "*".join(pieces), "*".join([BUCKET, *pieces, ""]), f"*{'**'.join(pieces)}"]


def _unsafe(key: str) -> bool:
    return (
        not key
        or any(segment in (".", "..") for segment in key.split("/"))
        or any(ord(character) < 32 or 0xD800 <= ord(character) <= 0xDFFF for character in key)
        or len(key.encode()) > 1023
    )


def _matches(pattern: str, path: str) -> bool:
    """Whether a pattern matches, by keeping every length of the path that it can have used up."""
    if pattern.endswith("/") and "*" not in pattern:
        pattern += "*"
    reached = {0}
    for character in pattern:
        if character == "*":
            reached = set(range(min(reached), len(path) + 1)) if reached else set()
        else:
            reached = {at + 1 for at in reached if path[at : at + 1] == character}
    return len(path) in reached


class _Caught(Exception):
    def __init__(self, url: str) -> None:
        super().__init__(url)
        self.url = url


class _Catching(oss.transport.RequestsHttpClient):  # type: ignore[misc]
    """A transport that raises what it was to send, as its HTTP library would spell it."""

    def send(self, request: Any, **options: Any) -> Any:
        raise _Caught(requests.Request(request.method, request.url).prepare().url or "")


def _addressed(target: TargetObject, by_path: bool) -> bytes:
    """The key in the path of the request that the SDK makes for an object."""
    client = _CLIENTS[by_path]
    request = oss.HeadObjectRequest(bucket=target.bucket, key=target.key)
    try:
        client.head_object(request)
    except oss.exceptions.OperationError as error:
        inner: Any = error
        while not isinstance(inner, _Caught):
            inner = inner.unwrap()
    url = parse_url(inner.url)
    expected_host = "oss.example.com" if by_path else f"{BUCKET}.oss.example.com"
    require(url.host == expected_host, f"The host is the bucket's: {url.host!a}")
    path = unquote_to_bytes(url.path or "")
    start = f"/{BUCKET}/".encode() if by_path else b"/"
    require(path.startswith(start) and url.query is None, f"The path is the object's: {inner.url!a}")
    return path[len(start) :]


def _client(by_path: bool) -> oss.Client:
    config = oss.config.load_default()
    config.credentials_provider = oss.credentials.StaticCredentialsProvider("id", "secret")
    config.region = "cn-hangzhou"
    config.endpoint = "https://oss.example.com"
    config.use_path_style = by_path
    config.retryer = oss.retry.NopRetryer()
    config.http_client = _Catching(session=requests.Session())
    return oss.Client(config)


_CLIENTS = {by_path: _client(by_path) for by_path in (False, True)}

TARGET = Target(
    run,
    modules=("imm_label_tags.results.target",),
    share=2,
    words=(
        b"/../",
        b"/./",
        b"..",
        b"%2e%2e",
        b"%2F",
        b"//",
        b"\\",
        b"?",
        b"#",
        b";",
        b"@",
        b":",
        b"\xe2\x80\xae",
    ),
)
