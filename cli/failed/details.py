"""Everything about one record."""

from __future__ import annotations

import json
from typing import Any

from rich.console import Console
from rich.text import Text

from cli.failed.messages import printable
from cli.failed.record import Record, described_items
from cli.failed.store import Store
from cli.failed.tables import answer, moment

# JSON in texts in JSON; no event is nested deeper that means anything.
_DEEPEST = 8


def show_record(console: Console, store: Store, record: Record) -> None:
    """Show a record and its event."""
    listed, failed = record.listed, record.failed
    event = failed.event
    console.print(Text(store.uri(listed.name), "bold"), soft_wrap=True)
    facts = {
        "kept": f"{moment(listed.kept)}, {listed.size:,} bytes, version {listed.etag}",
        "request id": failed.request_id,
        "failed": moment(failed.failed_at) if failed.failed_at else "the record does not tell when",
        "function": failed.function,
        "condition": failed.condition,
        "attempts": "unknown" if failed.attempts is None else str(failed.attempts),
        "error": failed.error,
        "a retry may help": answer(failed.retryable),
        "message": failed.message,
    }
    for name, value in facts.items():
        console.print(Text.assemble((f"  {name:18}", "dim"), printable(value)), soft_wrap=True)
    console.print(f"\nThe event, {len(event):,} bytes:", style="bold")
    for item in described_items(event):
        console.print(Text(f"  {printable(item)}"), soft_wrap=True)
    console.print()
    for line in _readable(opened_event(event)).splitlines():
        console.print(Text(f"  {printable(line)}", "cyan"), soft_wrap=True)


def opened_event(event: bytes) -> Any:
    """An event with the JSON in its texts opened; text as it is where it is not JSON."""
    return _opened(event.decode("utf-8", "backslashreplace"), 0)


def _readable(content: Any) -> str:
    return content if isinstance(content, str) else json.dumps(content, indent=2, ensure_ascii=False)


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
