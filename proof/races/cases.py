"""The races whose figures stand in docs/RACES.md."""

from __future__ import annotations

from proof.races.figures import Figures, count, courses
from proof.races.scenario import (
    ONE_TASK,
    ONE_TASK_TWICE,
    TWO_TASKS,
    Look,
    Other,
    Scenario,
    Together,
    Trouble,
)
from proof.races.scheduler import Workers

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
        for who in TWO_TASKS
        for trouble in Trouble
    ),
)


def figures() -> dict[Scenario, Figures]:
    """The figures of all these races."""
    with Workers() as workers:
        return {
            scenario: count(scenario, courses(scenario, workers))
            for scenario in (*SCHEDULES, *SECOND_LOOK, *LOST_ANSWERS)
        }
