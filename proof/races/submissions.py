"""The race for an object's task: events of one upload, in every order of the calls that they lead to.

Each is handled by the real Submitter over a model of IMM: ListTasks shows every task that was created before.
"""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Callable
from contextlib import nullcontext
from dataclasses import dataclass
from datetime import datetime, timezone
from unittest.mock import patch

from imm_label_tags import object_locks
from imm_label_tags.errors import ServiceUnavailable
from imm_label_tags.results.target import ObjectHead, TargetObject
from imm_label_tags.results.task import SubmittedTask
from imm_label_tags.retries import Deadline, RetryPolicy, Timeouts
from imm_label_tags.services.calls import Trace
from imm_label_tags.submission.selection import Selection
from imm_label_tags.submission.submitter import Destination, Submitter
from imm_label_tags.submission.upload_event import Upload
from proof.races.scenario import Together, Trouble
from proof.races.schedules import Choose, Run, explore

NAMES = ("first", "second", "third")
VIDEO = TargetObject("media", "videos/a.mp4")
HEAD = ObjectHead("0C", 1, datetime(2026, 1, 1, tzinfo=timezone.utc))


@dataclass(frozen=True)
class SubmissionRace:
    """So many events of one upload; ``trouble`` is what becomes of the first one's first new task."""

    events: int
    together: Together = Together.TWO_INSTANCES
    trouble: Trouble | None = None


RACES = (
    SubmissionRace(2),
    SubmissionRace(2, Together.ONE_INSTANCE),
    SubmissionRace(2, Together.ONE_AFTER_THE_OTHER),
    *(SubmissionRace(1, trouble=trouble) for trouble in Trouble),
    *(SubmissionRace(2, Together.ONE_AFTER_THE_OTHER, trouble) for trouble in Trouble),
)


def tasks_created(race: SubmissionRace) -> Counter[int]:
    """How many schedules of a race end with how many tasks."""
    return Counter(explore(lambda choose: _play(race, choose)))


class _Imm:
    """IMM: each call is a step. It is also where the object is, which nobody changes."""

    def __init__(self, run: Run, trouble: Trouble | None) -> None:
        self._run = run
        self._troubles = {"first": trouble} if trouble else {}
        self.tasks: list[SubmittedTask] = []

    def head(self, target: TargetObject, timeouts: Timeouts) -> ObjectHead:
        return HEAD

    def tasks_of(
        self, project: str, target: TargetObject, version: str, timeouts: Timeouts
    ) -> tuple[SubmittedTask, ...]:
        self._run.stop("asks for tasks")
        return tuple(self.tasks)

    def create(self, project: str, target: TargetObject, version: str, topic: str, timeouts: Timeouts) -> str:
        self._run.stop("creates a task")
        trouble = self._troubles.pop(self._run.who, None)
        if trouble is Trouble.LATE:
            self._run.start(f"{self._run.who}'s lost task", self._arrive)
        elif trouble is not Trouble.NOT_CARRIED_OUT:
            self._create()
        if trouble is not None:
            raise ServiceUnavailable("No answer came.")
        return self.tasks[-1].task_id

    def _arrive(self) -> None:
        self._run.stop("arrives")
        self._create()

    def _create(self) -> None:
        self.tasks.append(SubmittedTask(f"VideoLabelClassification-{len(self.tasks)}", "Running", None))


def _play(race: SubmissionRace, choose: Choose) -> int:
    run = Run(choose)
    imm = _Imm(run, race.trouble)
    policy = RetryPolicy(sleep=lambda seconds: None, jitter=lambda: 0.0, clock=lambda: 0.0)

    def instance() -> Submitter:
        return Submitter(imm, imm, Selection(), Destination("immtest", "topic"), policy)

    shared = instance() if race.together is Together.ONE_INSTANCE else None
    busy: set[str] = set()

    def handler(submitter: Submitter) -> Callable[[], object]:
        def handle() -> object:
            if race.together is Together.ONE_AFTER_THE_OTHER:
                run.stop("begins", possible=lambda: not busy)
            busy.add(run.who)
            try:
                deadline = Deadline(math.inf, policy.clock)
                return submitter.submit(Upload((VIDEO,)), Trace(), deadline)
            finally:
                busy.discard(run.who)

        return handle

    ends = [run.start(who, handler(shared or instance())) for who in NAMES[: race.events]]
    # The events of one instance wait for each other in steps.
    with patch.object(object_locks, "Lock", run.lock) if shared else nullcontext():
        run.play()
    for end in ends:
        end.result()
    return len(imm.tasks)
