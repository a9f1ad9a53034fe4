"""What a command is going to do, known in full before it does anything."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from enum import Enum


class State(str, Enum):
    """What becomes of one thing."""

    PRESENT = "present"
    CREATE = "create"
    REMOVE = "remove"
    LEFT = "left as it is"
    ABSENT = "not there"
    ELSEWHERE = "not made here"
    NOT_CHECKED = "not checked"
    PROBLEM = "in the way"


@dataclass(frozen=True)
class Step:
    """One thing, what becomes of it and why; ``act`` does it, and may be done twice without harm."""

    what: str
    state: State
    detail: str = ""
    act: Callable[[], None] | None = None


class Plan:
    """Steps in the order in which they are to be done."""

    def __init__(self, steps: Iterator[Step]) -> None:
        self.steps = list(steps)

    @property
    def changes(self) -> list[Step]:
        """The steps that change something."""
        return [step for step in self.steps if step.act is not None]

    @property
    def problems(self) -> list[Step]:
        """What keeps the plan from being carried out."""
        return [step for step in self.steps if step.state is State.PROBLEM]
