"""Who takes part in a race."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from enum import Enum


class Other(str, Enum):
    """Who else writes, once."""

    CAREFUL = "a tool that reads the tags, adds one and writes them back"
    ADDING = "a tool that adds a tag in one atomic step"
    REPLACING = "a tool that replaces all tags without reading them"
    UPLOADING = "an upload of another object in its place"


class Together(str, Enum):
    """How the notifications of a race meet."""

    TWO_INSTANCES = "in two instances"
    ONE_INSTANCE = "in one instance at the same time"
    ONE_AFTER_THE_OTHER = "one after the other"


class Look(str, Enum):
    """When the second look comes."""

    OFF = "never"
    ANY_TIME = "at any time after the write"
    LATER = "later than what was under way"


class Trouble(str, Enum):
    """What becomes of a write whose answer is never heard."""

    NOT_CARRIED_OUT = "is not carried out"
    CARRIED_OUT = "is carried out"
    LATE = "is carried out at any later time"


class Handlers(Mapping[str, str]):
    """The names of handlers and their tasks; unlike a dict it can be hashed."""

    def __init__(self, **tasks: str) -> None:
        self._tasks = tasks

    def __getitem__(self, who: str) -> str:
        return self._tasks[who]

    def __iter__(self) -> Iterator[str]:
        return iter(self._tasks)

    def __len__(self) -> int:
        return len(self._tasks)

    def __hash__(self) -> int:
        return hash(tuple(self._tasks.items()))

    def __str__(self) -> str:
        return " and ".join(self)


ONE_TASK = Handlers(function="newer")
ONE_TASK_TWICE = Handlers(first="newer", second="newer")
TWO_TASKS = Handlers(newer="newer", older="older")


@dataclass(frozen=True)
class Scenario:
    """Who takes part.

    ``handlers`` maps the name of each handler to its task, ``newer`` or ``older``; ``trouble`` names one and
    what happens to its first write.
    """

    handlers: Handlers
    other: Other | None = None
    together: Together = Together.TWO_INSTANCES
    look: Look = Look.OFF
    trouble: tuple[str, Trouble] | None = None
