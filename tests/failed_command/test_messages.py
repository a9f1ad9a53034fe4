"""Messages that differ in what they are about are of one form."""

from __future__ import annotations

from datetime import datetime, timezone

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cli.failed.groups import LONGEST, Groups, form_of


@pytest.mark.parametrize(
    ("message", "form"),
    [
        (
            "OSS PutObjectTagging for oss://media/a b.mp4 failed: no (HTTP 503, request id 65A7C).",
            "OSS PutObjectTagging for oss://… … failed: no (HTTP 503, request id …).",
        ),
        ("IMM knows no task VideoLabelClassification-2f15: gone.", "IMM knows no task …: gone."),
        ("Not\n  found,\t404", "Not found, 404"),
        ("", ""),
        ("x" * 1000, "x" * (LONGEST - 1) + "…"),
    ],
)
def test_ids_times_and_objects_are_left_out(message: str, form: str) -> None:
    assert form_of(message) == form


@given(st.text(max_size=400))
def test_a_form_is_one_short_line_that_can_be_printed(message: str) -> None:
    form = form_of(message)
    assert len(form) <= LONGEST
    assert form.isprintable()


def test_of_very_many_forms_the_frequent_one_is_found_in_little_memory() -> None:
    # Given a form that makes up a third of many
    groups, now = Groups(), datetime.now(timezone.utc)
    for number in range(3_000):
        word = "".join(chr(ord("a") + int(digit)) for digit in str(number))
        groups.add("Throttled", now, None, "frequent" if number % 3 == 0 else f"rare {word}")
    (group,) = groups.greatest_first
    assert group.message == "frequent"
    assert len(group.forms) <= 500
