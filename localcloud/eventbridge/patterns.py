"""Which events the pattern of a rule lets pass: those of which each named field has one of its values.

Source: help page eventbridge/user-guide/event-patterns. A value is a text as it is, or an operator such as
``{"prefix": "imm:"}``. An operator that is not known here lets nothing pass.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

_ABSENT = object()


def passes(pattern: Mapping[str, Any], event: object) -> bool:
    """Whether an event passes; an empty pattern lets all pass."""
    return all(
        _passes(wanted, event.get(name, _ABSENT) if isinstance(event, Mapping) else _ABSENT)
        for name, wanted in pattern.items()
    )


def _passes(wanted: Any, value: object) -> bool:
    if isinstance(wanted, Mapping):
        return passes(wanted, value)
    return isinstance(wanted, list) and any(_matches(one, value) for one in wanted)


def _matches(wanted: Any, value: object) -> bool:
    if not isinstance(wanted, Mapping):
        return bool(wanted == value)
    match wanted:
        case {"exists": bool(present)}:
            return (value is not _ABSENT) == present
        case {"prefix": str(text)}:
            return isinstance(value, str) and value.startswith(text)
        case {"suffix": str(text)}:
            return isinstance(value, str) and value.endswith(text)
        case {"anything-but": but}:
            return value is not _ABSENT and not _passes(but if isinstance(but, list) else [but], value)
    return False
