"""The log: how the bytes of an instance's output become lines and records, and what is kept of them."""

from __future__ import annotations

import struct

import pytest
from hypothesis import given
from hypothesis import strategies as st

from localcloud.clock import Clock
from localcloud.fc import logs
from localcloud.fc.logs import LogBook, OutputReader

MARK = struct.pack("!I", 0xEDDBAC9B)


def frame(text: str) -> bytes:
    encoded = text.encode()
    return MARK + struct.pack("!I", len(encoded)) + encoded


def read(*chunks: bytes) -> list[tuple[str, str]]:
    seen: list[tuple[str, str]] = []
    reader = OutputReader(
        lambda text: seen.append(("line", text)), lambda text: seen.append(("record", text))
    )
    for chunk in chunks:
        reader.feed(chunk)
    reader.finish()
    return seen


def test_lines_and_records_keep_their_order() -> None:
    assert read(b"one\ntwo\n" + frame("three\nlines\n") + b"four\n") == [
        ("line", "one"),
        ("line", "two"),
        ("record", "three\nlines"),
        ("line", "four"),
    ]


def test_a_record_ends_a_line_that_lacks_its_end() -> None:
    assert read(b"unfinished" + frame("record")) == [("line", "unfinished"), ("record", "record")]


def test_the_end_of_the_output_ends_the_last_line() -> None:
    assert read(b"unfinished") == [("line", "unfinished")]


def test_a_record_that_was_broken_off_is_kept_as_far_as_it_came() -> None:
    assert read(frame("a record that is broken off")[:20]) == [("line", "a record tha")]


def test_a_mark_that_starts_no_record_is_text() -> None:
    assert read(MARK + b"\xff\xff\xff\xff garbage\nline\n")[1] == ("line", "line")


@given(
    parts=st.lists(
        st.one_of(
            st.text().map(lambda text: text.encode() + b"\n"),
            st.text(max_size=20).map(frame),
            st.binary(max_size=8).map(lambda data: data.replace(b"\xed", b"") + b"\n"),
        ),
        max_size=8,
    ),
    sizes=st.lists(st.integers(1, 40), min_size=1),
)
def test_how_the_bytes_arrive_makes_no_difference(parts: list[bytes], sizes: list[int]) -> None:
    data = b"".join(parts)
    chunks: list[bytes] = []
    rest = data
    while rest:
        size = sizes[len(chunks) % len(sizes)]
        chunks.append(rest[:size])
        rest = rest[size:]
    assert read(*chunks) == read(data)


def test_lines_belong_to_a_function_and_a_request() -> None:
    book = LogBook(Clock())
    book.add("one", "c-1", "1-1", "a")
    book.add("one", "c-1", None, "b")
    book.add("two", "c-2", "1-2", "c")
    assert [line.text for line in book.lines("one")] == ["a", "b"]
    assert [line.text for line in book.lines("one", "1-1")] == ["a"]
    assert book.lines("one", "1-2") == []
    assert book.lines("one", "unknown") == []


def test_the_oldest_requests_are_forgotten_first(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(logs, "REMEMBERED_REQUESTS", 2)
    book = LogBook(Clock())
    for number in range(3):
        book.add("index", "c-1", f"1-{number}", "line")
    assert [len(book.lines("index", f"1-{number}")) for number in range(3)] == [0, 1, 1]
