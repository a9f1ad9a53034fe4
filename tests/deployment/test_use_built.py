"""`s deploy` builds, checks, publishes the layer and deploys its version, without any hand editing.

Serverless Devs itself runs here where it is installed, with a stand-in for the component fc3, which it would
download, and with a stand-in for the `s` that publishes. Where it is not installed, `check-deploy` says so.
"""

from __future__ import annotations

import json
import os
import subprocess
from pathlib import Path
from typing import Any

import pytest

from terminal.deployment_check.serverless_devs import Absent, find
from tests.deployment.checkout import ROOT, Checkout

SYSTEM_PATH = os.environ["PATH"]
ARN = "acs:fc:cn-hangzhou:143:layers/imm-label-tags/versions/7"
NEW = f"""echo '{{"layerName":"imm-label-tags","layerVersionArn":"{ARN}"}}'
printf '\\033[1mlayerVersionArn: \\033[22m{ARN}\\n'"""
UNCHANGED = f"printf 'version: 7\\nlayerVersionArn: {ARN}\\n'"
COMPONENT = """
const fs = require('fs');
module.exports = class {
  async deploy(inputs) {
    fs.appendFileSync('deployed.log', JSON.stringify({ [inputs.resource.name]: inputs.props }) + '\\n');
    return {};
  }
};
"""


class Deployment:
    """A copy of what `s deploy` reads, in which nothing reaches a cloud."""

    def __init__(self, checkout: Checkout) -> None:
        self.directory = checkout.directory
        for name in ("s.yaml", "s.eventbridge.yaml"):
            text = (ROOT / name).read_text("utf-8")
            (self.directory / name).write_text(text.replace("component: fc3", "component: ./fc3"))
        (self.directory / "fc3").mkdir()
        (self.directory / "fc3" / "index.js").write_text(COMPONENT)
        (self.directory / "home").mkdir()
        self.command("bin/make", 'echo "make $*" >> run.log')
        self.command(".venv/bin/imm-label-tags", 'echo "imm-label-tags $*" >> run.log')
        self.publishing(NEW)

    def command(self, path: str, script: str) -> None:
        """Put a stand-in for a command."""
        file = self.directory / path
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(f"#!/bin/sh\n{script}\n")
        file.chmod(0o755)

    def publishing(self, script: str) -> None:
        """What the nested `s` does, which is to publish the layer."""
        self.command("bin/s", f'echo "s $*" >> run.log\n{script}')

    def log(self) -> list[str]:
        """The commands that ran."""
        path = self.directory / "run.log"
        return path.read_text().splitlines() if path.exists() else []

    def deployed(self) -> dict[str, dict[str, Any]]:
        """The props that the component got, by resource and in order; empty if it was not called."""
        path = self.directory / "deployed.log"
        lines = path.read_text().splitlines() if path.exists() else []
        return {name: props for line in lines for name, props in json.loads(line).items()}

    def deploy(self, executable: str, *options: str, resource: str = "") -> subprocess.CompletedProcess[str]:
        """`s deploy`, or `s <resource> deploy`."""
        home = str(self.directory / "home")
        return subprocess.run(
            [executable, *([resource] if resource else []), "deploy", "--assume-yes", *options],
            cwd=self.directory,
            env={
                "PATH": f"{self.directory / 'bin'}:{SYSTEM_PATH}",
                "HOME": home,
                "serverless_devs_config_home": home,
                "NODE_ENV": "test",
            },
            capture_output=True,
            text=True,
            timeout=120,
        )


@pytest.fixture
def deployment(tmp_path: Path) -> Deployment:
    return Deployment(Checkout(tmp_path))


def installed() -> str | None:
    """The real `s`, or None after the report was found to say that there is none."""
    found = find({"PATH": SYSTEM_PATH})
    if isinstance(found, Absent):
        assert "Serverless Devs" in found.why
        return None
    return found.executable


@pytest.mark.parametrize("answer", [NEW, UNCHANGED], ids=["new", "unchanged"])
def test_the_built_layer_and_code_are_deployed(deployment: Deployment, answer: str) -> None:
    if (s := installed()) is None:
        return
    deployment.publishing(answer)
    told = deployment.deploy(s)
    assert told.returncode == 0, told.stdout + told.stderr
    layer = deployment.directory / "layers" / "build" / "python3.12.zip"
    assert deployment.log() == [
        "make layer",
        "imm-label-tags check-deploy --deploying",
        f"s cli fc3 layer publish --region cn-hangzhou --layer-name imm-label-tags --code {layer} "
        "--compatible-runtime python3.12 --access default",
    ]
    # Both functions have them, and the one that the other names as its destination was there first.
    deployed = deployment.deployed()
    assert list(deployed) == ["keep_failed", "tag_object"]
    for props in deployed.values():
        assert props["layers"] == [ARN]
        assert props["code"] == str(deployment.directory / "layers" / "build" / "code-python3.12.zip")
    assert deployed["tag_object"]["timeout"] == 150


@pytest.mark.parametrize("resource", ["keep_failed", "tag_object"])
def test_one_function_alone_is_deployed_in_the_same_way(deployment: Deployment, resource: str) -> None:
    if (s := installed()) is None:
        return
    told = deployment.deploy(s, resource=resource)
    assert told.returncode == 0, told.stdout + told.stderr
    assert [line.split()[0] for line in deployment.log()] == ["make", "imm-label-tags", "s"]
    ((name, props),) = deployment.deployed().items()
    assert (name, props["layers"]) == (resource, [ARN])


def test_the_other_triggers_are_deployed_in_the_same_way(deployment: Deployment) -> None:
    if (s := installed()) is None:
        return
    assert deployment.deploy(s, "--template", "s.eventbridge.yaml").returncode == 0
    props = deployment.deployed()["tag_object"]
    assert props["layers"] == [ARN]
    assert [trigger["triggerName"] for trigger in props["triggers"]] == ["imm-events", "imm-queue"]


@pytest.mark.parametrize(
    ("path", "script", "words"),
    [
        ("bin/make", "echo no compiler >&2; exit 2", "no compiler"),
        (".venv/bin/imm-label-tags", "echo 1 error >&2; exit 1", "1 error"),
        ("bin/s", "echo no keys >&2; exit 1", "The layer could not be published: no keys"),
        ("bin/s", "echo done", "no version was told: done"),
    ],
)
def test_a_step_that_fails_ends_the_deployment(
    deployment: Deployment, path: str, script: str, words: str
) -> None:
    if (s := installed()) is None:
        return
    deployment.command(path, script)
    told = deployment.deploy(s)
    assert told.returncode != 0
    assert words in told.stdout + told.stderr
    assert deployment.deployed() == {}


def test_a_layer_that_is_not_built_ends_the_deployment(deployment: Deployment) -> None:
    if (s := installed()) is None:
        return
    (deployment.directory / "layers" / "build" / "python3.12.zip").unlink()
    told = deployment.deploy(s)
    assert "python3.12.zip is not there: run `make layer`" in told.stdout + told.stderr
    assert (told.returncode != 0, deployment.deployed()) == (True, {})


def test_a_function_without_a_layer_of_its_own_ends_the_deployment(deployment: Deployment) -> None:
    if (s := installed()) is None:
        return
    path = deployment.directory / "s.yaml"
    path.write_text(path.read_text().replace("${vars.account}:layers", "official:layers"))
    told = deployment.deploy(s)
    assert "no layer of your own" in told.stdout + told.stderr
    assert (told.returncode != 0, deployment.deployed()) == (True, {})


def test_options_with_which_failures_would_be_ignored_end_the_deployment(deployment: Deployment) -> None:
    if (s := installed()) is None:
        return
    deployment.command(".venv/bin/imm-label-tags", "exit 1")
    told = deployment.deploy(s, "-o", "json")
    assert "failed checks would be ignored" in told.stdout + told.stderr
    assert (told.returncode != 0, deployment.deployed()) == (True, {})
