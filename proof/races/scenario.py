"""Who takes part in a race, and the races whose figures stand in docs/RACES.md."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from enum import Enum


class Other(str, Enum):
    """Who else writes, once."""

    CAREFUL = "a tool that reads the tags, adds one, writes them"
    ADDING = "a tool that adds a tag in a single step"
    REPLACING = "a tool that replaces all tags"
    UPLOADING = "an upload under the same key"


class Together(str, Enum):
    """How the notifications of a race meet."""

    TWO_INSTANCES = "in two instances"
    ONE_INSTANCE = "at the same time in one instance"
    ONE_AFTER_THE_OTHER = "one after the other"


class Look(str, Enum):
    """When the second look comes."""

    OFF = "no"
    ANY_TIME = "too early, perhaps"
    LATER = "late enough"


class Trouble(str, Enum):
    """What becomes of a write whose answer is never heard."""

    NOT_CARRIED_OUT = "is not carried out"
    CARRIED_OUT = "is carried out at once"
    LATE = "is carried out at some later moment"


# The names of handlers, each with its task.
Handlers = tuple[tuple[str, str], ...]

ONE_TASK: Handlers = (("function", "newer"),)
ONE_TASK_TWICE: Handlers = (("first", "newer"), ("second", "newer"))
TWO_TASKS: Handlers = (("newer", "newer"), ("older", "older"))
THREE: Handlers = (*TWO_TASKS, ("again", "newer"))


@dataclass(frozen=True)
class Scenario:
    """Who takes part.

    Each handler has its task, ``newer`` or ``older``; ``trouble`` names one and what happens to its first
    write.
    """

    handlers: Handlers
    other: Other | None = None
    together: Together = Together.TWO_INSTANCES
    look: Look = Look.OFF
    trouble: tuple[str, Trouble] | None = None

    @property
    def tasks(self) -> list[str]:
        """The tasks of the handlers, the newest first."""
        return sorted({task for _, task in self.handlers})


# Those that write tags; an upload is a race of its own.
TOOLS = (Other.CAREFUL, Other.ADDING, Other.REPLACING)

SCHEDULES = (
    *(Scenario(ONE_TASK, other) for other in Other),
    *(Scenario(ONE_TASK_TWICE, other) for other in (None, *TOOLS)),
    *(Scenario(TWO_TASKS, other) for other in (None, *Other)),
    *(Scenario(TWO_TASKS, other, Together.ONE_INSTANCE) for other in (None, *TOOLS)),
    *(Scenario(TWO_TASKS, other, Together.ONE_AFTER_THE_OTHER) for other in (None, *TOOLS)),
)

SECOND_LOOK = (
    *(Scenario(ONE_TASK, other, look=Look.LATER) for other in Other),
    Scenario(ONE_TASK_TWICE, look=Look.LATER),
    *(Scenario(TWO_TASKS, other, look=Look.LATER) for other in (None, *TOOLS)),
    # What a look is worth that comes too early.
    Scenario(ONE_TASK, Other.CAREFUL, look=Look.ANY_TIME),
    *(Scenario(TWO_TASKS, other, look=Look.ANY_TIME) for other in (None, Other.ADDING)),
)

LOST_ANSWERS = (
    *(Scenario(ONE_TASK, Other.ADDING, trouble=("function", trouble)) for trouble in Trouble),
    *(Scenario(ONE_TASK_TWICE, trouble=("first", trouble)) for trouble in Trouble),
    *(
        Scenario(TWO_TASKS, look=look, trouble=(who, trouble))
        for look in (Look.OFF, Look.LATER)
        for who, _ in TWO_TASKS
        for trouble in Trouble
    ),
)


def larger() -> Iterator[Scenario]:
    """Races that take minutes."""
    for look in Look:
        yield Scenario(THREE, look=look)
    yield Scenario(THREE, Other.ADDING)
    for trouble in Trouble:
        for who, _ in TWO_TASKS:
            for other in TOOLS:
                yield Scenario(TWO_TASKS, other, trouble=(who, trouble))
            yield Scenario(TWO_TASKS, Other.CAREFUL, look=Look.LATER, trouble=(who, trouble))
