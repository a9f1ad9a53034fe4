"""A view as the terminal shows it: facts, labels with their clips on a line, the tag set."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from rich.console import Console
from rich.text import Text

from cli.narration import Narrator
from cli.show.answer import Clip
from cli.show.view import NO_TASK, RUNNING, LabelRow, View
from imm_label_tags.results.outcome import DropReason, Status
from imm_label_tags.text import escape_unprintable

# What the other columns of labels take, and how long a line of clips may be.
_OTHERS = 72
_SHORTEST_LINE, _LONGEST_LINE = 8, 40
_SAID = {
    Status.TAGGED.value: "the function would write these tags",
    Status.UNCHANGED.value: "the tags are as the settings want them",
    Status.SUPERSEDED.value: "nothing would be written: the tags are of a newer task",
    Status.STALE.value: "nothing would be written: the object was written after the task had started",
    Status.TAG_LIMIT.value: "nothing would be written: the object has ten tags of its own",
    Status.NOT_ALLOWED.value: "nothing would be written: ALLOWED_OBJECTS does not have the object",
    Status.OBJECT_GONE.value: "nothing would be written: the object does not exist any more",
    Status.TASK_FAILED.value: "IMM reports the task as failed",
    RUNNING: "the task has not ended yet",
    NO_TASK: "no task is known that looked for labels in this object",
}
_REASONS = {
    DropReason.CONFIDENCE: "- below the minimum",
    DropReason.LIMIT: "- no room",
    DropReason.COLLISION: "- its key is taken",
}
_UNIT = (
    "Clips are drawn from the video's beginning to the end of the last one. IMM does not document their unit."
)


def show_view(console: Console, view: View) -> None:
    """Show a view; what others have written into it is shown on one line and obeys nothing."""
    answer = view.answer
    console.print(
        Text(escape_unprintable(view.object.uri if view.object else "(no object)"), "bold"), soft_wrap=True
    )
    failure = ": ".join(filter(None, (answer.code, answer.message)))
    facts = {
        "task": answer.task_id,
        "project": answer.project,
        "started": view.start,
        "provenance": (view.before or {}).get(view.scheme.namespace, ""),
        "status": f"{view.status}: {_SAID[view.status]}" + (f" ({failure})" if failure else ""),
    }
    for name, value in facts.items():
        if value:
            text = Text.assemble((f"  {name:12}", "dim"), escape_unprintable(value))
            console.print(text, soft_wrap=True)
    console.print()
    tell = Narrator(console, indent=2)
    if view.rows:
        width = min(max(console.width - _OTHERS, _SHORTEST_LINE), _LONGEST_LINE)
        tell.table(("label", "level", "", "clips", "tag, or why not"), _rows(view.rows, width))
        if any(row.clips for row in view.rows):
            console.print(Text(f"  {_UNIT}", "dim"), soft_wrap=True)
        console.print()
    if view.before is None:
        console.print("  The object's tags were not read: it is shown as one without tags.")
    tell.change(
        {escape_unprintable(key): escape_unprintable(value) for key, value in (view.before or {}).items()},
        {escape_unprintable(key): escape_unprintable(value) for key, value in view.after.items()},
    )


def time_line(clips: Sequence[Clip], length: int, width: int) -> str:
    """Clips on a line that stands for ``length`` units of a TimeRange; every clip is at least one mark."""
    marks = ["."] * width
    for start, end in clips:
        first = min(start * width // length, width - 1) if length else 0
        last = max(first, -(-end * width // length) - 1) if length else 0
        marks[first : last + 1] = "=" * (min(last, width - 1) - first + 1)
    return "".join(marks)


def _rows(rows: Sequence[LabelRow], width: int) -> Iterable[tuple[str, ...]]:
    length = max((end for row in rows for _, end in row.clips), default=0)
    for row in rows:
        label = row.label
        names = f"{label.parent} > {label.name}" if label.parent.strip() else label.name
        names = f"{names} ({label.alias})" if label.alias.strip() else names
        yield (
            escape_unprintable(names),
            str(label.level or ""),
            f"{label.confidence:.2f}",
            time_line(row.clips, length, width),
            escape_unprintable(row.tag or (_REASONS[row.reason] if row.reason else "")),
        )
