"""What an event says of uploads: an OSS trigger's, EventBridge's, or a list of objects by their URIs.

Sources: the event template ``oss`` of the component fc3, and the help pages "OSS triggers" (Function Compute)
and "OSS events" (EventBridge).
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, NamedTuple
from urllib.parse import unquote, unquote_plus

from imm_label_tags.errors import InvalidNotification, TargetUnknown
from imm_label_tags.events.event import MAX_WRAPPINGS, Event, decode, flatten
from imm_label_tags.events.imm_message import IgnoredEvent
from imm_label_tags.events.text import read_text, shown
from imm_label_tags.events.wrappings import failure_record, unwrap
from imm_label_tags.results.target import TargetObject

SOURCE = "acs.oss"
SOURCE_OF_TRIGGER = "acs:oss"
# After these an object is whole. Others of ObjectCreated begin or continue an upload, or append to an object.
COMPLETED = frozenset(
    f"ObjectCreated:{operation}"
    for operation in ("PutObject", "PostObject", "CompleteMultipartUpload", "CopyObject")
)


class Upload(NamedTuple):
    """An object that was uploaded, or that somebody names.

    ``names`` are the objects that the event may mean, the most likely one first: whether the keys of events
    are percent-encoded is not documented, so what exists decides. ``etag`` is "" where nobody tells it.
    """

    names: tuple[TargetObject, ...]
    etag: str = ""


Item = Upload | IgnoredEvent | InvalidNotification
_Found = Item | list[Any]


def read_upload_event(event: bytes) -> Event:
    """Read the event of an invocation: a list of one is a single item, as OSS triggers send it.

    Raises InvalidNotification where it is a single item that cannot be understood; among several such an
    item stands in its place instead, so that the others are handled.
    """
    items = tuple(flatten(_read(decode(event), 0)))
    if len(items) == 1 and isinstance(items[0], InvalidNotification):
        raise items[0]
    return Event(items, batch=len(items) != 1)


def _read(value: object, depth: int) -> _Found:
    if depth > MAX_WRAPPINGS:
        return InvalidNotification(f"The event is wrapped more than {MAX_WRAPPINGS} times.")
    try:
        if isinstance(value, str):
            if value.startswith("oss://"):
                return _named(value)
            return _read(read_text(value), depth + 1)
        if isinstance(value, list):
            return [_read(item, depth + 1) for item in value]
        if isinstance(value, dict):
            return _read_object(value, depth + 1)
    except InvalidNotification as error:
        return error
    return InvalidNotification("The event is neither a JSON object nor a list of objects or oss:// URIs.")


def _read_object(message: Mapping[str, Any], depth: int) -> _Found:
    events = message.get("events")
    if isinstance(events, list):
        return [_of_trigger(event) for event in events]
    if "specversion" in message:
        return _of_event_bridge(message)
    record = failure_record(message)
    if record is not None:
        return _read(record.value, depth)
    if unwrap(message) is not None or "TaskType" in message:
        return IgnoredEvent("A message about a task; this function belongs behind uploads.")
    raise InvalidNotification("The event is a JSON object of no known shape.")


def _of_trigger(event: object) -> Item:
    if not isinstance(event, dict):
        return InvalidNotification("An event of the OSS trigger is not a JSON object.")
    if event.get("eventSource") != SOURCE_OF_TRIGGER:
        return IgnoredEvent(f"An event from source {shown(event.get('eventSource'))}.")
    return _uploaded(event.get("eventName"), event.get("oss"))


def _of_event_bridge(event: Mapping[str, Any]) -> Item:
    if event.get("source") != SOURCE:
        kind, source = shown(event.get("type")), shown(event.get("source"))
        return IgnoredEvent(f"A CloudEvent of type {kind} from source {source}.")
    data = event.get("data")
    if isinstance(data, str):
        data = read_text(data)
    return _uploaded(event.get("type"), data.get("oss") if isinstance(data, dict) else None)


def _uploaded(kind: object, content: object) -> Item:
    """The object of an event; ``kind`` is ``ObjectCreated:PutObject``, with or without ``oss:`` before it."""
    if not isinstance(kind, str) or not kind:
        return InvalidNotification("The event of OSS has no name.")
    if kind.removeprefix("oss:") not in COMPLETED:
        return IgnoredEvent(f"An event of OSS that ends no upload: {shown(kind)}.")
    bucket, found = _member(content, "bucket"), _member(content, "object")
    name, key, etag = bucket.get("name"), found.get("key"), found.get("eTag")
    if not isinstance(name, str) or not isinstance(key, str) or not name or not key:
        return InvalidNotification("The event of OSS names no bucket or no object.")
    targets: list[TargetObject] = []
    for spelling in dict.fromkeys((key, unquote(key), unquote_plus(key))):
        try:
            targets.append(TargetObject.from_uri(f"oss://{name}/{spelling}"))
        except TargetUnknown:
            continue
    if not targets:
        return _no_address(f"oss://{name}/{key}")
    return Upload(tuple(targets), etag if isinstance(etag, str) else "")


def _named(uri: str) -> Item:
    try:
        return Upload((TargetObject.from_uri(uri),))
    except TargetUnknown:
        return _no_address(uri)


def _no_address(uri: str) -> InvalidNotification:
    return InvalidNotification(
        f"The event names an object that cannot be addressed: {shown(uri)}. It must be oss://bucket/key, "
        "with a key of at most 1023 bytes that has no '.' or '..' segment and no control character."
    )


def _member(value: object, name: str) -> Mapping[str, Any]:
    member = value.get(name) if isinstance(value, dict) else None
    return member if isinstance(member, dict) else {}
