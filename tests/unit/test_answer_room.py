"""How much answers may take of an instance's memory."""

from __future__ import annotations

import gzip
import io
from types import SimpleNamespace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from urllib3 import HTTPResponse

from imm_label_tags.services.answer_room import MEGABYTE, AnswerRoom, NoRoom, Share, TooLarge


@pytest.mark.parametrize(
    ("memory", "megabytes"),
    [(512, 12), ("512", 12), (3072, 92), (256, 4), (128, 1), (0, 1), (None, 12), ("much", 12)],
)
def test_the_room_follows_the_functions_memory(memory: object, megabytes: int) -> None:
    context = SimpleNamespace(function=SimpleNamespace(memory=memory))
    assert AnswerRoom.of(context).size == megabytes * MEGABYTE
    assert AnswerRoom.of(None).size == 12 * MEGABYTE


def read(share: Share, body: bytes, **headers: str) -> bytes:
    raw: Any = io.BytesIO(body)
    names = {name.replace("_", "-"): value for name, value in headers.items()}
    return share.read(HTTPResponse(raw, headers=names, preload_content=False))


@pytest.mark.parametrize(
    ("body", "headers", "said"),
    [
        (b"x" * 2_000_000, {}, "more than 1.0 MB"),
        (b"x", {"Content_Length": "52428800"}, "50.0 MB, more than 1.0 MB"),
        (gzip.compress(b"x" * 10_000_000), {"Content_Encoding": "gzip"}, "more than 1.0 MB"),
    ],
    ids=["as it grows", "announced", "unpacked"],
)
def test_an_answer_that_no_room_would_hold_is_too_large(
    body: bytes, headers: dict[str, str], said: str
) -> None:
    with pytest.raises(TooLarge, match=f"^{said}$"):
        read(Share(AnswerRoom(MEGABYTE)), body, **headers)


@given(st.lists(st.integers(0, 500), max_size=20))
def test_answers_share_the_room_and_give_it_back(sizes: list[int]) -> None:
    room = AnswerRoom(1000)
    shares = [Share(room) for _ in sizes]
    taken = 0
    for share, size in zip(shares, sizes, strict=True):
        try:
            assert read(share, b"x" * size) == b"x" * size
            taken += size
        except NoRoom:
            assert taken + size > 1000
    for share in shares:
        share.give_back()
    assert len(read(Share(room), b"x" * 1000)) == 1000
