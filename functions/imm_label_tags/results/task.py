"""What IMM says of a task: how it ended, when it started, what it found, and in which object."""

from __future__ import annotations

import re
from datetime import datetime, timezone
from typing import Any, NamedTuple

from imm_label_tags.errors import TargetUnknown
from imm_label_tags.results.target import TargetObject
from imm_label_tags.text import parse_json

SUCCEEDED = "Succeeded"
FAILED = "Failed"
RUNNING = "Running"
# The Tag of a task that says for which version of its object it was created: see submission.selection.
VERSION_TAG = "object-version"

_USER_DATA_KEYS = ("uri", "URI", "SourceURI")
_TIME = re.compile(r"(\d{4}-\d\d-\d\d)[Tt ](\d\d:\d\d:\d\d)(?:\.(\d+))?([Zz]|[+-]\d\d:[0-5]\d)?", re.ASCII)


class TaskResult(NamedTuple):
    """How a task ended; ``code`` and ``message`` tell why it failed.

    ``found`` is what its kind reads: a tuple of labels for videos. ``source_uri`` is "" where the result
    names no object.
    ``whole`` is IMM's whole answer as ``results.archive`` writes it, empty where nobody wants it.
    """

    status: str
    code: str
    message: str
    start_time: datetime | None
    user_data: str
    found: Any
    source_uri: str = ""
    whole: bytes = b""


class SubmittedTask(NamedTuple):
    """A task as ListTasks shows it; ``start`` is None where IMM gives none."""

    task_id: str
    status: str
    start: datetime | None


class TaskTarget(NamedTuple):
    """The object of a task; ``named_by_imm`` is False where it is only what somebody wrote into UserData."""

    object: TargetObject
    named_by_imm: bool


def parse_time(text: str) -> datetime | None:
    """A time of IMM's as UTC, or None where it is none.

    IMM sends up to nine fractional digits ("2021-12-24T03:00:38.892462383Z"); what is finer than a
    microsecond is cut off.
    """
    match = _TIME.fullmatch(text.strip())
    if match is None:
        return None
    date, clock, fraction, zone = match.groups()
    zone = "+00:00" if zone in (None, "Z", "z") else zone
    try:
        time = datetime.fromisoformat(f"{date}T{clock}.{(fraction or '0')[:6]:0<6}{zone}")
        return time.astimezone(timezone.utc)
    except (ValueError, OverflowError):
        return None


def target_of_task(definition: str, user_data: str, result_uri: str = "") -> TaskTarget | None:
    """The object of a task: its request's SourceURI, else its result's, and only without either UserData's.

    UserData is free text: it may name the object in other words, or an object that has nothing to do with
    the task. Raises TargetUnknown where what counts cannot be addressed safely.
    """
    requested = target_of_request(definition)
    if requested is not None:
        return TaskTarget(requested, named_by_imm=True)
    if result_uri:
        return TaskTarget(TargetObject.from_uri(result_uri), named_by_imm=True)
    told = target_of_user_data(user_data)
    return TaskTarget(told, named_by_imm=False) if told is not None else None


def target_of_user_data(user_data: str) -> TargetObject | None:
    """The object that a task's UserData names: an ``oss://`` URI, or a JSON object that holds one.

    White space around a URI is not part of it, except that a space at its end may end the key: an object
    can be called so, and another without it.

    Raises TargetUnknown where it names one that cannot be addressed safely.
    """
    text = user_data.lstrip()
    if text.startswith("oss://"):
        return TargetObject.from_uri(text.rstrip("\t\n\v\f\r"))
    fields = _json_object(text.strip())
    for key in _USER_DATA_KEYS:
        value = fields.get(key)
        if isinstance(value, str) and value.startswith("oss://"):
            return TargetObject.from_uri(value)
    return None


def target_of_request(definition: str) -> TargetObject | None:
    """The SourceURI of a task's request definition, a JSON text that GetTask returns; None without one.

    Raises TargetUnknown where there is one that cannot be read, or not be addressed safely.
    """
    text = definition.strip()
    if text in ("", "null"):
        return None
    fields = parse_json(text)
    uri = fields.get("SourceURI") if isinstance(fields, dict) else False
    if uri is not None and not isinstance(uri, str):
        raise TargetUnknown(
            f"The request of the task, as IMM gives it, cannot be read: {text[:80]!a}. A retry does not help."
        )
    return TargetObject.from_uri(uri) if uri else None


def _json_object(text: str) -> dict[str, object]:
    value = parse_json(text) if text.startswith("{") else None
    return value if isinstance(value, dict) else {}
