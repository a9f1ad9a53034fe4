"""IMM's answer about one task, in IMM's own field names: as the API gives it, or as an archive keeps it.

Labels are read as the function reads them; clips stand beside them, because no tag needs a clip.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from alibabacloud_imm20200930.models import GetVideoLabelClassificationResultResponseBody

from imm_label_tags.events.imm_message import VIDEO_LABELS
from imm_label_tags.results.labels import Label, read_labels
from imm_label_tags.results.task import SUCCEEDED, parse_time

LARGEST_ARCHIVE = 64 * 1024 * 1024
# A clip's start and end, in the unit of IMM's TimeRange, which is not documented.
Clip = tuple[int, int]


class NotAnAnswer(ValueError):
    """A text that is no answer of GetVideoLabelClassificationResult; the message says why."""


@dataclass(frozen=True)
class Answer:
    """How a task ended and what it found. Texts are empty where IMM gave none.

    ``start`` is StartTime in UTC. ``clips`` has those of each label by its name, in order.
    """

    task_id: str
    project: str
    status: str
    code: str
    message: str
    start: datetime | None
    source_uri: str
    user_data: str
    labels: tuple[Label, ...]
    clips: Mapping[str, tuple[Clip, ...]]

    @classmethod
    def of_no_task(cls) -> Answer:
        """What there is to say of an object that no task is known of."""
        return cls("", "", "", "", "", None, "", "", (), {})

    @classmethod
    def parse(cls, text: bytes) -> Answer:
        """Read the JSON text of an archive; raises NotAnAnswer."""
        try:
            content = json.loads(text)
        except (ValueError, RecursionError):
            raise NotAnAnswer("it is not JSON") from None
        return cls.read(content)

    @classmethod
    def read(cls, content: object) -> Answer:
        """Read an answer's fields; raises NotAnAnswer."""
        if not isinstance(content, dict):
            raise NotAnAnswer("it is no JSON object")
        kind = content.get("TaskType")
        if kind not in (None, VIDEO_LABELS):
            raise NotAnAnswer(f"it is of a task of the type {kind!a}, not {VIDEO_LABELS}")
        if not _text(content, "TaskId") or not _text(content, "Status"):
            raise NotAnAnswer("it has no TaskId or no Status")
        try:
            body = GetVideoLabelClassificationResultResponseBody().from_map(content)
            labels = read_labels(body)
        except (AttributeError, TypeError):
            raise NotAnAnswer("its Labels are no list of labels") from None
        status, start = _text(content, "Status"), parse_time(_text(content, "StartTime"))
        if status == SUCCEEDED and start is None:
            raise NotAnAnswer("it has no readable StartTime")
        return cls(
            task_id=_text(content, "TaskId"),
            project=_text(content, "ProjectName"),
            status=status,
            code=_text(content, "Code"),
            message=_text(content, "Message"),
            start=start,
            source_uri=_text(content, "SourceURI"),
            user_data=_text(content, "UserData"),
            labels=labels,
            clips=_clips(body.labels),
        )


def _clips(labels: list[Any]) -> Mapping[str, tuple[Clip, ...]]:
    """The clips of each name: IMM may give a label several times, each time with clips of its own."""
    found: dict[str, set[Clip]] = {}
    for label in labels:
        if isinstance(label.label_name, str):
            clips = (_clip(clip.time_range) for clip in label.clips or [])
            found.setdefault(label.label_name, set()).update(clip for clip in clips if clip is not None)
    return {name: tuple(sorted(clips)) for name, clips in found.items()}


def _clip(times: object) -> Clip | None:
    match times:
        case [int(start), int(end)] if 0 <= start <= end:
            return start, end
    return None


def _text(content: Mapping[str, object], name: str) -> str:
    value = content.get(name)
    return value if isinstance(value, str) else ""
