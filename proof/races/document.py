"""The tables of docs/RACES.md that tell what the races end in."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from pathlib import Path

from proof.page import table
from proof.races.figures import End, Figures, Labels, Others
from proof.races.scenario import (
    LOST_ANSWERS,
    ONE_TASK,
    ONE_TASK_TWICE,
    SCHEDULES,
    SECOND_LOOK,
    THREE,
    TWO_TASKS,
    Scenario,
    Together,
)
from proof.races.submissions import RACES, tasks_created

DOCUMENT = Path(__file__).parent.parent.parent / "docs" / "RACES.md"

_HANDLERS = {
    ONE_TASK: "one notification",
    ONE_TASK_TWICE: "one notification, delivered twice",
    TWO_TASKS: "two tasks of one object",
    THREE: "two tasks of one object, the newer one's notification twice",
}
_ENDS = {
    Labels.OLDER_TASK: "The older task's labels stand",
    Labels.NONE: "No labels stand",
    Labels.OLDER_UPLOAD: "Labels of an older upload stand",
}
HANDLED, OTHER, LOST, LOOK = (
    *("handled", "who else writes, once"),
    *("the write without an answer", "second look"),
)


def blocks(found: Mapping[Scenario, Figures]) -> dict[str, str]:
    """All tables of the races, by their marks."""
    return {
        "schedules": ends(found, SCHEDULES, HANDLED, OTHER),
        "examples": _examples(found),
        "second look": ends(found, SECOND_LOOK, HANDLED, OTHER, LOOK),
        "lost answers": ends(found, LOST_ANSWERS, HANDLED, OTHER, LOST, LOOK),
        "submissions": _submissions(),
    }


def ends(found: Mapping[Scenario, Figures], cases: Iterable[Scenario], *columns: str) -> str:
    """What some races end in."""
    words: Mapping[str, Callable[[Scenario], str]] = {
        HANDLED: _handled,
        OTHER: lambda case: case.other.value if case.other else "nobody",
        LOST: _lost_write,
        LOOK: lambda case: case.look.value,
    }
    bad = (Labels.OLDER_TASK, Labels.NONE, Labels.OLDER_UPLOAD)
    return table(
        (
            *(*columns, "schedules", "right"),
            *("older task's labels", "no labels", "labels of an older upload", "undone"),
        ),
        (
            (
                *(words[column](case) for column in columns),
                *(found[case].schedules, found[case].right),
                *(found[case].labels(kind) for kind in bad),
                found[case].others(Others.UNDONE),
            )
            for case in cases
        ),
    )


def _handled(case: Scenario) -> str:
    together = "" if case.together is Together.TWO_INSTANCES else f", {case.together.value}"
    return _HANDLERS[case.handlers] + together


def _lost_write(case: Scenario) -> str:
    if case.trouble is None:
        return ""
    who, trouble = case.trouble
    whose = f"the {who} task's" if len(case.tasks) > 1 else "the first"
    return f"{whose} {trouble.value}"


def _examples(found: Mapping[Scenario, Figures]) -> str:
    """One of the shortest schedules for each bad end, in the first case that has it."""
    lines: dict[End, str] = {}
    for case in SCHEDULES:
        for end, example in sorted(found[case].examples.items(), key=lambda item: item[1]):
            if not end.right:
                lines.setdefault(end, f"- {_in_words(end)}: `{example}`\n")
    return "".join(lines.values())


def _in_words(end: End) -> str:
    if end.labels is Labels.RIGHT:
        return "The other's change is undone"
    undone = ", and the other's change is undone" if end.others is Others.UNDONE else ""
    return _ENDS[end.labels] + undone


def _submissions() -> str:
    """The race for a task."""
    head = ("the upload's events are handled", "the first new task, its answer lost")
    found = {race: tasks_created(race) for race in RACES}
    return table(
        (*head, "schedules", "one task", "two"),
        (
            (
                "once" if race.events == 1 else f"twice, {race.together.value}",
                race.trouble.value if race.trouble else "",
                *(tasks.total(), tasks[1], tasks[2]),
            )
            for race, tasks in found.items()
        ),
    )
