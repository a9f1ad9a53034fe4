"""Writes again what differs from today's settings: a plan on disk, then the function's own way of tagging."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from typing import Any

from cli.bulk import ListOnDisk, side_by_side
from cli.cloud.calls import CallFailed
from cli.cloud.ends import PATIENT, Failure, calls_about, failure_of
from cli.report.reading import THREADS, Reader, Unread
from cli.report.standing import Judge, Standing
from imm_label_tags.errors import TaggingError
from imm_label_tags.results.outcome import Status
from imm_label_tags.results.target import TargetObject
from imm_label_tags.tagging.object_tagger import FinishedTask, ObjectTagger, TaggingOptions
from imm_label_tags.tagging.settings import Settings

# So many changes are shown before the question, and so many failures after it.
SHOWN = 5
# What leaves an object as today's settings want it.
_DONE = {Status.TAGGED.value, Status.UNCHANGED.value}


@dataclass
class Plan:
    """The objects to tag again, each with the archive of its task's result; the first are ``shown``."""

    objects: ListOnDisk
    shown: list[Standing] = field(default_factory=list)

    def __len__(self) -> int:
        return len(self.objects)

    def __iter__(self) -> Iterator[Any]:
        """Object and archive of each; nothing may be added meanwhile."""
        return iter(self.objects)

    def add(self, standing: Standing, place: TargetObject) -> None:
        """Plan an object that differs."""
        self.objects.add([standing.target, place])
        if len(self.shown) < SHOWN:
            self.shown.append(standing)


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
        return not self.failed and not set(self.outcomes) - _DONE


class Retagger:
    """Tags objects from the archived results of their tasks, as a notification would."""

    def __init__(self, reader: Reader, judge: Judge, settings: Settings) -> None:
        self._reader = reader
        self._heads = ThreadPoolExecutor(THREADS, thread_name_prefix="head")
        options = TaggingOptions(judge.scheme, None, settings.stale_objects, settings.second_look_seconds)
        self._tagger = ObjectTagger(reader.tagged, options, self._heads, PATIENT)

    def run(self, plan: Plan) -> Retagged:
        """Tag every object of a plan. Raises Problem where no other could be tagged either."""
        state = Retagged()
        try:
            for end in side_by_side(self._tag, plan, THREADS, 2 * THREADS):
                if isinstance(end, Unread):
                    state.failed += 1
                    state.retryable += end.failure.retryable
                    if len(state.failures) < SHOWN:
                        state.failures.append(end)
                else:
                    state.outcomes[end] += 1
            return state
        finally:
            self._heads.shutdown(wait=False, cancel_futures=True)

    def _tag(self, item: tuple[list[str], list[str]]) -> str | Unread:
        target, place = (TargetObject(*one) for one in item)
        try:
            answer = self._reader.archived(place)
            if answer is None or answer.start is None:
                said = f"The archived result {place.uri} has been removed or changed since it was compared."
                return Unread(target, Failure("ArchiveGone", said, retryable=False))
            task = FinishedTask(target, answer.task_id, answer.start, answer.labels)
            return self._tagger.tag(task, calls_about(target.uri)).status.value
        except (TaggingError, CallFailed) as error:
            return Unread(target, failure_of(error))
