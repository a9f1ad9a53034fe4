"""A view as the terminal shows it: facts, labels with their clips on a line, the tag set."""

from __future__ import annotations

from collections.abc import Sequence

from rich.cells import cell_len
from rich.console import Console
from rich.table import Column

from cli.narration import UNFOLDED, Narrator, print_table, say, shortened, show_facts
from cli.show.answer import Clip
from cli.show.view import NO_TASK, RUNNING, LabelRow, View
from imm_label_tags.results.outcome import DropReason, Status
from imm_label_tags.results.task import SUCCEEDED
from imm_label_tags.text import escape_unprintable

_INDENT, _GAP = 2, 2
# How long a line of clips may be.
_SHORTEST_LINE, _LONGEST_LINE = 16, 40
# Of a terminal: so much is shown of each name.
_LONGEST_NAME = 24
_SAID = {
    Status.TAGGED.value: "the function would write these tags",
    Status.UNCHANGED.value: "nothing would be written, because the object has these tags already",
    Status.SUPERSEDED.value: "nothing would be written, because the tags are of a newer task",
    Status.STALE.value: "nothing would be written, because the object was written after the task had started",
    Status.TAG_LIMIT.value: "nothing would be written, because the object has ten tags of its own",
    Status.NOT_ALLOWED.value: "nothing would be written, because ALLOWED_OBJECTS does not have the object",
    Status.OBJECT_GONE.value: "nothing would be written, because the object does not exist any more",
    Status.TASK_FAILED.value: "IMM reports the task as failed",
    RUNNING: "the task has not ended yet",
    NO_TASK: "no task is known that looked for labels in this object",
}
SPELT = (
    "LABEL_NAMES is raw, but OSS documents ASCII tags only, and no tag of this object shows that its region "
    "takes others. So names are spelt here as the function writes them once OSS has refused the raw ones; "
    "`imm-label-tags doctor --object` tries whether it does."
)


def show_view(console: Console, view: View) -> None:
    """Show a view; what others have written into it is shown on one line and obeys nothing."""
    answer = view.answer
    say(console, view.object.uri if view.object else "(no object)", "bold")
    failure = ": ".join(filter(None, (answer.code, answer.message)))
    facts = {
        "task": answer.task_id,
        "project": answer.project,
        "started": view.start,
        "provenance": (view.before or {}).get(view.scheme.namespace, ""),
        "status": f"{view.status}: {_SAID[view.status]}" + (f" ({failure})" if failure else ""),
    }
    show_facts(console, {name: value for name, value in facts.items() if value}, 12)
    console.print()
    if view.rows:
        show_labels(console, view.rows)
        console.print()
    elif answer.status == SUCCEEDED:
        console.print("  IMM found no labels in it.\n")
    if view.spelt:
        say(console, f"  {SPELT}")
        console.print()
    if view.before is None:
        console.print("  The object's tags were not read: it is shown as one without tags.")
    Narrator(console, indent=_INDENT).change(view.before or {}, view.after)


def why_not(row: LabelRow) -> str:
    """Why a label has no tag; empty where it has one, or where no plan was made."""
    if row.reason is DropReason.COLLISION:
        return f"{row.key} is taken"
    return {DropReason.CONFIDENCE: "below the minimum", DropReason.LIMIT: "no room", None: ""}[row.reason]


def show_labels(console: Console, rows: Sequence[LabelRow]) -> None:
    """Show labels in a table: their names, their clips on a line, and the tag or why there is none."""
    length = max((end for row in rows for _, end in row.clips), default=0)
    longest = UNFOLDED if console.width >= UNFOLDED else _LONGEST_NAME
    cells = [_cells(row, longest) for row in rows]
    heads = ("label", "level", "conf.", "tag, or why not")
    widths = [max(map(cell_len, column)) for column in zip(heads, *cells, strict=True)]
    room = console.width - _INDENT - sum(widths) - len(widths) * _GAP
    width = min(max(room, _SHORTEST_LINE), _LONGEST_LINE)
    print_table(
        console,
        (*heads[:3], Column("clips", no_wrap=True), heads[3]),
        [
            (*found[:3], time_line(row.clips, length, width) if row.clips else "", found[3])
            for row, found in zip(rows, cells, strict=True)
        ],
        indent=_INDENT,
        gap=_GAP,
    )
    if length:
        said = f"Clips are drawn from 0 to {length}, where the last one ends. IMM does not document the unit."
        say(console, f"  {said}", "dim")


def _cells(row: LabelRow, longest: int) -> tuple[str, str, str, str]:
    """Names, level, confidence, and the tag or why there is none."""
    label = row.label
    name, parent, alias = (
        shortened(escape_unprintable(text), longest) for text in (label.name, label.parent, label.alias)
    )
    names = f"{parent} > {name}" if parent.strip() else name
    names = f"{names} ({alias})" if alias.strip() else names
    ending = row.tag or ("- " + why_not(row) if row.reason else "")
    return names, str(label.level or ""), f"{label.confidence:.2f}", escape_unprintable(ending)


def time_line(clips: Sequence[Clip], length: int, width: int) -> str:
    """Clips on a line that stands for ``length`` units of a TimeRange; every clip is at least one mark."""
    marks = ["."] * width
    for start, end in clips:
        first = min(start * width // length, width - 1) if length else 0
        last = max(first, -(-end * width // length) - 1) if length else 0
        marks[first : last + 1] = "=" * (min(last, width - 1) - first + 1)
    return "".join(marks)
