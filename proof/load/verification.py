"""Reads every object and judges its tags against those that it must have."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable
from dataclasses import dataclass, field
from enum import Enum
from typing import NamedTuple

from proof.load.report import counts
from proof.load.scenario import PlannedObject, Tag, foreign_tags

_EXAMPLES = 5


class Condition(str, Enum):
    """The condition of an object.

    ``newest``: exactly the tags of its newest task and its foreign ones. ``waiting``: all that is missing is
    kept and can be replayed. ``older``: exactly the tags of a task that is not the newest, and nobody has
    the newer one. ``foreign``: tags of the owner's are not what they were. ``wrong``: anything else.
    """

    NEWEST = "newest"
    WAITING = "waiting"
    OLDER = "older"
    FOREIGN = "foreign"
    WRONG = "wrong"


class Example(NamedTuple):
    """An object that is not as it should be."""

    key: str
    condition: str
    expected: tuple[Tag, ...]
    found: tuple[Tag, ...]


@dataclass(frozen=True)
class Verification:
    """How many objects are in which condition (by its value), and some of those that are not right."""

    conditions: dict[str, int] = field(default_factory=lambda: {one.value: 0 for one in Condition})
    examples: list[Example] = field(default_factory=list)

    def __str__(self) -> str:
        return counts(self.conditions)


def verify(
    objects: Iterable[PlannedObject], read: Callable[[str], tuple[Tag, ...]], kept: Collection[str]
) -> Verification:
    """Read every object; ``kept`` are the ids of the tasks whose notifications wait to be replayed."""
    verification = Verification()
    for target in objects:
        found = read(target.key)
        condition = condition_of(target, found, kept)
        verification.conditions[condition.value] += 1
        good = condition in (Condition.NEWEST, Condition.WAITING)
        if not good and len(verification.examples) < _EXAMPLES:
            verification.examples.append(Example(target.key, condition.value, final_tags(target), found))
    return verification


def final_tags(target: PlannedObject) -> tuple[Tag, ...]:
    """The tags that an object has once everybody has been told of every task."""
    newest = target.newest_first()
    return target.tags_after(newest[0]) if newest else target.first_tags


def condition_of(target: PlannedObject, found: tuple[Tag, ...], kept: Collection[str]) -> Condition:
    """The condition of an object with these tags."""
    if foreign_tags(found) != target.foreign:
        return Condition.FOREIGN
    if found == final_tags(target):
        return Condition.NEWEST
    newest = target.newest_first()
    # The tasks that are newer than the one whose tags stand there; all of them where no task's do.
    newer = next((at for at, task in enumerate(newest) if target.tags_after(task) == found), len(newest))
    if newer == len(newest) and found != target.first_tags:
        return Condition.WRONG
    return Condition.WAITING if all(task.task_id in kept for task in newest[:newer]) else Condition.OLDER
