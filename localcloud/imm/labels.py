"""The labels that a task ends with: a file beside the video says which, else the built-in ones count.

Nothing here looks at the video.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any, NoReturn

SUFFIX = ".labels.json"
_BUILT_IN = Path(__file__).with_name("labels.json")
_REQUIRED = ("LabelName", "LabelLevel", "LabelConfidence", "ParentLabelName", "Language")
_OPTIONAL = ("CentricScore", "LabelAlias", "Clips")


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
    for name in _REQUIRED:
        if name not in label:
            raise LabelFileInvalid(f"{place} has no {name}")
    unknown = sorted(set(label) - {*_REQUIRED, *_OPTIONAL})
    if unknown:
        raise LabelFileInvalid(f"{place} has fields that IMM does not know: {', '.join(unknown)}")
    for name, value in label.items():
        rule = _broken_rule(name, value)
        if rule:
            raise LabelFileInvalid(f"{name} of {place} must be {rule}, not {json.dumps(value)}")


def _broken_rule(name: str, value: object) -> str | None:
    if name in ("LabelName", "Language"):
        return None if isinstance(value, str) and value else "a text that is not empty"
    if name in ("ParentLabelName", "LabelAlias"):
        return None if isinstance(value, str) else "a text"
    if name == "LabelLevel":
        return None if value in (1, 2, 3) and type(value) is int else "1, 2 or 3"
    if name == "Clips":
        fine = isinstance(value, list) and all(_is_clip(clip) for clip in value)
        return None if fine else 'an array of {"TimeRange": [start, end]}'
    fine = isinstance(value, (int, float)) and not isinstance(value, bool) and 0 <= value <= 1
    return None if fine else "a number from 0 to 1"


def _is_clip(clip: object) -> bool:
    if not (isinstance(clip, dict) and set(clip) == {"TimeRange"} and isinstance(clip["TimeRange"], list)):
        return False
    times = clip["TimeRange"]
    return len(times) == 2 and all(type(time) is int for time in times) and 0 <= times[0] <= times[1]
