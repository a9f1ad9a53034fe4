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
  async deploy(inputs) { fs.writeFileSync('deployed.json', JSON.stringify(inputs.props)); return {}; }
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

    def deployed(self) -> dict[str, Any] | None:
        """The props that the component got; None if it was not called."""
        path = self.directory / "deployed.json"
        content: dict[str, Any] | None = json.loads(path.read_text()) if path.exists() else None
        return content

    def deploy(self, executable: str, *options: str) -> subprocess.CompletedProcess[str]:
        """`s deploy`."""
        home = str(self.directory / "home")
        return subprocess.run(
            [executable, "deploy", "--assume-yes", *options],
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
    props = deployment.deployed()
    assert props is not None
    assert props["layers"] == [ARN]
    assert props["code"] == str(deployment.directory / "layers" / "build" / "code-python3.12.zip")
    assert props["timeout"] == 150


def test_the_other_triggers_are_deployed_in_the_same_way(deployment: Deployment) -> None:
    if (s := installed()) is None:
        return
    assert deployment.deploy(s, "--template", "s.eventbridge.yaml").returncode == 0
    props = deployment.deployed()
    assert props is not None
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
    assert deployment.deployed() is None


def test_a_layer_that_is_not_built_ends_the_deployment(deployment: Deployment) -> None:
    if (s := installed()) is None:
        return
    (deployment.directory / "layers" / "build" / "python3.12.zip").unlink()
    told = deployment.deploy(s)
    assert "python3.12.zip is not there: run `make layer`" in told.stdout + told.stderr
    assert (told.returncode != 0, deployment.deployed()) == (True, None)


def test_a_function_without_a_layer_of_its_own_ends_the_deployment(deployment: Deployment) -> None:
    if (s := installed()) is None:
        return
    path = deployment.directory / "s.yaml"
    path.write_text(path.read_text().replace("${vars.account}:layers", "official:layers"))
    told = deployment.deploy(s)
    assert "no layer of your own" in told.stdout + told.stderr
    assert (told.returncode != 0, deployment.deployed()) == (True, None)


def test_options_with_which_failures_would_be_ignored_end_the_deployment(deployment: Deployment) -> None:
    if (s := installed()) is None:
        return
    deployment.command(".venv/bin/imm-label-tags", "exit 1")
    told = deployment.deploy(s, "-o", "json")
    assert "failed checks would be ignored" in told.stdout + told.stderr
    assert (told.returncode != 0, deployment.deployed()) == (True, None)
