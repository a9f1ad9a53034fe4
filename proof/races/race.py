"""One run of a race: handlers, somebody else who writes, and the order of their steps."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from concurrent.futures import Executor, Future
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass
from datetime import datetime
from unittest.mock import patch

from imm_label_tags import object_locks
from imm_label_tags.errors import ServiceUnavailable
from imm_label_tags.events.imm_message import TaskNotification
from imm_label_tags.results.outcome import Status
from imm_label_tags.results.target import TargetObject
from imm_label_tags.results.task import TaskResult
from imm_label_tags.retries import RETRIES, Deadline, RetryPolicy, Timeouts
from imm_label_tags.services.calls import Trace
from imm_label_tags.tagging.object_tagger import TaggingOptions
from imm_label_tags.tagging.settings import StaleObjects
from imm_label_tags.tagging.tagger import Tagger
from imm_label_tags.tags.naming import LabelNames, Naming
from imm_label_tags.tags.plan import TagScheme, TagSet, TaskKind
from imm_label_tags.tags.romanisation import romanise
from imm_label_tags.tags.value_template import ValueTemplate
from proof.races.scenario import Look, Other, Scenario, Together, Trouble
from proof.races.schedules import AtOnce, Choose, Run, Step, Threads
from proof.races.storage import NO_LIMITS, Storage

# What the others write; an upload brings its own tags.
ADDED = {"owner": "b"}
UPLOADED_WITH = {"camera": "c"}

LOOK_SECONDS = 1.0
SCHEME = TagScheme(
    namespace="imm",
    value=ValueTemplate("{confidence}"),
    naming=Naming(LabelNames.PINYIN, {}, romanise),
    minimum_confidence=0.5,
    label_limit=9,
)


@dataclass(frozen=True)
class Write:
    """A tag set that somebody sent off, and the one that it was made from."""

    who: str
    read: TagSet
    written: TagSet


@dataclass(frozen=True)
class Course:
    """What happened in one run.

    ``steps`` are all steps in their order; ``writes`` is what those sent off who had read before. ``tags`` is
    the object's tag set in the end, ``statuses`` how each handler's notification ended: None where it was
    left to a retry.
    """

    steps: tuple[Step, ...]
    writes: tuple[Write, ...]
    tags: TagSet
    statuses: Mapping[str, Status | None]

    @property
    def schedule(self) -> tuple[str, ...]:
        """The steps whose place makes a difference, in words."""
        return tuple(str(step) for step in self.steps if not step.silent)


def play(
    scenario: Scenario, storage: Storage, choose: Choose, *, thorough: bool = False, slow: bool = False
) -> Course:
    """Play a race once. Raises what a handler raises.

    With ``thorough`` every call is a step to choose. Without, these are not: IMM's answers, which nobody
    changes; HeadObject where nobody uploads; the ends of pauses, after which a reading comes. With ``slow``
    an answer is old as soon as another step has come between it and the write, and is asked for again once.
    """
    run = Run(choose)
    calls = _Calls(scenario, storage, run, thorough)
    handlers = _Handlers(scenario, storage, run, calls, slow)
    statuses = {who: handlers.start(who, task) for who, task in scenario.handlers}
    others = [run.start(*calls.of_the_other(scenario.other))] if scenario.other else []
    with handlers.locks():
        run.play()
    for other in others:
        other.result()
    return Course(
        steps=tuple(run.taken),
        writes=tuple(calls.writes),
        tags=storage.objects.tags(storage.target, NO_LIMITS),
        statuses={who: status.result() for who, status in statuses.items()},
    )


class _Calls:
    """IMM and OSS as the participants see them: each call is a step of the one whose thread makes it."""

    def __init__(self, scenario: Scenario, storage: Storage, run: Run, thorough: bool) -> None:
        self.writes: list[Write] = []
        self._storage = storage
        self._run = run
        self._uploads = scenario.other is Other.UPLOADING
        self._troubles = dict([scenario.trouble] if scenario.trouble else [])
        # A call without a step to choose needs no thread.
        self.executor: Executor = Threads(run) if thorough or self._uploads else AtOnce()
        self._thorough = thorough
        self._read: dict[str, TagSet] = {}
        # By participant: when it read what it is yet to write from.
        self._opened: dict[str, int] = {}

    def step(self, what: str, *, alone: bool = False, possible: Callable[[], bool] = lambda: True) -> None:
        """Wait for one's turn; ``alone`` says that the step touches nothing of another's."""
        self._run.stop(what, silent=alone and not self._thorough, possible=possible)

    def result(self, task: TaskNotification, kind: TaskKind, timeouts: Timeouts) -> TaskResult:
        self.step("asks for the result", alone=True)
        return self._storage.tasks.result(task, kind, timeouts)

    def request_definition(self, task: TaskNotification, timeouts: Timeouts) -> str:
        self.step("asks for the object", alone=True)
        return self._storage.tasks.request_definition(task, timeouts)

    def last_modified(self, target: TargetObject, timeouts: Timeouts) -> datetime:
        self.step("looks for an upload", alone=not self._uploads)
        return self._storage.objects.last_modified(target, timeouts)

    def tags(self, target: TargetObject, timeouts: Timeouts) -> TagSet:
        self.step("reads")
        self._opened[self._run.who] = len(self._run.taken)
        tags = self._read[self._run.who] = self._storage.objects.tags(target, timeouts)
        return tags

    def replace_tags(self, target: TargetObject, tags: TagSet, timeouts: Timeouts) -> None:
        who = self._run.who
        trouble = self._troubles.pop(who, None)
        self.step("writes")
        self.writes.append(Write(who, self._read[who], tags))
        if trouble in (None, Trouble.CARRIED_OUT):
            self._storage.objects.replace_tags(target, tags, timeouts)
        opened = self._opened[who]
        self.leave()
        if trouble is Trouble.LATE:
            self._write_late(f"{who}'s lost write", opened, tags)
        if trouble is not None:
            raise ServiceUnavailable("No answer came.")

    def _write_late(self, name: str, opened: int, tags: TagSet) -> None:
        self._opened[name] = opened

        def arrive() -> None:
            self.step("arrives")
            self._storage.objects.replace_tags(self._storage.target, tags, NO_LIMITS)
            self.leave()

        self._run.start(name, arrive)

    def leave(self) -> None:
        """Say that nothing more will be written from what was read."""
        self._opened.pop(self._run.who, None)

    def all_written(self) -> Callable[[], bool]:
        """Tells, later, whether everybody has written who is between a reading and its write now."""
        now = set(self._opened.values())
        return lambda: now.isdisjoint(self._opened.values())

    def of_the_other(self, kind: Other) -> tuple[str, Callable[[], None]]:
        """Who else writes, and what that one does."""
        objects, target = self._storage.objects, self._storage.target

        def add_carefully() -> None:
            self.replace_tags(target, {**self.tags(target, NO_LIMITS), **ADDED}, NO_LIMITS)

        def add() -> None:
            self.step("adds its tag")
            objects.replace_tags(target, {**objects.tags(target, NO_LIMITS), **ADDED}, NO_LIMITS)

        def replace() -> None:
            self.step("replaces all tags")
            objects.replace_tags(target, ADDED, NO_LIMITS)

        def upload() -> None:
            self.step("uploads")
            self._storage.upload(UPLOADED_WITH)

        return {
            Other.CAREFUL: ("tool", add_carefully),
            Other.ADDING: ("tool", add),
            Other.REPLACING: ("tool", replace),
            Other.UPLOADING: ("somebody", upload),
        }[kind]


class _Handlers:
    """The instances of the function."""

    def __init__(self, scenario: Scenario, storage: Storage, run: Run, calls: _Calls, slow: bool) -> None:
        self._scenario = scenario
        self._storage = storage
        self._run = run
        self._calls = calls
        self._slow = slow
        self._clock = lambda: float(len(run.taken))
        self._retry_policy = RetryPolicy(
            # Two that keep each other waiting could go on for ever.
            retries=1 if slow else RETRIES,
            max_snapshot_age=1.0 if slow else math.inf,
            sleep=self._sleep,
            jitter=lambda: 0.0,
            clock=self._clock,
        )
        self._shared = self._tagger() if scenario.together is Together.ONE_INSTANCE else None
        self._busy = False

    def start(self, who: str, task: str) -> Future[Status | None]:
        tagger = self._shared or self._tagger()
        return self._run.start(who, lambda: self._handle(tagger, task))

    def locks(self) -> AbstractContextManager[object]:
        """While these are in force, the notifications of one instance wait for each other in steps."""
        if self._shared is None:
            return nullcontext()
        return patch.object(object_locks, "Lock", self._run.lock)

    def _tagger(self) -> Tagger:
        look = 0.0 if self._scenario.look is Look.OFF else LOOK_SECONDS
        options = TaggingOptions(SCHEME, None, StaleObjects.SKIP, second_look_seconds=look)
        return Tagger(self._calls, self._calls, options, self._calls.executor, self._retry_policy)

    def _handle(self, tagger: Tagger, task: str) -> Status | None:
        if self._scenario.together is Together.ONE_AFTER_THE_OTHER:
            self._calls.step("begins", possible=lambda: not self._busy)
        self._busy = True
        try:
            notification = self._storage.notification(task)
            return tagger.tag(notification, Trace(), Deadline(math.inf, self._clock)).status
        except ServiceUnavailable:
            if not self._slow:
                raise
            return None
        finally:
            self._busy = False
            self._calls.leave()

    def _sleep(self, seconds: float) -> None:
        self._calls.leave()
        if seconds == LOOK_SECONDS:
            later = self._scenario.look is Look.LATER
            possible = self._calls.all_written() if later else lambda: True
            self._calls.step("waits", alone=True, possible=possible)
