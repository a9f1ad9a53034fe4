"""What the function understands of an event, from the bytes that Function Compute hands over."""

from __future__ import annotations

import base64
import json
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from imm_label_tags.errors import InvalidNotification
from imm_label_tags.notification import (
    Event,
    ForeignNotification,
    TaskNotification,
    read_event,
)

EVENTS = Path(__file__).parent.parent / "events"
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
def test_what_is_well_formed_but_not_about_a_video_label_task_is_foreign(path: Path) -> None:
    (item,) = read_event(path.read_bytes()).items
    assert isinstance(item, ForeignNotification)
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


def test_a_byte_order_mark_is_no_obstacle() -> None:
    assert read_event(b"\xef\xbb\xbf" + as_event(CONTENT)).items[0] == TASK


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


HOSTILE = {
    "brackets": b"[" * 65536,
    "braces": b'{"a":' * 13000,
    "closed brackets": b"[" * 900 + b"]" * 900,
    "a long number": b"9" * 65536,
    "a long number in a field": b'{"TaskType":' + b"9" * 65000 + b"}",
    "a long fraction": b"0." + b"1" * 65000,
    "a huge exponent": b"1e999999999",
    "infinity": b"[Infinity, -Infinity, NaN]",
    "NUL": b"\x00" * 1000,
    "duplicate keys": b'{"TaskType":"A","TaskType":"VideoLabelClassification"}',
    "lone surrogate": b'{"TaskType":"VideoLabelClassification","ProjectName":"\\ud800","TaskId":"t"}',
    "base64 of base64": base64.b64encode(base64.b64encode(b"{}")),
}


@pytest.mark.parametrize("event", HOSTILE.values(), ids=HOSTILE.keys())
def test_hostile_bytes_end_in_an_outcome_or_a_refusal(event: bytes) -> None:
    assert_understood_or_refused(event)


json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=20),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=10), inner, max_size=4),
    max_leaves=20,
)
KNOWN_KEYS = (
    "TaskType ProjectName TaskId UserData Message TopicName MessageId specversion source type data content "
    "body attrs requestPayload requestContext messageBody events eventSource Success Files"
)
keys = st.sampled_from(KNOWN_KEYS.split())
texts = st.sampled_from(
    [
        "VideoLabelClassification",
        "imm:Task:VideoLabelClassification",
        "acs.imm",
        "mns:Queue:SendMessage",
        "1.0",
    ]
)
wrappings = st.recursive(
    st.just(CONTENT) | texts | json_values,
    lambda inner: (
        st.dictionaries(keys, inner, max_size=6)
        | st.lists(inner, max_size=4)
        | inner.map(json.dumps)
        | inner.map(lambda value: base64.b64encode(json.dumps(value).encode()).decode())
    ),
    max_leaves=12,
)


@given(st.binary(max_size=2000) | json_values.map(as_event) | wrappings.map(as_event))
def test_any_bytes_end_in_an_outcome_or_a_refusal(event: bytes) -> None:
    assert_understood_or_refused(event)


def assert_understood_or_refused(event: bytes) -> None:
    try:
        items = read_event(event).items
    except InvalidNotification as error:
        items = (error,)
    for item in items:
        if isinstance(item, TaskNotification):
            assert item.project_name.isprintable()
            assert item.task_id.isprintable()
        elif isinstance(item, InvalidNotification):
            assert str(item).isprintable()
        else:
            assert item.reason.isprintable()
