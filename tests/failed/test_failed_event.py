"""Function Compute's record of a failure, read, and the document that is made of it."""

from __future__ import annotations

import json
import re
from datetime import datetime, timezone
from pathlib import Path
from typing import Any

import pytest

from imm_label_tags import errors
from imm_label_tags.errors import InvalidFailureRecord, PermanentError, TaggingError
from imm_label_tags.events.event import read_event
from imm_label_tags.failures.failed_event import FailedEvent
from imm_label_tags.results.target import TargetObject
from tests.failed.records import (
    ABSENT,
    EVENTS,
    FUNCTION,
    KEY,
    RECORD,
    REQUEST_ID,
    answering,
    content,
    varied,
    with_context,
)

MOMENT = datetime(2021, 12, 24, 3, 1, 40, tzinfo=timezone.utc)
TASK_EVENTS = sorted((EVENTS / "tasks").iterdir())


def test_what_a_record_tells() -> None:
    failed = FailedEvent.read(RECORD)
    assert failed.request_id == REQUEST_ID
    assert failed.failed_at == MOMENT
    assert failed.function == FUNCTION
    assert failed.condition == "UnhandledInvocationError"
    assert failed.attempts == 4
    assert (failed.error, failed.message) == ("Throttled", "IMM GetTask was throttled")
    assert failed.retryable is True
    assert failed.event == content()["requestPayload"].encode()
    assert failed.key("failed") == KEY


def test_the_event_shows_in_no_representation() -> None:
    shown = repr(FailedEvent.read(RECORD))
    assert "Throttled" in shown
    assert "VideoLabelClassification" not in shown


# The document


def test_the_document_is_the_record_with_a_summary_in_front() -> None:
    document = json.loads(FailedEvent.read(RECORD).document())
    assert next(iter(document)) == "failure"
    assert document.pop("failure") == {
        "request_id": REQUEST_ID,
        "failed_at": "2021-12-24T03:01:40.000Z",
        "function": FUNCTION,
        "condition": "UnhandledInvocationError",
        "attempts": 4,
        "error": "Throttled",
        "message": "IMM GetTask was throttled",
        "retryable": True,
    }
    assert list(document) == list(content())
    assert document == content()


def test_a_document_that_somebody_has_laid_out_anew_reads_the_same() -> None:
    failed = FailedEvent.read(RECORD)
    pretty = json.dumps(json.loads(failed.document()), indent=2, sort_keys=True).encode()
    again = FailedEvent.read(pretty)
    assert (again.event, again.error, again.key("failed")) == (failed.event, failed.error, KEY)
    assert json.loads(again.document()) == json.loads(failed.document())


def test_a_summary_that_somebody_has_changed_is_made_anew() -> None:
    document = json.loads(FailedEvent.read(RECORD).document())
    document["failure"] = {"error": "Nothing", "attempts": 0}
    assert FailedEvent.read(json.dumps(document).encode()).error == "Throttled"


def test_fields_that_nobody_knows_are_kept_as_they_are_written() -> None:
    raw = RECORD.rstrip()[:-1] + b', "new": [1.50e400, -0, 12345678901234567890123, "\\u00e9"] }\n'
    document = FailedEvent.read(raw).document()
    assert document.endswith(b', "new": [1.50e400, -0, 12345678901234567890123, "\\u00e9"] }')


def test_a_document_that_was_written_without_the_records_white_space_reads_the_same() -> None:
    # Given the form of version 0.1, whose members stood without white space between them
    failed = FailedEvent.read(RECORD)
    summary = json.loads(failed.document())["failure"]
    old = json.dumps({"failure": summary, **content()}, separators=(",", ":")).encode()
    again = FailedEvent.read(old)
    assert (again.event, again.error, again.key("failed")) == (failed.event, failed.error, KEY)
    assert again.document() == old


@pytest.mark.parametrize("path", TASK_EVENTS, ids=lambda path: path.stem)
def test_the_function_understands_a_document_as_it_understands_the_event(path: Path) -> None:
    # Given each event that the function understands, as the payload of a record
    event = path.read_bytes()
    failed = FailedEvent.read(varied(requestPayload=event.decode()))
    # Then it is kept byte for byte, and the document is an event too
    assert failed.event == event
    assert read_event(failed.document()) == read_event(event)


@pytest.mark.parametrize("payload", ['{"b":  1.0, "a": [ ]}', "[1, 2e3]", "17", "true", "null"])
def test_a_payload_that_is_no_text_is_the_same_json(payload: str) -> None:
    raw = RECORD.replace(json.dumps(content()["requestPayload"]).encode(), payload.encode())
    failed = FailedEvent.read(raw)
    assert json.loads(failed.event) == json.loads(payload)
    assert payload.encode() in failed.document()


# When


@pytest.mark.parametrize(
    "timestamp",
    [
        1640314900000,
        1640314900,
        1640314900.0,
        1640314900000000,
        1640314900000000000,
        "1640314900000",
        "1640314900",
        "2021-12-24T03:01:40Z",
        "2021-12-24T11:01:40+08:00",
        "2021-12-24T03:01:40.000000000Z",
        "2021-12-24 03:01:40",
    ],
)
def test_times_in_every_form(timestamp: object) -> None:
    failed = FailedEvent.read(varied(timestamp=timestamp))
    assert failed.failed_at == MOMENT
    assert failed.key("failed") == KEY


@pytest.mark.parametrize(
    "written",
    ['"xxxx"', '""', "0", "-1", "-0.5", "true", "null", "[]", "{}", "1e300", f'"{"9" * 40}"', "9" * 5000],
    ids=lambda written: written[:12],
)
def test_without_a_time_it_is_undated(written: str) -> None:
    failed = FailedEvent.read(RECORD.replace(b"1640314900000", written.encode()))
    assert failed.failed_at is None
    assert failed.key("failed") == f"failed/undated/{REQUEST_ID}.json"
    document = failed.document()
    assert b'"failed_at":null' in document
    assert f'"timestamp": {written},'.encode() in document


def test_the_date_is_that_of_utc() -> None:
    failed = FailedEvent.read(varied(timestamp="2021-12-24T03:00:00+08:00"))
    assert failed.key("failed") == f"failed/2021-12-23/{REQUEST_ID}.json"


# How it ended


UNNAMED = "UnhandledInvocationError"
TIMED_OUT = "Function timed out after 150 seconds (maxMemoryUsage: 84.50MB)"
EXITED = "Process exited unexpectedly before completing request (duration: 12ms)"


@pytest.mark.parametrize(
    ("payload", "error", "message"),
    [
        # The function's own errors, as FC writes them
        ('{"errorType": "TaskNotFound", "errorMessage": "gone"}', "TaskNotFound", "gone"),
        ({"errorType": "TaskNotFound", "errorMessage": "gone"}, "TaskNotFound", "gone"),
        ('{"errorType": "TaskNotFound"}', "TaskNotFound", ""),
        # Time-outs, which have no type
        (json.dumps({"errorMessage": TIMED_OUT}), UNNAMED, TIMED_OUT),
        # What is not JSON, or no object
        (EXITED, UNNAMED, EXITED),
        ('"a text"', UNNAMED, '"a text"'),
        ("", UNNAMED, ""),
        (None, UNNAMED, ""),
        (["x", 1], UNNAMED, '["x", 1]'),
        (ABSENT, UNNAMED, ""),
        # What is no name is none
        ({"errorType": "a b\n", "errorMessage": "m"}, UNNAMED, "m"),
        ({"errorType": 5, "errorMessage": 5}, UNNAMED, ""),
    ],
)
def test_what_the_function_answered(payload: object, error: str, message: str) -> None:
    failed = FailedEvent.read(answering(payload))
    assert (failed.error, failed.message) == (error, message)


@pytest.mark.parametrize(
    ("payload", "condition", "error"),
    [("", "Expired", "Expired"), ('{"errorType": "Throttled"}', "Expired", "Throttled"), ("", "", UNNAMED)],
)
def test_where_no_error_has_a_name_function_computes_word_is_it(
    payload: str, condition: str, error: str
) -> None:
    assert FailedEvent.read(answering(payload, condition)).error == error


def test_an_error_without_any_name() -> None:
    record = content()
    record["requestContext"].update(condition=None)
    raw = json.dumps({**record, "responseContext": "?", "responsePayload": "?"}).encode()
    failed = FailedEvent.read(raw)
    assert (failed.error, failed.message, failed.condition) == ("Unknown", "?", "")


ERRORS = {
    name: member
    for name, member in vars(errors).items()
    if isinstance(member, type) and issubclass(member, TaggingError)
}


@pytest.mark.parametrize("name", [*sorted(ERRORS), "KeyError", "ImportModuleError"])
def test_whether_a_retry_may_help_is_known_of_our_own_errors(name: str) -> None:
    failed = FailedEvent.read(answering({"errorType": name, "errorMessage": ""}))
    # A batch's depends on what was in it.
    known = name in ERRORS and name != "BatchFailed"
    assert failed.retryable is (ERRORS[name].retryable if known else None)


@pytest.mark.parametrize(
    ("count", "attempts"),
    [(1, 1), (0, 0), (4.0, 4), ("4", 4), (1.5, None), (-1, None), (True, None), (None, None), ("x", None)],
)
def test_the_number_of_attempts(count: object, attempts: int | None) -> None:
    assert FailedEvent.read(with_context(approximateInvokeCount=count)).attempts == attempts


# Names


@pytest.mark.parametrize(
    ("request_id", "beginning"),
    [
        ("a/b", "a-b-"),
        ("../../a", "a-"),
        ("..", "unnamed-"),
        (".hidden", "hidden-"),
        ("请求", "unnamed-"),
        ("a b\n\0\ud800", "a-b-"),
        ("x" * 4096, "x" * 64 + "-"),
    ],
)
def test_any_other_is_made_one_safe_segment_of_its_own(request_id: str, beginning: str) -> None:
    failed = FailedEvent.read(with_context(requestId=request_id))
    prefix, date, name = failed.key("failed").split("/")
    assert (prefix, date) == ("failed", "2021-12-24")
    assert re.fullmatch(re.escape(beginning) + r"[0-9a-f]{16}\.json", name)
    # Nothing takes it for another object
    assert TargetObject.from_uri(f"oss://bucket/{failed.key('failed')}").key == failed.key("failed")
    # And another id that looks like it has another name
    other = FailedEvent.read(with_context(requestId=f"{request_id}/"))
    assert other.key("failed") != failed.key("failed")


@pytest.mark.parametrize("request_id", [ABSENT, None, 5, "", []])
def test_records_without_a_request_id_do_not_replace_each_other(request_id: object) -> None:
    one = FailedEvent.read(with_context(requestId=request_id))
    other = FailedEvent.read(with_context(requestId=request_id, approximateInvokeCount=7))
    assert one.request_id == ""
    assert one.key("failed").startswith("failed/2021-12-24/unnamed-")
    assert one.key("failed") != other.key("failed")
    assert FailedEvent.read(one.document()).key("failed") == one.key("failed")


# What is no record


def wrapped(**changes: Any) -> bytes:
    record = content()
    record["requestContext"]["condition"] = ""
    record["responseContext"]["functionError"] = ""
    return json.dumps({**record, "responsePayload": '{"outcomes": []}', **changes}).encode()


@pytest.mark.parametrize(
    "raw",
    [
        b"",
        b"hello topic",
        b"\xff\xfe",
        b"[]",
        b"null",
        b"17",
        b"{}",
        b"{",
        b'{"a"}',
        b'{"a": }',
        b'{"a": 1,}',
        b"{5: 1}",
        b'{"a": 1} x',
        b'{"requestContext": {}, "requestPayload": NaN}',
        b"[" * 65_536,
        b'{"requestContext": ' + b"[" * 65_536,
        varied(requestPayload=ABSENT),
        varied(requestContext=ABSENT),
        varied(requestContext="text"),
        (EVENTS / "tasks" / "mns-topic-json.json").read_bytes(),
        (EVENTS / "tasks" / "fc-failure-record-through-topic.json").read_bytes(),
        wrapped(),
        RECORD[:-2],
    ],
)
def test_anything_else_is_refused_without_a_word_of_it(raw: bytes) -> None:
    with pytest.raises(InvalidFailureRecord) as caught:
        FailedEvent.read(raw)
    assert isinstance(caught.value, PermanentError)
    assert (caught.value.__cause__, caught.value.__context__) == (None, None)
    assert "VideoLabelClassification" not in str(caught.value)
    assert len(str(caught.value)) < 250


def test_the_record_of_a_success_is_refused_unless_it_holds_an_error() -> None:
    with pytest.raises(InvalidFailureRecord, match="under onFailure, not onSuccess"):
        FailedEvent.read(wrapped())
    told = FailedEvent.read(wrapped(responsePayload='{"errorType": "Throttled", "errorMessage": "m"}'))
    assert told.error == "Throttled"


def test_a_byte_order_mark_and_white_space_are_no_part_of_it() -> None:
    assert FailedEvent.read(b"\xef\xbb\xbf \r\n" + RECORD + b"\n\t") == FailedEvent.read(RECORD)
