"""Records, and what has become of them, as a person and as a program reads them."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any

from rich.console import Console

from cli.failed.groups import UNREADABLE, Group, Groups, beginning
from cli.failed.replaying import End, Tally
from cli.failed.store import Kept, Record, Store, items_of
from cli.narration import say, show_facts, utc, utc_seconds
from imm_label_tags.events.imm_message import IgnoredEvent, TaskNotification

_ANSWERS = {True: "yes", False: "no", None: "unknown"}
_MESSAGE = 120
_COUNT_WIDTH = 7
_GAP = "  "
# JSON in texts in JSON; no event is nested deeper that means anything.
_DEEPEST = 8


# For a person


def show_groups(console: Console, groups: Groups) -> None:
    """Each error class, the most frequent first, with the most frequent form of its messages below.

    ``retry`` says whether one may help. The columns of an error of 20 letters fit into 80.
    """
    heads = ("records", "error", "oldest (UTC)", "newest (UTC)", "retry")

    def row(group: Group) -> tuple[str, ...]:
        times = (utc_seconds(moment).rstrip("Z") for moment in (group.oldest, group.newest))
        return f"{group.count:,}", beginning(group.error, _MESSAGE), *times, _ANSWERS[group.retryable]

    _show(console, heads, [(row(group), [group.message]) for group in groups.greatest_first])


def show_reasons(console: Console, groups: Groups, examples: Mapping[str, str]) -> None:
    """Why records stay: each error with the most frequent form of its messages, and one record's name."""

    def row(group: Group) -> tuple[str, ...]:
        return f"{group.count:,}", beginning(group.error, _MESSAGE), _ANSWERS[group.retryable]

    rows = [
        (row(group), [group.message, f"for example {examples[group.error]}"])
        for group in groups.greatest_first
    ]
    _show(console, ("records", "error", "retry"), rows)


def _show(
    console: Console, heads: tuple[str, ...], rows: Sequence[tuple[tuple[str, ...], list[str]]]
) -> None:
    """Rows under their heads, each with lines of any length below it."""
    widths = [max(map(len, column)) for column in zip(heads, *(row for row, _ in rows), strict=True)]
    for style, row, lines in [("dim", heads, []), *(("bold", *row) for row in rows)]:
        count, *others = (cell.ljust(width) for cell, width in zip(row, widths, strict=True))
        say(console, _GAP.join([count.strip().rjust(_COUNT_WIDTH), *others]).rstrip(), style)
        for line in filter(None, lines):
            say(console, f"{'':{_COUNT_WIDTH}}{_GAP}{line}")


def line_of(kept: Kept) -> str:
    """One record on one line: its name, its time, its error, its tasks, its message."""
    if not isinstance(kept, Record):
        return f"{kept.listed.name}  {utc_seconds(kept.moment)}  {UNREADABLE}  {kept.reason}"
    tasks = ", ".join(task.task_id for task in kept.tasks) or "no task"
    message = beginning(kept.failed.message, _MESSAGE)
    return f"{kept.listed.name}  {utc_seconds(kept.moment)}  {kept.failed.error}  {tasks}  {message}".rstrip()


def show_record(console: Console, store: Store, record: Record) -> None:
    """Everything about a record, and its event."""
    listed, failed = record.listed, record.failed
    head = listed.head
    say(console, store.uri(listed.name), "bold")
    facts = {
        "kept": f"{utc_seconds(head.written)}, {head.size:,} bytes, version {head.etag}",
        "request id": failed.request_id,
        "failed": utc_seconds(failed.failed_at) if failed.failed_at else "the record does not tell when",
        "function": failed.function,
        "condition": failed.condition,
        "attempts": "unknown" if failed.attempts is None else str(failed.attempts),
        "error": failed.error,
        "a retry may help": _ANSWERS[failed.retryable],
        "message": failed.message,
    }
    show_facts(console, facts, 18)
    console.print(f"\nThe event, {len(failed.event):,} bytes:", style="bold")
    for item in items_of(failed.event):
        if isinstance(item, TaskNotification):
            say(console, f"  task {item.task_id} of project {item.project_name}")
        elif isinstance(item, IgnoredEvent):
            say(console, f"  not about a video label task: {item.reason}")
        else:
            say(console, f"  not understood: {item}")
    console.print()
    event = _opened_event(failed.event)
    text = event if isinstance(event, str) else json.dumps(event, indent=2, ensure_ascii=False)
    for line in text.splitlines():
        say(console, f"  {line}", "cyan")


# For programs


def groups_document(store: Store, groups: Groups) -> str:
    """The document of ``list --json``."""
    by_error = {group.error: group for group in groups.greatest_first}
    unreadable = by_error.pop(UNREADABLE, None)
    content = {
        "from": store.place.uri,
        "records": groups.count,
        "errors": [
            {"error": group.error, "retryable": group.retryable, **_counted(group)}
            for group in by_error.values()
        ],
        "unreadable": None if unreadable is None else _counted(unreadable),
    }
    return json.dumps(content, indent=2)


def write_records(store: Store, kept: Iterable[Kept], write: Callable[[str], None]) -> None:
    """Write the document of ``list --records --json`` as it comes about."""
    write(f'{{"from": {json.dumps(store.place.uri)}, "records": [')
    separator = "\n"
    for each in kept:
        write(f"{separator}{json.dumps(_record(store, each))}")
        separator = ",\n"
    write("\n]}\n")


def record_document(store: Store, record: Record) -> str:
    """The document of ``show --json``: the same, and the event with the JSON in its texts opened."""
    document = {**_record(store, record), "event": _opened_event(record.failed.event)}
    return json.dumps(document, indent=2, ensure_ascii=False)


def ends_document(
    store: Store, matching: int, left_out: Mapping[str, int], tally: Tally, *, dry_run: bool
) -> str:
    """The document of ``replay --json`` and ``drop --json``: what has become of the records."""
    content = {
        "from": store.place.uri,
        "records": matching,
        "left_out": dict(left_out),
        "removed": tally.ends[End.REMOVED],
        "gone": tally.ends[End.GONE],
        "stay": tally.ends[End.STAYS],
        "outcomes": dict(tally.statuses),
        "errors": [
            {
                "error": group.error,
                "retryable": group.retryable,
                "count": group.count,
                "message": group.message,
            }
            for group in tally.stayed.greatest_first
        ],
        "dry_run": dry_run,
    }
    return json.dumps(content, indent=2)


def _counted(group: Group) -> dict[str, Any]:
    return {
        "count": group.count,
        "oldest": utc(group.oldest),
        "newest": utc(group.newest),
        "message": group.message,
    }


def _record(store: Store, kept: Kept) -> dict[str, Any]:
    name, head = kept.listed
    place = {"name": name, "uri": store.uri(name), "kept_at": utc(head.written)}
    if not isinstance(kept, Record):
        return {**place, "readable": False, "reason": kept.reason}
    failed = kept.failed
    return {
        **place,
        "readable": True,
        "request_id": failed.request_id,
        "failed_at": utc(failed.failed_at) or None,
        "function": failed.function,
        "condition": failed.condition,
        "attempts": failed.attempts,
        "error": failed.error,
        "message": failed.message,
        "retryable": failed.retryable,
        "tasks": [{"project": task.project_name, "task": task.task_id} for task in kept.tasks],
    }


def _opened_event(event: bytes) -> Any:
    """An event with the JSON in its texts opened; text as it is where it is not JSON."""
    return _opened(event.decode("utf-8", "backslashreplace"), 0)


def _opened(value: Any, depth: int) -> Any:
    if depth > _DEEPEST:
        return value
    if isinstance(value, dict):
        return {key: _opened(member, depth + 1) for key, member in value.items()}
    if isinstance(value, list):
        return [_opened(member, depth + 1) for member in value]
    if isinstance(value, str) and value.lstrip()[:1] in ("{", "["):
        try:
            return _opened(json.loads(value), depth + 1)
        except (ValueError, RecursionError):
            return value
    return value
