"""Which object is meant: any text in IMM's description of a task, and any key in a request to OSS."""

from __future__ import annotations

import re
from datetime import datetime, timedelta, timezone
from typing import Any
from urllib.parse import unquote_to_bytes

import alibabacloud_oss_v2 as oss
import requests
from hypothesis import strategies as st
from urllib3.util import parse_url

from imm_label_tags.errors import TargetUnknown
from imm_label_tags.results.labels import fraction
from imm_label_tags.results.target import ObjectPatterns, TargetObject
from imm_label_tags.results.task import parse_time, target_of_request, target_of_task, target_of_user_data
from proof.fuzz.inputs import TEXTS, Bytes, json_documents

BUCKET = "media"

_TIMES = [
    b"2021-12-24T03:00:38.892462383Z",
    b"2023-01-04 13:20:23+08:00",
    b"9999-12-31T23:59:59-00:01",
    b"0001-01-01T00:00:00+00:01",
]
_URIS = ["oss://media/videos/a.mp4", "oss://media/videos/a b.mp4", "oss://media/", "oss://"]
TASK_TEXTS = json_documents(["uri", "URI", "SourceURI", "ID"], _URIS)
TASK_BYTES = Bytes(
    [*_TIMES, *(uri.encode() for uri in _URIS), b'{"SourceURI": "oss://media/a.mp4", "ID": 1.5e3}', b"0.95"],
    [
        *_TIMES,
        b"oss://",
        b'"URI"',
        b"+08:00",
        b"/../",
        b"/./",
        b"%2e%2e",
        b"\\u0000",
        b"\\ud800",
        b"\xc2\x85",
    ],
)


def check_task_text(data: bytes) -> None:
    """Read any text as a time, a number and the name of an object.

    A time is the one that stands there, in UTC; a confidence is from 0 to 1; TargetUnknown is the only error;
    an object's URI leads to the same object again, and its name stands in the text as it is.
    """
    text = data.decode("utf-8", "surrogateescape")
    assert parse_time(text) == _time(text), f"{parse_time(text)} is the time {text[:80]!a}"
    assert 0.0 <= fraction(text) <= 1.0
    for read in (target_of_user_data, target_of_request, _target_of_both):
        try:
            target = read(text)
        except TargetUnknown as refusal:
            assert len(str(refusal)) < 10_000
            continue
        if target is not None:
            assert TargetObject.from_uri(target.uri) == target
            assert re.fullmatch("[a-z0-9-]{3,63}", target.bucket)
            assert not _is_unsafe(target.key), f"An object that can be addressed: {target.uri!a}"
            if "\\" not in text:
                assert target.uri in text, f"The name is taken as it stands: {target.uri!a}"


def _target_of_both(text: str) -> TargetObject | None:
    """The object of a task whose request and UserData are the same text."""
    target = target_of_task(text, text)
    return target.object if target is not None else None


_TIME = re.compile(
    r"(\d{4})-(\d\d)-(\d\d)[Tt ](\d\d):(\d\d):(\d\d)(?:\.(\d+))?(?:[Zz]|([+-])(\d\d):(\d\d))?", re.ASCII
)


def _time(text: str) -> datetime | None:
    """The time that stands in a text, as ISO 8601 and RFC 3339 have it."""
    found = _TIME.fullmatch(text.strip())
    if found is None:
        return None
    *date, fraction_digits, sign, hours, minutes = found.groups()
    if int(hours or 0) > 23 or int(minutes or 0) > 59:
        return None
    offset = timedelta(hours=int(hours or 0), minutes=int(minutes or 0)) * (-1 if sign == "-" else 1)
    microsecond = int(f"{(fraction_digits or '')[:6]:0<6}")
    year, month, day, hour, minute, second = map(int, date)
    try:
        return datetime(year, month, day, hour, minute, second, microsecond, timezone.utc) - offset
    except (ValueError, OverflowError):
        return None


def _is_unsafe(key: str) -> bool:
    """Whether a key cannot be sent, or would be sent as another."""
    return (
        not key
        or any(segment in (".", "..") for segment in key.split("/"))
        or any(ord(character) < 32 or 0xD800 <= ord(character) <= 0xDFFF for character in key)
        or len(key.encode()) > 1023
    )


# Keys in requests


_KEYS = (
    TEXTS
    | st.lists(
        st.sampled_from(
            ["/../", "/./", "..", "%2e%2e", "%2F", "//", "\\", "?", "#", ";", "@", ":", "\u202e", "a"]
        )
    ).map("".join)
    | st.binary(max_size=1100).map(lambda data: data.decode("utf-8", "replace"))
)
_CUTS = st.lists(st.tuples(st.integers(0, 64), st.integers(0, 8)), max_size=3)
ADDRESSES = st.tuples(_KEYS, _CUTS, st.booleans())


def check_address(given: tuple[str, list[tuple[int, int]], bool]) -> None:
    """Address an object, and compare its name with patterns made of pieces of it.

    What the SDK and its HTTP library make of the name is the name; only a name that cannot be addressed is
    refused; a pattern matches as an independent reading of it does.
    """
    key, cuts, by_path = given
    try:
        target = TargetObject.from_uri(f"oss://{BUCKET}/{key}")
    except TargetUnknown:
        assert _is_unsafe(key), f"A key that can be addressed is taken: {key!a}"
        return
    assert (target.bucket, target.key) == (BUCKET, key)
    addressed = _addressed(target, by_path)
    assert addressed == key.encode(), f"The object {key!a} is asked for, not {addressed!a}"
    path = f"{BUCKET}/{key}"
    for pattern in _patterns(path[:64], cuts):
        matched = ObjectPatterns((pattern,)).match(target)
        assert matched == _matches(pattern, path), f"{pattern!a} and {key!a}"


def _patterns(path: str, cuts: list[tuple[int, int]]) -> list[str]:
    """Pieces of a path with stars between them, in their order or overlapping, alone and joined."""
    pieces = [path[start % (len(path) + 1) :][:size] for start, size in cuts]
    alone = [f"{path[: start % 16]}*{path[-size:]}" for start, size in cuts]
    return [*alone, "*".join(pieces), "*".join([BUCKET, *pieces, ""]), f"*{'**'.join(pieces)}"]


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
    """A request that was about to be sent, by its URL."""


class _Catching(oss.transport.RequestsHttpClient):  # type: ignore[misc]
    """A transport that raises what it was to send, as its HTTP library would spell it."""

    def send(self, request: Any, **options: Any) -> Any:
        raise _Caught(requests.Request(request.method, request.url).prepare().url)


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


def _addressed(target: TargetObject, by_path: bool) -> bytes:
    """The key in the path of the request that the SDK makes for an object."""
    try:
        _CLIENTS[by_path].head_object(oss.HeadObjectRequest(bucket=target.bucket, key=target.key))
    except oss.exceptions.OperationError as error:
        inner: Any = error
        while not isinstance(inner, _Caught):
            inner = inner.unwrap()
    url = parse_url(str(inner))
    assert url.host == ("oss.example.com" if by_path else f"{BUCKET}.oss.example.com"), (
        "The host is the bucket's"
    )
    path = unquote_to_bytes(url.path or "")
    start = f"/{BUCKET}/".encode() if by_path else b"/"
    assert path.startswith(start) and url.query is None, f"The path is the object's: {url!a}"
    return path[len(start) :]
