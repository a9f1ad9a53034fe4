"""Writes docs/FAULTS.md from the table: ``python -m proof.faults.document``."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from textwrap import fill

from imm_label_tags import retries as limits
from imm_label_tags.services.answer_room import MEGABYTE, AnswerRoom
from imm_label_tags.services.connections import REST_SECONDS
from proof.faults.fault_case import (
    BY_DEFAULT,
    EVERY,
    EVERY_TO_IMM,
    OSS,
    SUBMISSION,
    Call,
    FaultCase,
    Group,
)
from proof.faults.faults import FAULTS
from proof.faults.table import SUBMISSION_TABLE, TABLE, Row

_ROWS = (*TABLE, *SUBMISSION_TABLE)
PAGE = Path(__file__).parent.parent.parent / "docs" / "FAULTS.md"

_WIDTH = 110
_HEADER = "| what happens | to which call | what you see | tried | the event | what to do |"
_ROOM = AnswerRoom.of(None).size // MEGABYTE
_PAUSES = [limits.FIRST_PAUSE_SECONDS * 2**attempt for attempt in range(limits.ATTEMPTS - 1)]

_BEGINNING = f"""
# When a call fails

Look up here what happens when IMM, OSS or the network does not do what it should: what you see in the log,
how often the call is tried, what becomes of the event, and what there is for you to do.

A notification costs `tag_object` these calls: {", ".join(f"`{call.value}`" for call in BY_DEFAULT)}. With
`RESULT_ARCHIVE`, `{Call.KEEP.value}` comes to them. An upload costs `submit_video` these:
{", ".join(f"`{call.value}`" for call in SUBMISSION)}. "A notification" below is an upload's event too.

- **Repetitions.** A call is tried at most {limits.ATTEMPTS} times, and all calls of a notification together
are repeated at most {limits.RETRIES} times. Before a repetition the function waits for a random time, up to
{" seconds, then up to ".join(f"{pause:g}" for pause in _PAUSES)} seconds. Where the service says how long to
wait, it waits so long and the random time. Waiting is billed: for more than {limits.MAX_PAUSE_SECONDS:g}
seconds it does not wait, but leaves the event to Function Compute.

- **Time.** An attempt has {limits.CONNECT_SECONDS:g} seconds to resolve the name, connect and send, and
{limits.READ_SECONDS:g} seconds to be answered to the last byte, however slowly the bytes come.

- **Size.** All answers that an instance reads at one time have {_ROOM} MB where the function has 512 MB, and
1 MB for each 32 MB more. One that is larger is `AnswerTooLarge`; one that only has no room beside the others
is tried again.

- **Writes.** A write is never just sent again. Before each attempt the object is read and its tags are worked
out anew: what others have written meanwhile is kept, and a write whose answer was lost is found done. Where
OSS cannot be reached at all, the reading fails and there is no second attempt to write. The document of
`RESULT_ARCHIVE` is sent again as it is: it has the same bytes, and nobody else writes it. Tags are written
once it is there.

- **New tasks.** Each is paid for, so a new task is never just asked for again: before each attempt
`{Call.ASK.value}` is, and a task whose answer was lost is found.

- **Slow answers.** Nothing is written where the older of the two answers about the object, HeadObject's or
the tags', came more than {limits.MAX_SNAPSHOT_AGE_SECONDS:g} s ago. Both are asked for again then, which
counts as a repetition. When none is left you see `ServiceUnavailable` "OSS answers too slowly", and the event
is delivered again. If it happens often, give the function more CPU.

- **The tags of others** stay what they are, whichever fault it is. A reading that failed, or that cannot be
understood, is never followed by a write.

"What you see" is the log line's `error` (Function Compute's `errorType`) or its `status`, and words of the
message. The message also names the task or the object, and an error says whether a retry helps.
"""

_ENDING = f"""
## The time runs out

An invocation has the function's timeout less a tenth of it, of which at most {limits.MARGIN_SECONDS:g} second
is kept back. When less than {limits.SHORTEST_CALL_SECONDS:g} seconds are left of that, no call is begun any
more, above all no write. You see `ServiceUnavailable` "was not started"; the event is delivered again, and
what is left of it is done then. If it happens often, raise the function's timeout or lower the number of
notifications in a batch. What a list had no time to start is one line of the log, with the number as
`not_started`.

## Lists

Each notification of a list has repetitions of its own. `BatchFailed` names those that failed; what was done
stays done, and is `unchanged` when the list is delivered again.

## After a freeze

Connections that were closed while the instance was frozen are replaced without a failed attempt. After a rest
of more than {REST_SECONDS:g} seconds none is used again. One that died without a word costs an attempt that
is not answered; then all that were kept are given up.

## Keys

Keys are looked up for every call: those that were replaced are used at once, over the same connections.

---

This page is made from the table that the tests carry out against the local cloud: {len(FAULTS)} faults,
{len(_ROWS)} combinations of a fault and a call, each with a fault that lasts and is mended before the next
delivery, and with one that passes. `python -m proof.faults.document` writes it.
"""

_EVENT = {
    "repeated": "the call is repeated within the invocation; the event is done if that succeeds",
    "again": (
        "Function Compute delivers the event again; when the fault is over it ends in `tagged` or "
        "`submitted`, or in `unchanged` or `already_submitted` if that had been done. After the last "
        "delivery the failure destination keeps it"
    ),
    "kept": (
        "Function Compute delivers the event again in vain, and then the failure destination keeps it. "
        "Replay it when the cause is mended; for an upload run `backfill` or `submit` instead"
    ),
    "done": "the event has ended with the outcome that is named",
}


def page() -> str:
    """The whole page."""
    parts = [_wrapped(_BEGINNING), _glossary()]
    for group in Group:
        parts += [f"## {group.value}", "\n".join([_HEADER, "|---|---|---|---|---|---|", *_lines(group)])]
    return "\n\n".join([*parts, _wrapped(_ENDING)]) + "\n"


def _glossary() -> str:
    return "\n".join(
        ["| the event | meaning |", "|---|---|", *(f"| {word} | {said} |" for word, said in _EVENT.items())]
    )


def _wrapped(text: str) -> str:
    """The paragraphs of a text, and the points of its lists, in lines of one length."""
    paragraphs = (" ".join(paragraph.split()) for paragraph in text.split("\n\n"))
    filled = [
        fill(
            paragraph,
            _WIDTH,
            subsequent_indent="  " if paragraph.startswith("- ") else "",
            break_long_words=False,
            break_on_hyphens=False,
        )
        for paragraph in paragraphs
    ]
    return "\n\n".join(filled)


def _lines(group: Group) -> Iterator[str]:
    """One line for all that differs in nothing but what happens."""
    lines: dict[tuple[str, ...], list[str]] = {}
    for case in FAULTS:
        for rows in _alike(case) if case.group is group else ():
            lines.setdefault(_cells(rows), []).append(case.title)
    for cells, titles in lines.items():
        yield f"| {' | '.join(['; '.join(titles), *cells])} |"


def _alike(case: FaultCase) -> Iterable[list[Row]]:
    """The rows of a fault, those together that end in the same way."""
    rows: dict[tuple[str, int, str, int], list[Row]] = {}
    for row in _ROWS:
        if row.fault is case:
            ends = ["" if end == row.good else end for end in (row.end, row.once)]
            rows.setdefault((ends[0], row.attempts, ends[1], row.once_attempts), []).append(row)
    return rows.values()


def _cells(rows: Sequence[Row]) -> tuple[str, ...]:
    row = rows[0]
    return (
        _in_words([row.call for row in rows]),
        _seen(rows),
        "once" if row.attempts == 1 else f"{row.attempts} times",
        _event(row),
        "Nothing." if row.end == row.good else row.fault.advice,
    )


def _in_words(calls: Sequence[Call]) -> str:
    for those, words in ((EVERY, "any"), (EVERY_TO_IMM, "any to IMM"), (OSS, "any to OSS")):
        if set(calls) == set(those):
            return words
    missing = [call for call in EVERY if call not in calls]
    if len(missing) <= 2:
        return f"any but {' and '.join(f'`{call.value}`' for call in missing)}"
    return ", ".join(f"`{call.value}`" for call in EVERY if call in calls)


def _seen(rows: Sequence[Row]) -> str:
    words = dict.fromkeys(row.seen for row in rows if row.seen)
    said = " / ".join(f'"{text}"' for text in words)
    ends = dict.fromkeys(row.end for row in rows)
    return " / ".join(f"`{end}`" for end in ends) + (f" {said}" if said else "")


def _event(row: Row) -> str:
    if not row.is_error:
        return "done"
    if row.once == row.good:
        return "repeated, else again" if row.retryable else "repeated, else kept"
    return "again" if row.retryable else "kept"


if __name__ == "__main__":
    PAGE.parent.mkdir(exist_ok=True)
    PAGE.write_text(page(), "utf-8")
