"""What check-deploy says of the places where whole results and failed events are kept."""

from __future__ import annotations

import json
from typing import Any

import pytest

from cli.deployment_check.findings import Finding, Severity
from tests.deployment_check.checkout import KEEPER_PROPS, PROPS, Checkout, Mutation, both, good, put

SETTING = "environmentVariables.RESULT_ARCHIVE"
FAILED = "environmentVariables.FAILED_EVENTS"


def uploads(prefix: str = "", suffix: str = "", region: str = "cn-hangzhou") -> Mutation:
    """A function that submits what is uploaded to the bucket media."""
    trigger = {
        "triggerName": "uploads",
        "triggerType": "oss",
        "sourceArn": f"acs:oss:{region}:1234567890123456:media",
        "triggerConfig": {
            "events": ["oss:ObjectCreated:PutObject"],
            "filter": {"key": {"prefix": prefix, "suffix": suffix}},
        },
    }
    return submitting(trigger)


def submitting(trigger: Any) -> Mutation:
    props = {"functionName": "uploads", "handler": "submit_video.handler", "triggers": [trigger]}
    return put("resources.submit_video", {"component": "fc3", "props": props}, "")


@pytest.fixture(scope="module")
def checkout(tmp_path_factory: pytest.TempPathFactory) -> Checkout:
    return Checkout(tmp_path_factory.mktemp("checkout"))


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


def test_failed_events_that_fire_a_trigger_are_refused(checkout: Checkout) -> None:
    found = checkout.findings(both(put(FAILED, "oss://media/failed", KEEPER_PROPS), uploads()))

    (finding,) = [one for one in found if one.where == f"{KEEPER_PROPS}.{FAILED}"]
    assert finding.severity is Severity.ERROR
    assert "the trigger uploads fires for what is kept at oss://media/failed" in finding.what


@pytest.mark.parametrize(("suffix", "fires"), [(".json", True), (".mp4", False)])
def test_a_rule_of_eventbridge_fires_as_well(checkout: Checkout, suffix: str, fires: bool) -> None:
    pattern = {
        "source": ["acs.oss"],
        "type": ["oss:ObjectCreated:PutObject"],
        "data": {"oss": {"bucket": {"name": ["media"]}, "object": {"key": [{"suffix": suffix}]}}},
    }

    rule = {
        "triggerName": "uploads",
        "triggerType": "eventbridge",
        "triggerConfig": {
            "asyncInvocationType": True,
            "eventRuleFilterPattern": json.dumps(pattern),
            "eventSourceConfig": {"eventSourceType": "Default"},
        },
    }
    found = findings(checkout, submitting(rule), archive="oss://media/labels")
    assert ["the trigger uploads fires" in one.what for one in found] == [True] * fires


@pytest.mark.parametrize(
    ("archive", "events"),
    [
        ("oss://media/kept", "oss://media/kept"),
        ("oss://media/kept/labels", "oss://media/kept"),
        ("oss://media/kept", "oss://media/kept/failed"),
    ],
)
def test_results_and_failed_events_within_one_another(checkout: Checkout, archive: str, events: str) -> None:
    (found,) = findings(checkout, put(FAILED, events, KEEPER_PROPS), archive=archive)

    assert (found.severity, found.where) == (Severity.ERROR, f"{PROPS}.{SETTING}")
    assert f"{archive} and {events}, where failed events are kept (FAILED_EVENTS), overlap" in found.what


@pytest.mark.parametrize("events", ["oss://media/kept-too", "oss://other/kept", "oss://media/failed"])
def test_results_and_failed_events_beside_each_other(checkout: Checkout, events: str) -> None:
    assert findings(checkout, put(FAILED, events, KEEPER_PROPS), archive="oss://media/kept") == []


def test_an_archive_in_another_region_is_refused(checkout: Checkout) -> None:
    (found,) = findings(checkout, uploads("videos/", region="cn-beijing"), archive="oss://media/labels")
    assert "media is in cn-beijing, the function in cn-hangzhou" in found.what


def test_where_the_region_is_not_known_that_is_told(checkout: Checkout) -> None:
    content = good()
    put(SETTING, "oss://archive/labels")(content)
    report = checkout.check(checkout.write(content))
    assert any("whether archive is in cn-hangzhou" in said for said in report.unchecked)
