"""The tables of docs/RACES.md; ``python -m proof.races.document`` writes them there."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from pathlib import Path

from proof.page import table, write_blocks
from proof.races import submissions
from proof.races.cases import LOST_ANSWERS, SCHEDULES, SECOND_LOOK, figures
from proof.races.end_states import End, Labels, Others
from proof.races.figures import Figures
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
from proof.races.submissions import SubmissionRace

DOCUMENT = Path(__file__).parent.parent.parent / "docs" / "RACES.md"

_HANDLERS = {
    ONE_TASK: "one notification",
    ONE_TASK_TWICE: "one notification, delivered twice",
    TWO_TASKS: "two tasks of one object",
}
_TOGETHER = {
    Together.TWO_INSTANCES: "",
    Together.ONE_INSTANCE: ", at the same time in one instance",
    Together.ONE_AFTER_THE_OTHER: ", one after the other",
}
_OTHERS = {
    None: "nobody",
    Other.CAREFUL: "a tool that reads the tags, adds one, writes them",
    Other.ADDING: "a tool that adds a tag in a single step",
    Other.REPLACING: "a tool that replaces all tags",
    Other.UPLOADING: "an upload under the same key",
}
_LOOKS = {Look.ANY_TIME: "too early, perhaps", Look.LATER: "late enough"}
_TROUBLES = {
    Trouble.NOT_CARRIED_OUT: "is not carried out",
    Trouble.CARRIED_OUT: "is carried out at once",
    Trouble.LATE: "is carried out at some later moment",
}
_ENDS = {
    Labels.OLDER_TASK: "The older task's labels stand",
    Labels.NONE: "No labels stand",
    Labels.OLDER_UPLOAD: "Labels of an older upload stand",
}
_FIGURES = ("schedules", "right", "older task's labels", "no labels", "labels of an older upload", "undone")


def main() -> None:
    """Write the tables into the document."""
    write_blocks(DOCUMENT, {**blocks(figures()), "submissions": submissions_block(submissions.figures())})


def blocks(found: Mapping[Scenario, Figures]) -> dict[str, str]:
    """All tables that follow from the figures."""
    return {
        "schedules": table(
            ("handled", "who else writes, once", *_FIGURES),
            ((_handled(case), _OTHERS[case.other], *_row(found[case])) for case in SCHEDULES),
        ),
        "examples": _examples(found),
        "second look": table(
            ("handled", "who else writes, once", "the look comes", *_FIGURES),
            (
                (_handled(case), _OTHERS[case.other], _LOOKS[case.look], *_row(found[case]))
                for case in SECOND_LOOK
            ),
        ),
        "lost answers": table(
            ("handled", "who else writes, once", "the write without an answer", "second look", *_FIGURES),
            (_lost_answer(case, found[case]) for case in LOST_ANSWERS),
        ),
        "redelivery": _redelivery(found),
        "totals": _totals(found),
    }


def submissions_block(found: Mapping[SubmissionRace, Counter[int]]) -> str:
    """The race for a task."""
    return table(
        (
            "the upload's events are handled",
            "the first new task, its answer lost",
            "schedules",
            "one task",
            "two",
        ),
        (
            (
                "once" if race.events == 1 else f"twice, {race.together.value}",
                _TROUBLES[race.trouble] if race.trouble else "",
                sum(tasks.values()),
                tasks[1],
                tasks[2],
            )
            for race, tasks in found.items()
        ),
    )


def _handled(case: Scenario) -> str:
    return _HANDLERS[case.handlers] + _TOGETHER[case.together]


def _row(found: Figures) -> tuple[int, ...]:
    labels = (found.labels(kind) for kind in (Labels.OLDER_TASK, Labels.NONE, Labels.OLDER_UPLOAD))
    return (found.schedules, found.right, *labels, found.others(Others.UNDONE))


def _examples(found: Mapping[Scenario, Figures]) -> str:
    """One of the shortest schedules for each bad end, in the first case that has it."""
    lines: dict[End, str] = {}
    for case in SCHEDULES:
        for end, example in sorted(found[case].examples.items(), key=lambda item: item[1]):
            if not end.right and end not in lines:
                lines[end] = f"- {_end_in_words(end)}: `{example}`\n"
    return "".join(lines.values())


def _end_in_words(end: End) -> str:
    if end.labels is Labels.RIGHT:
        return "The other's change is undone"
    undone = ", and the other's change is undone" if end.others is Others.UNDONE else ""
    return _ENDS[end.labels] + undone


def _lost_answer(case: Scenario, found: Figures) -> tuple[object, ...]:
    assert case.trouble is not None
    who, trouble = case.trouble
    whose = f"the {who} task's" if case.handlers == TWO_TASKS else "the first"
    look = "no" if case.look is Look.OFF else "late enough"
    return (_handled(case), _OTHERS[case.other], f"{whose} {_TROUBLES[trouble]}", look, *_row(found))


def _redelivery(found: Mapping[Scenario, Figures]) -> str:
    cases = [case for case in SCHEDULES if case.handlers == TWO_TASKS and found[case].wrong]
    orders = list(found[cases[0]].repaired)
    return table(
        ("handled", "who else writes, once", "wrong labels", *(", then ".join(order) for order in orders)),
        (
            (
                _handled(case),
                _OTHERS[case.other],
                found[case].wrong,
                *(found[case].repaired[order] for order in orders),
            )
            for case in cases
        ),
    )


def _totals(found: Mapping[Scenario, Figures]) -> str:
    schedules = sum(figures.schedules for figures in found.values())
    forgetful = sum(figures.forgetful for figures in found.values())
    mixed = sum(figures.labels(Labels.MIXED) + figures.others(Others.MIXED) for figures in found.values())
    return table(
        ("in all tables", "schedules"),
        (
            ("run", schedules),
            ("with a mixture of two tasks' labels, or of tags of others that nobody wrote so", mixed),
            ("with a tag of others lost, changed or moved that was there when the function read", forgetful),
        ),
    )


if __name__ == "__main__":
    main()
