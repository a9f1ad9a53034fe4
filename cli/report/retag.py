"""Writes again what differs from today's settings: a plan on disk, then the function's own way of tagging."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass, field
from tempfile import TemporaryFile
from typing import IO

from cli.cloud.calls import LASTING, CallFailed
from cli.cloud.ends import end_of_run
from cli.report.objects import PATIENCE, Objects, calls_about, side_by_side
from cli.report.reading import Unread
from cli.report.standing import Judge, Standing
from imm_label_tags.errors import TaggingError
from imm_label_tags.results.outcome import Status
from imm_label_tags.results.target import TargetObject
from imm_label_tags.tagging.object_tagger import FinishedTask, ObjectTagger
from imm_label_tags.tagging.settings import Settings

# So many changes are shown before the question.
SHOWN = 5
# What leaves an object as today's settings want it.
_DONE = (Status.TAGGED, Status.UNCHANGED)


class Plan:
    """The objects to tag again, each with the archive of its task's result, in a file."""

    def __init__(self, file: IO[str]) -> None:
        self._file = file
        self._count = 0
        self.shown: list[Standing] = []

    def __len__(self) -> int:
        return self._count

    def __iter__(self) -> Iterator[tuple[TargetObject, TargetObject]]:
        """Object and archive of each; nothing may be added meanwhile."""
        self._file.seek(0)
        for line in self._file:
            target, place = json.loads(line)
            yield TargetObject(*target), TargetObject(*place)

    def add(self, standing: Standing, place: TargetObject) -> None:
        """Plan an object that differs."""
        self._file.write(json.dumps([standing.target, place]) + "\n")
        self._count += 1
        if len(self.shown) < SHOWN:
            self.shown.append(standing)


@contextmanager
def new_plan() -> Iterator[Plan]:
    """An empty plan, in a file that is gone afterwards."""
    with TemporaryFile("w+", encoding="utf-8") as file:
        yield Plan(file)


@dataclass
class Retagged:
    """How it ended: outcomes by their name, and what failed."""

    outcomes: Counter[str] = field(default_factory=Counter)
    failures: list[Unread] = field(default_factory=list)
    failed: int = 0
    retryable: int = 0

    @property
    def complete(self) -> bool:
        """Whether every object is as today's settings want it."""
        return not self.failed and not set(self.outcomes) - {status.value for status in _DONE}


class Retagger:
    """Tags objects from the archived results of their tasks, as a notification would."""

    def __init__(self, objects: Objects, judge: Judge, settings: Settings) -> None:
        self._objects = objects
        self._heads = ThreadPoolExecutor(objects.threads, thread_name_prefix="head")
        self._tagger = ObjectTagger(
            objects.tagged,
            judge.scheme,
            settings.stale_objects,
            settings.second_look_seconds,
            self._heads,
            PATIENCE,
        )

    def run(self, plan: Plan) -> Retagged:
        """Tag every object of a plan. Raises Problem where no other could be tagged either."""
        state = Retagged()
        executor = ThreadPoolExecutor(self._objects.threads, thread_name_prefix="tagger")
        try:
            for end in side_by_side(self._tag, plan, executor, 2 * self._objects.threads):
                if isinstance(end, Unread):
                    state.failed += 1
                    state.retryable += end.retryable
                    if len(state.failures) < SHOWN:
                        state.failures.append(end)
                else:
                    state.outcomes[end] += 1
            return state
        finally:
            executor.shutdown(wait=False, cancel_futures=True)
            self._heads.shutdown(wait=False, cancel_futures=True)

    def _tag(self, item: tuple[TargetObject, TargetObject]) -> str | Unread:
        target, place = item
        try:
            answer = self._objects.archived(place)
            if answer is None or answer.start is None:
                said = f"The archived result {place.uri} has been removed or changed since it was compared."
                return Unread(target, "ArchiveGone", said, retryable=False)
            task = FinishedTask(target, answer.task_id, answer.start, answer.labels)
            return self._tagger.tag(task, calls_about(target)).status.value
        except TaggingError as error:
            ending = end_of_run(error)
            if ending is not None:
                raise ending from None
            return Unread(target, type(error).__name__, str(error), error.retryable)
        except CallFailed as failure:
            if failure.obstacle in LASTING:
                raise
            return Unread(target, failure.code or "NoAnswer", str(failure), retryable=True)
