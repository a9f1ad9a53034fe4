"""The labels that a task ends with: a file beside the video says which, else the built-in ones count.

Nothing here looks at the video.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, NoReturn

SUFFIX = ".labels.json"
_BUILT_IN = Path(__file__).with_name("labels.json")


class LabelFileInvalid(Exception):
    """A label file that is not an array of labels in IMM's own form; the message says where."""


def built_in_labels() -> list[dict[str, Any]]:
    """The labels of a video that has no label file."""
    return read_labels(_BUILT_IN.read_bytes())


def read_labels(content: bytes) -> list[dict[str, Any]]:
    """The labels of a file; raises LabelFileInvalid. Numbers stay as they are written: 1 is not 1.0."""
    try:
        labels = json.loads(content, parse_constant=_refuse_constant)
        json.dumps(labels, ensure_ascii=False).encode()  # fails for half a surrogate pair
    except ValueError as error:
        raise LabelFileInvalid(f"it is not JSON: {error}") from None
    if not isinstance(labels, list):
        raise LabelFileInvalid("it is not an array of labels")
    for index, label in enumerate(labels):
        _check_label(label, f"label {index}")
    return labels


def _refuse_constant(name: str) -> NoReturn:
    raise ValueError(f"{name} is no number of JSON")


def _check_label(label: object, place: str) -> None:
    if not isinstance(label, dict):
        raise LabelFileInvalid(f"{place} is not an object")
    for name in _RULES:
        if name not in label and name not in _OPTIONAL:
            raise LabelFileInvalid(f"{place} has no {name}")
    unknown = sorted(label.keys() - _RULES.keys())
    if unknown:
        raise LabelFileInvalid(f"{place} has fields that IMM does not know: {', '.join(unknown)}")
    for name, value in label.items():
        rule, is_met = _RULES[name]
        if not is_met(value):
            raise LabelFileInvalid(f"{name} of {place} must be {rule}, not {json.dumps(value)}")


def _is_score(value: object) -> bool:
    return type(value) in (int, float) and 0 <= value <= 1  # type: ignore[operator]


def _is_clip(clip: object) -> bool:
    match clip:
        case {"TimeRange": [start, end], **others}:
            return not others and type(start) is type(end) is int and 0 <= start <= end
    return False


_ANY_TEXT = ("a text", lambda value: isinstance(value, str))
_SOME_TEXT = ("a text that is not empty", lambda value: isinstance(value, str) and value != "")
_SCORE = ("a number from 0 to 1", _is_score)
# A label's fields, and what their values have to be.
_RULES: Mapping[str, tuple[str, Callable[[Any], bool]]] = {
    "LabelName": _SOME_TEXT,
    "LabelLevel": ("1, 2 or 3", lambda value: type(value) is int and value in (1, 2, 3)),
    "LabelConfidence": _SCORE,
    "ParentLabelName": _ANY_TEXT,
    "Language": _SOME_TEXT,
    "CentricScore": _SCORE,
    "LabelAlias": _ANY_TEXT,
    "Clips": (
        'an array of {"TimeRange": [start, end]}',
        lambda value: isinstance(value, list) and all(map(_is_clip, value)),
    ),
}
_OPTIONAL = ("CentricScore", "LabelAlias", "Clips")
