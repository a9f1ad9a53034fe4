"""The members of a JSON object as they are written."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from imm_label_tags.failures.json_members import Member, read_members

VALUES = st.recursive(
    st.none() | st.booleans() | st.integers(-(10**20), 10**20) | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
    max_leaves=8,
)


def test_values_and_their_texts() -> None:
    assert read_members(' { "a" : 1.50 ,\n"\\u0062":[ 1, {} ],"a":"\\u00e9"\t}\r\n') == (
        Member("a", 1.5, "1.50"),
        Member("b", [1, {}], "[ 1, {} ]"),
        Member("a", "é", '"\\u00e9"'),
    )


def test_a_member_is_written_as_it_was() -> None:
    (member,) = read_members('{"k\\"ey": [1.0,  2]}')
    assert member.text == '"k\\"ey":[1.0,  2]'


@pytest.mark.parametrize("text", ["{}", " {\n} "])
def test_no_members(text: str) -> None:
    assert read_members(text) == ()


def test_numbers_that_nobody_works_out() -> None:
    long = "9" * 1_000_000
    members = read_members(f'{{"a": {long}, "b": 0.{long}, "c": 1e{long}, "d": -12}}')
    assert [member.value for member in members] == [None, None, None, -12]
    assert members[0].source == long


@pytest.mark.parametrize(
    "text",
    [
        "",
        "[]",
        "x",
        "{",
        "{}}",
        "{} {}",
        '{"a"}',
        '{"a":}',
        '{"a":1',
        '{"a":1,}',
        '{"a":1 "b":2}',
        "{a:1}",
        "{1:1}",
        '{"a":NaN}',
        '{"a":Infinity}',
        '{"a":-Infinity}',
        '{"a":"\n"}',
        '{"a":"\\x"}',
        '{"a":\u00a01}',
    ],
)
def test_what_is_no_object(text: str) -> None:
    with pytest.raises(ValueError, match=r".*"):
        read_members(text)


def test_what_is_too_deep() -> None:
    with pytest.raises(RecursionError):
        read_members('{"a":' + "[" * 100_000)


@settings(suppress_health_check=[HealthCheck.too_slow])
@given(
    value=st.dictionaries(st.text(), VALUES),
    indent=st.sampled_from([None, 0, 3]),
    ascii_only=st.booleans(),
)
def test_every_object_is_read_as_json_reads_it(
    value: dict[str, Any], indent: int | None, ascii_only: bool
) -> None:
    text = json.dumps(value, indent=indent, ensure_ascii=ascii_only)
    members = read_members(text)
    assert {member.key: member.value for member in members} == value
    assert all(member.source in text for member in members)
    assert json.loads("{" + ",".join(member.text for member in members) + "}") == value
