"""One notification from beginning to end: which task, which object, which labels, and how it ended."""

from __future__ import annotations

from collections.abc import Callable, Collection
from concurrent.futures import Executor, Future
from typing import Protocol

from imm_label_tags.errors import ServiceUnavailable, TaggingError, TargetUnknown, TaskNotFinished
from imm_label_tags.events.imm_message import TaskNotification
from imm_label_tags.results.outcome import Outcome, Status
from imm_label_tags.results.target import TargetObject
from imm_label_tags.results.task import (
    FAILED,
    RUNNING,
    SUCCEEDED,
    TaskResult,
    TaskTarget,
    target_of_task,
)
from imm_label_tags.retries import Deadline, RetryPolicy, Timeouts
from imm_label_tags.services.calls import Calls, Trace
from imm_label_tags.tagging.object_tagger import FinishedTask, Objects, ObjectTagger, TaggingOptions
from imm_label_tags.tags.plan import TaskKind

# Begins to keep what a task found about an object, from the task's id and IMM's whole answer; gives the URI
# of the document, and what ends with the error for which it is not written.
Archive = Callable[[TargetObject, str, bytes, Calls], tuple[str, Future[None]]]


class Tasks(Protocol):
    """Where tasks are asked about: IMM. One call and one attempt each."""

    def result(self, task: TaskNotification, kind: TaskKind, timeouts: Timeouts) -> TaskResult:
        """The result of a task."""

    def request_definition(self, task: TaskNotification, timeouts: Timeouts) -> str:
        """The request that created a task, as JSON text."""


class Tagger:
    """Brings objects' tags in line with their tasks.

    ``executor`` runs the calls that need not wait for each other. ``archive`` keeps whole results, None where
    nobody wants them.
    """

    def __init__(
        self,
        tasks: Tasks,
        objects: Objects,
        options: TaggingOptions,
        executor: Executor,
        retry_policy: RetryPolicy,
        archive: Archive | None = None,
    ) -> None:
        self._tasks = tasks
        self._archive = archive
        self._kinds = {kind.task_type: kind for kind in options.scheme.kinds}
        self._allowed_objects = options.allowed_objects
        self._executor = executor
        self._retry_policy = retry_policy
        self._object_tagger = ObjectTagger(objects, options, executor, retry_policy)

    @property
    def task_types(self) -> Collection[str]:
        """The types of tasks that it can handle."""
        return self._kinds.keys()

    def tag(self, task: TaskNotification, trace: Trace, deadline: Deadline) -> Outcome:
        """Handle one notification of a task of one of ``task_types``.

        Raises the errors of ``Tasks`` and ``Objects``, TaskNotFinished and TargetUnknown.
        """
        trace.told.update(task_id=task.task_id, project=task.project_name)
        calls = Calls(self._retry_policy, deadline, task.described, trace)
        result, target = self._read_task(task, calls)
        uri = target.object.uri if target else None
        trace.told.update(object=uri, labels=len(result.found) if isinstance(result.found, tuple) else None)
        outcome = self._end(task, target, result, calls)
        return outcome._replace(project_name=task.project_name, task_id=task.task_id, object=uri)

    def _end(
        self, task: TaskNotification, target: TaskTarget | None, result: TaskResult, calls: Calls
    ) -> Outcome:
        if result.status == FAILED:
            said = ": ".join(part for part in (result.code, result.message) if part) or "no reason given"
            return Outcome(Status.TASK_FAILED, reason=f"IMM reports the task as failed: {said}")
        if target is None:
            raise TargetUnknown(
                f"IMM names no object for {task.described}: neither the task's request nor its UserData has "
                "an oss:// URI. A retry does not help."
            )
        if self._allowed_objects is not None and not self._allowed_objects.match(target.object):
            reason = f"{target.object.uri} matches no pattern of ALLOWED_OBJECTS."
            return Outcome(Status.NOT_ALLOWED, reason=reason)
        if result.start_time is None:
            raise ServiceUnavailable(f"IMM gave {task.described} no readable StartTime. A retry may help.")
        kind = self._kinds[task.task_type].name
        finished = FinishedTask(target.object, task.task_id, result.start_time, result.found, kind)
        outcome = self._archive_and_tag(finished, result.whole, calls)
        if outcome.status is Status.OBJECT_GONE and not target.named_by_imm:
            raise TargetUnknown(
                f"IMM names no object for {task.described}, and the one that its UserData names, "
                f"{target.object.uri}, does not exist. A retry does not help."
            )
        return outcome

    def _archive_and_tag(self, finished: FinishedTask, answer: bytes, calls: Calls) -> Outcome:
        """Tag the object, and meanwhile keep the result, however it ends for the object."""
        if self._archive is None:
            return self._object_tagger.tag(finished, calls)
        uri, written = self._archive(finished.target, finished.task_id, answer, calls)
        try:
            outcome = self._object_tagger.tag(finished, calls, written)
        finally:
            written.exception()
        written.result()
        return outcome._replace(archived=uri)

    def _read_task(self, task: TaskNotification, calls: Calls) -> tuple[TaskResult, TaskTarget | None]:
        """The task's result, which does not tell the object, and meanwhile from GetTask the object."""
        asked = calls.submit(
            self._executor, "GetTask", lambda timeouts: self._tasks.request_definition(task, timeouts)
        )
        try:
            kind = self._kinds[task.task_type]
            result = calls.call_with_retry(
                kind.action, lambda timeouts: self._tasks.result(task, kind, timeouts)
            )
            _check_finished(task, result)
        finally:
            asked.exception()
        try:
            return result, target_of_task(asked.result(), result.user_data, result.source_uri)
        except TaggingError:
            # The object of a failed task is only reported.
            if result.status != FAILED:
                raise
            return result, None


def _check_finished(task: TaskNotification, result: TaskResult) -> None:
    if result.status == RUNNING:
        raise TaskNotFinished(f"IMM reports {task.described} as still running. A retry helps.")
    if result.status not in (SUCCEEDED, FAILED):
        raise ServiceUnavailable(
            f"IMM reports {task.described} with the status {result.status!a}, which is not documented. "
            "A retry may help."
        )
