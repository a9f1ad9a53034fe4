"""How one video stands: whether it is tagged, by which task, and whether today's settings would say the same.

Pure: from an object's tags, its Last-Modified and, where there is one, the archived result of its task.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import datetime
from enum import Enum

from cli.show.answer import Answer
from imm_label_tags.results.outcome import Status
from imm_label_tags.results.target import TargetObject
from imm_label_tags.tagging.settings import Settings, StaleObjects
from imm_label_tags.tags.charset import MAX_TAGS
from imm_label_tags.tags.provenance import Provenance


class State(str, Enum):
    """Every video is in exactly one of these."""

    TAGGED = "tagged"
    NOT_ANALYSED = "not_analysed"
    STALE = "stale"
    FULL = "full"


@dataclass(frozen=True)
class Standing:
    """One video.

    ``task`` is None where no tag names one. ``labels`` are names of tags without the namespace, ``rules``
    such as ``content=advert``. ``differs`` says whether today's settings lead to other tags, None where that
    is not known, and ``wanted`` then is what they lead to.
    """

    target: TargetObject
    written: datetime
    tags: Mapping[str, str]
    state: State
    task: Provenance | None
    labels: tuple[str, ...]
    rules: tuple[str, ...]
    differs: bool | None = None
    wanted: Mapping[str, str] | None = None


class Judge:
    """Judges by the function's settings."""

    def __init__(self, settings: Settings) -> None:
        self.scheme = settings.scheme()
        self._rules = self.scheme.rules.names
        self._stale_are_tagged = settings.stale_objects is StaleObjects.TAG

    def standing(self, target: TargetObject, written: datetime, tags: Mapping[str, str]) -> Standing:
        """How an object stands by its tags alone."""
        namespace = self.scheme.namespace
        ours = {key: value for key, value in tags.items() if self.scheme.owns(key)}
        task = Provenance.parse(ours.pop(namespace, ""))
        named = [(key[len(namespace) + 1 :], value) for key, value in ours.items()]
        return Standing(
            target=target,
            written=written,
            tags=tags,
            state=_state(written, tags, task, ours),
            task=task,
            labels=tuple(name for name, _ in named if name not in self._rules),
            rules=tuple(f"{name}={value}" for name, value in named if name in self._rules),
        )

    def can_differ(self, standing: Standing) -> bool:
        """Whether the function would write an object's tags anew from the result of its task."""
        if standing.task is None:
            return False
        return standing.state is State.TAGGED or (self._stale_are_tagged and standing.state is State.STALE)

    def compared(self, standing: Standing, answer: Answer) -> Standing:
        """The same, compared with what the result of its task leads to today."""
        if answer.start is None:
            return standing
        task = Provenance.of_task(answer.start, answer.task_id)
        if task != standing.task:
            return standing
        plan = self.scheme.plan(standing.tags, task, answer.labels)
        differs = plan.status is Status.TAGGED
        return replace(standing, differs=differs, wanted=plan.tags if differs else None)


def _state(
    written: datetime, tags: Mapping[str, str], task: Provenance | None, ours: Mapping[str, str]
) -> State:
    if task is not None:
        # As the function compares an object with its task.
        return State.STALE if written > task.start else State.TAGGED
    if ours:
        # The only place that others left has the best label, and no task.
        return State.TAGGED
    return State.FULL if len(tags) >= MAX_TAGS else State.NOT_ANALYSED
