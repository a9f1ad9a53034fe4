"""docs/FAULTS.md says what the tests show."""

from __future__ import annotations

import re
from collections.abc import Iterator

from imm_label_tags import retries as limits
from imm_label_tags.services.answer_room import MEGABYTE, AnswerRoom
from imm_label_tags.services.connections import REST_SECONDS
from proof.faults.document import PAGE, blocks
from proof.faults.fault_case import EVERY, EVERY_TO_IMM, OSS, Call
from proof.faults.table import SUBMISSION_TABLE, TABLE
from proof.page import with_blocks

TEXT = PAGE.read_text("utf-8")
PLAIN = " ".join(TEXT.split())


def test_its_tables_are_those_that_are_carried_out() -> None:
    assert with_blocks(TEXT, blocks()) == TEXT, "run: python -m proof.faults.document"


def combinations() -> Iterator[tuple[str, Call]]:
    """Each fault and call that the page has a line about."""
    some = {"any": EVERY, "any to IMM": EVERY_TO_IMM, "any to OSS": OSS}
    for line in "".join(blocks().values()).splitlines():
        titles, calls, *others = (cell.strip() for cell in line.strip("|").split("|"))
        assert len(others) == 4
        assert all(others)
        listed = {Call(name) for name in re.findall(r"`(\w+)`", calls)} or set(some.get(calls, ()))
        if calls.startswith("any but"):
            listed = set(Call) - listed
        yield from ((title, call) for title in titles.split("; ") for call in listed)


def test_every_combination_is_on_exactly_one_line() -> None:
    # HeadObject ends in the same way in both functions.
    expected = {(row.fault.title, row.call) for row in (*TABLE, *SUBMISSION_TABLE)}
    assert sorted(combinations()) == sorted(expected)


def test_its_limits_are_those_of_the_code() -> None:
    pauses = [limits.FIRST_PAUSE_SECONDS * 2**attempt for attempt in range(limits.ATTEMPTS - 1)]
    for words in (
        f"tried at most {limits.ATTEMPTS} times",
        f"repeated at most {limits.RETRIES} times",
        f"up to {' seconds, then up to '.join(f'{pause:g}' for pause in pauses)} seconds",
        f"for more than {limits.MAX_PAUSE_SECONDS:g} seconds it does not wait",
        f"An attempt has {limits.CONNECT_SECONDS:g} seconds to resolve the name",
        f"{limits.READ_SECONDS:g} seconds to be answered to the last byte",
        f"have {AnswerRoom.of(None).size // MEGABYTE} MB where the function has 512 MB",
        f"came more than {limits.MAX_SNAPSHOT_AGE_SECONDS:g} s ago",
        f"at most {limits.MARGIN_SECONDS:g} second is kept back",
        f"less than {limits.SHORTEST_CALL_SECONDS:g} seconds are left",
        f"a rest of more than {REST_SECONDS:g} seconds",
    ):
        assert words in PLAIN
