"""The tag that says which task of each kind an object's tags come from."""

from __future__ import annotations

from datetime import datetime, timezone

import pytest
from hypothesis import given
from hypothesis import strategies as st

from imm_label_tags.tags.charset import is_legal
from imm_label_tags.tags.provenance import Provenance, room_for_entry

START = datetime(2021, 12, 24, 3, 0, 38, 892462, tzinfo=timezone.utc)
LABELS, VERDICT = Provenance.of_task(START, "标签 1"), Provenance.of_task(START, "Verdict-1")
BOTH = "2021-12-24T03:00:38.892Z/--1 verdict=2021-12-24T03:00:38.892Z/Verdict-1"


def test_the_entry_of_labels_has_no_name_and_stands_first_whichever_was_first() -> None:
    assert VERDICT.recorded(LABELS.recorded("", ""), "verdict") == BOTH
    assert LABELS.recorded(VERDICT.recorded("", "verdict"), "") == BOTH


def test_each_kind_finds_its_own_task() -> None:
    found = [Provenance.parse(f"nonsense {BOTH} more", kind) for kind in ("", "verdict", "another")]
    assert found == [LABELS, VERDICT, None]


@pytest.mark.parametrize("value", ["", "x", "9999-99-99T00:00:00.000Z/x", "2021-12-24T03:00:38.892Z/", "=/"])
def test_what_is_no_entry_counts_as_absent(value: str) -> None:
    assert Provenance.parse(value) is None


@given(
    st.lists(
        st.tuples(
            st.sampled_from(["", "verdict", "scene"]),
            st.datetimes(datetime(1, 1, 2), datetime(9999, 12, 30)),
            st.text(min_size=1, max_size=300),
        ),
        max_size=6,
    )
)
def test_the_tag_is_legal_and_reads_back_as_what_was_written(tasks: list[tuple[str, datetime, str]]) -> None:
    written = ""
    for kind, start, task_id in tasks:
        task = Provenance.of_task(start.replace(tzinfo=timezone.utc), task_id, room_for_entry(kind, 3))
        written = task.recorded(written, kind)
        assert Provenance.parse(written, kind) == task
    assert is_legal(written)
    assert len(written) <= 256
