"""What the commands say on a machine that lacks something."""

from __future__ import annotations

import importlib.util
import os
import re
import subprocess
import sys
from pathlib import Path
from types import ModuleType

import pytest

ROOT = Path(__file__).parent.parent.parent


@pytest.fixture
def environments() -> ModuleType:
    specification = importlib.util.spec_from_file_location(
        "environments", ROOT / "development" / "environments.py"
    )
    assert specification is not None
    assert specification.loader is not None
    module = importlib.util.module_from_spec(specification)
    specification.loader.exec_module(module)
    return module


def test_a_python_that_is_too_old_is_named_with_the_one_that_is_needed(
    environments: ModuleType, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(environments, "OLDEST", (99, 1))
    assert environments.main(["setup"]) == 2
    (line,) = capsys.readouterr().err.splitlines()
    assert "Python 99.1 or newer is needed" in line


def test_a_python_without_its_venv_package_is_named_with_the_package(tmp_path: Path) -> None:
    # Given an interpreter like Debian's, which has no ensurepip until python3-venv is installed
    (tmp_path / "ensurepip.py").write_text("raise ImportError('python3-venv is not installed')\n")
    environment = {"PATH": "/usr/bin:/bin", "HOME": str(tmp_path), "PYTHONPATH": str(tmp_path)}

    # When anything is to be set up
    script = ROOT / "development" / "environments.py"
    run = subprocess.run([sys.executable, script, "setup"], env=environment, capture_output=True, text=True)

    # Then one line says what to install
    assert run.returncode == 2
    (line,) = run.stderr.splitlines()
    assert re.search(r"apt-get install python3\.\d+-venv", line)


def test_an_installation_that_fails_shows_why(
    environments: ModuleType, capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(environments.Missing, match="failed"):
        environments.run([sys.executable, "-c", "print('the reason'); raise SystemExit(1)"])
    assert "the reason" in capsys.readouterr().err


def make(*arguments: str, **variables: str) -> subprocess.CompletedProcess[str]:
    environment = {**os.environ, **variables}
    return subprocess.run(
        ["make", "--directory", str(ROOT), *arguments], env=environment, capture_output=True, text=True
    )


def test_make_says_which_python_is_missing() -> None:
    run = make("PYTHON=no-such-python", "demo")
    assert run.returncode == 2
    assert "no-such-python is not installed" in run.stderr
    assert "apt-get install python3 python3-venv" in run.stderr


def test_make_says_that_windows_needs_wsl() -> None:
    run = make("demo", OS="Windows_NT")
    assert run.returncode == 2
    assert "WSL" in run.stderr


def test_make_alone_lists_what_there_is() -> None:
    run = make()
    assert run.returncode == 0
    assert "make demo" in run.stdout


@pytest.mark.parametrize(
    "name", ["requirements-build.txt", "requirements-dev.txt", "layers/requirements.txt"]
)
def test_every_locked_version_has_hashes_and_no_address_of_a_registry(name: str) -> None:
    text = (ROOT / name).read_text("utf-8")
    pins = re.split(r"\n(?=[a-z0-9])", text.strip())
    assert pins
    for pin in pins:
        assert re.match(r"[a-z0-9._-]+==[^ ]+ ", pin)
        assert "--hash=sha256:" in pin
    assert "://" not in text


def test_the_function_and_the_checks_use_the_same_versions() -> None:
    def versions(name: str) -> set[str]:
        return set(re.findall(r"^([a-z0-9._-]+==[^ ]+)", (ROOT / name).read_text("utf-8"), re.MULTILINE))

    assert versions("layers/requirements.txt") <= versions("requirements-dev.txt")


def test_no_package_that_stands_for_the_runtime_itself_is_required() -> None:
    for path in [*ROOT.glob("requirements*"), *(ROOT / "layers").glob("requirements*")]:
        names = re.findall(r"^([A-Za-z0-9._-]+)", path.read_text("utf-8"), re.MULTILINE)
        assert not [name for name in names if "fc" in re.split(r"[._-]", name.lower())]
