"""From the bytes that Function Compute hands over to the tasks that they announce.

The same IMM message arrives in many wrappings (an MNS topic trigger in either format, a queue or a rule of
EventBridge, a stream's batch, a record of the failure destination), each of which may hold its content as an
object, as a JSON string or in base64. Each wrapping is taken off until IMM's own message is left.

Sources: alibabacloud.com/help, "MNS topic triggers", "Asynchronous notification message examples" (IMM),
"IMM events" (EventBridge), "Result callback" (Function Compute).
"""

from __future__ import annotations

import base64
from collections.abc import Mapping
from typing import Any, NamedTuple

from imm_label_tags.errors import InvalidNotification
from imm_label_tags.json_text import parse_json

TASK_TYPE = "VideoLabelClassification"
EVENT_TYPE_PREFIX = "imm:Task:"
SOURCE = "acs.imm"

MAX_WRAPPINGS = 16
MAX_NAME_LENGTH = 256


class TaskNotification(NamedTuple):
    """A task that IMM says has ended. Nothing else of the message counts."""

    project_name: str
    task_id: str


class ForeignNotification(NamedTuple):
    """Something well-formed that is not about a video label task; ``reason`` is a sentence."""

    reason: str


Notification = TaskNotification | ForeignNotification


class Event(NamedTuple):
    """What one invocation was given. ``batch`` is true where it was a list, of however many items."""

    items: tuple[Notification | InvalidNotification, ...]
    batch: bool


def read_event(event: bytes) -> Event:
    """Read the event of an invocation.

    Raises InvalidNotification where the event is a single notification that cannot be understood; inside a
    list such an item stands in its place instead, so that the others are handled.
    """
    try:
        text = event.decode("utf-8-sig")
    except UnicodeDecodeError:
        raise InvalidNotification("The event is not UTF-8 text.") from None
    found = _unwrap(text, 0)
    if isinstance(found, list):
        return Event(tuple(_flatten(found)), batch=True)
    return Event((found,), batch=False)


_Found = TaskNotification | ForeignNotification | list[Any]

_NO_IMM_MESSAGE = ForeignNotification("A RocketMQ event whose body is no IMM message.")


def _flatten(found: list[Any]) -> list[Notification | InvalidNotification]:
    flat: list[Notification | InvalidNotification] = []
    pending = list(reversed(found))
    while pending:
        item = pending.pop()
        if isinstance(item, list):
            pending.extend(reversed(item))
        else:
            flat.append(item)
    return flat


def _unwrap(value: object, depth: int) -> _Found:
    if depth > MAX_WRAPPINGS:
        raise InvalidNotification(f"The event is wrapped more than {MAX_WRAPPINGS} times.")
    if isinstance(value, str):
        return _unwrap(_parse(value), depth + 1)
    if isinstance(value, list):
        return [_unwrap_item(item, depth + 1) for item in value]
    if isinstance(value, dict):
        return _unwrap_object(value, depth + 1)
    raise InvalidNotification("The event is neither a JSON object nor a list of them.")


def _unwrap_item(item: object, depth: int) -> _Found | InvalidNotification:
    try:
        return _unwrap(item, depth)
    except InvalidNotification as error:
        return error


def _unwrap_object(message: Mapping[str, Any], depth: int) -> _Found:
    if "requestPayload" in message and isinstance(message.get("requestContext"), dict):
        return _unwrap(message["requestPayload"], depth)
    # Message attributes are merged into the top level, so MNS's own keys are looked for before any other.
    if "Message" in message and ("TopicName" in message or "MessageId" in message):
        return _unwrap(message["Message"], depth)
    if "specversion" in message:
        return _unwrap_cloud_event(message, depth)
    if message.keys() == {"body", "attrs"}:
        return _unwrap(message["body"], depth)
    if "content" in message and _is_imm(message):
        return _read_content(message["content"], message.get("type"))
    if "TaskType" in message:
        return _read_content(message, None)
    return _refuse_or_ignore(message)


def _unwrap_cloud_event(event: Mapping[str, Any], depth: int) -> _Found:
    kind = event.get("type")
    kind = kind if isinstance(kind, str) else ""
    data = event.get("data", event.get("data_base64"))
    if _is_imm(event):
        return _read_content(data, kind)
    if kind.startswith("mns:"):
        return _unwrap(_field(data, "messageBody", "an MNS queue event"), depth)
    if kind.startswith("mq:"):
        # IMM can also publish to RocketMQ; whatever else a topic carries is not ours to judge.
        try:
            return _not_judged(_unwrap(_field(data, "body", "a RocketMQ event"), depth))
        except InvalidNotification:
            return _NO_IMM_MESSAGE
    return ForeignNotification(
        f"A CloudEvent of type {_shown(kind)} from source {_shown(event.get('source'))}."
    )


def _not_judged(found: _Found | InvalidNotification) -> _Found:
    if isinstance(found, list):
        return [_not_judged(item) for item in found]
    return _NO_IMM_MESSAGE if isinstance(found, InvalidNotification) else found


def _is_imm(message: Mapping[str, Any]) -> bool:
    kind = message.get("type")
    return message.get("source") == SOURCE or (isinstance(kind, str) and kind.startswith("imm:"))


def _field(data: object, name: str, where: str) -> object:
    if isinstance(data, str):
        data = _parse(data)
    if not isinstance(data, dict) or name not in data:
        raise InvalidNotification(f"{where.capitalize()} without {name}.")
    return data[name]


def _read_content(content: object, event_type: object) -> Notification:
    if isinstance(content, str):
        content = _parse(content)
    if not isinstance(content, dict):
        raise InvalidNotification("The content of IMM's message is not a JSON object.")
    task_type = content.get("TaskType")
    if not task_type and isinstance(event_type, str) and event_type.startswith("imm:"):
        if not event_type.startswith(EVENT_TYPE_PREFIX):
            return ForeignNotification(f"An IMM event of type {_shown(event_type)}.")
        task_type = event_type[len(EVENT_TYPE_PREFIX) :]
    if not isinstance(task_type, str) or not task_type:
        raise InvalidNotification("IMM's message names no task type.")
    if task_type != TASK_TYPE:
        return ForeignNotification(f"A notification of task type {_shown(task_type)}.")
    return TaskNotification(_name(content, "ProjectName"), _name(content, "TaskId"))


def _name(content: Mapping[str, Any], field: str) -> str:
    value = content.get(field)
    if not isinstance(value, str) or not value:
        raise InvalidNotification(f"The notification of a {TASK_TYPE} task has no {field}.")
    if len(value) > MAX_NAME_LENGTH or not value.isprintable() or " " in value:
        raise InvalidNotification(f"The {field} of the notification cannot be one: {_shown(value)}.")
    return value


def _refuse_or_ignore(message: Mapping[str, Any]) -> Notification:
    if "Success" in message and "Files" in message:
        return ForeignNotification("An IMM notification about indexed files.")
    events = message.get("events")
    if isinstance(events, list) and all(
        isinstance(event, dict) and event.get("eventSource") == "acs:oss" for event in events
    ):
        return ForeignNotification(
            "An event of an OSS trigger; this function belongs behind IMM's notifications."
        )
    raise InvalidNotification("The event is a JSON object of no known shape.")


def _parse(text: str) -> object:
    """Read JSON text, or base64 of it. No JSON text that holds a message is valid base64."""
    parsed = parse_json(text)
    if parsed is not None:
        return parsed
    try:
        decoded = base64.b64decode("".join(text.split()), validate=True).decode("utf-8-sig")
    except ValueError:
        decoded = ""
    parsed = parse_json(decoded)
    if parsed is None:
        raise InvalidNotification(f"The event is neither JSON nor base64 of JSON: {_shown(text)}.")
    return parsed


def _shown(value: object) -> str:
    # Anything but text can be nested so deeply that showing it fails.
    shown = ascii(value[:80]) if isinstance(value, str) else "(no text)"
    return shown if len(shown) <= 80 else shown[:76] + "...'"
