"""Goes through objects and submits those that have no labels of their present version, and no task for it.

Nothing is remembered: what was done is what IMM and OSS know. A run that ended in any way is continued by the
next, which passes over what has a task or tags already.
"""

from __future__ import annotations

import threading
from collections import Counter
from collections.abc import Callable, Iterable
from concurrent.futures import FIRST_COMPLETED, Future, ThreadPoolExecutor, wait
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from cli.submission.objects import ListedObject
from cli.submission.pace import PacedTasks, Stopped
from imm_label_tags.errors import AccessDenied, InvalidSetting, TaggingError
from imm_label_tags.results.target import ObjectGone, TargetObject
from imm_label_tags.retries import Deadline, RetryBudget, RetryPolicy, Timeouts
from imm_label_tags.services.calls import Calls
from imm_label_tags.services.responses import CallTimes
from imm_label_tags.submission.outcome import SubmissionStatus
from imm_label_tags.submission.selection import ObjectHead, Selection
from imm_label_tags.submission.submitter import SubmissionTrace, Submitter
from imm_label_tags.tags.provenance import Provenances

THREADS = 8
# For all attempts at one object: ListTasks, a new task, their repetitions and pauses.
OBJECT_SECONDS = 180.0
SHOWN_FAILURES = 10
_NO_ADDRESS = "no_address"

TagsOf = Callable[[TargetObject, Timeouts], dict[str, str]]


@dataclass(frozen=True)
class Wanted:
    """Which objects: of a kind, written in a span of time, so many at most (0: all)."""

    selection: Selection
    since: datetime | None = None
    until: datetime | None = None
    limit: int = 0


@dataclass
class Summary:
    """What a run has done; ``bytes`` are those of the objects that were, or would be, submitted."""

    found: int = 0
    submitted: int = 0
    bytes: int = 0
    skipped: Counter[str] = field(default_factory=Counter)
    failed: int = 0
    retryable: bool = True
    failures: list[str] = field(default_factory=list)

    def document(self, *, dry_run: bool) -> dict[str, Any]:
        """The summary as ``--json`` prints it."""
        return {
            "found": self.found,
            "submitted": self.submitted,
            "bytes": self.bytes,
            "skipped": dict(sorted(self.skipped.items())),
            "failed": self.failed,
            "failures": self.failures,
            "dry_run": dry_run,
        }


class Backfill:
    """One run. With ``dry_run`` everything is asked, and no task created.

    ``tags_of`` reads an object's tags, ``stopped`` says whether to begin nothing more, and ``observe`` is
    told after each object.
    """

    def __init__(
        self,
        submitter: Submitter,
        tasks: PacedTasks,
        tags_of: TagsOf,
        namespace: str,
        wanted: Wanted,
        retry_policy: RetryPolicy,
        *,
        dry_run: bool,
        stopped: Callable[[], bool],
        observe: Callable[[Summary], None] = lambda summary: None,
    ) -> None:
        self._submitter = submitter
        self._tasks = tasks
        self._tags_of = tags_of
        self._namespace = namespace
        self._wanted = wanted
        self._retry_policy = retry_policy
        self._dry_run = dry_run
        self._stopped = stopped
        self._observe = observe
        self._guard = threading.Lock()
        self._ending: TaggingError | None = None
        self.summary = Summary()

    def run(self, objects: Iterable[ListedObject]) -> Summary:
        """Go through objects. Raises AccessDenied or InvalidSetting, which each further object would meet."""
        running: set[Future[None]] = set()
        with ThreadPoolExecutor(THREADS, thread_name_prefix="object") as pool:
            for each in objects:
                if self._over():
                    break
                self.summary.found += 1
                if self._passed_over(each) or each.target is None:
                    continue
                while len(running) >= THREADS:
                    _, running = wait(running, return_when=FIRST_COMPLETED)
                if self._over():
                    break
                running.add(pool.submit(self._handle, each.target, each.head))
            wait(running)
        if self._ending is not None:
            raise self._ending
        return self.summary

    def _over(self) -> bool:
        if self._stopped() or self._ending is not None:
            return True
        with self._guard:
            return bool(self._wanted.limit) and self.summary.submitted >= self._wanted.limit

    def _passed_over(self, each: ListedObject) -> bool:
        """Whether it is told by the list alone that an object is not wanted."""
        if each.target is None:
            return self._skip(_NO_ADDRESS)
        selection = self._wanted.selection
        excluded = selection.by_name(each.target) or selection.by_head(each.target, each.head)
        if excluded is not None:
            return self._skip(excluded.exclusion.value)
        since, until = self._wanted.since, self._wanted.until
        if (since and each.head.written < since) or (until and each.head.written >= until):
            return self._skip("other_time")
        return False

    def _skip(self, reason: str) -> bool:
        with self._guard:
            self.summary.skipped[reason] += 1
            self._observe(self.summary)
        return True

    def _handle(self, target: TargetObject, head: ObjectHead) -> None:
        deadline = Deadline(OBJECT_SECONDS, self._retry_policy.clock)
        calls = Calls(RetryBudget(self._retry_policy, deadline), CallTimes(), target.uri)
        try:
            if self._is_tagged(target, head, calls):
                self._skip("tagged")
                return
            # Asked before there is room for a task: most of a second run needs none.
            if self._submitter.existing_task(target, head, calls) is not None:
                self._skip(SubmissionStatus.ALREADY_SUBMITTED.value)
                return
            if self._take_one(head):
                self._submit(target, head)
        except Stopped:
            return
        except ObjectGone:
            self._skip(SubmissionStatus.OBJECT_GONE.value)
        except TaggingError as error:
            self._fail(target, error)

    def _take_one(self, head: ObjectHead) -> bool:
        """Count an object as submitted; False where there are as many as wanted."""
        with self._guard:
            if self._wanted.limit and self.summary.submitted >= self._wanted.limit:
                return False
            self.summary.submitted += 1
            self.summary.bytes += head.size
            self._observe(self.summary)
            return True

    def _submit(self, target: TargetObject, head: ObjectHead) -> None:
        if self._dry_run:
            return
        status = None
        try:
            with self._tasks.room() as room:
                # Anew, because waiting for room takes its time.
                deadline = Deadline(OBJECT_SECONDS, self._retry_policy.clock)
                status = self._submitter.submit_found(target, head, SubmissionTrace(), deadline).status
                room.used = status is SubmissionStatus.SUBMITTED
            if status is not SubmissionStatus.SUBMITTED:
                self._skip(status.value)
        finally:
            if status is not SubmissionStatus.SUBMITTED:
                with self._guard:
                    self.summary.submitted -= 1
                    self.summary.bytes -= head.size

    def _is_tagged(self, target: TargetObject, head: ObjectHead, calls: Calls) -> bool:
        """Whether the object's tags are from a task that began after the object was written."""
        tags = calls.call_with_retry("GetObjectTagging", lambda timeouts: self._tags_of(target, timeouts))
        provenance = Provenances.parse(tags.get(self._namespace, "")).of("")
        return provenance is not None and provenance.start >= head.written

    def _fail(self, target: TargetObject, error: TaggingError) -> None:
        with self._guard:
            self.summary.failed += 1
            self.summary.retryable = self.summary.retryable and error.retryable
            if len(self.summary.failures) < SHOWN_FAILURES:
                self.summary.failures.append(f"{type(error).__name__}: {error}")
            if isinstance(error, (AccessDenied, InvalidSetting)):
                self._ending = self._ending or error
            self._observe(self.summary)
