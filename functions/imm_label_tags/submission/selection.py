"""Which objects are analysed, and by which task.

Analysed are those that exist in full, can be read, and look like a video by their name, each version once.
IMM's call that creates a task has no client token: called twice, it makes two tasks, and both are paid for.
But its ``Tags`` are kept, and ListTasks selects by them. So a task for a version of an object carries a
digest of the object's URI and ETag.
"""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime
from enum import Enum
from hashlib import sha256
from typing import NamedTuple

from imm_label_tags.results.target import ObjectHead, ObjectPatterns, TargetObject
from imm_label_tags.results.task import FAILED, SubmittedTask

# The formats that IMM takes (its API reference, CreateVideoLabelClassificationTask): MP4, MPEG-TS, MKV, MOV,
# AVI, FLV and M3U8.
VIDEO_SUFFIXES = (".mp4", ".ts", ".mkv", ".mov", ".avi", ".flv", ".m3u8")

_ARCHIVED = frozenset({"Archive", "ColdArchive", "DeepColdArchive"})
_DIGEST_LENGTH = 40
# x-oss-restore of an object that was restored, for as long as it can be read.
_RESTORED = 'ongoing-request="false"'


class Exclusion(str, Enum):
    """Why an object is not analysed."""

    NOT_VIDEO = "not_video"
    NOT_ALLOWED = "not_allowed"
    ARCHIVED = "archived"


class Excluded(NamedTuple):
    """An object that is not analysed; ``reason`` is a sentence."""

    exclusion: Exclusion
    reason: str


class Selection(NamedTuple):
    """``suffixes`` are in lower case; without ``allowed`` any object may be analysed."""

    suffixes: tuple[str, ...] = VIDEO_SUFFIXES
    allowed: ObjectPatterns | None = None

    def by_name(self, target: TargetObject) -> Excluded | None:
        """Why an object of this name is not analysed; None if it is."""
        if target.key.endswith("/"):
            return Excluded(Exclusion.NOT_VIDEO, f"{target.uri} is a folder.")
        if not target.key.lower().endswith(self.suffixes):
            reason = f"{target.uri} ends in none of the VIDEO_SUFFIXES {', '.join(self.suffixes)}."
            return Excluded(Exclusion.NOT_VIDEO, reason)
        if self.allowed is not None and not self.allowed.match(target):
            reason = f"{target.uri} matches no pattern of ALLOWED_OBJECTS."
            return Excluded(Exclusion.NOT_ALLOWED, reason)
        return None

    def by_head(self, target: TargetObject, head: ObjectHead) -> Excluded | None:
        """Why an object in this state is not analysed; None if it is."""
        if not head.size:
            return Excluded(Exclusion.NOT_VIDEO, f"{target.uri} is empty.")
        if head.storage_class in _ARCHIVED and _RESTORED not in head.restore:
            reason = (
                f"{target.uri} is archived ({head.storage_class}); IMM cannot read it until it is restored."
            )
            return Excluded(Exclusion.ARCHIVED, reason)
        return None


def object_version(target: TargetObject, etag: str) -> str:
    """The digest: 40 hexadecimal digits. Quotes and case of an ETag make no difference."""
    text = f"{target.uri}\n{etag.strip().strip(chr(34)).upper()}"
    return sha256(text.encode()).hexdigest()[:_DIGEST_LENGTH]


def task_of(
    tasks: Iterable[SubmittedTask], written: datetime, *, failed_counts: bool = True
) -> SubmittedTask | None:
    """The task that analyses an object as it was written; the best of several, None without one.

    A task that started before ``written`` is that of an earlier upload of the same bytes, and its labels are
    not on this one: an upload takes the object's tags. Of the rest one that failed is the last choice, or
    none where ``failed_counts`` is false.
    """
    counting = [
        task
        for task in tasks
        if (task.start is None or task.start >= written) and (failed_counts or task.status != FAILED)
    ]
    return min(counting, key=lambda task: (task.status == FAILED, task.task_id), default=None)
