"""docs/FAULTS.md says what the tests show."""

from __future__ import annotations

import re
from collections.abc import Iterator

from proof.faults.document import PAGE, page
from proof.faults.fault_case import EVERY, EVERY_TO_IMM, OSS, Call, Group
from proof.faults.faults import FAULTS
from proof.faults.table import SUBMISSION_TABLE, TABLE


def lines(group: Group) -> list[list[str]]:
    """The cells of the lines under a heading."""
    section = page().split(f"## {group.value}\n")[1].split("\n## ")[0]
    rows = [line for line in section.splitlines() if line.startswith("| ")]
    return [[cell.strip() for cell in row.strip("|").split("|")] for row in rows[1:]]


def combinations(group: Group) -> Iterator[tuple[str, Call]]:
    """Each fault and call that a heading's lines are about."""
    some = {"any": EVERY, "any to IMM": EVERY_TO_IMM, "any to OSS": OSS}
    for titles, calls, *_ in lines(group):
        listed = {Call(name) for name in re.findall(r"`(\w+)`", calls)}
        if calls.startswith("any but"):
            listed = set(Call) - listed
        for title in titles.split("; "):
            yield from ((title, call) for call in listed or some[calls])


def test_the_page_is_what_the_table_says() -> None:
    assert PAGE.read_text("utf-8") == page(), "run: python -m proof.faults.document"


def test_every_combination_is_on_exactly_one_line_under_its_heading() -> None:
    for group in Group:
        # HeadObject ends in the same way in both functions.
        rows = (row for row in (*TABLE, *SUBMISSION_TABLE) if row.fault.group is group)
        expected = {(row.fault.title, row.call) for row in rows}
        assert expected
        assert sorted(combinations(group)) == sorted(expected)


def test_every_line_is_complete() -> None:
    for group in Group:
        for cells in lines(group):
            assert len(cells) == 6
            assert all(cells)


def test_faults_can_be_told_from_each_other() -> None:
    assert len({case.name for case in FAULTS}) == len({case.title for case in FAULTS}) == len(FAULTS)
