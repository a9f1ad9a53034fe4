"""The settings of the function that keeps failed events."""

from __future__ import annotations

import pytest

from imm_label_tags.environment import Endpoint
from imm_label_tags.errors import InvalidSetting
from imm_label_tags.failures.keeper import FailedSettings, read_failed_settings
from imm_label_tags.results.target import ObjectPrefix


def test_all_settings() -> None:
    environment = {
        "FAILED_EVENTS": "oss://records/a/b",
        "OSS_ENDPOINT": "http://127.0.0.1:1",
        "LOG_LEVEL": "DEBUG",
    }
    assert read_failed_settings(environment) == FailedSettings(
        ObjectPrefix("records", "a/b"), Endpoint("http", "127.0.0.1:1"), "DEBUG"
    )


def test_only_the_place_has_no_default() -> None:
    environment = {"FAILED_EVENTS": "oss://records/failed", "OSS_ENDPOINT": "", "LOG_LEVEL": " "}
    assert read_failed_settings(environment) == FailedSettings(
        ObjectPrefix("records", "failed"), None, "INFO"
    )


@pytest.mark.parametrize(
    "text",
    ["oss://records/failed/", "oss://records//failed//", " oss://records/failed ", "oss://records/failed"],
)
def test_slashes_and_spaces_around_a_place_do_not_matter(text: str) -> None:
    place = read_failed_settings({"FAILED_EVENTS": text}).failed_events
    assert place == ObjectPrefix("records", "failed")
    assert place.uri == "oss://records/failed"


@pytest.mark.parametrize("prefix", ["失败/事件", "a.b-c_d=e+f", "x" * 512, "...", "a/..b"])
def test_prefixes(prefix: str) -> None:
    place = read_failed_settings({"FAILED_EVENTS": f"oss://records/{prefix}"}).failed_events
    assert place.prefix == prefix


@pytest.mark.parametrize(
    "text",
    [
        "",
        "records/failed",
        "s3://records/failed",
        "oss:///failed",
        "oss://records",
        "oss://records/",
        "oss://records///",
        "oss://Records/failed",
        "oss://re.cords/failed",
        "oss://r/failed",
        "oss://records/a//b",
        "oss://records/./a",
        "oss://records/a/..",
        "oss://records/a b",
        "oss://records/a\u3000b",
        "oss://records/a\nb",
        "oss://records/a\0",
        "oss://records/a\ud800",
        "oss://records/*",
        "oss://records/a?",
        "oss://records/${x}",
        'oss://records/"',
        "oss://records/a\\b",
        "oss://records/" + "x" * 513,
        "oss://records/" + "失" * 171,
    ],
)
def test_places_that_are_none(text: str) -> None:
    with pytest.raises(InvalidSetting) as caught:
        read_failed_settings({"FAILED_EVENTS": text})
    assert caught.value.variable == "FAILED_EVENTS"
    assert "must be oss://bucket/prefix" in str(caught.value)


@pytest.mark.parametrize(("name", "value"), [("LOG_LEVEL", "LOUD"), ("OSS_ENDPOINT", "ftp://x")])
def test_the_others_are_those_of_tagging(name: str, value: str) -> None:
    with pytest.raises(InvalidSetting) as caught:
        read_failed_settings({"FAILED_EVENTS": "oss://records/failed", name: value})
    assert caught.value.variable == name
