"""Tasks inside of any wrappings that a service can make: found again, all of them and in order."""

from __future__ import annotations

import base64
import json
from collections.abc import Callable

from fuzz.choices import Choices
from fuzz.promises import require
from fuzz.targets.target import Target
from imm_label_tags.notification import TaskNotification, read_event

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
    if bare:
        return content
    return {
        "source": "acs.imm",
        "type": "imm:Task:VideoLabelClassification",
        "content": choices.pick(_CONTENT_FORMS)(content),
    }


def _as_it_is(value: object) -> object:
    return value


def _text(value: object) -> str:
    return value if isinstance(value, str) else json.dumps(value)


def _base64(value: object) -> str:
    return base64.b64encode(json.dumps(value).encode()).decode()


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


_CONTENT_FORMS: list[Callable[[object], object]] = [_as_it_is, json.dumps, _base64]

_WRAPPINGS: list[Callable[[object], object]] = [
    lambda value: {"TopicName": "t", "Message": _text(value), "specversion": "an attribute of that name"},
    lambda value: {"MessageId": "1", "Message": _base64(value)},
    lambda value: {"body": value, "attrs": {"a": "b"}},
    lambda value: {"requestContext": {"requestId": "1"}, "requestPayload": _text(value)},
    _queue,
    _rocket,
    _base64,
    json.dumps,
]

TARGET = Target(run, modules=("imm_label_tags.notification", "imm_label_tags.json_text"))
