"""What arrives: any bytes as an event are understood, ignored or refused, and every wrapping is taken off."""

from __future__ import annotations

import base64
import json
from collections.abc import Callable
from xml.sax.saxutils import escape

from hypothesis import strategies as st

from imm_label_tags.errors import InvalidNotification
from imm_label_tags.events.event import Event, read_event
from imm_label_tags.events.imm_message import IgnoredEvent, TaskNotification
from imm_label_tags.results.target import TargetObject
from imm_label_tags.submission.upload_event import Upload, read_upload_event
from proof.fuzz.inputs import TEXTS, Bytes, files, in_base64, in_quotes, json_documents, words

_NAMES = words(
    "TaskType ProjectName TaskId UserData Message TopicName MessageId specversion source type data "
    "data_base64 content body attrs messageBody requestPayload requestContext events eventSource Success "
    "Files"
)
_VALUES = words(
    "VideoLabelClassification acs.imm acs:oss imm:Task:VideoLabelClassification imm:FileMeta:Index "
    "mns:Queue:SendMessage mq:Topic:SendMessage immtest"
)
_XML = words(
    "<?xml version='1.0' encoding='utf-8'?>|<?xml version='1.0' encoding='utf-16'?>|<Notification>|"
    '</Notification>|<Notification xmlns="http://mns.aliyuncs.com/doc/v1/">|<Message>|</Message>|<Message/>|'
    '<Message>e30=</Message>|<TopicName>t</TopicName>|<!DOCTYPE Notification [|<!ENTITY a "aaaaaaaaaa">|'
    '<!ENTITY % b SYSTEM "file:///etc/hostname">|]>|&a;|&quot;|&#34;|<![CDATA[|]]>|<!--|-->',
    "|",
)
_JSON = (
    *(b"\\u", b"\\ud800", b"null", b"NaN", b"Infinity", b"1e999", b"\xef\xbb\xbf", b"e30="),
    *(b"[" * 100, b"]" * 100),
)

EVENTS = json_documents(_NAMES, [*_VALUES, {}], files("events"))
EVENT_BYTES = Bytes(
    [b"[" * 600 + b"]" * 600, b"<Notification>" + b"<a>" * 600, *files("events")],
    [*in_quotes(*_NAMES, *_VALUES), *(piece.encode() for piece in _XML), *_JSON],
)


def check_event(data: bytes) -> None:
    """Read any bytes as tag_object's event.

    InvalidNotification is the only error; tasks have names that can be sent to IMM, and messages are short
    and printable; no event has more items than bytes.
    """
    if (event := _read(read_event, data)) is None:
        return
    for item in event.items:
        if isinstance(item, TaskNotification):
            for name in (item.project_name, item.task_id):
                assert 0 < len(name) <= 256, "The name fits"
                assert name.isprintable() and " " not in name, f"The name can be sent: {name!a}"
                assert name.encode()
        else:
            _check_message(item)


_UPLOAD_NAMES = words(
    "events eventName eventSource oss bucket name object key eTag specversion source type data"
)
_UPLOAD_VALUES = words(
    "acs:oss acs.oss oss:ObjectCreated:PutObject ObjectCreated:PutObject media oss://media/a.mp4 a%2Fb.mp4 "
    "%E6%A4%85 ..%2Fa.mp4 1.0"
)

UPLOAD_EVENTS = json_documents(_UPLOAD_NAMES, _UPLOAD_VALUES, files("uploads"))
UPLOAD_EVENT_BYTES = Bytes(files("uploads"), [*in_quotes(*_UPLOAD_NAMES, *_UPLOAD_VALUES), b"%2F", b"..%2F"])


def check_upload_event(data: bytes) -> None:
    """Read any bytes as submit_video's event.

    InvalidNotification is the only error; every object that may be meant can be addressed, and no upload
    stands for more than three; messages are short and printable.
    """
    if (event := _read(read_upload_event, data)) is None:
        return
    for item in event.items:
        if isinstance(item, Upload):
            assert 0 < len(item.names) <= 3
            for name in item.names:
                assert TargetObject.from_uri(name.uri) == name, f"A name that can be addressed: {name!a}"
        else:
            _check_message(item)


def _read(read: Callable[[bytes], Event], data: bytes) -> Event | None:
    """What an event says; None where it is refused, with a message as it should be."""
    try:
        event = read(data)
    except InvalidNotification as refusal:
        _check_message(refusal)
        return None
    assert event.batch or len(event.items) == 1, "What is no list has one item"
    assert len(event.items) <= len(data), "No event has more items than bytes"
    return event


def _check_message(item: object) -> None:
    text = item.reason if isinstance(item, IgnoredEvent) else str(item)
    assert isinstance(item, (IgnoredEvent, InvalidNotification))
    assert 0 < len(text) <= 400 and text.isprintable(), f"A short and printable message: {text[:200]!a}"


# Tasks in wrappings


def _text(value: object) -> str:
    return value if isinstance(value, str) else json.dumps(value)


def _base64_without_padding(value: object) -> str:
    return base64.urlsafe_b64encode(_text(value).encode()).decode().rstrip("=")


def _marked(value: object) -> str:
    return "\ufeff" + _text(value)


def _xml(value: object) -> str:
    message = escape(_text(value), {"\r": "&#13;"})
    return (
        '<?xml version="1.0" encoding="utf-8"?>\n<Notification xmlns="http://mns.aliyuncs.com/doc/v1/">'
        f"<TopicName>t</TopicName><Added><Message/></Added><Message>{message}</Message></Notification>"
    )


def _event(source: str, kind: str, data: object) -> object:
    return {"specversion": "1.0", "source": source, "type": kind, "data": data}


_CONTENT_FORMS: list[Callable[[object], object]] = [
    lambda value: value,
    json.dumps,
    _marked,
    in_base64,
    _base64_without_padding,
]
_WRAPPINGS: list[Callable[[object], object]] = [
    lambda value: {"TopicName": "t", "Message": _text(value), "specversion": "an attribute of that name"},
    lambda value: {"MessageId": "1", "Message": in_base64(value)},
    lambda value: {"body": value, "attrs": {"a": "b"}},
    lambda value: {"requestContext": {"requestId": "1"}, "requestPayload": _text(value)},
    lambda value: _event("acs.mns", "mns:Queue:SendMessage", {"requestId": "1", "messageBody": _text(value)}),
    lambda value: _event("acs.mq", "mq:Topic:SendMessage", json.dumps({"topic": "t", "body": _text(value)})),
    lambda value: {"messageId": "1", "messageBody": _text(value)},
    _xml,
    *_CONTENT_FORMS[1:],
]
# Each takes at most three of the sixteen levels that are taken off.
_MOST_WRAPPINGS = 4


@st.composite
def wrapped_tasks(draw: st.DrawFn) -> tuple[bytes, int]:
    """Copies of a task in any wrappings that a service can make, and how many they are."""
    content = {
        "ProjectName": "immtest",
        "TaskId": "VideoLabelClassification-1",
        "UserData": "oss://media/a.mp4",
    }
    content = {**draw(st.dictionaries(TEXTS, TEXTS, max_size=3)), **content}
    kind = "imm:Task:VideoLabelClassification"
    bare = draw(st.booleans())
    if bare or draw(st.booleans()):
        content["TaskType"] = "VideoLabelClassification"
    form = draw(st.sampled_from(_CONTENT_FORMS))
    value: object = content if bare else {"source": "acs.imm", "type": kind, "content": form(content)}
    if draw(st.booleans()):
        value = _event("acs.imm", kind, value)
    tasks = 1
    wrappings = st.sampled_from(_WRAPPINGS) | st.integers(0, 3)
    for wrap in draw(st.lists(wrappings, max_size=_MOST_WRAPPINGS)):
        if isinstance(wrap, int):
            value, tasks = [value] * wrap, tasks * wrap
        else:
            value = wrap(value)
    raw = value if isinstance(value, str) and draw(st.booleans()) else json.dumps(value)
    return draw(st.sampled_from([b"", b"\xef\xbb\xbf"])) + raw.encode(), tasks


def check_wrapped_tasks(given: tuple[bytes, int]) -> None:
    """Whatever tasks are wrapped in, exactly they are found, in their order."""
    data, tasks = given
    expected = (TaskNotification("immtest", "VideoLabelClassification-1"),) * tasks
    assert read_event(data).items == expected
