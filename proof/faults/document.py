"""The tables of docs/FAULTS.md; ``python -m proof.faults.document`` writes them there."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from pathlib import Path

from proof.faults.fault_case import EVERY, EVERY_TO_IMM, OSS, Call, FaultCase, Row
from proof.faults.table import CASES, SUBMISSION_TABLE, TABLE
from proof.page import table, write_blocks

PAGE = Path(__file__).parent.parent.parent / "docs" / "FAULTS.md"

_HEAD = ("what happens", "to which call", "what you see", "tried", "the event", "what to do")


def blocks() -> dict[str, str]:
    """A table for each kind of answer."""
    return {kind: table(_HEAD, _lines(cases)) for kind, cases in CASES.items()}


def _lines(cases: Iterable[FaultCase]) -> Iterable[list[str]]:
    """One line for all that differs in nothing but what happens."""
    lines: dict[tuple[str, ...], list[str]] = {}
    for case in cases:
        for rows in _alike(case):
            lines.setdefault(_cells(rows), []).append(case.title)
    return (["; ".join(titles), *cells] for cells, titles in lines.items())


def _alike(case: FaultCase) -> Iterable[list[Row]]:
    """The rows of a fault, those together that end in the same way."""
    rows: dict[tuple[object, ...], list[Row]] = {}
    for row in (*TABLE, *SUBMISSION_TABLE):
        if row.fault is case:
            expected = row.expected
            end = (expected.end, expected.attempts, expected.once, expected.once_attempts)
            rows.setdefault(end, []).append(row)
    return rows.values()


def _cells(rows: Sequence[Row]) -> tuple[str, ...]:
    row = rows[0]
    words = " / ".join(f'"{seen}"' for seen in dict.fromkeys(row.expected.seen for row in rows) if seen)
    ends = " / ".join(f"`{end}`" for end in dict.fromkeys(row.end for row in rows))
    return (
        _in_words([row.call for row in rows]),
        f"{ends} {words}".strip(),
        "once" if row.expected.attempts == 1 else f"{row.expected.attempts} times",
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


def _event(row: Row) -> str:
    if not row.is_error:
        return "done"
    last = "again" if row.retryable else "kept"
    return f"repeated, else {last}" if row.once == row.good else last


if __name__ == "__main__":
    write_blocks(PAGE, blocks())
