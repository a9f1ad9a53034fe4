"""Where a value stands in the props of a function: its keys and indexes, from the outermost on."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

Place = tuple["str | int", ...]


def told(where: str, place: Place) -> str:
    """A place as a path in the file; ``where`` is the path of the props."""
    return where + "".join(f"[{key}]" if isinstance(key, int) else f".{key}" for key in place)


def with_value(value: Any, place: Place, put: Any) -> Any:
    """A copy of a value in which something else stands at a place; as it is where there is no such place."""
    if not place:
        return put
    key, rest = place[0], place[1:]
    if isinstance(value, list) and isinstance(key, int) and key < len(value):
        return [with_value(item, rest, put) if index == key else item for index, item in enumerate(value)]
    if isinstance(value, Mapping):
        return {**value, key: with_value(value.get(str(key)), rest, put)}
    return value
