"""What the participants of a race share: one object in a bucket, and the tasks about it; calls are atomic.

As OSS documents it: a tag set is replaced as a whole and without any condition, only an upload changes
Last-Modified, and an upload brings its own tags.
"""

from __future__ import annotations

from datetime import datetime, timezone
from typing import Protocol

from imm_label_tags.events.imm_message import TaskNotification
from imm_label_tags.results.labels import Label
from imm_label_tags.results.target import TargetObject
from imm_label_tags.results.task import SUCCEEDED, TaskResult
from imm_label_tags.retries import Timeouts
from imm_label_tags.tagging.object_tagger import Objects
from imm_label_tags.tagging.tagger import Tasks
from imm_label_tags.tags.plan import TagSet, TaskKind

# Objects are uploaded in the present, so everything else is in the future.
UPLOADED = datetime(2026, 1, 1, tzinfo=timezone.utc)
STARTS = {
    "older": datetime(2199, 2, 1, tzinfo=timezone.utc),
    "newer": datetime(2199, 2, 2, tzinfo=timezone.utc),
}
UPLOADED_AGAIN = datetime(2199, 3, 1, tzinfo=timezone.utc)

# The object's tags before a race.
BEFORE = {"team": "a", "empty": ""}

LABELS = {
    "older": (Label("家具", 1.0), Label("餐具", 0.8)),
    "newer": (Label("椅子", 0.95),),
}

# The tags of ours that each task calls for.
EXPECTED = {
    "older": {
        "imm": "2199-02-01T00:00:00.000Z/older",
        "imm_jia-ju": "1.00",
        "imm_can-ju": "0.80",
    },
    "newer": {"imm": "2199-02-02T00:00:00.000Z/newer", "imm_yi-zi": "0.95"},
}

NO_LIMITS = Timeouts(60.0, 60.0)


class Storage(Protocol):
    """A place for races."""

    @property
    def objects(self) -> Objects:
        """The bucket."""

    @property
    def tasks(self) -> Tasks:
        """The tasks ``newer`` and ``older``, both finished."""

    @property
    def target(self) -> TargetObject:
        """The object that both tasks are about."""

    def notification(self, task: str) -> TaskNotification:
        """IMM's message about ``newer`` or ``older``."""

    def upload(self, tags: TagSet) -> None:
        """Replace the object by one that was written after both tasks had started."""


class Model:
    """A storage in memory: the bucket and the tasks too."""

    def __init__(self, tags: TagSet) -> None:
        self.objects = self.tasks = self
        self.target = TargetObject("media", "videos/a.mp4")
        self._tags = dict(tags)
        self._written = UPLOADED

    def notification(self, task: str) -> TaskNotification:
        """What IMM says of a task."""
        return TaskNotification("project", task)

    def upload(self, tags: TagSet) -> None:
        """Upload the object again, with tags."""
        self._tags, self._written = dict(tags), UPLOADED_AGAIN

    def last_modified(self, target: TargetObject, timeouts: Timeouts) -> datetime:
        """When the object was uploaded."""
        return self._written

    def tags(self, target: TargetObject, timeouts: Timeouts) -> TagSet:
        """The object's tags."""
        return dict(self._tags)

    def replace_tags(self, target: TargetObject, tags: TagSet, timeouts: Timeouts) -> None:
        """Replace the object's tags."""
        self._tags = dict(tags)

    def result(self, task: TaskNotification, kind: TaskKind, timeouts: Timeouts) -> TaskResult:
        """What a task has found."""
        start, found = STARTS[task.task_id], LABELS[task.task_id]
        return TaskResult(SUCCEEDED, code="", message="", start_time=start, user_data="", found=found)

    def request_definition(self, task: TaskNotification, timeouts: Timeouts) -> str:
        """The request that created a task."""
        return f'{{"SourceURI": "{self.target.uri}"}}'
