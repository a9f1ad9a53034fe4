"""What IMM says of a task, and which object it names."""

from __future__ import annotations

import json
from datetime import datetime, timezone

import pytest

from imm_label_tags.errors import TargetUnknown
from imm_label_tags.results.labels import fraction
from imm_label_tags.results.target import TargetObject
from imm_label_tags.results.task import (
    TaskTarget,
    parse_time,
    target_of_request,
    target_of_task,
    target_of_user_data,
)


def utc(*parts: int) -> datetime:
    return datetime(*parts, tzinfo=timezone.utc)  # type: ignore[arg-type, misc]


@pytest.mark.parametrize(
    ("text", "time"),
    [
        ("2021-12-24T03:00:38.892462383Z", utc(2021, 12, 24, 3, 0, 38, 892462)),
        ("2024-08-20T07:03:07.36Z", utc(2024, 8, 20, 7, 3, 7, 360000)),
        ("2023-01-04T13:20:23.938065853+08:00", utc(2023, 1, 4, 5, 20, 23, 938065)),
        ("2021-12-24T03:00:38Z", utc(2021, 12, 24, 3, 0, 38)),
        ("2021-12-24 03:00:38", utc(2021, 12, 24, 3, 0, 38)),
        ("", None),
        ("yesterday", None),
        ("2021-13-24T03:00:38Z", None),
        ("0001-01-01T00:00:00+23:00", None),
        ("２０２１-12-24T03:00:38Z", None),
    ],
)
def test_times_are_read_with_any_number_of_fractional_digits(text: str, time: datetime | None) -> None:
    assert parse_time(text) == time


@pytest.mark.parametrize(
    "user_data",
    [
        "oss://media/videos/a.mp4",
        " oss://media/videos/a.mp4\n",
        '{"uri": "oss://media/videos/a.mp4"}',
        '{"URI": "oss://media/videos/a.mp4", "ID": 1}',
        ' {"SourceURI": "oss://media/videos/a.mp4"}',
        '{"uri": "https://example.com", "SourceURI": "oss://media/videos/a.mp4"}',
    ],
)
def test_user_data_can_name_the_object(user_data: str) -> None:
    assert target_of_user_data(user_data) == TargetObject("media", "videos/a.mp4")


@pytest.mark.parametrize(
    "user_data",
    [
        "",
        "user-1",
        "https://media/a",
        '{"ID": "user1"}',
        '["oss://media/a"]',
        '{"uri": 1}',
        '{"uri"',
        "{" * 100_000,
    ],
)
def test_user_data_that_names_no_object_is_the_users_own(user_data: str) -> None:
    assert target_of_user_data(user_data) is None


def test_the_request_of_a_task_names_its_source() -> None:
    definition = '\n{"ProjectName": "p", "SourceURI": "oss://media/视频/a b+c%20.mp4"}'
    assert target_of_request(definition) == TargetObject("media", "视频/a b+c%20.mp4")


@pytest.mark.parametrize(
    "definition", ["", " ", "null", "{}", '{"SourceURI": ""}', '{"SourceURI": null}', '{"Sources": []}']
)
def test_a_request_without_a_source_names_nothing(definition: str) -> None:
    assert target_of_request(definition) is None
    assert target_of_task(definition, "user-1") is None


@pytest.mark.parametrize(
    "definition",
    ['{"SourceURI": 3}', '{"SourceURI": ["oss://media/a"]}', "[1]", "3", '{"SourceURI"', "{" * 9999],
)
def test_a_request_that_cannot_be_read_is_no_reason_to_believe_the_user_data(definition: str) -> None:
    with pytest.raises(TargetUnknown, match="cannot be read"):
        target_of_task(definition, "oss://media/videos/a.mp4")


def test_user_data_names_the_object_where_imm_gives_no_source() -> None:
    told = target_of_task("{}", "oss://media/videos/a.mp4")
    assert told == TaskTarget(TargetObject("media", "videos/a.mp4"), named_by_imm=False)


@pytest.mark.parametrize(
    "uri",
    [
        "oss://media/../b.mp4",
        "oss://media/a/./b.mp4",
        "oss://media/a/..",
        "oss://media/",
        "oss://media",
        "oss:///a.mp4",
        "oss://Media/a.mp4",
        "oss://m/a.mp4",
        "oss://media/" + "x" * 1024,
        "oss://media/" + "汉" * 342,
        "oss://media/a\nb",
        "oss://media/a\ud800b",
        "http://media/a.mp4",
    ],
)
def test_an_object_that_cannot_be_addressed_safely_is_refused(uri: str) -> None:
    with pytest.raises(TargetUnknown):
        target_of_request(json.dumps({"SourceURI": uri}))


@pytest.mark.parametrize("key", ["a..b/c.mp4", "...", ".hidden", "a//b", "x" * 1023, "a?b#c%2F~é"])
def test_keys_that_only_look_odd_are_taken(key: str) -> None:
    assert TargetObject.from_uri(f"oss://media/{key}").uri == f"oss://media/{key}"


@pytest.mark.parametrize(
    ("value", "number"),
    [
        (1, 1.0),
        (0.95, 0.95),
        ("0.5", 0.5),
        (None, 0.0),
        ("x", 0.0),
        (-3, 0.0),
        (7, 1.0),
        (float("nan"), 0.0),
        ([], 0.0),
    ],
)
def test_a_confidence_is_a_number_from_0_to_1_whatever_imm_sends(value: object, number: float) -> None:
    assert fraction(value) == number
