"""Serverless Devs' own rendering of the files: the installed one's, else the recorded one."""

from __future__ import annotations

import json
import shlex
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest

from cli.deployment_check.check import check
from cli.deployment_check.findings import Finding, Report
from cli.deployment_check.serverless_devs import Absent, ServerlessDevs, differences, render
from cli.deployment_check.subject import Surroundings
from cli.manifest.expressions import unrendered
from cli.manifest.file import read_manifest
from tests.deployment_check.checkout import KEEPER_PROPS, PROPS, ROOT, Checkout, good, put
from tests.deployment_check.recording import RECORDINGS, TEMPLATES, recorded
from tests.serverless_devs import PATH, installed

FILES = tuple(template for template in TEMPLATES if template.parent == ROOT)
VERSION = "@serverless-devs/s: 3.1.10, s-home: /home/user/.s, linux-x64, node-v20.20.2"
NOT_INSTALLED = "Serverless Devs is not installed (no `s` on the PATH): its own rendering was not compared."


@pytest.fixture
def checkout(tmp_path: Path) -> Checkout:
    return Checkout(tmp_path)


class Stand:
    """A command ``s`` that prints what was recorded."""

    def __init__(self, directory: Path) -> None:
        self.directory = directory / "bin"
        self.directory.mkdir()
        self.says(RECORDINGS)

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
def stand(tmp_path: Path) -> Stand:
    return Stand(tmp_path)


@pytest.fixture(scope="module")
def there() -> ServerlessDevs | Absent:
    return installed()


def checked(checkout: Checkout, variables: dict[str, str]) -> Report:
    """The report on the deployed files themselves, with a small layer."""
    return check(FILES, variables, Surroundings(checkout.layers, deploying=False))


def findings(report: Report) -> list[Finding]:
    return [finding for file in report.files for finding in file.findings]


def renders(there: ServerlessDevs | Absent, template: Path) -> Mapping[str, Any]:
    """What Serverless Devs makes of a file: the installed one, else what was recorded."""
    return recorded(template) if isinstance(there, Absent) else render(there, template, {"PATH": PATH})


@pytest.mark.parametrize("template", TEMPLATES, ids=lambda path: path.name)
def test_a_template_is_read_as_serverless_devs_renders_it(
    there: ServerlessDevs | Absent, template: Path
) -> None:
    # When Serverless Devs renders a file, and we do, in an environment that sets none of its variables
    told = renders(there, template)
    ours = read_manifest(template, {}, dotenv=False)

    # Then nothing is left open, and vars, actions and every resource are the same
    assert list(unrendered([ours.shared, ours.actions, [one.props for one in ours.resources]])) == []
    assert list(differences(ours.shared, told.get("vars", {}), "vars")) == []
    assert list(differences(ours.actions, told.get("actions"), "actions")) == []
    assert [one.name for one in ours.resources] == list(told["resources"])
    for one in ours.resources:
        theirs = told["resources"][one.name]
        assert one.component == theirs["component"]
        for field, value in (("props", one.props), ("actions", one.actions)):
            assert list(differences(value, theirs.get(field), f"{one.where}.{field}")) == []


@pytest.mark.parametrize("template", TEMPLATES, ids=lambda path: path.name)
def test_what_was_recorded_is_what_serverless_devs_says(
    there: ServerlessDevs | Absent, template: Path
) -> None:
    if isinstance(there, Absent):
        pytest.skip(f"{there.why}: what was recorded of {template.name} was not compared with it")
    # Else `python -m tests.deployment_check.recording` records it anew.
    assert list(differences(recorded(template), renders(there, template), "")) == []


def test_the_report_compares_the_files_with_the_rendering_of_the_installed_one(
    checkout: Checkout, stand: Stand, there: ServerlessDevs | Absent
) -> None:
    variables, version = (
        (stand.variables(), "3.1.10") if isinstance(there, Absent) else ({"PATH": PATH}, there.version)
    )
    report = checked(checkout, variables)
    assert findings(report) == []
    for path in FILES:
        assert f"{path.name} against the rendering of Serverless Devs {version}." in report.checked
    assert not any("Serverless Devs" in sentence for sentence in report.unchecked)


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
    checkout: Checkout, stand: Stand, change: dict[str, Any], where: str, words: str
) -> None:
    rendering = json.loads((RECORDINGS / "s.yaml.json").read_text("utf-8"))
    rendering["resources"]["tag_object"]["props"].update(change)
    (checkout.directory / "s.yaml.json").write_text(json.dumps(rendering), encoding="utf-8")
    stand.says(checkout.directory)
    report = checkout.check(checkout.write(good()), variables=stand.variables())
    assert findings(report) == []
    assert [one for one in report.unchecked if one.startswith(f"{PROPS}.{where}: ") and words in one]


def test_a_rendering_without_the_resources(checkout: Checkout, stand: Stand) -> None:
    (checkout.directory / "s.yaml.json").write_text("{}")
    stand.says(checkout.directory)
    report = checkout.check(checkout.write(good()), variables=stand.variables())
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
    checkout: Checkout, stand: Stand, script: str, words: str
) -> None:
    stand.runs(f"[ $1 = -v ] && echo '{VERSION}' && exit\n{script}")
    (finding,) = findings(checkout.check(checkout.write(good()), variables=stand.variables()))
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
def test_another_command_of_that_name(checkout: Checkout, stand: Stand, script: str | None, why: str) -> None:
    if script is None:
        (stand.directory / "s").write_text("#!/nowhere/interpreter\n")
    else:
        stand.runs(script)
    report = checkout.check(checkout.write(good()), variables=stand.variables())
    assert any(why in sentence and "was not compared" in sentence for sentence in report.unchecked)
    assert findings(report) == []


def test_a_file_with_errors_is_not_rendered(checkout: Checkout, stand: Stand) -> None:
    content = good()
    put("timeout", 3)(content)
    report = checkout.check(checkout.write(content), variables=stand.variables())
    assert "Serverless Devs' own rendering of s.yaml, which has errors." in report.unchecked
