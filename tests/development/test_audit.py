"""``make audit`` tells what is known to be vulnerable, and never takes silence for a pass."""

from __future__ import annotations

import json
import re
import sys
import textwrap
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import pytest

from proof.audit import audit

ROOT = Path(__file__).parent.parent.parent
HASH = "--hash=sha256:" + "0" * 64
LOCKS = {
    "requirements/dev.txt": f"requests==2.31.0 \\\n    {HASH} \\\n    --hash=sha256:{'1' * 64}\n"
    f"idna==3.4 {HASH}\n",
    "layers/requirements.txt": f"requests==2.31.0 {HASH}\n"
    f"multidict==7.1.0 ; python_full_version < '3.11' {HASH}\n"
    f"multidict==7.2.1 ; python_full_version >= '3.11' {HASH}\n",
    "requirements/audit.txt": f"pip-audit==2.10.1 {HASH}\n",
    "requirements/overrides.txt": "crcmod ; python_version < '3'\n",
    ".hidden/requirements.txt": "anything\n",
}
PINS = ("requests==2.31.0", "idna==3.4", "multidict==7.1.0", "multidict==7.2.1", "pip-audit==2.10.1")
SOUND: dict[str, Any] = {pin: [] for pin in PINS}
VULNERABILITY = {
    "id": "PYSEC-2024-60",
    "fix_versions": ["3.7"],
    "aliases": ["CVE-2024-3651", "GHSA-jjg7-2v4v-x38h"],
    "description": "A specially crafted argument takes long.",
}

# What pip-audit 2.10 does with requirements that are locked, so far as it was seen to.
PIP_AUDIT = """
    import json, os, pathlib, re, sys
    assert not os.environ.get("PIP_AUDIT_FORMAT")
    def option(name):
        return sys.argv[sys.argv.index(name) + 1]
    assert {"--require-hashes", "--disable-pip"} < set(sys.argv) and option("--format") == "json"
    services = json.loads(pathlib.Path(__file__).with_name("known.json").read_text())
    known = services[option("--vulnerability-service")]
    pins = []
    for line in pathlib.Path(option("--requirement")).read_text().splitlines():
        pins.append(re.fullmatch("([^ ]+==[^ ]+) --hash=sha256:[0-9a-f]{64}", line)[1])
    names = [pin.partition("==")[0] for pin in pins]
    if known is None or len(set(names)) < len(names):
        sys.exit("Traceback (most recent call last):\\nrequests.exceptions.ConnectionError: no route to host")
    dependencies = []
    for pin in pins:
        name, _, version = pin.partition("==")
        if pin in known:
            dependencies.append({"name": name, "version": version, "vulns": known[pin]})
        else:
            dependencies.append({"name": name, "skip_reason": "Dependency not found on PyPI"})
    vulnerable = any(one.get("vulns") for one in dependencies)
    print(json.dumps({"dependencies": dependencies, "fixes": []}))
    print("Found 1 known vulnerability" if vulnerable else "No known vulnerabilities found", file=sys.stderr)
    sys.exit(1 if vulnerable else 0)
"""


class Project:
    """A project with lock files, and the module that makes its environments."""

    class Missing(Exception):
        """Something cannot be installed."""

    def __init__(self, root: Path) -> None:
        self.root = root
        self.known: Mapping[str, Mapping[str, Any] | None] = {"pypi": SOUND, "osv": SOUND}
        self.installs = True
        self.program = PIP_AUDIT
        self.installed: list[tuple[str, ...]] = []
        for name, text in LOCKS.items():
            self.lock(name, text)

    def lock(self, name: str, text: str) -> None:
        (self.root / name).parent.mkdir(exist_ok=True)
        (self.root / name).write_text(text)

    # As requirements/environments.py

    def primary_interpreter(self) -> tuple[str, str]:
        return "3.12", sys.executable

    def renew(
        self, folder: Path, interpreter: object, files: tuple[str, ...], fill: Callable[[Path], None]
    ) -> None:
        assert files == ("requirements/audit.txt",)
        fill(folder / "bin" / "python")

    def install(self, python: Path, *arguments: str) -> None:
        if not self.installs:
            raise self.Missing("`pip install` failed, see above.")
        self.installed.append(arguments)
        program = python.with_name("pip-audit")
        program.write_text(f"#!{sys.executable}\n{textwrap.dedent(self.program)}")
        program.chmod(0o755)

    def audit(self) -> int:
        folder = self.root / ".venv-audit" / "bin"
        folder.mkdir(parents=True, exist_ok=True)
        (folder / "known.json").write_text(json.dumps(self.known))
        return audit.main(self.root, self)


@pytest.fixture
def project(tmp_path: Path) -> Project:
    return Project(tmp_path)


def test_versions_of_which_nothing_is_known_to_be_vulnerable_pass(
    project: Project, capsys: pytest.CaptureFixture[str]
) -> None:
    assert project.audit() == audit.SOUND == 0
    out = capsys.readouterr().out
    assert [line.split() for line in out.splitlines()[:4]] == [
        ["lock", "file", "versions", "asked", "about", "vulnerable"],
        ["layers/requirements.txt", "3", "3", "0"],
        ["requirements/audit.txt", "1", "1", "0"],
        ["requirements/dev.txt", "2", "2", "0"],
    ]
    assert out.endswith("\nAll 5 versions were asked about; no vulnerability is known.\n")


def test_a_known_vulnerability_is_named_with_the_version_that_mends_it(
    project: Project, capsys: pytest.CaptureFixture[str]
) -> None:
    project.known = {"pypi": {**SOUND, "idna==3.4": [VULNERABILITY]}, "osv": SOUND}
    assert project.audit() == audit.FAULTY == 1
    lines = capsys.readouterr().out.splitlines()
    (line,) = [line for line in lines if line.startswith("idna")]
    ids = "PYSEC-2024-60, CVE-2024-3651, GHSA-jjg7-2v4v-x38h"
    assert re.split(" {2,}", line) == ["idna", "3.4", ids, "3.7", "requirements/dev.txt"]
    assert "no vulnerability is known" not in "".join(lines)


def test_a_vulnerability_that_nobody_has_mended(project: Project, capsys: pytest.CaptureFixture[str]) -> None:
    project.known = {
        "pypi": {**SOUND, "multidict==7.1.0": [{**VULNERABILITY, "fix_versions": []}]},
        "osv": SOUND,
    }
    assert project.audit() == 1
    (line,) = [line for line in capsys.readouterr().out.splitlines() if line.startswith("multidict")]
    assert " none " in line
    assert line.split()[:2] == ["multidict", "7.1.0"]


def test_what_one_service_does_not_know_another_is_asked_about(
    project: Project, capsys: pytest.CaptureFixture[str]
) -> None:
    """Given a mirror without advisories: pip-audit then says that there are none, and ends with 0."""
    project.known = {"pypi": {"idna==3.4": []}, "osv": {**SOUND, "requests==2.31.0": [VULNERABILITY]}}
    assert project.audit() == 1
    out = capsys.readouterr().out
    assert "NOT AUDITED" not in out
    assert "requests  2.31.0" in out


@pytest.mark.parametrize(
    ("known", "reasons"),
    [
        (
            {"pypi": None, "osv": None},
            [
                "PyPI gave no answer: requests.exceptions.ConnectionError: no route to host",
                "OSV gave no answer: requests.exceptions.ConnectionError: no route to host",
            ],
        ),
        (
            {"pypi": {}, "osv": None},
            [
                "PyPI does not know 5 of them; a mirror may lack advisories.",
                "OSV gave no answer: requests.exceptions.ConnectionError: no route to host",
            ],
        ),
    ],
)
def test_silence_is_no_pass(
    project: Project, capsys: pytest.CaptureFixture[str], known: Mapping[str, Any], reasons: list[str]
) -> None:
    project.known = known
    assert project.audit() == audit.UNKNOWN == 3
    out = capsys.readouterr().out
    assert "\nNOT AUDITED: 5 of 5 versions. This is no pass: whether they are\n" in out
    assert out.splitlines()[-2:] == [f"  {reason}" for reason in reasons]
    assert "no vulnerability is known" not in out
    assert out.count("  not known") == 3


def test_a_vulnerability_weighs_more_than_what_is_not_known(
    project: Project, capsys: pytest.CaptureFixture[str]
) -> None:
    project.known = {"pypi": {"idna==3.4": [VULNERABILITY]}, "osv": None}
    assert project.audit() == 1
    out = capsys.readouterr().out
    assert "PYSEC-2024-60" in out
    assert "NOT AUDITED: 4 of 5 versions." in out


def test_an_answer_that_is_none_is_not_believed(project: Project, capsys: pytest.CaptureFixture[str]) -> None:
    for project.program in ("print('{}')", "print('[]')", "pass"):
        assert project.audit() == 3
        assert "PyPI gave no answer: pip-audit said nothing" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("text", "said"),
    [
        (f"idna>=3.4 {HASH}\n", "does not name one version with =="),
        ("idna==3.4\n", "has no sha256 hash"),
        ("idna==3.4 --hash=md5:0123\n", "is no requirement with sha256 hashes"),
        ("-i https://packages.example.com\n", "is no requirement"),
    ],
)
def test_a_lock_file_that_leaves_something_open_is_a_fault(
    project: Project, capsys: pytest.CaptureFixture[str], text: str, said: str
) -> None:
    project.lock("requirements/fuzz.txt", text)
    assert project.audit() == 1
    error = capsys.readouterr().err
    assert "requirements/fuzz.txt" in error
    assert said in error


def test_without_pip_audit_nothing_was_asked(project: Project, capsys: pytest.CaptureFixture[str]) -> None:
    project.installs = False
    assert project.audit() == audit.MISSING == 2
    assert "NOT AUDITED: pip-audit could not be installed" in capsys.readouterr().err
    project.lock("requirements/fuzz.txt", "idna\n")
    assert project.audit() == 1


def test_the_environment_has_what_is_locked_and_nothing_else(project: Project) -> None:
    project.audit()
    assert project.installed == [
        ("-r", "requirements/audit.txt", "--require-hashes", "--only-binary", ":all:"),
    ]


def test_the_users_own_settings_of_pip_audit_are_not_obeyed(
    project: Project, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PIP_AUDIT_FORMAT", "columns")
    assert project.audit() == 0


def test_every_lock_file_of_this_project_is_found_and_whole() -> None:
    locks = audit.lock_files(ROOT)
    pins, faults = audit.read_locks(ROOT, locks)
    assert {
        "layers/requirements.txt",
        "requirements/build.txt",
        "requirements/dev.txt",
        "requirements/audit.txt",
    } <= set(pins)
    assert faults == []
    assert all(pins.values())
    assert not [path for path in locks if "://" in path.read_text("utf-8")]
