"""``make audit`` tells what is known to be vulnerable, and never takes silence for a pass."""

from __future__ import annotations

import json
import sys
import textwrap
from collections.abc import Callable, Mapping
from pathlib import Path

import pytest

from proof import audit

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
SOUND = dict.fromkeys(PINS, "")
# What pip-audit 2.10 does with requirements that are locked, so far as it was seen to.
PIP_AUDIT = """
    import json, pathlib, re, sys
    def options(name):
        return [value for option, value in zip(sys.argv, sys.argv[1:]) if option == name]
    assert {"--require-hashes", "--disable-pip"} < set(sys.argv) and options("--format") == ["columns"]
    services = json.loads(pathlib.Path(__file__).with_name("known.json").read_text())
    known = services[options("--vulnerability-service")[0]]
    if known is None:
        sys.exit("Traceback (most recent call last):\\nrequests.exceptions.ConnectionError: no route to host")
    vulnerable, skipped = [], []
    for file in options("--requirement"):
        lines = pathlib.Path(file).read_text().splitlines()
        pins = [re.fullmatch("([^ ]+==[^ ]+) --hash=sha256:[0-9a-f]{64}", line)[1] for line in lines]
        assert len({pin.partition("==")[0] for pin in pins}) == len(pins)
        vulnerable += [f"{pin} {known[pin]}" for pin in pins if known.get(pin)]
        skipped += [f"{pin} Dependency not found on PyPI" for pin in pins if pin not in known]
    if vulnerable or skipped:
        pathlib.Path(options("--output")[0]).write_text("\\n".join(vulnerable + skipped))
    sys.exit(1 if vulnerable else 0)
"""


class Project:
    """A project with lock files, and the module that makes its environments."""

    class Missing(Exception):
        """Something cannot be installed."""

    def __init__(self, root: Path) -> None:
        self.root = root
        self.known: Mapping[str, Mapping[str, str] | None] = {"pypi": SOUND, "osv": SOUND}
        self.installs = True
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
        program.write_text(f"#!{sys.executable}\n{textwrap.dedent(PIP_AUDIT)}")
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
    """All of a lock file are asked about, also those for another Python."""
    assert project.audit() == audit.SOUND == 0
    assert capsys.readouterr().out.splitlines() == [
        "layers/requirements.txt: all 3 versions were asked about; no vulnerability is known.",
        "requirements/audit.txt: all 1 versions were asked about; no vulnerability is known.",
        "requirements/dev.txt: all 2 versions were asked about; no vulnerability is known.",
    ]


def test_a_known_vulnerability_is_shown_as_pip_audit_does_with_the_lock_file(
    project: Project, capsys: pytest.CaptureFixture[str]
) -> None:
    project.known = {"osv": {**SOUND, "multidict==7.2.1": "CVE-2024-3651 7.3"}, "pypi": None}
    assert project.audit() == audit.FAULTY == 1
    lines = capsys.readouterr().out.splitlines()
    assert lines[:2] == [
        "layers/requirements.txt: all 3 versions were asked about; known vulnerabilities:",
        "multidict==7.2.1 CVE-2024-3651 7.3",
    ]


def test_where_one_service_cannot_be_reached_another_is_asked(
    project: Project, capsys: pytest.CaptureFixture[str]
) -> None:
    project.known = {"osv": None, "pypi": {**SOUND, "requests==2.31.0": "PYSEC-2024-60 2.32"}}
    assert project.audit() == 1
    out = capsys.readouterr().out
    assert "NOT AUDITED" not in out
    assert out.count("requests==2.31.0 PYSEC-2024-60") == 2


NO_ROUTE = "osv gave no answer: requests.exceptions.ConnectionError: no route to host"


@pytest.mark.parametrize(
    ("pypi", "reason"),
    [
        (None, NO_ROUTE.replace("osv", "pypi")),
        # A mirror without advisories: pip-audit then says so, and ends with 0.
        ({}, "pypi gave no answer: pip-audit==2.10.1 Dependency not found on PyPI"),
    ],
)
def test_silence_is_no_pass(
    project: Project, capsys: pytest.CaptureFixture[str], pypi: Mapping[str, str] | None, reason: str
) -> None:
    project.known = {"osv": None, "pypi": pypi}
    assert project.audit() == audit.UNKNOWN == 3
    out = capsys.readouterr().out
    assert "requirements/dev.txt: NOT AUDITED, 2 versions. This is no pass" in out
    assert f"{NO_ROUTE}; {reason}" in out
    assert "no vulnerability is known" not in out


def test_a_vulnerability_weighs_more_than_what_is_not_known(
    project: Project, capsys: pytest.CaptureFixture[str]
) -> None:
    project.known = {"osv": None, "pypi": {"idna==3.4": "PYSEC-2024-60"}}
    assert project.audit() == 1
    out = capsys.readouterr().out
    assert "idna==3.4 PYSEC-2024-60" in out
    assert "layers/requirements.txt: NOT AUDITED" in out


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


def test_every_lock_file_of_this_project_is_found_and_whole() -> None:
    locks = audit.lock_files(ROOT)
    names = {path.relative_to(ROOT).as_posix() for path in locks}
    assert {
        "layers/requirements.txt",
        *(f"requirements/{name}.txt" for name in ("audit", "build", "dev")),
    } <= names
    assert all(list(audit.pins(path)) for path in locks)
    assert not [path for path in locks if "://" in path.read_text("utf-8")]
