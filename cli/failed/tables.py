"""Groups and records as a person reads them."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime

from rich.console import Console
from rich.text import Text

from cli.failed.groups import Groups
from cli.failed.messages import printable, shortened
from cli.failed.record import Kept, Record

_ANSWERS = {True: "yes", False: "no", None: "unknown"}
_MESSAGE = 120
_COUNT_WIDTH = 7
_GAP = "  "


def moment(time: datetime) -> str:
    """A time in UTC and whole seconds."""
    return time.strftime("%Y-%m-%d %H:%M:%SZ")


def records(count: int) -> str:
    """A number of records in words."""
    return f"{count:,} record{'' if count == 1 else 's'}"


def answer(retryable: bool | None) -> str:
    """Whether a retry may help."""
    return _ANSWERS[retryable]


def show_groups(console: Console, groups: Groups) -> None:
    """Each error class, the most frequent first, with the most frequent form of its messages below.

    ``retry`` says whether one may help. The columns of an error of 20 letters fit into 80.
    """
    rows = [("records", "error", "oldest (UTC)", "newest (UTC)", "retry")]
    for group in groups.by_error.values():
        rows.append(
            (
                f"{group.count:,}",
                printable(group.error),
                moment(group.oldest).rstrip("Z"),
                moment(group.newest).rstrip("Z"),
                answer(group.retryable),
            )
        )
    below = [[group.messages.most_frequent] for group in groups.by_error.values()]
    _show(console, rows, below)


def show_reasons(console: Console, groups: Groups, examples: Mapping[str, str]) -> None:
    """Why records stay: each error with the most frequent form of its messages, and one record's name."""
    rows = [("records", "error", "retry")]
    below: list[list[str]] = []
    for group in groups.by_error.values():
        rows.append((f"{group.count:,}", printable(group.error), answer(group.retryable)))
        below.append([group.messages.most_frequent, f"for example {examples[group.error]}"])
    _show(console, rows, below)


def line_of(kept: Kept) -> str:
    """One record on one line: its name, its time, its error, its tasks, its message."""
    if not isinstance(kept, Record):
        return f"{kept.listed.name}  {moment(kept.moment)}  (unreadable)  {printable(kept.reason)}"
    tasks = ", ".join(task.task_id for task in kept.tasks) or "no task"
    message = shortened(printable(kept.failed.message), _MESSAGE)
    return f"{kept.listed.name}  {moment(kept.moment)}  {kept.failed.error}  {tasks}  {message}".rstrip()


def _show(console: Console, rows: Sequence[tuple[str, ...]], below: Iterable[list[str]]) -> None:
    """Rows under their head, each but the head with lines of any length below it."""
    widths = [max(len(row[column]) for row in rows) for column in range(len(rows[0]))]
    for number, (row, lines) in enumerate(zip(rows, [[], *below], strict=True)):
        count, *others = (cell.ljust(width) for cell, width in zip(row, widths, strict=True))
        text = _GAP.join([count.strip().rjust(_COUNT_WIDTH), *others]).rstrip()
        console.print(Text(text, "bold" if number else "dim"), soft_wrap=True)
        for line in filter(None, lines):
            console.print(Text(f"{'':{_COUNT_WIDTH}}{_GAP}{line}"), soft_wrap=True)
