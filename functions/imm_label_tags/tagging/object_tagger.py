"""Brings an object's tags in line with a task: read, plan, write, and look again where that is wanted.

OSS replaces whole tag sets and knows no condition for it. So the read is the last thing before the write,
nothing is written from a reading that has grown old, and a write that failed is never just sent again.
"""

from __future__ import annotations

from concurrent.futures import Executor, Future
from datetime import datetime, timezone
from typing import Any, NamedTuple, Protocol

from imm_label_tags.errors import ServiceRejected, ServiceUnavailable, TransientError
from imm_label_tags.object_locks import ObjectLocks
from imm_label_tags.results.outcome import Outcome, Status
from imm_label_tags.results.target import ObjectGone, ObjectPatterns, TagsRefused, TargetObject
from imm_label_tags.retries import RetryPolicy, Timeouts
from imm_label_tags.services.calls import Calls
from imm_label_tags.tagging.settings import StaleObjects
from imm_label_tags.tags.plan import TagPlan, TagScheme, TagSet

# How often the second look may find that others have written, and write again.
MAX_LOOKS = 3


class Objects(Protocol):
    """Where objects and their tags are: OSS. One call and one attempt each."""

    def last_modified(self, target: TargetObject, timeouts: Timeouts) -> datetime:
        """When an object was written; raises ObjectGone."""

    def tags(self, target: TargetObject, timeouts: Timeouts) -> TagSet:
        """An object's tags; raises ObjectGone."""

    def replace_tags(self, target: TargetObject, tags: TagSet, timeouts: Timeouts) -> None:
        """Write an object's whole tag set; raises ObjectGone or TagsRefused."""


class TaggingOptions(NamedTuple):
    """What the settings say about objects and tags.

    ``second_look_seconds`` is 0 where there is none.
    """

    scheme: TagScheme
    allowed_objects: ObjectPatterns | None
    stale_objects: StaleObjects
    second_look_seconds: float = 0.0


class FinishedTask(NamedTuple):
    """What a finished task found in which object; ``start`` is UTC, ``kind`` a name in the provenance."""

    target: TargetObject
    task_id: str
    start: datetime
    found: Any
    kind: str = ""


class _Snapshot(NamedTuple):
    """An object as it was: its Last-Modified (None where that was not asked), and its tags.

    ``since`` is when the older of the two answers came, ``taken`` when the tags did.
    """

    written: datetime | None
    tags: TagSet
    since: float
    taken: float


# How it ended, and whether this very look wrote.
_Ending = tuple[Outcome, bool]


class ObjectTagger:
    """Tags objects. Notifications of one instance that are about one object wait for each other.

    ``executor`` runs the calls that need not wait.
    """

    def __init__(
        self, objects: Objects, options: TaggingOptions, executor: Executor, retry_policy: RetryPolicy
    ) -> None:
        self._objects = objects
        self._scheme = options.scheme
        self._stale_objects = options.stale_objects
        self._second_look = options.second_look_seconds
        self._executor = executor
        self._retry_policy = retry_policy
        self._locks = ObjectLocks()

    def tag(self, task: FinishedTask, calls: Calls, before: Future[None] | None = None) -> Outcome:
        """Bring the object's tags in line; nothing is written unless what has to be done ``before`` is done.

        The outcome names the object and the task, and no project.

        With a second look, a write is followed by another reading: a writer that had read before our write
        and wrote after it is noticed, and what it undid is done again. Raises the errors of ``Objects`` and
        those of ``before``.
        """
        # All that takes time stands before the read, so that as little as possible passes until the write.
        self._scheme.precompute_keys(task.found, task.kind)
        outcome, wrote = self._align(task, calls, before)
        looks = 0
        while self._second_look and wrote and looks < MAX_LOOKS:
            looks += 1
            calls.wait(self._second_look, f"The second look at the tags of {task.target.uri}")
            outcome, wrote = self._align(task, calls, None)
            if outcome.status is Status.UNCHANGED:
                outcome = outcome._replace(status=Status.TAGGED)
        return outcome._replace(task_id=task.task_id, object=task.target.uri)

    def _align(self, task: FinishedTask, calls: Calls, before: Future[None] | None) -> _Ending:
        with self._locks.of(task.target):
            try:
                return self._read_plan_write(task, calls, before)
            except ObjectGone:
                reason = f"{task.target.uri} does not exist any more."
                return Outcome(Status.OBJECT_GONE, reason=reason), False

    def _read_plan_write(self, task: FinishedTask, calls: Calls, before: Future[None] | None) -> _Ending:
        scheme = self._scheme
        written_perhaps = False
        attempt = 0
        while True:
            # Anew before every write, one that was refused included: others may have written meanwhile.
            snapshot = self._read(task.target, calls)
            if snapshot.written is not None and snapshot.written > task.start:
                return _stale(task, snapshot.written, snapshot.tags), False
            provenance = scheme.provenance(task.start, task.task_id, task.kind)
            plan = scheme.plan(snapshot.tags, provenance, task.found, task.kind)
            if plan.status is not Status.TAGGED:
                return self._without_writing(task, plan, written_perhaps)
            if not self._is_usable(snapshot, task.target, before, calls):
                continue
            attempt += 1
            try:
                self._write(task.target, plan, calls)
            except TagsRefused as refusal:
                documented = scheme.in_documented_alphabet()
                if documented is None:
                    raise _tags_refused(task.target, refusal) from None
                scheme = documented
                scheme.precompute_keys(task.found, task.kind)
            except TransientError as error:
                # It may have been carried out all the same, and others may write in the pause: begin anew.
                written_perhaps = True
                calls.pause(attempt, error)
            else:
                # Where OSS took only the documented alphabet, the next notification need not try again.
                self._scheme = scheme
                calls.trace.window = round((self._now() - snapshot.taken) * 1000, 1)
                return Outcome(Status.TAGGED, tags=plan.tags, dropped=plan.dropped), True

    def _read(self, target: TargetObject, calls: Calls) -> _Snapshot:
        """Both calls at the same time, so that neither answer has to wait for the other."""
        if self._stale_objects is StaleObjects.TAG:
            tags = self._read_tags(target, calls)
            return _Snapshot(None, tags, since=self._now(), taken=self._now())
        head = calls.submit(
            self._executor, "HeadObject", lambda timeouts: self._last_modified(target, timeouts)
        )
        try:
            tags = self._read_tags(target, calls)
            taken = self._now()
        except Exception as error:
            # A refusal says more than a HEAD, which cannot: the bucket may be gone, or not be meant.
            if isinstance(head.exception(), ObjectGone) and not isinstance(error, ServiceRejected):
                raise ObjectGone(target.uri) from None
            raise
        written, since = head.result()
        return _Snapshot(written, tags, min(since, taken), taken)

    def _last_modified(self, target: TargetObject, timeouts: Timeouts) -> tuple[datetime, float]:
        return self._objects.last_modified(target, timeouts), self._now()

    def _read_tags(self, target: TargetObject, calls: Calls) -> TagSet:
        return calls.call_with_retry(
            "GetObjectTagging", lambda timeouts: self._objects.tags(target, timeouts)
        )

    def _write(self, target: TargetObject, plan: TagPlan, calls: Calls) -> None:
        calls.call(
            "PutObjectTagging", lambda timeouts: self._objects.replace_tags(target, plan.tags, timeouts)
        )

    def _is_usable(
        self, snapshot: _Snapshot, target: TargetObject, before: Future[None] | None, calls: Calls
    ) -> bool:
        """Whether a snapshot is young enough to write from, once what has to be done before is done."""
        waits = before is not None and not before.done()
        if before is not None:
            before.result()
        if not self._is_old(snapshot):
            return True
        if not waits:
            # Not a failed attempt of any call; what is left of the repetitions and the time is the bound.
            calls.pause(1, _too_slow(target, self._retry_policy.max_snapshot_age))
        # Where it grew old by waiting, that happens once, and is no repetition of any call.
        return False

    def _is_old(self, snapshot: _Snapshot) -> bool:
        return self._now() - snapshot.since > self._retry_policy.max_snapshot_age

    def _now(self) -> float:
        return self._retry_policy.clock()

    def _without_writing(self, task: FinishedTask, plan: TagPlan, written_perhaps: bool) -> _Ending:
        uri, namespace = task.target.uri, self._scheme.namespace
        if plan.status is Status.SUPERSEDED:
            reason = f"The tag {namespace} of {uri} names a newer task: {plan.tags[namespace]}"
            return Outcome(plan.status, tags=plan.tags, reason=reason), False
        if plan.status is Status.TAG_LIMIT:
            reason = f"{uri} has {len(plan.tags)} tags of its own, which is all that OSS allows."
            return Outcome(plan.status, tags=plan.tags, reason=reason), False
        # The answer to our write was lost, not the write.
        status = Status.TAGGED if written_perhaps else plan.status
        return Outcome(status, tags=plan.tags, dropped=plan.dropped), written_perhaps


def _stale(task: FinishedTask, written: datetime, tags: TagSet) -> Outcome:
    reason = (
        f"{task.target.uri} was written at {_utc(written)}, after the task had started at "
        f"{_utc(task.start)}. Either it was uploaded again, and the labels are of an older upload; or it "
        "was only rewritten in place (copied onto itself, for new metadata, another storage class or "
        "encryption), which changes its Last-Modified too."
    )
    return Outcome(Status.STALE, tags=tags, reason=reason)


def _too_slow(target: TargetObject, seconds: float) -> ServiceUnavailable:
    return ServiceUnavailable(
        f"The tags of {target.uri} were not written: each time, what OSS had said of it was more than "
        f"{seconds:g} seconds old by then. OSS answers too slowly, or the function has too little CPU. "
        "A retry may help."
    )


def _tags_refused(target: TargetObject, refusal: TagsRefused) -> ServiceRejected:
    return ServiceRejected(
        f"OSS does not accept the tags of {target.uri}: {refusal}. Our own tags keep to OSS's documented "
        "alphabet, so look at the object's other tags; before they are changed a retry does not help.",
        code="InvalidTag",
    )


def _utc(moment: datetime) -> str:
    return moment.astimezone(timezone.utc).isoformat().replace("+00:00", "Z")
