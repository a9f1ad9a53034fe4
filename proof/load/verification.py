"""Reads every object and judges its tags against those that it must have."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable
from dataclasses import dataclass, field
from enum import Enum

from proof.load.scenario import PlannedObject, PlannedTask, Tag, foreign_tags

_EXAMPLES = 5

TagReader = Callable[[str], tuple[Tag, ...]]


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


@dataclass(frozen=True)
class Example:
    """An object that is not as it should be."""

    key: str
    condition: Condition
    expected: tuple[Tag, ...]
    found: tuple[Tag, ...]


@dataclass
class Verification:
    """How many objects are in which condition, and some of those that are not right."""

    conditions: dict[Condition, int] = field(default_factory=lambda: dict.fromkeys(Condition, 0))
    examples: list[Example] = field(default_factory=list)

    def add(self, target: PlannedObject, condition: Condition, found: tuple[Tag, ...]) -> None:
        """Count an object."""
        self.conditions[condition] += 1
        good = condition in (Condition.NEWEST, Condition.WAITING)
        if not good and len(self.examples) < _EXAMPLES:
            self.examples.append(Example(target.key, condition, final_tags(target), found))


def verify(objects: Iterable[PlannedObject], read: TagReader, kept: Collection[str]) -> Verification:
    """Read every object; ``kept`` are the ids of the tasks whose notifications wait to be replayed."""
    verification = Verification()
    for target in objects:
        found = read(target.key)
        verification.add(target, condition_of(target, found, kept), found)
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
    on_it = next((task for task in newest if target.tags_after(task) == found), None)
    if on_it is None and found != target.first_tags:
        return Condition.WRONG
    return Condition.WAITING if _all_kept(_newer(newest, on_it), kept) else Condition.OLDER


def _newer(newest_first: list[PlannedTask], task: PlannedTask | None) -> list[PlannedTask]:
    return newest_first if task is None else newest_first[: newest_first.index(task)]


def _all_kept(tasks: Iterable[PlannedTask], kept: Collection[str]) -> bool:
    return all(task.task_id in kept for task in tasks)
