"""Goes through objects and submits those that have no labels of their present version, and no task for it.

Nothing is remembered: what was done is what IMM and OSS know. A run that ended in any way is continued by the
next, which passes over what has a task or tags already.
"""

from __future__ import annotations

import math
import threading
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import FIRST_COMPLETED, Future, ThreadPoolExecutor, wait
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from cli.cloud.ends import PATIENT, calls_about, deadline, end_of_list, end_of_run, with_present_keys
from cli.problems import Problem
from cli.submission.account import Account
from cli.submission.objects import ListedObject, ObjectList
from cli.submission.tasks import Limits, Stopped, remembered
from imm_label_tags.errors import TaggingError
from imm_label_tags.results.target import ObjectGone, ObjectHead, TargetObject
from imm_label_tags.results.task import SubmittedTask
from imm_label_tags.services.calls import Calls, Trace
from imm_label_tags.submission.selection import Exclusion, Selection, object_version, task_of
from imm_label_tags.submission.submitter import SubmissionOutcome, SubmissionStatus, Submitter
from imm_label_tags.submission.upload_event import Upload
from imm_label_tags.tags.provenance import Provenance

THREADS = 8
SHOWN_FAILURES = 10
_NO_ADDRESS = "no_address"
_AGAIN = "and run the command again: it goes on where it ended."


@dataclass(frozen=True)
class Wanted:
    """Which objects: of a kind, written in a span of time, so many at most (0: all).

    ``retry_failed``: also those whose task IMM gave up.
    """

    selection: Selection
    since: datetime | None = None
    until: datetime | None = None
    limit: int = 0
    retry_failed: bool = False


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

    ``rate`` and ``in_flight`` limit IMM's calls a second and the tasks that run. ``stopped`` says whether to
    begin nothing more. ``ending`` is what kept the run from going on, which each further object would have
    met; None where nothing did.
    """

    def __init__(
        self,
        account: Account,
        wanted: Wanted,
        *,
        rate: float,
        in_flight: int,
        dry_run: bool,
        stopped: Callable[[], bool],
    ) -> None:
        self._account = account
        # Nobody waits for room in a run that cannot go on.
        limits = Limits(rate, in_flight, lambda: stopped() or self.ending is not None)
        self._tasks = account.tasks(limits)
        self._submitter = Submitter(
            account.videos,
            self._tasks,
            wanted.selection,
            account.destination,
            PATIENT,
            retry_failed=wanted.retry_failed,
        )
        self._wanted = wanted
        self._dry_run = dry_run
        self._stopped = stopped
        self._guard = threading.Lock()
        self._recent: Mapping[str, Sequence[SubmittedTask]] | None = None
        # Objects that are, or are about to be, submitted: as many as may be.
        self._reserved = 0
        self.ending: Problem | None = None
        self.summary = Summary()

    @property
    def in_flight(self) -> int:
        """How many tasks of the project run, as far as is known."""
        return self._tasks.running

    def run(self, objects: ObjectList) -> None:
        """Go through objects, until they end or the run is stopped or cannot go on."""
        pool = ThreadPoolExecutor(THREADS, thread_name_prefix="object")
        running: set[Future[None]] = set()
        try:
            self._read_recent_tasks()
            for each in objects:
                if self._over():
                    break
                self.summary.found += 1
                if self._passed_over(each):
                    continue
                while len(running) >= THREADS:
                    _, running = wait(running, return_when=FIRST_COMPLETED)
                if self._over():
                    break
                running.add(pool.submit(self._handle, each))
            wait(running)
        except Problem as problem:
            self.ending = self.ending or end_of_list(problem, _AGAIN)
            wait(running)
        except TaggingError as error:
            self.ending = self.ending or end_of_run(error, _AGAIN) or Problem(str(error))
        finally:
            pool.shutdown(wait=False, cancel_futures=True)

    def _read_recent_tasks(self) -> None:
        # Whoever wants a few does not wait for thousands.
        if self._wanted.limit:
            return
        # However slowly the calls may come.
        calls, tasks = calls_about("the tasks of the project", math.inf), self._tasks
        try:
            self._recent = remembered(
                lambda token: calls.call_with_retry("ListTasks", lambda timeouts: tasks.page(token, timeouts))
            )
        except Stopped:
            return

    def _over(self) -> bool:
        if self._stopped() or self.ending is not None:
            return True
        with self._guard:
            return bool(self._wanted.limit) and self._reserved >= self._wanted.limit

    def _passed_over(self, each: ListedObject) -> bool:
        """Whether it is told by the list alone that an object is not wanted."""
        if not each.names:
            return self._skip(_NO_ADDRESS)
        selection = self._wanted.selection
        excluded = selection.by_name(each.names[0]) or selection.by_head(each.names[0], each.head)
        if excluded is not None:
            return self._skip(excluded.exclusion.value)
        since, until = self._wanted.since, self._wanted.until
        if (since and each.head.written < since) or (until and each.head.written >= until):
            return self._skip("other_time")
        return False

    def _skip(self, reason: str) -> bool:
        with self._guard:
            self.summary.skipped[reason] += 1
        return True

    def _handle(self, each: ListedObject) -> None:
        try:
            with_present_keys(lambda: self._go_through(each))
        except Stopped:
            # Looked at, but nothing has been decided.
            with self._guard:
                self.summary.found -= 1
        except ObjectGone:
            self._skip(SubmissionStatus.OBJECT_GONE.value)
        except TaggingError as error:
            self._fail(f"{type(error).__name__}: {error}", error)
        except Exception as error:
            # Not one of this project's: nothing else would ever tell that the object was left out.
            self._fail(f"{each.names[0].uri}: unexpected {type(error).__name__}: {error}", None)

    def _go_through(self, each: ListedObject) -> None:
        calls = calls_about(each.names[0].uri)
        target, tags = self._present(each, calls)
        if self._are_of_the_version(tags, each.head):
            self._skip("tagged")
        # Asked before there is room for a task: most of a second run needs none.
        elif self._has_task(target, each.head, calls):
            self._skip(SubmissionStatus.ALREADY_SUBMITTED.value)
        else:
            self._submit_one(target, each)

    def _present(self, each: ListedObject, calls: Calls) -> tuple[TargetObject, Mapping[str, str]]:
        """The object that is meant, and its tags; raises ObjectGone."""
        *others, last = each.names
        for target in others:
            try:
                return target, self._tags(target, calls)
            except ObjectGone:
                continue
        return last, self._tags(last, calls)

    def _tags(self, target: TargetObject, calls: Calls) -> Mapping[str, str]:
        videos = self._account.videos
        return calls.call_with_retry("GetObjectTagging", lambda timeouts: videos.tags(target, timeouts))

    def _are_of_the_version(self, tags: Mapping[str, str], head: ObjectHead) -> bool:
        """Whether tags are from a task that began after the object was written."""
        provenance = Provenance.parse(tags.get(self._account.namespace, ""))
        return provenance is not None and provenance.start >= head.written

    def _has_task(self, target: TargetObject, head: ObjectHead, calls: Calls) -> bool:
        if self._recent is None:
            return self._submitter.existing_task(target, head, calls) is not None
        tasks = self._recent.get(object_version(target, head.etag), ())
        return task_of(tasks, head.written, failed_counts=not self._wanted.retry_failed) is not None

    def _submit_one(self, target: TargetObject, each: ListedObject) -> None:
        """Submit an object, unless as many are as were wanted."""
        with self._guard:
            if self._wanted.limit and self._reserved >= self._wanted.limit:
                self.summary.found -= 1
                return
            self._reserved += 1
        submitted = False
        try:
            submitted = self._dry_run or self._is_submitted(target, each)
        finally:
            with self._guard:
                if submitted:
                    self.summary.submitted += 1
                    self.summary.bytes += each.head.size
                else:
                    self._reserved -= 1

    def _is_submitted(self, target: TargetObject, each: ListedObject) -> bool:
        """Whether an object has a new task; counts one that has none as skipped."""
        with self._tasks.room() as room:
            status = self._submitted(target, each).status
            room.used = status is SubmissionStatus.SUBMITTED
        if room.used:
            return True
        archived = status is SubmissionStatus.IGNORED
        self._skip(Exclusion.ARCHIVED.value if archived else status.value)
        return False

    def _submitted(self, target: TargetObject, each: ListedObject) -> SubmissionOutcome:
        # A deadline of its own, because waiting for room takes its time.
        if each.past:
            return self._submitter.submit(Upload((target,)), Trace(), deadline())
        return self._submitter.submit_found(target, each.head, Trace(), deadline())

    def _fail(self, message: str, error: TaggingError | None) -> None:
        with self._guard:
            self.summary.failed += 1
            self.summary.retryable = self.summary.retryable and error is not None and error.retryable
            if len(self.summary.failures) < SHOWN_FAILURES:
                self.summary.failures.append(message)
            if error is not None and self.ending is None:
                self.ending = end_of_run(error, _AGAIN)
