"""What `s` takes and fc3 deploys is at most "not checked"."""

from __future__ import annotations

from pathlib import Path

import pytest

from cli.deployment_check.findings import Severity
from tests.deployment_check.checkout import Checkout, good
from tests.deployment_check.tolerated import TOLERATED


@pytest.fixture
def checkout(tmp_path: Path) -> Checkout:
    return Checkout(tmp_path)


@pytest.mark.parametrize("kind", TOLERATED)
def test_what_serverless_devs_deploys_is_no_error(checkout: Checkout, kind: str) -> None:
    # Given a file that is unlike the project's own in one thing
    content = good()
    TOLERATED[kind](content)
    # When it is checked
    report = checkout.check(checkout.write(content))
    # Then nothing keeps it from being deployed
    assert report.count(Severity.ERROR) == 0


@pytest.mark.parametrize(
    ("kind", "named"),
    [
        ("logConfig auto", "resources.tag_object.props.logConfig: fc3 makes and names"),
        ("memory without cpu", "resources.tag_object.props.cpu: is not set"),
        ("an unknown account", "vars.account: it is ${config('AccountID')}"),
        ("a later output", "environmentVariables.TEAM: it is ${resources.keep_failed.output.functionArn}"),
        ("an unknown expression as memory", "resources.tag_object.props.memorySize: it is ${vars['memory']}"),
        ("JavaScript", "resources.tag_object.props.description: it is <%= vars.region %>"),
        ("a function in Node.js", "resources.thumbnails: its handler is 'index.handler'"),
        ("another component", "resources.website: 'oss' is no function of fc3"),
        ("operators in a pattern", "eventRuleFilterPattern: what events of acs.imm have in data"),
        ("another key at the top", "team: Serverless Devs is not known"),
        ("a code package", "resources.tag_object.props.code: the package ./package.zip"),
        ("a property that nobody knows", "resources.tag_object.props.idleTimeout: fc3 0.1.22 knows no such"),
        ("another destination", "destinationConfig.onFailure.destination: only destinations of MNS"),
        ("a keeper of elsewhere", "keeper-of-another-file is no function of this file"),
    ],
)
def test_what_is_not_checked_is_named(checkout: Checkout, kind: str, named: str) -> None:
    content = good()
    TOLERATED[kind](content)
    report = checkout.check(checkout.write(content))
    assert [one for one in report.unchecked if named in one]


def test_a_file_without_any_function_of_ours(checkout: Checkout) -> None:
    content = good()
    for resource in content["resources"].values():
        resource["props"] = {"handler": "index.handler", "anything": ["at", "all"]}
    report = checkout.check(checkout.write(content))
    assert report.count(Severity.ERROR) == 0
    handlers = "tag_object.handler, keep_failed.handler, submit_video.handler"
    assert f"s.yaml: no function in it has the handler {handlers}." in report.unchecked
