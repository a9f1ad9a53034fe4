"""Serverless Devs' own rendering: recorded, and the real one's where it is installed.

The files in ``renderings`` are what `s preview --template s.yaml --output json` of version 3.1.10 printed,
without the warnings before the first brace. Where s.yaml changes, so do they.
"""

from __future__ import annotations

import json
import os
import shlex
from pathlib import Path
from typing import Any

import pytest

from cli.deployment_check.check import check
from cli.deployment_check.comparison import differences
from cli.deployment_check.findings import Finding, Report
from cli.deployment_check.serverless_devs import Absent, ServerlessDevs, find, render
from cli.deployment_check.subject import Surroundings
from cli.manifest.expressions import unrendered
from cli.manifest.file import read_manifest
from tests.deployment_check.checkout import KEEPER_PROPS, PROPS, ROOT, Checkout, good, put

RENDERINGS = Path(__file__).parent / "renderings"
FILES = (ROOT / "s.yaml", ROOT / "s.eventbridge.yaml")
VERSION = "@serverless-devs/s: 3.1.10, s-home: /home/user/.s, linux-x64, node-v20.20.2"
SYSTEM_PATH = os.environ["PATH"]
NOT_INSTALLED = "Serverless Devs is not installed (no `s` on the PATH): its own rendering was not compared."


@pytest.fixture
def checkout(tmp_path: Path) -> Checkout:
    return Checkout(tmp_path)


class Recorded:
    """A command ``s`` that prints what was recorded."""

    def __init__(self, directory: Path) -> None:
        self.directory = directory / "bin"
        self.directory.mkdir()
        self.says(RENDERINGS)

    def says(self, renderings: Path) -> None:
        """Answer with the renderings in a directory."""
        self.runs(
            f"if [ $1 = -v ]; then echo {shlex.quote(VERSION)}; exit; fi\n"
            "echo '[2026-01-01 00:00:00][WARN][s_cli] It is not recommended to run the command as root.'\n"
            f'cat {shlex.quote(str(renderings))}/"$(basename "$3")".json'
        )

    def runs(self, script: str) -> None:
        """Be another script."""
        command = self.directory / "s"
        command.write_text(f"#!/bin/sh\n{script}\n")
        command.chmod(0o755)

    def variables(self) -> dict[str, str]:
        """An environment that has this ``s`` and no other."""
        return {"PATH": f"{self.directory}:/usr/bin:/bin"}


@pytest.fixture
def recorded(tmp_path: Path) -> Recorded:
    return Recorded(tmp_path)


def checked(checkout: Checkout, variables: dict[str, str]) -> Report:
    """The report on the deployed files themselves, with a small layer."""
    return check(FILES, variables, Surroundings(checkout.layers, deploying=False))


def findings(report: Report) -> list[Finding]:
    return [finding for file in report.files for finding in file.findings]


def test_the_deployed_files_are_read_as_serverless_devs_renders_them(
    checkout: Checkout, recorded: Recorded
) -> None:
    report = checked(checkout, recorded.variables())
    assert findings(report) == []
    for path in FILES:
        assert f"{path.name} against the rendering of Serverless Devs 3.1.10." in report.checked
    assert not any("Serverless Devs" in sentence for sentence in report.unchecked)


def test_the_installed_serverless_devs_renders_them_the_same(checkout: Checkout) -> None:
    found = find({"PATH": SYSTEM_PATH})
    report = checked(checkout, {"PATH": SYSTEM_PATH})
    assert findings(report) == []
    if isinstance(found, Absent):
        assert f"{found.why}: its own rendering was not compared." in report.unchecked
        return
    assert f"s.yaml against the rendering of Serverless Devs {found.version}." in report.checked
    for path in (*FILES, RENDERINGS / "quirks.yaml"):
        told = json.loads((RENDERINGS / f"{path.name}.json").read_text("utf-8"))
        assert list(differences(told, render(found, path, {"PATH": SYSTEM_PATH}), "")) == []


def test_what_yaml_readers_disagree_about_is_read_as_serverless_devs_reads_it() -> None:
    (ours,) = read_manifest(RENDERINGS / "quirks.yaml", {}).resources
    told = json.loads((RENDERINGS / "quirks.yaml.json").read_text("utf-8"))
    assert list(unrendered(ours.props)) == []
    assert list(differences(ours.props, told["resources"]["quirks"]["props"], "")) == []


def test_without_serverless_devs_the_report_says_so(checkout: Checkout) -> None:
    report = checked(checkout, {"PATH": str(checkout.directory)})
    assert findings(report) == []
    assert NOT_INSTALLED in report.unchecked


@pytest.mark.parametrize(
    ("change", "where", "words"),
    [
        ({"timeout": 60}, "timeout", "was checked as 150, but is 60 for Serverless Devs"),
        ({"timeout": "150"}, "timeout", "but is '150' for Serverless Devs"),
        ({"internetAccess": 1}, "internetAccess", "was checked as True, but is 1 for"),
        ({"layers": []}, "layers", "but is [] for Serverless Devs"),
        ({"triggers": [{}]}, "triggers[0].sourceArn", "but is None for Serverless Devs"),
        ({"other": 1}, "other", "was checked as None, but is 1 for"),
    ],
)
def test_what_is_read_otherwise_is_not_checked(
    checkout: Checkout, recorded: Recorded, change: dict[str, Any], where: str, words: str
) -> None:
    rendering = json.loads((RENDERINGS / "s.yaml.json").read_text("utf-8"))
    rendering["resources"]["tag_object"]["props"].update(change)
    (checkout.directory / "s.yaml.json").write_text(json.dumps(rendering), encoding="utf-8")
    recorded.says(checkout.directory)
    report = checkout.check(checkout.write(good()), variables=recorded.variables())
    assert findings(report) == []
    assert [one for one in report.unchecked if one.startswith(f"{PROPS}.{where}: ") and words in one]


def test_a_rendering_without_the_resources(checkout: Checkout, recorded: Recorded) -> None:
    (checkout.directory / "s.yaml.json").write_text("{}")
    recorded.says(checkout.directory)
    report = checkout.check(checkout.write(good()), variables=recorded.variables())
    for where in (KEEPER_PROPS, PROPS):
        assert any(
            one.startswith(f"{where}: was checked") and "but is None" in one for one in report.unchecked
        )


@pytest.mark.parametrize(
    ("script", "words"),
    [
        ("echo 'Error Message:'; echo 'RuntimeError: vars.x not found' >&2; exit 1", "vars.x not found"),
        ("printf '\\033[31mNot support template\\033[39m\\n'", "cannot render it: Not support template."),
        ("echo '{'", "cannot render it: {."),
        ("echo '[]'", "cannot render it: []."),
        ("exit 1", "it said nothing"),
    ],
)
def test_a_file_that_serverless_devs_cannot_render(
    checkout: Checkout, recorded: Recorded, script: str, words: str
) -> None:
    recorded.runs(f"[ $1 = -v ] && echo '{VERSION}' && exit\n{script}")
    (finding,) = findings(checkout.check(checkout.write(good()), variables=recorded.variables()))
    assert finding.where == "s.yaml"
    assert words in finding.what


def test_a_serverless_devs_that_is_gone(checkout: Checkout) -> None:
    gone = ServerlessDevs(str(checkout.directory / "s"), "3.1.10")
    with pytest.raises(Exception, match="No such file"):
        render(gone, checkout.write(good()), {})


@pytest.mark.parametrize(
    ("script", "why"),
    [("echo s 1.0", "is not Serverless Devs"), (None, "does not run")],
)
def test_another_command_of_that_name(
    checkout: Checkout, recorded: Recorded, script: str | None, why: str
) -> None:
    if script is None:
        (recorded.directory / "s").write_text("#!/nowhere/interpreter\n")
    else:
        recorded.runs(script)
    report = checkout.check(checkout.write(good()), variables=recorded.variables())
    assert any(why in sentence and "was not compared" in sentence for sentence in report.unchecked)
    assert findings(report) == []


def test_a_file_with_errors_is_not_rendered(checkout: Checkout, recorded: Recorded) -> None:
    content = good()
    put("timeout", 3)(content)
    report = checkout.check(checkout.write(content), variables=recorded.variables())
    assert "Serverless Devs' own rendering of s.yaml, which has errors." in report.unchecked
