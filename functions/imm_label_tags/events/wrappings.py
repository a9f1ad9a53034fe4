"""What the services put around a message: one function for each wrapping, which tells by an object's shape.

In which order they are asked makes no difference: an object with the marks of two is refused. Only an MNS
topic lets its publishers add fields of any name, so what has a topic's fields is nothing else.

Sources: alibabacloud.com/help, "MNS topic triggers", "NotifyContentFormat" (MNS), "Asynchronous notification
message examples" (IMM), "IMM events" (EventBridge), "Result callback" (Function Compute).
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any, NamedTuple

from imm_label_tags.errors import InvalidNotification
from imm_label_tags.events.imm_message import IgnoredEvent
from imm_label_tags.events.text import read_text, shown

SOURCE = "acs.imm"
OTHER_ROCKETMQ_MESSAGE = IgnoredEvent("A RocketMQ event whose body is no IMM message.")


class Content(NamedTuple):
    """What a wrapping holds: an object, a list or text.

    ``event_type`` is the type of an event of IMM's, None for any other wrapping. ``only_ours`` is false where
    a source carries the messages of others too, so that what is not understood is not ours to judge.
    """

    value: object
    event_type: str | None = None
    only_ours: bool = True


_Message = Mapping[str, Any]
Wrapping = Callable[[_Message], Content | IgnoredEvent | None]


def topic_message(message: _Message) -> Content | None:
    """A message of an MNS topic with its fields, for a function (JSON) or in a queue that the topic feeds."""
    return Content(message["Message"]) if _is_topic_message(message) else None


def topic_body(message: _Message) -> Content | None:
    """A message of an MNS topic with attributes, in the format STREAM."""
    return Content(message["body"]) if message.keys() == {"body", "attrs"} else None


def queue_message(message: _Message) -> Content | None:
    """A message of an MNS queue from a stream with the schema RawData: the data of an event, alone."""
    return Content(message["messageBody"]) if _has_own(message, "messageBody") else None


def failure_record(message: _Message) -> Content | None:
    """Function Compute's record of an asynchronous invocation, for example one that exhausted its retries."""
    if isinstance(message.get("requestContext"), dict) and _has_own(message, "requestPayload"):
        return Content(message["requestPayload"])
    return None


def imm_envelope(message: _Message) -> Content | None:
    """IMM's own envelope, as its topics carry it."""
    if not (_is_imm(message) and _has_own(message, "content")):
        return None
    kind = message.get("type")
    return Content(message["content"], event_type=kind if isinstance(kind, str) else "")


def cloud_event(message: _Message) -> Content | IgnoredEvent | None:
    """An event of EventBridge: IMM's own, or a message of a queue or of RocketMQ; any other is ignored."""
    if not _has_own(message, "specversion"):
        return None
    kind = message.get("type")
    kind = kind if isinstance(kind, str) else ""
    data = message.get("data")
    if data is None:
        data = message.get("data_base64")
    if _is_imm(message):
        return Content(data, event_type=kind)
    if kind.startswith("mns:"):
        return Content(_field(data, "messageBody", "An MNS queue event"))
    if kind.startswith("mq:"):
        try:
            return Content(_field(data, "body", "A RocketMQ event"), only_ours=False)
        except InvalidNotification:
            return OTHER_ROCKETMQ_MESSAGE
    source = shown(message.get("source"))
    return IgnoredEvent(f"A CloudEvent of type {shown(kind)} from source {source}.")


WRAPPINGS: tuple[Wrapping, ...] = (
    topic_message,
    imm_envelope,
    cloud_event,
    queue_message,
    topic_body,
    failure_record,
)


def unwrap(message: _Message, wrappings: Sequence[Wrapping] = WRAPPINGS) -> Content | IgnoredEvent | None:
    """What an object holds, None where it is no wrapping.

    Raises InvalidNotification where a wrapping lacks its content, or the object has the marks of two: nobody
    knows then what is meant.
    """
    found = [content for wrapping in wrappings if (content := wrapping(message)) is not None]
    if len(found) > 1:
        raise InvalidNotification("The event has the marks of more than one service's wrapping.")
    return found[0] if found else None


def _is_topic_message(message: _Message) -> bool:
    # IMM's own message has a Message too, the text of an error.
    return "Message" in message and ("TopicName" in message or "MessageId" in message)


def _has_own(message: _Message, field: str) -> bool:
    """Whether an object has this field, and not as an attribute of a topic's message."""
    return field in message and not _is_topic_message(message)


def _is_imm(message: _Message) -> bool:
    kind = message.get("type")
    return message.get("source") == SOURCE or (isinstance(kind, str) and kind.startswith("imm:"))


def _field(data: object, name: str, where: str) -> object:
    if isinstance(data, str):
        data = read_text(data)
    if not isinstance(data, dict) or name not in data:
        raise InvalidNotification(f"{where} without {name}.")
    return data[name]
