"""Submits an object: looks at it, asks IMM for its tasks, and creates one where there is none.

A task that was created cannot be taken back, and is paid for. So the question comes right before each call
that creates one, and a call whose answer was lost is never repeated without it.
"""

from __future__ import annotations

from enum import Enum
from typing import Any, NamedTuple, Protocol

from imm_label_tags.errors import ServiceRejected, TransientError
from imm_label_tags.object_locks import ObjectLocks
from imm_label_tags.results.target import ObjectGone, ObjectHead, TargetObject
from imm_label_tags.results.task import SubmittedTask
from imm_label_tags.retries import Deadline, RetryPolicy, Timeouts
from imm_label_tags.services.calls import Calls, Trace
from imm_label_tags.submission.selection import Excluded, Exclusion, Selection, object_version, task_of
from imm_label_tags.submission.upload_event import Upload


class SubmissionStatus(str, Enum):
    """The named ends of an upload that is no error."""

    SUBMITTED = "submitted"
    ALREADY_SUBMITTED = "already_submitted"
    NOT_VIDEO = "not_video"
    NOT_ALLOWED = "not_allowed"
    OBJECT_GONE = "object_gone"
    IGNORED = "ignored"


STATUS_OF_EXCLUSION = {
    Exclusion.NOT_VIDEO: SubmissionStatus.NOT_VIDEO,
    Exclusion.NOT_ALLOWED: SubmissionStatus.NOT_ALLOWED,
    Exclusion.ARCHIVED: SubmissionStatus.IGNORED,
}


class SubmissionOutcome(NamedTuple):
    """``object`` is an ``oss://`` URI; ``reason`` a sentence, None for ``submitted``."""

    status: SubmissionStatus
    object: str | None = None
    project_name: str | None = None
    task_id: str | None = None
    reason: str | None = None

    @classmethod
    def ignored(cls, reason: str) -> SubmissionOutcome:
        """The end of what is not for this function."""
        return cls(SubmissionStatus.IGNORED, reason=reason)

    @property
    def sentence(self) -> str:
        """What happened."""
        return self.reason or f"Task {self.task_id} was created for {self.object}."

    @property
    def fields(self) -> dict[str, Any]:
        """What the log's line has of it."""
        return {"task_id": self.task_id, "project": self.project_name, "object": self.object}

    def as_dict(self) -> dict[str, Any]:
        """The outcome in the handler's JSON form."""
        return {**self._asdict(), "status": self.status.value}


class Objects(Protocol):
    """Where objects are: OSS. One call and one attempt."""

    def head(self, target: TargetObject, timeouts: Timeouts) -> ObjectHead:
        """What an object is; raises ObjectGone."""


class Tasks(Protocol):
    """Where tasks are: IMM. One call and one attempt each."""

    def tasks_of(
        self, project: str, target: TargetObject, version: str, timeouts: Timeouts
    ) -> tuple[SubmittedTask, ...]:
        """The tasks that were created for an object's version."""

    def create(self, project: str, target: TargetObject, version: str, topic: str, timeouts: Timeouts) -> str:
        """Create a task; returns its id."""


class Destination(NamedTuple):
    """The IMM project whose tasks are created, and the MNS topic that is told of their ends."""

    project: str
    topic: str


class Submitter:
    """Submits objects. Those of one instance that are about one object wait for each other.

    ``retry_failed``: a task that IMM gave up does not count as one.
    """

    def __init__(
        self,
        objects: Objects,
        tasks: Tasks,
        selection: Selection,
        destination: Destination,
        retry_policy: RetryPolicy,
        *,
        retry_failed: bool = False,
    ) -> None:
        self._objects = objects
        self._tasks = tasks
        self._selection = selection
        self._destination = destination
        self._retry_policy = retry_policy
        self._failed_counts = not retry_failed
        self._locks = ObjectLocks()

    def submit(self, upload: Upload, trace: Trace, deadline: Deadline) -> SubmissionOutcome:
        """Submit an object unless that is done already; raises the errors of ``Objects`` and ``Tasks``."""
        trace.told["object"] = upload.names[0].uri
        calls = Calls(self._retry_policy, deadline, upload.names[0].uri, trace)
        named = [(target, self._selection.by_name(target)) for target in upload.names]
        candidates = [target for target, excluded in named if excluded is None]
        if not candidates:
            return _left_out(*named[0])
        found = self._find(candidates, upload.etag, calls)
        if found is None:
            reason = f"{candidates[0].uri} does not exist (any more)."
            return SubmissionOutcome(SubmissionStatus.OBJECT_GONE, candidates[0].uri, reason=reason)
        target, head = found
        trace.told["object"] = target.uri
        excluded = self._selection.by_head(target, head)
        if excluded is not None:
            return _left_out(target, excluded)
        with self._locks.of(target):
            return self._submit_once(target, head, calls)

    def submit_found(
        self, target: TargetObject, head: ObjectHead, trace: Trace, deadline: Deadline
    ) -> SubmissionOutcome:
        """Submit an object that was looked at already and counts; raises the errors of ``Tasks``."""
        trace.told["object"] = target.uri
        calls = Calls(self._retry_policy, deadline, target.uri, trace)
        with self._locks.of(target):
            return self._submit_once(target, head, calls)

    def existing_task(self, target: TargetObject, head: ObjectHead, calls: Calls) -> SubmittedTask | None:
        """The task that analyses an object as it is now; None without one."""
        version = object_version(target, head.etag)
        tasks = calls.call_with_retry(
            "ListTasks",
            lambda timeouts: self._tasks.tasks_of(self._destination.project, target, version, timeouts),
        )
        return task_of(tasks, head.written, failed_counts=self._failed_counts)

    def _find(
        self, candidates: list[TargetObject], etag: str, calls: Calls
    ) -> tuple[TargetObject, ObjectHead] | None:
        """The object that is meant: the first that has the event's ETag, else the first that exists."""
        first: tuple[TargetObject, ObjectHead] | None = None
        for target in candidates:
            try:
                head = self._head(target, calls)
            except ObjectGone:
                continue
            if len(candidates) == 1 or _same_etag(head.etag, etag):
                return target, head
            first = first or (target, head)
        return first

    def _submit_once(self, target: TargetObject, head: ObjectHead, calls: Calls) -> SubmissionOutcome:
        project, topic = self._destination
        version = object_version(target, head.etag)
        attempt = 0
        while True:
            attempt += 1
            task = self.existing_task(target, head, calls)
            if task is not None and attempt == 1:
                reason = f"Task {task.task_id} was created for this version already; it is {task.status}."
                status = SubmissionStatus.ALREADY_SUBMITTED
                return SubmissionOutcome(status, target.uri, project, task.task_id, reason)
            if task is not None:
                # It was created, only the answer was lost.
                return SubmissionOutcome(SubmissionStatus.SUBMITTED, target.uri, project, task.task_id)
            try:
                task_id = calls.call(
                    "CreateVideoLabelClassificationTask",
                    lambda timeouts: self._tasks.create(project, target, version, topic, timeouts),
                )
            except TransientError as error:
                calls.pause(attempt, error)
            except ServiceRejected:
                if self._is_gone(target, calls):
                    reason = f"{target.uri} was deleted before its task was created."
                    return SubmissionOutcome(SubmissionStatus.OBJECT_GONE, target.uri, reason=reason)
                raise
            else:
                return SubmissionOutcome(SubmissionStatus.SUBMITTED, target.uri, project, task_id)

    def _head(self, target: TargetObject, calls: Calls) -> ObjectHead:
        return calls.call_with_retry("HeadObject", lambda timeouts: self._objects.head(target, timeouts))

    def _is_gone(self, target: TargetObject, calls: Calls) -> bool:
        try:
            self._head(target, calls)
        except ObjectGone:
            return True
        return False


def _left_out(target: TargetObject, excluded: Excluded | None) -> SubmissionOutcome:
    assert excluded is not None
    return SubmissionOutcome(STATUS_OF_EXCLUSION[excluded.exclusion], target.uri, reason=excluded.reason)


def _same_etag(one: str, other: str) -> bool:
    return one.strip('"').upper() == other.strip('"').upper()
