"""Tells by a task's Tags for which version of which object it was created.

IMM's call that creates a task has no client token: called twice, it makes two tasks, and both are paid for.
But its ``Tags`` are kept, and ListTasks selects by them. So a task for a version of an object carries a
digest of the object's URI and ETag.
"""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime
from hashlib import sha256

from imm_label_tags.results.target import TargetObject
from imm_label_tags.results.task import FAILED, SubmittedTask

_DIGEST_LENGTH = 40


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
