"""The rules for the function that keeps failed events, and for what leads to it."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from cli.deployment_check.findings import Severity
from tests.deployment_check.checkout import (
    KEEPER_PROPS,
    PROPS,
    Checkout,
    Mutation,
    assert_only,
    both,
    good,
    put,
    unchanged,
)

REGION, ACCOUNT = "cn-hangzhou", "1234567890123456"
TAGGING, KEEPING = "imm-label-tags", "imm-label-tags-failed"
DESTINATIONS = "asyncInvokeConfig.destinationConfig"
DESTINATION = f"{DESTINATIONS}.onFailure.destination"
PLACE = "environmentVariables.FAILED_EVENTS"
TOPIC_TRIGGER: dict[str, Any] = good()["resources"]["tag_object"]["props"]["triggers"][0]
DEPLOYABLE = {"ALIBABA_CLOUD_ACCOUNT_ID": "2" * 16, "FAILED_EVENTS": "oss://records/failed"}


def function(name: str, region: str = REGION, account: str = ACCOUNT) -> str:
    return f"acs:fc:{region}:{account}:functions/{name}"


def topic(name: str) -> str:
    return f"acs:mns:{REGION}:{ACCOUNT}:/topics/{name}/messages"


def keeper(path: str, value: Any) -> Mutation:
    """Set one value of the function that keeps."""
    return put(path, value, KEEPER_PROPS)


@pytest.fixture
def checkout(tmp_path: Path) -> Checkout:
    return Checkout(tmp_path)


def test_a_function_that_tags_is_no_destination(checkout: Checkout) -> None:
    def second(content: Any) -> None:
        copy = good()["resources"]["tag_object"]
        copy["props"].update(
            functionName="second", triggers=[{**TOPIC_TRIGGER, "sourceArn": topic("b")[:-9]}]
        )
        content["resources"]["second"] = copy

    findings = checkout.findings(both(second, put(DESTINATION, function("second"))))
    assert_only(findings, Severity.ERROR, f"{PROPS}.{DESTINATION}", "as if it were a new one")


def test_what_cannot_be_kept_must_not_come_back_by_way_of_the_other_function(checkout: Checkout) -> None:
    # Given records that go to the topic of the notifications
    findings = checkout.findings(keeper(DESTINATION, topic(TAGGING)))
    # Then it is told at both ends of the circle
    circle = [one for one in findings if "round for ever" in one.what]
    assert [one.where for one in circle] == [f"{PROPS}.{DESTINATION}", f"{KEEPER_PROPS}.{DESTINATION}"]
    assert all("leads back to this function" in one.what for one in circle)


def test_a_name_that_is_wrong_itself_is_told_once(checkout: Checkout) -> None:
    findings = checkout.findings(keeper("functionName", "9lives"))
    assert_only(findings, Severity.ERROR, f"{KEEPER_PROPS}.functionName", "1 to 64 letters")


def test_the_place_is_needed_for_a_deployment_only(checkout: Checkout) -> None:
    unset = {**DEPLOYABLE, "FAILED_EVENTS": " "}
    findings = checkout.findings(unchanged, deploying=True, **unset)
    assert_only(findings, Severity.ERROR, f"{KEEPER_PROPS}.{PLACE}", "Export FAILED_EVENTS, such as")
    assert checkout.findings(unchanged, deploying=True, **DEPLOYABLE) == []

    report = checkout.check(checkout.write(good()))
    assert report.files[0].findings == ()
    assert f"{KEEPER_PROPS}.{PLACE}: it is not set. `s deploy` will ask for it." in report.unchecked
    assert not any(
        PLACE in one for one in checkout.check(checkout.write(good()), variables=DEPLOYABLE).unchecked
    )


@pytest.mark.parametrize(
    ("allowed", "place", "found"),
    [
        ("records/*", "oss://records/failed", True),
        ("media/videos/*, records/failed*", "oss://records/failed/", True),
        ("*/*", "oss://records/failed", True),
        ("media/videos/*", "oss://media/failed", False),
        ("", "oss://media/failed", False),
    ],
)
def test_records_among_the_videos(checkout: Checkout, allowed: str, place: str, found: bool) -> None:
    findings = checkout.findings(unchanged, ALLOWED_OBJECTS=allowed, FAILED_EVENTS=place)
    if found:
        assert_only(
            findings, Severity.WARNING, f"{KEEPER_PROPS}.{PLACE}", "among the objects of imm-label-tags"
        )
    else:
        assert findings == []


def test_settings_that_cannot_be_used_are_told_by_themselves(checkout: Checkout) -> None:
    findings = checkout.findings(unchanged, ALLOWED_OBJECTS="media", FAILED_EVENTS="oss://media/failed")
    assert [one.where for one in findings] == [f"{PROPS}.environmentVariables.ALLOWED_OBJECTS"]


def test_records_are_compared_without_the_code(checkout: Checkout) -> None:
    findings = checkout.findings(
        put("code", "./none"), ALLOWED_OBJECTS="media/*", FAILED_EVENTS="oss://media/failed"
    )
    assert [one.where for one in findings] == [f"{PROPS}.code", f"{KEEPER_PROPS}.{PLACE}"]


def test_what_the_functions_share_is_told_once(checkout: Checkout) -> None:
    # Given a layer that is not built, an endpoint and a level that both functions have from the environment
    (checkout.layers / "python3.12.zip").unlink()
    findings = checkout.findings(unchanged, OSS_ENDPOINT="ftp://x", LOG_LEVEL="ALL")
    assert sorted(one.where for one in findings) == [
        f"{PROPS}.environmentVariables.LOG_LEVEL",
        f"{PROPS}.environmentVariables.OSS_ENDPOINT",
        f"{PROPS}.layers[0]",
    ]


def test_a_file_without_a_function_that_keeps(checkout: Checkout) -> None:
    # Given failed events that go to a topic, as they may
    def alone(content: Any) -> None:
        del content["resources"]["keep_failed"]
        for name in ("failed_function", "failed_role"):
            del content["vars"][name]

    letters = put(DESTINATION, topic("${vars.failed_topic}"))
    assert checkout.findings(both(alone, letters)) == []
