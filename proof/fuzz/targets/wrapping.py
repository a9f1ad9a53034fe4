"""Tasks inside of any wrappings that a service can make: found again, all of them and in order."""

from __future__ import annotations

import base64
import json
from collections.abc import Callable
from xml.sax.saxutils import escape

from imm_label_tags.events.event import read_event
from imm_label_tags.events.imm_message import TaskNotification
from proof.fuzz.choices import Choices
from proof.fuzz.promises import require
from proof.fuzz.targets import notification
from proof.fuzz.targets.target import Target

# Each takes at most three of the sixteen levels that are taken off.
MOST_WRAPPINGS = 4


def run(data: bytes) -> None:
    """Wrap tasks and read them.

    Promise: whatever they are wrapped in, exactly they are found, in their order.
    """
    choices = Choices(data)
    value, tasks = _message(choices), 1
    for _ in range(choices.below(MOST_WRAPPINGS + 1)):
        if choices.below(4) == 0:
            copies = choices.below(4)
            value, tasks = [value] * copies, tasks * copies
        else:
            value = choices.pick(_WRAPPINGS)(value)
    raw = value if isinstance(value, str) and choices.flag() else json.dumps(value)
    event = read_event((b"\xef\xbb\xbf" if choices.flag() else b"") + raw.encode())
    expected = (TaskNotification("immtest", "VideoLabelClassification-1"),) * tasks
    require(event.items == expected, f"{tasks} tasks are found: {event.items!a}")


def _message(choices: Choices) -> object:
    content = {
        "ProjectName": "immtest",
        "TaskId": "VideoLabelClassification-1",
        "UserData": "oss://media/a.mp4",
    }
    for _ in range(choices.below(4)):
        content.setdefault(choices.text(), choices.text())
    bare = choices.below(4) == 0
    if bare or choices.flag():
        content["TaskType"] = "VideoLabelClassification"
    envelope = {
        "source": "acs.imm",
        "type": "imm:Task:VideoLabelClassification",
        "content": choices.pick(_CONTENT_FORMS)(content),
    }
    return choices.pick((_as_it_is, _event_of_imm))(content if bare else envelope)


def _as_it_is(value: object) -> object:
    return value


def _text(value: object) -> str:
    return value if isinstance(value, str) else json.dumps(value)


def _base64(value: object) -> str:
    return base64.b64encode(json.dumps(value).encode()).decode()


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


def _event_of_imm(value: object) -> object:
    kind = "imm:Task:VideoLabelClassification"
    return {"specversion": "1.0", "source": "acs.imm", "type": kind, "data": value}


def _queue(value: object) -> object:
    data = {"requestId": "1", "messageBody": _text(value)}
    return {"specversion": "1.0", "source": "acs.mns", "type": "mns:Queue:SendMessage", "data": data}


def _rocket(value: object) -> object:
    data = {"topic": "t", "body": _text(value)}
    return {
        "specversion": "1.0",
        "source": "acs.mq",
        "type": "mq:Topic:SendMessage",
        "data": json.dumps(data),
    }


_CONTENT_FORMS: list[Callable[[object], object]] = [
    _as_it_is,
    json.dumps,
    _marked,
    _base64,
    _base64_without_padding,
]

_WRAPPINGS: list[Callable[[object], object]] = [
    lambda value: {"TopicName": "t", "Message": _text(value), "specversion": "an attribute of that name"},
    lambda value: {"MessageId": "1", "Message": _base64(value)},
    lambda value: {"body": value, "attrs": {"a": "b"}},
    lambda value: {"requestContext": {"requestId": "1"}, "requestPayload": _text(value)},
    _queue,
    _rocket,
    lambda value: {"messageId": "1", "messageBody": _text(value)},
    _xml,
    _marked,
    _base64,
    _base64_without_padding,
    json.dumps,
]

TARGET = Target(run, modules=notification.TARGET.modules)
