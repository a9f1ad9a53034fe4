"""What is kept and what is logged: records of failures as they are, and each line whole and on its own."""

from __future__ import annotations

import io
import json
import re
from collections.abc import Mapping
from typing import Any, NamedTuple

from hypothesis import strategies as st

from imm_label_tags.errors import InvalidFailureRecord
from imm_label_tags.failures.failed_event import FailedEvent
from imm_label_tags.log import MAX_LINE_BYTES, Log
from proof.fuzz.inputs import TEXTS, Bytes, files, in_quotes, json_documents, words

PREFIX = "failed/events"

_NAMES = words(
    "requestContext requestPayload responseContext responsePayload timestamp requestId functionArn condition "
    "approximateInvokeCount functionError errorType errorMessage failure"
)
_VALUES: tuple[object, ...] = (
    "UnhandledInvocationError",
    "Throttled",
    1640314838892,
    "0999-12-31T23:59:59Z",
    {},
)
_CONDITIONS = st.sampled_from(("UnhandledInvocationError", "RetriesExhausted", "", None))
_PAYLOADS: st.SearchStrategy[object] = (
    TEXTS
    | st.builds(lambda name, value: json.dumps({name: value}), TEXTS, TEXTS)
    | st.sampled_from(({}, [], 0, 1.0, None, True, {"a": [1]}, ""))
)
_MADE_UP = st.fixed_dictionaries(
    {
        "timestamp": st.sampled_from(
            (1640314838892, 1640314838.892, "1640314838", 0, -1, 1e300, None, True, [], "", "yesterday")
        )
        | st.dates().map(lambda day: f"{day.isoformat()}T23:59:59Z"),
        "requestContext": st.fixed_dictionaries(
            {
                "requestId": TEXTS,
                "functionArn": TEXTS,
                "condition": _CONDITIONS,
                "approximateInvokeCount": st.sampled_from((1, 4, 0, -1, 2.5, "3", None, 10**400)),
            }
        ),
        "requestPayload": _PAYLOADS,
        "responseContext": st.fixed_dictionaries({"statusCode": st.just(200), "functionError": _CONDITIONS}),
        "responsePayload": st.sampled_from(
            (None, "", "Process exited unexpectedly", {"errorType": "Throttled"})
        )
        | st.builds(lambda name, text: json.dumps({"errorType": name, "errorMessage": text}), TEXTS, TEXTS),
    }
)
_DEEP = st.integers(0, 5000).map(
    lambda levels: b'{"requestContext": {}, "requestPayload": ' + b"[" * levels + b"]" * levels + b"}"
)
RECORDS = (
    st.builds(
        lambda record, ascii_only: json.dumps(record, ensure_ascii=ascii_only).encode("utf-8", "replace"),
        _MADE_UP,
        st.booleans(),
    )
    | json_documents(_NAMES, _VALUES, files("events"))
    | _DEEP
)
RECORD_BYTES = Bytes(files("events"), [*in_quotes(*_NAMES), b"1e308", b"\\ud800", b"NaN", b"{}"])

_KEY = re.compile(rf"{PREFIX}/(undated|\d{{4}}-\d\d-\d\d)/[A-Za-z0-9_][A-Za-z0-9._-]*\.json", re.ASCII)


def check_record(data: bytes) -> None:
    """Read any bytes as Function Compute's record of a failure, and what it is kept as.

    InvalidFailureRecord is the only error and says nothing of the event; the document is JSON and reads as
    the same failure with the same event, which is the payload; the key is one safe path below the prefix with
    the date that the record has.
    """
    try:
        failed = FailedEvent.read(data)
    except InvalidFailureRecord as refusal:
        assert len(str(refusal)) < 300 and str(refusal).isprintable()
        return
    document = failed.document()
    assert len(document) < 4 * len(data) + 1000
    assert document == FailedEvent.read(data).document(), "The same record has the same document"
    json.loads(document, parse_int=str, parse_float=str)
    again = FailedEvent.read(document)
    assert again.event == failed.event, "The event is kept byte for byte"
    assert again.document() == document, "The document of a document is that document"
    key = failed.key(PREFIX)
    assert _KEY.fullmatch(key) and len(key) < 300, f"A safe key: {key!a}"
    record = json.loads(data, parse_int=str, parse_float=str)
    payload, time = record.get("requestPayload"), record.get("timestamp")
    if isinstance(payload, str) and _is_whole(payload) and "failure" not in record:
        assert failed.event == payload.encode(), f"The event is the payload: {failed.event[:200]!a}"
    if isinstance(time, str) and re.fullmatch(r"\d{4}-\d\d-\d\dT23:59:59Z", time, re.ASCII):
        assert key.startswith(f"{PREFIX}/{time[:10]}/"), f"The date of {time!a}: {key!a}"


def _is_whole(text: str) -> bool:
    """Whether no character is half a surrogate pair."""
    return not re.search("[\ud800-\udfff]", text)


SECRET = "a-secret-key-that-is-long"

_LOGGED_TEXTS = (
    TEXTS
    | st.builds(lambda before, after: before + SECRET + after, TEXTS, TEXTS)
    | st.builds(lambda text, size: (text * size)[:size], TEXTS.filter(bool), st.integers(0, 16384))
)


class _Awkward:
    """Something that cannot be shown."""

    def __str__(self) -> str:
        raise RuntimeError("no")


def _circle() -> list[Any]:
    circle: list[Any] = []
    circle.append(circle)
    return circle


def _nested(levels: int) -> Any:
    value: Any = "deep"
    for _ in range(levels):
        value = [value]
    return value


_ODD_VALUES = st.sampled_from(
    (
        *(10**400, _Awkward(), object, b"bytes", {1, 2}, {("a",): 1}, _circle()),
        *(None, True, 0, -1, 0.5, float("nan"), float("inf"), -0.0),
    )
) | st.sampled_from((0, 1, 30, 3000)).map(_nested)
_FIELDS = st.recursive(
    _LOGGED_TEXTS | _ODD_VALUES,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(_LOGGED_TEXTS, inner, max_size=3),
    max_leaves=6,
)


class Line(NamedTuple):
    """What is logged, and in which encoding the log is."""

    message: str
    fields: Mapping[str, Any]
    encoding: str


LINES = st.builds(
    Line,
    _LOGGED_TEXTS,
    st.lists(_FIELDS, max_size=7).map(
        lambda values: {f"field{at}": value for at, value in enumerate(values)}
    ),
    st.sampled_from(("utf-8", "ascii", "latin-1", "UTF8")),
)


def check_line(given: Line) -> None:
    """Log any message with any fields.

    It is one line, printable, in the stream's encoding, of MAX_LINE_BYTES at most; a JSON object with the
    fields in their order; texts stand there as they were unless they are long or secret; no secret does.
    """
    message, fields, encoding = given
    raw = io.BytesIO()
    stream = io.TextIOWrapper(raw, encoding=encoding, newline="")
    Log("INFO", lambda text: text.replace(SECRET, "***"), stream).write("ERROR", message, **fields)
    written = raw.getvalue()
    stream.detach()
    line = written.decode(encoding)
    assert line.endswith("\n") and line[:-1].isprintable(), f"One printable line: {line[:300]!a}"
    assert len(written) <= MAX_LINE_BYTES, f"A line that is not cut: {len(written)} bytes"
    assert SECRET not in line
    record = json.loads(line, parse_constant=_refuse)
    wanted = [name for name, value in fields.items() if value is not None]
    assert list(record) == ["time", "level", "message", *wanted], "The fields in order"
    for name, value in {"message": message, **fields}.items():
        if isinstance(value, str) and len(value) <= 128 and SECRET not in value:
            # JSON knows no two surrogates in a row that are not one character.
            as_json = value.encode("utf-16", "surrogatepass").decode("utf-16", "surrogatepass")
            assert record[name] == as_json, f"A text as it was: {record[name]!a} is not {value!a}"


def _refuse(constant: str) -> None:
    raise ValueError(f"{constant} is not JSON")
