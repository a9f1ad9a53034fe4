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
from proof.races.arena import Arena, Write
from proof.races.scenario import Look, Other, Scenario, Together, Trouble
from proof.races.scheduler import AtOnce, Choose, Run, Step, Threads, Workers
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
    scenario: Scenario,
    storage: Storage,
    workers: Workers,
    choose: Choose,
    *,
    thorough: bool = False,
    slow: bool = False,
) -> Course:
    """Play a race once. Raises what a handler raises.

    With ``thorough`` every call is a step to choose. Without, these are not: IMM's answers, which nobody
    changes; HeadObject where nobody uploads; the ends of pauses, after which a reading comes. With ``slow``
    an answer is old as soon as another step has come between it and the write, and is asked for again once.
    """
    run = Run(workers, choose)
    arena = Arena(storage, run, thorough)
    handlers = _Handlers(scenario, arena, run, slow)
    statuses = {who: handlers.start(who, task) for who, task in scenario.handlers.items()}
    others = [run.start(*_other(scenario.other, arena))] if scenario.other else []
    with handlers.locks():
        run.play()
    for other in others:
        other.result()
    return Course(
        steps=tuple(run.taken),
        writes=tuple(arena.writes),
        tags=storage.objects.tags(storage.target, NO_LIMITS),
        statuses={who: status.result() for who, status in statuses.items()},
    )


class _Handlers:
    """The instances of the function."""

    def __init__(self, scenario: Scenario, arena: Arena, run: Run, slow: bool) -> None:
        self._scenario = scenario
        self._arena = arena
        self._run = run
        self._slow = slow
        # A call without a step to choose needs no thread.
        threads = arena.thorough or scenario.other is Other.UPLOADING
        self._calls: Executor = Threads(run) if threads else AtOnce()
        self._clock = lambda: float(len(run.taken))
        self._retry_policy = RetryPolicy(
            # Two that keep each other waiting could go on for ever.
            retries=1 if slow else RETRIES,
            max_snapshot_age=1.0 if slow else math.inf,
            sleep=self._sleep,
            jitter=lambda: 0.0,
            clock=self._clock,
        )
        self._gate = _Gate(arena, run, scenario)
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
        return Tagger(self._gate, self._gate, options, self._calls, self._retry_policy)

    def _handle(self, tagger: Tagger, task: str) -> Status | None:
        if self._scenario.together is Together.ONE_AFTER_THE_OTHER:
            self._arena.step("begins", possible=lambda: not self._busy)
        self._busy = True
        try:
            notification = self._arena.storage.notification(task)
            return tagger.tag(notification, Trace(), Deadline(math.inf, self._clock)).status
        except ServiceUnavailable:
            if not self._slow:
                raise
            return None
        finally:
            self._busy = False
            self._arena.leave()

    def _sleep(self, seconds: float) -> None:
        self._arena.leave()
        if seconds == LOOK_SECONDS:
            later = self._scenario.look is Look.LATER
            possible = self._arena.all_written() if later else lambda: True
            self._arena.step("waits", alone=True, possible=possible)


class _Gate:
    """IMM and OSS as handlers see them: each call is a step."""

    def __init__(self, arena: Arena, run: Run, scenario: Scenario) -> None:
        self._arena = arena
        self._run = run
        self._uploads = scenario.other is Other.UPLOADING
        self._troubles = dict([scenario.trouble] if scenario.trouble else [])

    def result(self, task: TaskNotification, kind: TaskKind, timeouts: Timeouts) -> TaskResult:
        self._arena.step("asks for the result", alone=True)
        return self._arena.storage.tasks.result(task, kind, timeouts)

    def request_definition(self, task: TaskNotification, timeouts: Timeouts) -> str:
        self._arena.step("asks for the object", alone=True)
        return self._arena.storage.tasks.request_definition(task, timeouts)

    def last_modified(self, target: TargetObject, timeouts: Timeouts) -> datetime:
        self._arena.step("looks for an upload", alone=not self._uploads)
        return self._arena.storage.objects.last_modified(target, timeouts)

    def tags(self, target: TargetObject, timeouts: Timeouts) -> TagSet:
        return self._arena.read()

    def replace_tags(self, target: TargetObject, tags: TagSet, timeouts: Timeouts) -> None:
        trouble = self._troubles.pop(self._run.who, None)
        if trouble is Trouble.NOT_CARRIED_OUT:
            self._arena.write_in_vain(tags)
        elif trouble is Trouble.LATE:
            self._arena.write_late(tags)
        else:
            self._arena.write(tags)
        if trouble is not None:
            raise ServiceUnavailable("No answer came.")


def _other(kind: Other, arena: Arena) -> tuple[str, Callable[[], None]]:
    def add_carefully() -> None:
        arena.write({**arena.read(), **ADDED})

    def add() -> None:
        arena.change("adds its tag", lambda tags: {**tags, **ADDED})

    def replace() -> None:
        arena.change("replaces all tags", lambda tags: ADDED)

    def upload() -> None:
        arena.step("uploads")
        arena.storage.upload(UPLOADED_WITH)

    if kind is Other.UPLOADING:
        return "somebody", upload
    return "tool", {Other.CAREFUL: add_carefully, Other.ADDING: add, Other.REPLACING: replace}[kind]
