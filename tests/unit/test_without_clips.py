"""IMM's answers lose the clips of their labels on the way in, and nothing else."""

from __future__ import annotations

import json
import tracemalloc
from collections.abc import Sequence
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from imm_label_tags.without_clips import ClipFilter

_TEXT = st.one_of(
    st.text(max_size=8),
    st.sampled_from(['"Clips":[', '\\"Clips":[', "x\\", "Clips", '"Clips": [1]', "\\", "]}"]),
)
_SCALAR = st.one_of(st.none(), st.booleans(), st.integers(), st.floats(allow_nan=False), _TEXT)
_VALUE = st.recursive(
    _SCALAR,
    lambda inner: st.one_of(
        st.lists(inner, max_size=4), st.dictionaries(st.one_of(_TEXT, st.just("Clips")), inner, max_size=4)
    ),
    max_leaves=20,
)


def without_clips(value: Any) -> Any:
    """What should be left, worked out on the parsed value."""
    if isinstance(value, list):
        return [without_clips(member) for member in value]
    if isinstance(value, dict):
        return {
            key: [] if key == "Clips" and isinstance(member, list) else without_clips(member)
            for key, member in value.items()
        }
    return value


def filtered(body: bytes, sizes: Sequence[int]) -> bytes:
    """A body that has passed through the filter in pieces of these sizes, over and over."""
    clips, kept, at, number = ClipFilter(), [], 0, 0
    while at < len(body):
        size = sizes[number % len(sizes)]
        kept.append(clips.feed(body[at : at + size]))
        at, number = at + size, number + 1
    return b"".join((*kept, clips.finish()))


@given(
    _VALUE,
    st.lists(st.integers(1, 200), min_size=1, max_size=5),
    st.sampled_from([None, 1, 4]),
    st.booleans(),
)
def test_only_arrays_under_clips_are_emptied_however_the_body_arrives(
    value: Any, sizes: list[int], indent: int | None, ascii_only: bool
) -> None:
    body = json.dumps(value, indent=indent, ensure_ascii=ascii_only).encode("utf-8", "surrogatepass")
    kept = filtered(body, sizes).decode("utf-8", "surrogatepass")
    assert json.loads(kept) == without_clips(value)


@given(_VALUE, st.integers(0, 400))
def test_a_body_without_clips_passes_byte_for_byte(value: Any, cut: int) -> None:
    body = json.dumps(value).replace("Clips", "Clip").encode()[:cut]
    assert filtered(body, [7]) == body


@pytest.mark.parametrize("end", [b'"Clips":[', b'"Clips":[{"TimeRange":[0', b'"Clips":[{"x":"half'])
def test_a_body_that_breaks_off_stays_unreadable(end: bytes) -> None:
    with pytest.raises(ValueError, match="Expecting"):
        json.loads(filtered(b'{"Labels":[{' + end, [5]))


def test_memory_does_not_depend_on_the_number_of_clips() -> None:
    # Given 20 MB of clips that arrive in pieces
    piece = b'{"TimeRange":[123456,234567]},' * 2_000
    clips = ClipFilter()
    clips.feed(b'{"Labels":[{"LabelName":"a","Clips":[')
    tracemalloc.start()
    try:
        for _ in range(320):
            clips.feed(piece)
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    # Then no more is ever held than some pieces take to be searched
    assert peak < 40 * len(piece)
    assert clips.feed(b"{}]}]}") + clips.finish() == b"]}]}"
