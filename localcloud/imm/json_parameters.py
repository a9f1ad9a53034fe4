"""The parameters of a request to IMM that are JSON texts: objects, arrays, and what they say."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

from localcloud.imm.tasks import TimeRange
from localcloud.imm.timestamps import nanoseconds
from localcloud.openapi import Call


def json_object(call: Call, name: str) -> dict[str, Any]:
    """A JSON object, empty by default."""
    value: dict[str, Any] = _json(call, name, {}, "object", lambda found: isinstance(found, dict))
    return value


def texts(call: Call, name: str) -> list[str]:
    """A JSON array of strings, empty by default."""
    value: list[str] = _json(call, name, [], "array of strings", _all(lambda one: isinstance(one, str)))
    return value


def pairs(call: Call, name: str) -> dict[str, str]:
    """A JSON array of ``{"Key": …, "Value": …}``, as values by their keys."""
    kind = 'array of {"Key": "…", "Value": "…"}'
    return {tag["Key"]: tag["Value"] for tag in _json(call, name, [], kind, _all(_is_tag))}


def time_range(call: Call, name: str) -> TimeRange:
    """A JSON object of two moments, either of which may be absent."""
    limits = json_object(call, name)
    try:
        if not set(limits) <= {"Start", "End"}:
            raise ValueError("it has other fields than Start and End")
        return TimeRange(**{key.lower(): nanoseconds(limit) for key, limit in limits.items()})
    except (TypeError, ValueError) as error:
        rule = f'It must be {{"Start": …, "End": …}} with RFC 3339 times: {error}.'
        raise call.invalid(name, rule) from None


def topic(call: Call, name: str) -> str | None:
    """The topic that is to be told of a task's end, if any."""
    match json_object(call, name):
        case {"MNS": {"TopicName": str(topic), **unknown}, **others} if topic and not unknown and not others:
            return topic
        case {**anything} if not anything:
            return None
    rule = 'It must be {"MNS": {"TopicName": "<topic>"}}: no other channel is served here.'
    raise call.invalid(name, rule)


def _json(call: Call, name: str, default: Any, kind: str, fits: Callable[[Any], bool]) -> Any:
    text = call.optional(name)
    if text is None:
        return default
    try:
        value = json.loads(text)
        json.dumps(value, ensure_ascii=False).encode()  # fails for half a surrogate pair
    except ValueError:
        raise call.invalid(name, "It is not JSON.") from None
    if not fits(value):
        raise call.invalid(name, f"It must be a JSON {kind}.")
    return value


def _all(fits: Callable[[Any], bool]) -> Callable[[Any], bool]:
    return lambda found: isinstance(found, list) and all(map(fits, found))


def _is_tag(item: Any) -> bool:
    return (
        isinstance(item, dict)
        and set(item) == {"Key", "Value"}
        and all(isinstance(value, str) for value in item.values())
    )
