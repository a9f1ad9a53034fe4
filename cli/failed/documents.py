"""Groups and records as a program reads them: one JSON document, however many records it is about."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Mapping
from datetime import datetime
from typing import Any

from cli.failed.details import opened_event
from cli.failed.groups import UNREADABLE, Group, Groups
from cli.failed.progress import Tally
from cli.failed.record import Kept, Record
from cli.failed.store import Store
from cli.failed.work import End


def groups_document(store: Store, groups: Groups) -> str:
    """The document of ``list --json``."""
    by_error = dict(groups.by_error)
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
    document = {**_record(store, record), "event": opened_event(record.failed.event)}
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
                "message": group.messages.most_frequent,
            }
            for group in tally.stayed.by_error.values()
        ],
        "dry_run": dry_run,
    }
    return json.dumps(content, indent=2)


def _counted(group: Group) -> dict[str, Any]:
    return {
        "count": group.count,
        "oldest": _moment(group.oldest),
        "newest": _moment(group.newest),
        "message": group.messages.most_frequent,
    }


def _record(store: Store, kept: Kept) -> dict[str, Any]:
    listed = kept.listed
    place = {"name": listed.name, "uri": store.uri(listed.name), "kept_at": _moment(listed.kept)}
    if not isinstance(kept, Record):
        return {**place, "readable": False, "reason": kept.reason}
    failed = kept.failed
    return {
        **place,
        "readable": True,
        "request_id": failed.request_id,
        "failed_at": _moment(failed.failed_at) if failed.failed_at else None,
        "function": failed.function,
        "condition": failed.condition,
        "attempts": failed.attempts,
        "error": failed.error,
        "message": failed.message,
        "retryable": failed.retryable,
        "tasks": [{"project": task.project_name, "task": task.task_id} for task in kept.tasks],
    }


def _moment(time: datetime) -> str:
    return time.isoformat(timespec="milliseconds").replace("+00:00", "Z")
