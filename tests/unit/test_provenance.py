"""The tag that says which task of each kind an object's tags come from."""

from __future__ import annotations

from datetime import datetime, timedelta, timezone

import pytest
from hypothesis import given
from hypothesis import strategies as st

from imm_label_tags.tags.charset import is_legal
from imm_label_tags.tags.provenance import Provenance, Provenances, room_for_entry

START = datetime(2021, 12, 24, 3, 0, 38, 892462, tzinfo=timezone.utc)


def test_the_entry_of_labels_has_no_name_and_stands_first() -> None:
    # Given a task of labels and one of another kind
    labels, verdict = Provenance.of_task(START, "Labels-1"), Provenance.of_task(START, "Verdict-1")

    # When both have tagged an object, in either order
    tags = {
        str(Provenances({}).replace("", labels).replace("verdict", verdict)),
        str(Provenances({}).replace("verdict", verdict).replace("", labels)),
    }

    # Then the tag is the same
    assert tags == {"2021-12-24T03:00:38.892Z/Labels-1 verdict=2021-12-24T03:00:38.892Z/Verdict-1"}


def test_each_kind_finds_its_own_task() -> None:
    read = Provenances.parse(
        "2021-12-24T03:00:38.892Z/Labels-1 nonsense verdict=2022-01-01T00:00:00.000Z/Verdict-1"
    )
    assert read.of("") == Provenance.of_task(START, "Labels-1")
    assert read.of("verdict") == Provenance.of_task(datetime(2022, 1, 1, tzinfo=timezone.utc), "Verdict-1")
    assert read.of("another") is None


@pytest.mark.parametrize("value", ["", "x", "9999-99-99T00:00:00.000Z/x", "2021-12-24T03:00:38.892Z/", "=/"])
def test_what_is_no_entry_counts_as_absent(value: str) -> None:
    assert str(Provenances.parse(value)) == ""


def test_what_a_tag_cannot_hold_and_white_space_in_an_id_become_hyphens() -> None:
    assert Provenance.of_task(START, "标签 1").task_id == "--1"


@given(
    st.lists(
        st.tuples(
            st.sampled_from(["", "verdict", "scene"]),
            st.integers(0, 10**9).map(lambda seconds: START + timedelta(seconds=seconds)),
            st.text(min_size=1, max_size=300),
        ),
        max_size=6,
    )
)
def test_the_tag_is_legal_and_reads_back_as_what_was_written(tasks: list[tuple[str, datetime, str]]) -> None:
    written = Provenances({})
    for kind, start, task_id in tasks:
        task = Provenance.of_task(start, task_id, room_for_entry(kind, 3))
        written = written.replace(kind, task)
        assert Provenances.parse(str(written)).of(kind) == task
    assert is_legal(str(written))
    assert len(str(written)) <= 256
    assert str(Provenances.parse(str(written))) == str(written)
