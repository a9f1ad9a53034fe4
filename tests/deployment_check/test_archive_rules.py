"""What check-deploy says of the place where whole results are kept."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from cli.deployment_check.findings import Finding, Severity
from tests.deployment_check.checkout import Checkout, Mutation, both, good, put

SETTING = "environmentVariables.RESULT_ARCHIVE"


def uploads(prefix: str = "", suffix: str = "", region: str = "cn-hangzhou") -> Mutation:
    """A function that submits what is uploaded to the bucket media."""
    filtered = {"key": {"prefix": prefix, "suffix": suffix}}
    trigger = {
        "triggerName": "uploads",
        "triggerType": "oss",
        "sourceArn": f"acs:oss:{region}:1234567890123456:media",
        "triggerConfig": {"events": ["oss:ObjectCreated:PutObject"], "filter": filtered},
    }
    props = {"functionName": "uploads", "handler": "submit_video.handler", "triggers": [trigger]}

    def mutate(content: Any) -> None:
        content["resources"]["submit_video"] = {"component": "fc3", "props": props}

    return mutate


@pytest.fixture
def checkout(tmp_path: Path) -> Checkout:
    return Checkout(tmp_path)


def findings(checkout: Checkout, *mutations: Mutation, archive: str) -> list[Finding]:
    """What is said of the setting."""
    found = checkout.findings(both(put(SETTING, archive), *mutations))
    return [one for one in found if one.where.endswith(SETTING)]


@pytest.mark.parametrize(
    ("allowed", "archive"),
    [
        ("media/*", "oss://media/labels"),
        ("media/videos/", "oss://media/videos/labels"),
        ("other/x,*/labels/*", "oss://archive/labels"),
    ],
)
def test_an_archive_among_the_videos_is_refused(checkout: Checkout, allowed: str, archive: str) -> None:
    (found,) = findings(checkout, put("environmentVariables.ALLOWED_OBJECTS", allowed), archive=archive)
    assert found.severity is Severity.ERROR
    assert f"{archive} is among the objects of imm-label-tags (ALLOWED_OBJECTS)" in found.what


@pytest.mark.parametrize("allowed", ["", "media/videos/", "media/*.mp4", "archive/label"])
def test_an_archive_beside_the_videos_is_not(checkout: Checkout, allowed: str) -> None:
    mutation = put("environmentVariables.ALLOWED_OBJECTS", allowed)
    assert findings(checkout, mutation, archive="oss://media/labels") == []


@pytest.mark.parametrize(("prefix", "suffix"), [("", ""), ("la", ""), ("labels/videos/", ""), ("", ".json")])
def test_an_archive_that_fires_a_trigger_is_refused(checkout: Checkout, prefix: str, suffix: str) -> None:
    (found,) = findings(checkout, uploads(prefix, suffix), archive="oss://media/labels")
    assert found.severity is Severity.ERROR
    assert "the trigger uploads fires for what is kept at oss://media/labels" in found.what


@pytest.mark.parametrize(("prefix", "suffix"), [("videos/", ""), ("", ".mp4"), ("labels2/", "")])
def test_a_trigger_for_other_objects_is_not_in_the_way(checkout: Checkout, prefix: str, suffix: str) -> None:
    assert findings(checkout, uploads(prefix, suffix), archive="oss://media/labels") == []


def test_an_archive_in_another_region_is_refused(checkout: Checkout) -> None:
    (found,) = findings(checkout, uploads("videos/", region="cn-beijing"), archive="oss://media/labels")
    assert "media is in cn-beijing, the function in cn-hangzhou" in found.what


def test_where_the_region_is_not_known_that_is_told(checkout: Checkout) -> None:
    content = good()
    put(SETTING, "oss://archive/labels")(content)
    report = checkout.check(checkout.write(content))
    assert any("whether archive is in cn-hangzhou" in said for said in report.unchecked)
