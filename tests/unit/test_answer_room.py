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


def memory(megabytes: object) -> Any:
    return SimpleNamespace(function=SimpleNamespace(memory=megabytes))


@pytest.mark.parametrize(
    ("context", "megabytes"),
    [
        (memory(512), 12),
        (memory("512"), 12),
        (memory(1024), 28),
        (memory(3072), 92),
        (memory(256), 4),
        (memory(128), 1),
        (memory(0), 1),
        (memory(None), 12),
        (memory("much"), 12),
        (SimpleNamespace(), 12),
        (None, 12),
    ],
)
def test_the_room_follows_the_functions_memory(context: Any, megabytes: int) -> None:
    assert AnswerRoom.of(context).size == megabytes * MEGABYTE


def read(size: int, share: Share, **headers: str) -> bytes:
    return share.read(HTTPResponse(io.BytesIO(b"x" * size), headers=headers, preload_content=False))


def test_an_answer_within_the_room_is_read_and_its_share_given_back() -> None:
    room = AnswerRoom(1000)
    for _ in range(3):
        share = Share(room)
        assert read(1000, share) == b"x" * 1000
        share.give_back()


@pytest.mark.parametrize("headers", [{}, {"Content-Length": "1001"}], ids=["as it grows", "announced"])
def test_an_answer_that_no_room_would_hold_is_too_large(headers: dict[str, str]) -> None:
    share = Share(AnswerRoom(1000))
    with pytest.raises(TooLarge, match=r"more than 0\.0 MB"):
        read(1001, share, **headers)


def test_what_is_unpacked_counts() -> None:
    packed = gzip.compress(b"x" * 10_000_000)
    raw = HTTPResponse(io.BytesIO(packed), headers={"Content-Encoding": "gzip"}, preload_content=False)
    with pytest.raises(TooLarge):
        Share(AnswerRoom(1_000_000)).read(raw)


def test_an_answer_without_room_beside_others_may_come_later() -> None:
    room = AnswerRoom(1000)
    other = Share(room)
    read(600, other)
    share = Share(room)
    with pytest.raises(NoRoom, match="other answers"):
        read(500, share)
    share.give_back()
    other.give_back()
    read(500, share)


@given(st.lists(st.integers(0, 500), max_size=20))
def test_no_share_takes_more_than_there_is_and_all_is_given_back(sizes: list[int]) -> None:
    room = AnswerRoom(1000)
    shares = []
    taken = 0
    for size in sizes:
        share = Share(room)
        shares.append(share)
        try:
            share.take(size)
            taken += size
        except NoRoom:
            assert taken + size > 1000
    for share in shares:
        share.give_back()
    Share(room).take(1000)
