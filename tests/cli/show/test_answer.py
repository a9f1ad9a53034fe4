"""IMM's answer as an archive keeps it."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cli.show.answer import Answer, NotAnAnswer
from tests.cli.show.films import STARTED, TARGET, TASK
from tests.cli.world import label, result


def test_an_archive_is_read_with_the_object_and_the_clips() -> None:
    labels = [label("椅子", 0.95, (5, 9), (1, 3)), label("椅子", 0.5, (1, 3), (10, 12)), label("  ")]

    answer = Answer.parse(json.dumps(result(labels)).encode())

    assert (answer.task_id, answer.project, answer.source_uri) == (TASK, "immtest", TARGET.uri)
    assert answer.start is not None and answer.start.replace(microsecond=892000) == STARTED
    assert [each.name for each in answer.labels] == ["椅子", "椅子"]
    # A label that is given twice has the clips of both.
    assert answer.clips["椅子"] == ((1, 3), (5, 9), (10, 12))


@pytest.mark.parametrize(
    "clips",
    [
        None,
        [{"TimeRange": None}],
        [{}],
        [{"TimeRange": [5, 1]}],
        [{"TimeRange": [-1, 1]}],
        [{"TimeRange": ["0", 1]}],
    ],
)
def test_clips_that_mean_nothing_are_left_out(clips: Any) -> None:
    answer = Answer.read(result([label("a", Clips=clips)]))

    assert [each.name for each in answer.labels] == ["a"]
    assert answer.clips["a"] == ()


@pytest.mark.parametrize(
    ("content", "why"),
    [
        (b"\xff", "not JSON"),
        (b"[" * 100_000, "not JSON"),
        (b"[]", "no JSON object"),
        (b"{}", "no TaskId"),
        (json.dumps(result([], TaskType="ImageLabel")).encode(), "ImageLabel"),
        (json.dumps(result([], StartTime="yesterday")).encode(), "StartTime"),
        (json.dumps({**result([]), "Labels": ["椅子"]}).encode(), "Labels"),
        (json.dumps({**result([]), "Labels": 5}).encode(), "Labels"),
    ],
)
def test_what_is_no_answer_is_refused_in_words(content: bytes, why: str) -> None:
    with pytest.raises(NotAnAnswer, match=why):
        Answer.parse(content)


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
    max_leaves=8,
)


@given(st.fixed_dictionaries({"Labels": JSON, "StartTime": JSON, "SourceURI": JSON, "Code": JSON}))
def test_any_content_is_read_or_refused(content: dict[str, Any]) -> None:
    try:
        answer = Answer.read({**result([]), **content})
    except NotAnAnswer:
        return
    assert all(each.name for each in answer.labels)
