"""Whether a pattern of EventBridge lets an event pass, as far as its operators are known.

Source: help page eventbridge/user-guide/event-patterns. A pattern names fields; the values of a field are a
list, of which one has to match: a text as it is, or an operator such as ``{"prefix": "imm:"}``.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any


def passes(pattern: Mapping[str, Any], event: Mapping[str, str]) -> bool | None:
    """Whether an event with some known fields passes; None where that cannot be said."""
    verdicts = [_field_passes(pattern[name], value) for name, value in event.items() if name in pattern]
    if False in verdicts:
        return False
    return None if None in verdicts else True


def _field_passes(wanted: Any, value: str) -> bool | None:
    if not isinstance(wanted, list):
        return None
    verdicts = [_matches(one, value) for one in wanted]
    if True in verdicts:
        return True
    return None if None in verdicts else False


def _matches(wanted: Any, value: str) -> bool | None:
    if isinstance(wanted, str):
        return wanted == value
    if not isinstance(wanted, dict) or len(wanted) != 1:
        return None
    ((operator, operand),) = wanted.items()
    if operator == "anything-but":
        return _unlike(operand, value)
    if operator == "exists" and isinstance(operand, bool):
        return operand
    if operator in ("prefix", "suffix") and isinstance(operand, str):
        return value.startswith(operand) if operator == "prefix" else value.endswith(operand)
    return None


def _unlike(operand: Any, value: str) -> bool | None:
    """``anything-but``: of a text, of several, or of another operator."""
    matched = _field_passes(operand if isinstance(operand, list) else [operand], value)
    return None if matched is None else not matched
