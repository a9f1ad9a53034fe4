"""What IMM says: that a task has ended, or something that is not for this function.

Source: help.aliyun.com/document_detail/2743997.html (asynchronous notification messages).
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from typing import Any, NamedTuple

from imm_label_tags.errors import InvalidNotification
from imm_label_tags.events.text import shown

VIDEO_LABELS = "VideoLabelClassification"
EVENT_TYPE_PREFIX = "imm:Task:"

MAX_NAME_LENGTH = 256


class TaskNotification(NamedTuple):
    """A task that IMM says has ended. Nothing else of the message counts."""

    project_name: str
    task_id: str
    task_type: str = VIDEO_LABELS

    @property
    def described(self) -> str:
        """The task in a sentence."""
        return f"task {self.task_id} of project {self.project_name}"


class IgnoredEvent(NamedTuple):
    """Something well-formed that is not about a task of ours; ``reason`` is a sentence."""

    reason: str


def read_message(
    content: Mapping[str, Any], event_type: str | None, task_types: Collection[str]
) -> TaskNotification | IgnoredEvent:
    """Read IMM's message without its envelope.

    ``event_type`` is the type of the event that it came in, ``imm:Task:VideoLabelClassification``; it counts
    where the message has no TaskType. Tasks of other than ``task_types`` are ignored. Raises
    InvalidNotification.
    """
    task_type = content.get("TaskType")
    if not task_type and event_type is not None and event_type.startswith("imm:"):
        if not event_type.startswith(EVENT_TYPE_PREFIX):
            return IgnoredEvent(f"An IMM event of type {shown(event_type)}.")
        task_type = event_type[len(EVENT_TYPE_PREFIX) :]
    if not isinstance(task_type, str) or not task_type:
        raise InvalidNotification("IMM's message names no task type.")
    if task_type not in task_types:
        return IgnoredEvent(f"A notification of task type {shown(task_type)}.")
    project_name, task_id = (_name(content, field, task_type) for field in ("ProjectName", "TaskId"))
    return TaskNotification(project_name, task_id, task_type)


def _name(content: Mapping[str, Any], field: str, task_type: str) -> str:
    value = content.get(field)
    if not isinstance(value, str) or not value:
        raise InvalidNotification(f"The notification of a {task_type} task has no {field}.")
    if len(value) > MAX_NAME_LENGTH or not value.isprintable() or " " in value:
        raise InvalidNotification(f"The {field} of the notification cannot be one: {shown(value)}.")
    return value
