"""One notification from beginning to end: which object, which labels, which tags, written or not."""

from __future__ import annotations

from concurrent.futures import Executor, Future, wait
from dataclasses import dataclass, field
from datetime import datetime, timezone
from threading import Lock
from typing import Protocol
from weakref import WeakValueDictionary

from imm_label_tags.errors import (
    ServiceRejected,
    ServiceUnavailable,
    TaggingError,
    TargetUnknown,
    TaskNotFinished,
)
from imm_label_tags.naming import LabelNames
from imm_label_tags.notification import TaskNotification
from imm_label_tags.objects import ObjectGone, ObjectPatterns, TagsRefused, TargetObject
from imm_label_tags.outcome import Dropped, Outcome, Status
from imm_label_tags.provenance import Provenance
from imm_label_tags.remote import CallTimes
from imm_label_tags.settings import StaleObjects
from imm_label_tags.tag_plan import TagPlan, TagScheme, TagSet, plan_tags
from imm_label_tags.task import (
    FAILED,
    RUNNING,
    SUCCEEDED,
    TaskResult,
    target_of_request,
    target_of_user_data,
)


class Tasks(Protocol):
    """Where tasks are asked about: IMM."""

    def result(self, task: TaskNotification) -> TaskResult:
        """The result of a task."""

    def request_definition(self, task: TaskNotification) -> str:
        """The request that created a task, as JSON text."""


class Objects(Protocol):
    """Where objects and their tags are: OSS."""

    def last_modified(self, target: TargetObject) -> datetime:
        """When an object was written; raises ObjectGone."""

    def tags(self, target: TargetObject) -> TagSet:
        """An object's tags; raises ObjectGone."""

    def replace_tags(self, target: TargetObject, tags: TagSet) -> None:
        """Write an object's whole tag set; raises ObjectGone or TagsRefused."""


@dataclass(frozen=True)
class Policy:
    """What the settings say about objects and tags."""

    scheme: TagScheme
    allowed_objects: ObjectPatterns | None
    stale_objects: StaleObjects


@dataclass
class Trace:
    """What one notification did, for the log; ``labels`` counts those that IMM found."""

    times: CallTimes = field(default_factory=CallTimes)
    target: TargetObject | None = None
    labels: int | None = None


class Tagger:
    """Brings objects' tags in line with their tasks.

    ``calls`` runs the calls that need not wait for each other. Notifications of one object are handled one
    after the other, so that within an instance none of them reads what another is about to replace.
    """

    def __init__(self, tasks: Tasks, objects: Objects, policy: Policy, calls: Executor) -> None:
        self._tasks = tasks
        self._objects = objects
        self._policy = policy
        self._calls = calls
        self._locks = _ObjectLocks()

    def tag(self, task: TaskNotification, trace: Trace) -> Outcome:
        """Handle one notification.

        Raises the errors of ``Tasks`` and ``Objects``, TaskNotFinished and TargetUnknown.
        """
        result, target = self._read_task(task, trace)
        trace.labels = len(result.labels)
        trace.target = target
        if result.status == FAILED:
            said = ": ".join(part for part in (result.code, result.message) if part) or "no reason given"
            return _outcome(Status.TASK_FAILED, task, target, f"IMM reports the task as failed: {said}")
        if target is None:
            raise TargetUnknown(
                f"IMM names no object for {_task(task)}: neither the task's request nor its UserData has an "
                "oss:// URI."
            )
        allowed = self._policy.allowed_objects
        if allowed is not None and not allowed.match(target):
            reason = f"{target.uri} matches no pattern of ALLOWED_OBJECTS."
            return _outcome(Status.NOT_ALLOWED, task, target, reason)
        with self._locks.of(target):
            try:
                return self._tag_object(task, target, result, trace)
            except ObjectGone:
                reason = f"{target.uri} does not exist any more."
                return _outcome(Status.OBJECT_GONE, task, target, reason)

    def _read_task(self, task: TaskNotification, trace: Trace) -> tuple[TaskResult, TargetObject | None]:
        """The task's result and its object: the one that UserData names, else the request's SourceURI.

        GetTask is asked at the same time as the result where the message says that UserData will not do;
        where it proves needless (the task failed, UserData will do after all) its answer is ignored.
        """
        asked: Future[str] | None = None
        if task.user_data is not None and not _names_object(task.user_data):
            asked = self._calls.submit(self._request_definition, task, trace)
        try:
            with trace.times.measure("GetVideoLabelClassificationResult"):
                result = self._tasks.result(task)
            _check_finished(task, result)
        finally:
            if asked is not None:
                wait([asked])
        if result.status == FAILED:
            return result, _target_if_known(result, asked)
        target = target_of_user_data(result.user_data)
        if target is None:
            definition = asked.result() if asked else self._request_definition(task, trace)
            target = target_of_request(definition)
        return result, target

    def _request_definition(self, task: TaskNotification, trace: Trace) -> str:
        with trace.times.measure("GetTask"):
            return self._tasks.request_definition(task)

    def _tag_object(
        self, task: TaskNotification, target: TargetObject, result: TaskResult, trace: Trace
    ) -> Outcome:
        start = result.start_time
        if start is None:
            raise ServiceUnavailable(f"IMM gave {_task(task)} no readable StartTime. A retry may help.")
        # All that takes time stands before the read, so that as little as possible passes until the write.
        self._policy.scheme.work_out_names(result.labels)
        written, current = self._read_object(target, trace)
        if written is not None and written > start:
            reason = (
                f"{target.uri} was written at {_utc(written)}, after the task had started at {_utc(start)}: "
                "the labels are of an older upload."
            )
            return _outcome(Status.STALE, task, target, reason, tags=current)
        plan = self._write(target, current, Provenance.of_task(start, task.task_id), result, trace)
        return _outcome(
            plan.status, task, target, self._reason(plan, target), tags=plan.tags, dropped=plan.dropped
        )

    def _read_object(self, target: TargetObject, trace: Trace) -> tuple[datetime | None, TagSet]:
        if self._policy.stale_objects is StaleObjects.TAG:
            return None, self._current_tags(target, trace)
        head = self._calls.submit(self._last_modified, target, trace)
        try:
            current = self._current_tags(target, trace)
        except BaseException:
            if isinstance(head.exception(), ObjectGone):
                raise ObjectGone(target.uri) from None
            raise
        return head.result(), current

    def _last_modified(self, target: TargetObject, trace: Trace) -> datetime:
        with trace.times.measure("HeadObject"):
            return self._objects.last_modified(target)

    def _current_tags(self, target: TargetObject, trace: Trace) -> TagSet:
        with trace.times.measure("GetObjectTagging"):
            return self._objects.tags(target)

    def _write(
        self, target: TargetObject, current: TagSet, task: Provenance, result: TaskResult, trace: Trace
    ) -> TagPlan:
        scheme = self._policy.scheme
        plan = plan_tags(current, task, result.labels, scheme)
        try:
            self._carry_out(target, plan, trace)
        except TagsRefused as refusal:
            if scheme.naming.mode is not LabelNames.RAW:
                raise _tags_refused(target, refusal) from None
            plan = plan_tags(current, task, result.labels, scheme.with_names(LabelNames.PINYIN))
            try:
                self._carry_out(target, plan, trace)
            except TagsRefused as second:
                raise _tags_refused(target, second) from None
        return plan

    def _carry_out(self, target: TargetObject, plan: TagPlan, trace: Trace) -> None:
        if plan.status is Status.TAGGED:
            with trace.times.measure("PutObjectTagging"):
                self._objects.replace_tags(target, plan.tags)

    def _reason(self, plan: TagPlan, target: TargetObject) -> str | None:
        namespace = self._policy.scheme.namespace
        if plan.status is Status.SUPERSEDED:
            return f"The tag {namespace} of {target.uri} names a newer task: {plan.tags[namespace]}"
        if plan.status is Status.TAG_LIMIT:
            return f"{target.uri} has {len(plan.tags)} tags of its own, which is all that OSS allows."
        return None


class _ObjectLocks:
    """One lock for each object that is being handled."""

    def __init__(self) -> None:
        self._guard = Lock()
        self._locks: WeakValueDictionary[TargetObject, _ObjectLock] = WeakValueDictionary()

    def of(self, target: TargetObject) -> _ObjectLock:
        with self._guard:
            lock = self._locks.get(target)
            if lock is None:
                lock = self._locks[target] = _ObjectLock()
            return lock


class _ObjectLock:
    def __init__(self) -> None:
        self._lock = Lock()

    def __enter__(self) -> None:
        self._lock.acquire()

    def __exit__(self, *_: object) -> None:
        self._lock.release()


def _outcome(
    status: Status,
    task: TaskNotification,
    target: TargetObject | None,
    reason: str | None,
    *,
    tags: TagSet | None = None,
    dropped: tuple[Dropped, ...] = (),
) -> Outcome:
    uri = target.uri if target else None
    return Outcome(status, task.project_name, task.task_id, uri, tags, dropped, reason)


def _check_finished(task: TaskNotification, result: TaskResult) -> None:
    if result.status == RUNNING:
        raise TaskNotFinished(f"IMM reports {_task(task)} as still running. A retry helps.")
    if result.status not in (SUCCEEDED, FAILED):
        raise ServiceUnavailable(
            f"IMM reports {_task(task)} with the status {result.status!a}, which is not documented. "
            "A retry may help."
        )


def _target_if_known(result: TaskResult, asked: Future[str] | None) -> TargetObject | None:
    """The object of a failed task, which is only reported: no call and no error is worth it."""
    try:
        target = target_of_user_data(result.user_data)
        return target_of_request(asked.result()) if target is None and asked is not None else target
    except TaggingError:
        return None


def _names_object(user_data: str) -> bool:
    try:
        return target_of_user_data(user_data) is not None
    except TargetUnknown:
        return True


def _tags_refused(target: TargetObject, refusal: TagsRefused) -> ServiceRejected:
    return ServiceRejected(
        f"OSS does not accept the tags of {target.uri}: {refusal}. Our own tags keep to OSS's documented "
        "alphabet, so look at the object's other tags.",
        code="InvalidTag",
    )


def _task(task: TaskNotification) -> str:
    return f"task {task.task_id} of project {task.project_name}"


def _utc(moment: datetime) -> str:
    return moment.astimezone(timezone.utc).isoformat().replace("+00:00", "Z")
