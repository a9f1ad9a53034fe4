"""`imm-label-tags check-deploy` as it is typed."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from cli.deployment_check.command import check_deploy
from tests.deployment_check.checkout import Checkout, both, good, put


@pytest.fixture
def checkout(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Checkout:
    checkout = Checkout(tmp_path)
    monkeypatch.setattr("cli.deployment_check.command.LAYERS", checkout.layers)
    monkeypatch.setenv("PATH", str(tmp_path))
    return checkout


def run(*arguments: str) -> Result:
    return CliRunner().invoke(check_deploy, arguments)


def test_the_deployed_files(checkout: Checkout) -> None:
    result = run()
    assert result.exit_code == 0
    assert result.output.startswith("s.yaml\n  nothing found\ns.eventbridge.yaml\n  nothing found\n")
    assert "\ns.uploads.yaml\n  nothing found\n" in result.output
    assert "\nChecked\n  s.yaml and s.eventbridge.yaml and s.uploads.yaml: expressions" in result.output
    assert "  The layer python3.12.zip, 0.0 MB.\n" in result.output
    assert "\nNot checked\n  Serverless Devs is not installed (no `s` on the PATH)" in result.output
    assert result.output.endswith("\n0 errors, 0 warnings\n")


def test_one_line_for_each_finding(checkout: Checkout) -> None:
    content = good()
    both(
        put("triggers[0].triggerConfig.notifyStrategy", "BACKOFF_RETRY"),
        put("environmentVariables.LABEL_NAME", "raw"),
    )(content)
    result = run("--template", str(checkout.write(content)))
    assert result.exit_code == 1
    props = "resources.tag_object.props"
    told = "the function has no such setting; LABEL_NAMES is spelt like it."
    assert f"  error    s.yaml:1 {props}.environmentVariables.LABEL_NAME: {told}" in result.output
    assert (
        f"  warning  s.yaml:1 {props}.triggers[0].triggerConfig.notifyStrategy: BACKOFF_RETRY gives up"
        in result.output
    )
    assert result.output.endswith("\n1 error, 1 warning\n")


def test_warnings_alone_are_no_failure(checkout: Checkout) -> None:
    content = good()
    put("logConfig.enableRequestMetrics", False)(content)
    result = run("--template", str(checkout.write(content)))
    assert result.exit_code == 0
    assert result.output.endswith("\n0 errors, 1 warning\n")


def test_before_a_deployment_no_example_may_be_left(checkout: Checkout) -> None:
    path = str(checkout.write(good()))
    assert run("--template", path).exit_code == 0
    result = run("--template", path, "--deploying")
    assert result.exit_code == 1
    assert "Set ALIBABA_CLOUD_ACCOUNT_ID" in result.output


def test_as_json(checkout: Checkout) -> None:
    content = good()
    put("timeout", 3)(content)
    path = checkout.write(content)
    result = run("--json", "--template", str(path))
    assert result.exit_code == 1
    told = json.loads(result.output)
    assert (told["errors"], told["warnings"]) == (1, 0)
    (file,) = told["files"]
    assert file["file"] == str(path)
    (finding,) = file["findings"]
    assert finding["severity"] == "error"
    assert (finding["where"], finding["line"]) == ("resources.tag_object.props.timeout", "s.yaml:1")
    assert finding["what"].startswith("3 s is not above")
    assert finding["remedy"] == "Set it to 88 or more."
    assert told["checked"]
    assert told["not_checked"]
