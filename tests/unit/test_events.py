"""What the function understands of an event, from the bytes that Function Compute hands over."""

from __future__ import annotations

import base64
import json
from collections.abc import Callable, Mapping
from itertools import permutations
from pathlib import Path
from typing import Any
from xml.sax.saxutils import escape

import pytest
from hypothesis import given
from hypothesis import strategies as st

from imm_label_tags.errors import InvalidNotification
from imm_label_tags.events.event import Event, read_event
from imm_label_tags.events.imm_message import IgnoredEvent, TaskNotification
from imm_label_tags.events.wrappings import WRAPPINGS, Wrapping, unwrap
from tests.fresh import printed_by

FUNCTIONS = Path(__file__).parent.parent.parent / "functions"
EVENTS = Path(__file__).parents[2] / "examples" / "events"
TASK_ID = "VideoLabelClassification-2f157087-91df-4fda-8c3e-232407ec0001"
TASK = TaskNotification(project_name="immtest", task_id=TASK_ID)

CONTENT = {"ProjectName": "immtest", "TaskType": "VideoLabelClassification", "TaskId": TASK_ID}


def files(folder: str) -> list[object]:
    return [pytest.param(path, id=path.name) for path in sorted((EVENTS / folder).iterdir())]


def as_event(value: object) -> bytes:
    return json.dumps(value).encode()


def refusal(event: bytes) -> str:
    with pytest.raises(InvalidNotification) as caught:
        read_event(event)
    return str(caught.value)


@pytest.mark.parametrize("path", files("tasks"))
def test_every_wrapping_leads_to_the_same_task(path: Path) -> None:
    assert read_event(path.read_bytes()).items == (TASK,)


@pytest.mark.parametrize("path", files("foreign"))
def test_what_is_well_formed_but_not_about_a_video_label_task_is_ignored(path: Path) -> None:
    (item,) = read_event(path.read_bytes()).items
    assert isinstance(item, IgnoredEvent)
    assert item.reason.endswith(".")


@pytest.mark.parametrize("path", files("invalid"))
def test_what_cannot_be_understood_is_refused(path: Path) -> None:
    assert refusal(path.read_bytes())


def test_only_a_list_is_a_batch() -> None:
    single = as_event(CONTENT)
    assert not read_event(single).batch
    assert read_event(b"[" + single + b"]").batch
    assert read_event(b"[]") == Event((), batch=True)


def test_the_items_of_nested_lists_stand_in_order_with_the_bad_ones_in_their_places() -> None:
    # Given a batch that holds a message which is itself a list
    def content(number: int) -> dict[str, str]:
        return {**CONTENT, "TaskId": f"task-{number}"}

    message = {"TopicName": "t", "Message": json.dumps([content(2), {"no": "shape"}])}
    event = as_event([content(1), message, "not JSON", [[content(3)]]])

    # When it is read
    items = read_event(event).items

    # Then every item is there, in order
    kinds = [item.task_id if isinstance(item, TaskNotification) else type(item).__name__ for item in items]
    assert kinds == ["task-1", "task-2", "InvalidNotification", "InvalidNotification", "task-3"]


@pytest.mark.parametrize("record", ["requestPayload", "Message"])
def test_a_list_inside_a_single_wrapping_is_a_batch(record: str) -> None:
    wrapping = {"requestContext": {}, "TopicName": "t", record: json.dumps([CONTENT, CONTENT])}
    event = read_event(as_event(wrapping))
    assert event.batch
    assert len(event.items) == 2


# Ways to write a value down as text.
WRITTEN: dict[str, Callable[[object], str]] = {
    "JSON": json.dumps,
    "JSON with a byte order mark": lambda value: "\ufeff" + json.dumps(value, ensure_ascii=False),
    "a byte order mark before base64": lambda value: "\ufeff" + WRITTEN["base64"](value),
    "JSON on many lines": lambda value: f"\r\n{json.dumps(value, indent=2)}\n",
    "base64": lambda value: base64.b64encode(json.dumps(value).encode()).decode(),
    "base64 on many lines": lambda value: base64.encodebytes(json.dumps(value).encode()).decode(),
    "base64 without padding": lambda value: base64.b64encode(json.dumps(value).encode()).decode().rstrip("="),
    "url-safe base64": lambda value: base64.urlsafe_b64encode(json.dumps(value).encode()).decode(),
    "base64 of a byte order mark": lambda value: base64.b64encode(
        json.dumps(value).encode("utf-8-sig")
    ).decode(),
    "base64 of base64": lambda value: base64.b64encode(base64.b64encode(json.dumps(value).encode())).decode(),
    "JSON in a JSON string": lambda value: json.dumps(json.dumps(value)),
}


def as_text(value: object) -> str:
    return value if isinstance(value, str) else json.dumps(value)


def as_xml(message: object, xmlns: str = ' xmlns="http://mns.aliyuncs.com/doc/v1/"') -> str:
    return (
        f'<?xml version="1.0" encoding="utf-8"?>\n<Notification{xmlns}>\n  <TopicOwner>1</TopicOwner>\n'
        f"  <TopicName>t</TopicName>\n  <Message>{escape(as_text(message))}</Message>\n"
        "  <PublishTime>1497335254533</PublishTime>\n</Notification>\n"
    )


def cloud_event(kind: str, data: object) -> dict[str, object]:
    return {"specversion": "1.0", "id": "1", "source": "acs.x", "type": kind, "data": data}


# What a service puts around a message, be it an object or text.
WRAPPED: dict[str, Callable[[object], object]] = {
    "topic, JSON": lambda value: {"TopicName": "t", "MessageId": "1", "Message": as_text(value)},
    "topic, JSON with attributes": lambda value: {
        "TopicName": "t",
        "Message": as_text(value),
        "specversion": "1.0",
        "messageBody": "{}",
        "requestPayload": "{}",
        "requestContext": {},
        "content": "{}",
        "source": "acs.imm",
        "TaskType": "MediaConvert",
    },
    "topic, XML": as_xml,
    "topic, STREAM with attributes": lambda value: {"body": as_text(value), "attrs": {"a": "b"}},
    "queue": lambda value: cloud_event("mns:Queue:SendMessage", {"messageBody": as_text(value)}),
    "queue, data as text": lambda value: cloud_event(
        "mns:Queue:SendMessage", json.dumps({"messageBody": as_text(value)})
    ),
    "queue, raw data": lambda value: {"requestId": "1", "messageId": "1", "messageBody": as_text(value)},
    "RocketMQ": lambda value: cloud_event("mq:Topic:SendMessage", {"topic": "t", "body": as_text(value)}),
    "failure record": lambda value: {
        "timestamp": "1",
        "requestContext": {"requestId": "1"},
        "requestPayload": as_text(value),
    },
    "object as it is": lambda value: value,
}

# How IMM's own message may come: by itself, and in the envelopes that IMM and EventBridge give it.
KIND = "imm:Task:VideoLabelClassification"
MESSAGES: dict[str, object] = {
    "content": CONTENT,
    "envelope": {"source": "acs.imm", "type": KIND, "content": json.dumps(CONTENT)},
    "envelope, content as object": {"source": "acs.imm", "content": CONTENT},
    "event": {**cloud_event(KIND, CONTENT), "source": "acs.imm"},
    "event, data in base64": {
        "specversion": "1.0",
        "source": "acs.imm",
        "type": KIND,
        "data_base64": WRITTEN["base64"](CONTENT),
    },
    "event, data as envelope": cloud_event(
        KIND, {"source": "acs.imm", "type": KIND, "content": json.dumps(CONTENT)}
    ),
    "event, data as envelope in text": cloud_event(
        KIND, json.dumps({"source": "acs.imm", "type": KIND, "content": json.dumps(CONTENT)})
    ),
    "event without a type in its data": cloud_event(
        KIND, {"ProjectName": "immtest", "TaskId": TASK_ID, "UserData": None}
    ),
}


@pytest.mark.parametrize("message", MESSAGES.values(), ids=MESSAGES.keys())
@pytest.mark.parametrize("written", WRITTEN.values(), ids=WRITTEN.keys())
@pytest.mark.parametrize("wrapped", WRAPPED.values(), ids=WRAPPED.keys())
def test_a_message_is_found_in_every_wrapping_in_every_writing(
    message: object, written: Callable[[object], str], wrapped: Callable[[object], object]
) -> None:
    assert read_event(as_text(wrapped(written(message))).encode()) == Event((TASK,), batch=False)


@pytest.mark.parametrize("text", ["[]", "[{}]", json.dumps([CONTENT]), "1", "true"])
def test_content_of_imm_that_is_no_object_is_refused(text: str) -> None:
    assert "not a JSON object" in refusal(as_event({"source": "acs.imm", "type": KIND, "content": text}))


@pytest.mark.parametrize(
    "xmlns", ["", ' xlmns="http://mns.aliyuncs.com/doc/v1/"', ' xmlns="http://mns.aliyuncs.com/doc/v1"']
)
def test_an_xml_notification_may_have_any_namespace(xmlns: str) -> None:
    # The documentation's own sample misspells the attribute.
    assert read_event(as_xml(CONTENT, xmlns).encode()).items == (TASK,)


def test_the_message_of_an_xml_notification_may_be_written_as_xml_allows() -> None:
    content = json.dumps(CONTENT)
    for message in (f"<![CDATA[{content}]]>", content.replace('"', "&quot;"), content.replace('"', "&#x22;")):
        event = (
            f"<Notification><Added><Message>no</Message></Added><Message>{message}</Message></Notification>"
        )
        assert read_event(event.encode()).items == (TASK,)


@pytest.mark.parametrize(
    ("event", "says"),
    [
        ("<Notification><TopicName>t</TopicName></Notification>", "no Message"),
        ("<Notification><Message>a</Message><Message>b</Message></Notification>", "more than one Message"),
        ("<Notification><Message><a/></Message></Notification>", "in place of text"),
        ("<Notification><Message>a</Message>", "begins like XML"),
        ("<Notification><Message>&a;</Message></Notification>", "begins like XML"),
        ("<Notification><Message>a</Massage></Notification>", "begins like XML"),
        ("<html><body>504 Gateway Time-out</body></html>", "no notification"),
        ("<!DOCTYPE Notification><Notification><Message>a</Message></Notification>", "document type"),
        ("<Notification>" + "<a>" * 20, "elements deep"),
        ("<Notification><Message>hello topic</Message></Notification>", "hello topic"),
    ],
)
def test_xml_that_holds_no_message_is_refused_with_the_reason(event: str, says: str) -> None:
    assert says in refusal(event.encode())


def test_no_parser_of_xml_is_imported_before_xml_arrives() -> None:
    # Given a fresh interpreter with nothing but the function's code
    def imported_after(*events: bytes) -> bool:
        program = (
            "import sys; from imm_label_tags.events.event import read_event\n"
            f"for event in {list(events)!r}: read_event(event)\n"
            "print('pyexpat' in sys.modules)"
        )
        return printed_by(program, path=(FUNCTIONS,)) == "True\n"

    # Then only a message in XML imports it
    assert not imported_after(as_event(CONTENT))
    assert imported_after(as_xml(CONTENT).encode())


OBJECT_KEYS = (
    "Message TopicName MessageId specversion source type data content body attrs requestPayload "
    "requestContext messageBody"
)
objects = st.dictionaries(
    st.sampled_from(OBJECT_KEYS.split()),
    st.sampled_from([{}, "{}", "acs.imm", "imm:Task:X", "mns:Queue:SendMessage"]),
)


@given(objects)
def test_the_order_in_which_wrappings_are_asked_makes_no_difference(message: Mapping[str, Any]) -> None:
    def found(wrappings: tuple[Wrapping, ...]) -> object:
        try:
            return unwrap(message, wrappings)
        except InvalidNotification:
            return InvalidNotification

    orders = permutations(WRAPPINGS)
    assert all(found(wrappings) == found(WRAPPINGS) for wrappings in orders)


def test_an_object_with_the_marks_of_two_wrappings_is_refused() -> None:
    assert "more than one" in refusal(as_event({"specversion": "1.0", "messageBody": json.dumps(CONTENT)}))


def test_the_task_type_is_never_taken_from_the_task_id() -> None:
    refused = refusal(as_event({"source": "acs.imm", "content": {**CONTENT, "TaskType": None}}))
    assert "task type" in refused


@pytest.mark.parametrize(
    "bad", ["", " ", "a b", "a\nb", "a\x00b", "\ud800", "x" * 257, None, 1, ["a"], "\u202e"], ids=ascii
)
@pytest.mark.parametrize("field", ["ProjectName", "TaskId"])
def test_a_name_that_cannot_be_sent_to_imm_is_refused(field: str, bad: object) -> None:
    assert field in refusal(as_event({**CONTENT, field: bad}))


def test_a_refusal_shows_a_short_piece_of_what_was_refused_and_no_line_breaks() -> None:
    message = refusal(b"\n" + b"x" * 5000)
    assert len(message) < 200
    assert "\n" not in message


def test_bytes_that_are_no_text_are_refused() -> None:
    assert "UTF-8" in refusal(b"\xff\xfe\x00")


def test_more_wrappings_than_any_service_makes_are_refused() -> None:
    event: object = CONTENT
    for _ in range(40):
        event = {"TopicName": "t", "Message": event}
    assert "wrapped" in refusal(as_event(event))
