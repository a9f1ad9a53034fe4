"""`s deploy` builds, checks, publishes the layer and deploys its version, without any hand editing.

Serverless Devs itself runs here where it is installed, with a stand-in for the component fc3, which it would
download. The `s` that publishes is a stand-in too, which prints what version 3.1.10 does; in one test it is
the installed one. Where there is none, those tests are skipped and say so; Node.js alone is enough to call
the plugin.
"""

from __future__ import annotations

import json
import shutil
import subprocess
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from cli.deployment_check.serverless_devs import Absent
from tests.deployment_check.checkout import ROOT, Checkout
from tests.serverless_devs import PATH, installed

ACCOUNT = "1234567890123456"
LAYER = "acs:fc:cn-hangzhou:{}:layers/imm-label-tags/versions/{}"
ARN = LAYER.format(ACCOUNT, 7)


def masked(value: str) -> str:
    """A value of the keys' configuration as Serverless Devs 3.1.10 prints it."""
    return f"{value[:3]}{'*' * (len(value) - 6)}{value[-3:]}" if len(value) > 8 else "*" * len(value)


def result_of(account: str) -> str:
    """How Serverless Devs prints a command's result: every value of the keys' configuration is masked."""
    return f"""printf '\\033[1mlayerName: \\033[22m      imm-label-tags\\n'
printf '\\033[1mversion: \\033[22m        \\033[34m7\\033[39m\\n'
printf '\\033[1mlayerVersionArn: \\033[22m{LAYER.format(masked(account), 7)}\\n'"""


# Of a version that it has just made, fc3 prints the answer itself, unmasked and before.
NEW = f"""echo '{{"layerName":"imm-label-tags","version":7,"layerVersionArn":"{ARN}"}}'
{result_of(ACCOUNT)}"""
UNCHANGED = result_of(ACCOUNT)
COMPONENT = """
const fs = require('fs');
module.exports = class {
  async deploy(inputs) {
    fs.appendFileSync('deployed.log', JSON.stringify({ [inputs.resource.name]: inputs.props }) + '\\n');
    return {};
  }
};
"""
# What fc3's `layer publish` gives for bytes that are unchanged, and does for others.
PUBLISHER = """
module.exports.default = class {
  async layer(inputs) {
    const { AccountID } = await inputs.getCredential();
    const layerVersionArn = `acs:fc:cn-hangzhou:${AccountID}:layers/imm-label-tags/versions/7`;
    const layer = { layerName: 'imm-label-tags', version: 7, layerVersionArn };
    if (process.env.LAYER_IS_NEW) console.log(JSON.stringify(layer));
    return layer;
  }
};
"""
# Calls the plugin as Serverless Devs does, with the inputs of the first argument.
CALL = """
const inputs = JSON.parse(process.argv[1]);
inputs.getCredential = async () => inputs.credential;
require(process.argv[2])(inputs).then(
  ({ props }) => console.log(JSON.stringify(props)),
  (error) => { console.error(error.message); process.exit(1); },
);
"""


class Deployment:
    """A copy of what `s deploy` reads, in which nothing reaches a cloud."""

    def __init__(self, checkout: Checkout) -> None:
        self.directory = checkout.directory
        for name in ("s.yaml", "s.eventbridge.yaml"):
            text = (ROOT / name).read_text("utf-8")
            (self.directory / name).write_text(text.replace("component: fc3", "component: ./component"))
        (self.directory / "component").mkdir()
        (self.directory / "component" / "index.js").write_text(COMPONENT)
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

    def publishing_itself(self) -> None:
        """Let the nested `s` be the installed one, with a component that it need not download."""
        (self.directory / "bin" / "s").unlink()
        component = self.directory / "home" / ".s" / "components" / "devsapp.cn" / "v3" / "fc3"
        (component / "dist").mkdir(parents=True)
        (component / "dist" / "index.js").write_text(PUBLISHER)
        (component / "package.json").write_text('{"name": "fc3", "main": "dist/index.js"}')
        (component / "publish.yaml").write_text("Type: Component\nName: fc3\nVersion: 0.1.22\n")
        lock = {"version": "0.1.22", "lastUpdateCheck": int(time.time() * 1000)}
        (component / ".s.lock").write_text(json.dumps(lock))

    def log(self) -> list[str]:
        """The commands that ran."""
        path = self.directory / "run.log"
        return path.read_text().splitlines() if path.exists() else []

    def deployed(self) -> dict[str, dict[str, Any]]:
        """The props that the component got, by resource and in order; empty if it was not called."""
        path = self.directory / "deployed.log"
        lines = path.read_text().splitlines() if path.exists() else []
        return {name: props for line in lines for name, props in json.loads(line).items()}

    def deploy(
        self, executable: str, *options: str, resource: str = "", **variables: str
    ) -> subprocess.CompletedProcess[str]:
        """`s deploy`, or `s <resource> deploy`."""
        words = [executable, *([resource] if resource else []), "deploy", "--assume-yes", *options]
        return self.run(words, **variables)

    def run(self, words: list[str], **variables: str) -> subprocess.CompletedProcess[str]:
        """Any command, with keys of the declared account."""
        home = str(self.directory / "home")
        return subprocess.run(
            words,
            cwd=self.directory,
            env={
                "PATH": f"{self.directory / 'bin'}:{PATH}",
                "HOME": home,
                "serverless_devs_config_home": home,
                "NODE_ENV": "test",
                "AccountID": ACCOUNT,
                "AccessKeyID": "LTAIexample",
                "AccessKeySecret": "an-example-of-a-secret",
                **variables,
            },
            capture_output=True,
            text=True,
            timeout=120,
        )

    def call(
        self, node: str, layer: str = ARN, account: str | None = ACCOUNT
    ) -> subprocess.CompletedProcess[str]:
        """The plugin alone, for a function with one layer and keys of an account."""
        inputs = {
            "props": {"region": "cn-hangzhou", "runtime": "python3.12", "layers": [layer]},
            "yaml": {"path": str(self.directory / "s.yaml")},
            "resource": {"name": "tag_object", "component": "fc3", "access": "default"},
            "credential": {"AccountID": account},
        }
        plugin = str(self.directory / "deploy" / "use_built.js")
        return self.run([node, "-e", CALL, json.dumps(inputs), plugin])


@pytest.fixture
def deployment(tmp_path: Path) -> Deployment:
    return Deployment(Checkout(tmp_path))


@pytest.fixture
def s() -> str:
    """The real `s`, where it is installed."""
    found = installed()
    if isinstance(found, Absent):
        pytest.skip(found.why)
    return found.executable


@pytest.fixture
def node() -> str:
    """Node.js, where it is installed."""
    found = shutil.which("node")
    if found is None:
        pytest.skip("Node.js is not installed, and Serverless Devs can't be either")
    return found


@pytest.mark.parametrize("answer", [NEW, UNCHANGED], ids=["new", "unchanged"])
def test_the_declared_layer_is_deployed_in_the_version_that_is_told(
    deployment: Deployment, node: str, answer: str
) -> None:
    # Given an answer whose account id is masked
    deployment.publishing(answer)
    # When version 1 is declared
    told = deployment.call(node, LAYER.format(ACCOUNT, 1))
    # Then version 7 of the same layer is deployed
    assert told.returncode == 0, told.stderr
    assert json.loads(told.stdout.splitlines()[-1])["layers"] == [ARN]


def test_a_layer_whose_name_has_the_account_id_is_deployed(deployment: Deployment, node: str) -> None:
    name = f"layer-{ACCOUNT}"
    shown = f"acs:fc:cn-hangzhou:{masked(ACCOUNT)}:layers/layer-{masked(ACCOUNT)}/versions/12"
    deployment.publishing(f"echo 'layerVersionArn: {shown}'")
    told = deployment.call(node, f"acs:fc:cn-hangzhou:{ACCOUNT}:layers/{name}/versions/1")
    assert f'"acs:fc:cn-hangzhou:{ACCOUNT}:layers/{name}/versions/12"' in told.stdout


def test_keys_of_another_account_publish_nothing(deployment: Deployment, node: str) -> None:
    told = deployment.call(node, account="6543210987654321")
    assert told.returncode == 1
    assert "`access: default` are of another account than the layer" in told.stderr
    assert deployment.log() == []


def test_keys_that_name_no_account_publish_in_the_declared_one(deployment: Deployment, node: str) -> None:
    told = deployment.call(node, account=None)
    assert json.loads(told.stdout.splitlines()[-1])["layers"] == [ARN]


@pytest.mark.parametrize(
    ("answer", "variables"), [(NEW, {"LAYER_IS_NEW": "1"}), (UNCHANGED, {})], ids=["new", "unchanged"]
)
def test_what_the_installed_serverless_devs_prints_of_a_layer_is_understood(
    deployment: Deployment, s: str, answer: str, variables: dict[str, str]
) -> None:
    # Given that the stand-in prints what the installed `s` does
    stood_in = subprocess.run(["sh", "-c", answer], capture_output=True, text=True)
    deployment.publishing_itself()
    layer = ("cli", "fc3", "layer", "publish", "--region", "cn-hangzhou", "--access", "default")
    printed = deployment.run([s, *layer], FORCE_COLOR="1", **variables).stdout
    assert printed.endswith(stood_in.stdout)
    # When the installed one publishes
    told = deployment.deploy(s, **variables)
    # Then its version is deployed, in the declared account
    assert told.returncode == 0, told.stdout + told.stderr
    assert [props["layers"] for props in deployment.deployed().values()] == [[ARN], [ARN]]


@pytest.mark.parametrize("answer", [NEW, UNCHANGED], ids=["new", "unchanged"])
def test_the_built_layer_and_code_are_deployed(deployment: Deployment, s: str, answer: str) -> None:
    deployment.publishing(answer)
    told = deployment.deploy(s)
    assert told.returncode == 0, told.stdout + told.stderr
    layer = deployment.directory / "layers" / "build" / "python3.12.zip"
    assert deployment.log() == [
        "make layer",
        "imm-label-tags check-deploy --deploying --template s.yaml",
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


def test_one_function_alone_and_other_triggers_are_deployed_in_the_same_way(
    deployment: Deployment, s: str
) -> None:
    for resource in ("keep_failed", "tag_object"):
        told = deployment.deploy(s, resource=resource)
        assert told.returncode == 0, told.stdout + told.stderr
    assert [line.split()[0] for line in deployment.log()] == ["make", "imm-label-tags", "s"] * 2
    assert deployment.deploy(s, "--template", "s.eventbridge.yaml").returncode == 0
    props = deployment.deployed()
    assert [one["layers"] for one in props.values()] == [[ARN], [ARN]]
    triggers = [trigger["triggerName"] for trigger in props["tag_object"]["triggers"]]
    assert triggers == ["imm-events", "imm-queue"]


def unbuilt(deployment: Deployment) -> None:
    (deployment.directory / "layers" / "build" / "python3.12.zip").unlink()


def without_own_layer(deployment: Deployment) -> None:
    path = deployment.directory / "s.yaml"
    path.write_text(path.read_text().replace("${vars.account}:layers", "official:layers"))


def failing(path: str, script: str) -> Callable[[Deployment], None]:
    return lambda deployment: deployment.command(path, script)


@pytest.mark.parametrize(
    ("prepare", "options", "words"),
    [
        (failing("bin/make", "echo no compiler >&2; exit 2"), (), "no compiler"),
        (failing(".venv/bin/imm-label-tags", "echo 1 error >&2; exit 1"), (), "1 error"),
        (failing("bin/s", "echo no keys >&2; exit 1"), (), "The layer could not be published: no keys"),
        (failing("bin/s", "echo done"), (), "no version was told: done"),
        (unbuilt, (), "python3.12.zip is not there: run `make layer`"),
        (without_own_layer, (), "no layer of your own"),
        (failing(".venv/bin/imm-label-tags", "exit 1"), ("-o", "json"), "failed checks would be ignored"),
    ],
)
def test_a_step_that_fails_or_might_fail_unseen_ends_the_deployment(
    deployment: Deployment,
    s: str,
    prepare: Callable[[Deployment], None],
    options: tuple[str, ...],
    words: str,
) -> None:
    prepare(deployment)
    told = deployment.deploy(s, *options)
    assert told.returncode != 0
    assert words in told.stdout + told.stderr
    assert deployment.deployed() == {}
