"""The event of one invocation: every wrapping is taken off until IMM's own messages are left."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping
from typing import Any, NamedTuple

from imm_label_tags.errors import InvalidNotification
from imm_label_tags.events.imm_message import VIDEO_LABELS, IgnoredEvent, TaskNotification, read_message
from imm_label_tags.events.text import read_text
from imm_label_tags.events.wrappings import OTHER_ROCKETMQ_MESSAGE, unwrap

MAX_WRAPPINGS = 16


class Event(NamedTuple):
    """What one invocation was given.

    ``items`` are what a function handles, IgnoredEvent and InvalidNotification. ``batch`` is whether it was a
    list: then all items are handled, and the invocation fails with all that failed.
    """

    items: tuple[Any, ...]
    batch: bool


def read_event(event: bytes, task_types: Collection[str] = (VIDEO_LABELS,)) -> Event:
    """Read the event of an invocation, which is about tasks of ``task_types`` or else ignored.

    Raises InvalidNotification where the event is a single notification that cannot be understood; inside a
    list such an item stands in its place instead, so that the others are handled.
    """
    found = _Reader(task_types).read(decode(event), None, 0)
    return Event(tuple(flatten(found)), batch=isinstance(found, list))


def decode(event: bytes) -> str:
    """The text of an event; raises InvalidNotification."""
    try:
        return event.decode("utf-8")
    except UnicodeDecodeError:
        raise InvalidNotification("The event is not UTF-8 text.") from None


def flatten(found: Any) -> Iterator[Any]:
    """What a list of lists, of any depth, holds in their order."""
    pending = [found]
    while pending:
        item = pending.pop()
        if isinstance(item, list):
            pending.extend(reversed(item))
        else:
            yield item


# What is found in a list, at any depth; at the top InvalidNotification is raised instead.
_Found = TaskNotification | IgnoredEvent | list[Any]


class _Reader:
    def __init__(self, task_types: Collection[str]) -> None:
        self._task_types = task_types

    def read(self, value: object, event_type: str | None, depth: int) -> _Found:
        """Read what is wrapped; ``event_type`` is that of the event of IMM's that holds it."""
        if depth > MAX_WRAPPINGS:
            raise InvalidNotification(f"The event is wrapped more than {MAX_WRAPPINGS} times.")
        if isinstance(value, str):
            return self.read(read_text(value), event_type, depth + 1)
        if isinstance(value, dict):
            return self._read_object(value, event_type, depth + 1)
        if event_type is not None:
            raise InvalidNotification("The content of IMM's message is not a JSON object.")
        if isinstance(value, list):
            return [self._read_item(item, depth + 1) for item in value]
        raise InvalidNotification("The event is neither a JSON object nor a list of them.")

    def _read_item(self, item: object, depth: int) -> _Found | InvalidNotification:
        try:
            return self.read(item, None, depth)
        except InvalidNotification as error:
            return error

    def _read_object(self, message: Mapping[str, Any], event_type: str | None, depth: int) -> _Found:
        content = unwrap(message)
        if isinstance(content, IgnoredEvent):
            return content
        if content is not None:
            if content.only_ours:
                return self.read(content.value, content.event_type, depth)
            return _not_judged(self._read_item(content.value, depth))
        if event_type is not None or "TaskType" in message:
            return read_message(message, event_type, self._task_types)
        return _refuse_or_ignore(message)


def _not_judged(found: _Found | InvalidNotification) -> _Found:
    if isinstance(found, list):
        return [_not_judged(item) for item in found]
    return OTHER_ROCKETMQ_MESSAGE if isinstance(found, InvalidNotification) else found


def _refuse_or_ignore(message: Mapping[str, Any]) -> IgnoredEvent:
    if "Success" in message and "Files" in message:
        return IgnoredEvent("An IMM notification about indexed files.")
    events = message.get("events")
    if isinstance(events, list) and all(
        isinstance(event, dict) and event.get("eventSource") == "acs:oss" for event in events
    ):
        return IgnoredEvent("An event of an OSS trigger; this function belongs behind IMM's notifications.")
    raise InvalidNotification("The event is a JSON object of no known shape.")
