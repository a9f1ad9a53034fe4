"""What the commands say on a machine that lacks something."""

from __future__ import annotations

import importlib.util
import os
import re
import shutil
import signal
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from types import ModuleType

import pytest

from tests.localcloud.fc_world import running_process
from tests.waiting import until

ROOT = Path(__file__).parent.parent.parent
SCRIPT = ROOT / "requirements" / "environments.py"


@pytest.fixture
def environments() -> ModuleType:
    specification = importlib.util.spec_from_file_location("environments", SCRIPT)
    assert specification is not None
    assert specification.loader is not None
    module = importlib.util.module_from_spec(specification)
    specification.loader.exec_module(module)
    return module


def full_disk(*_: object) -> None:
    raise OSError(28, "No space left on device")


@pytest.mark.parametrize(
    ("name", "value", "said"),
    [
        ("OLDEST", (99, 1), r"Python 99\.1 or newer is needed"),
        # Interpreters like Debian's, which have no ensurepip until python3-venv is installed.
        ("PROBE", "raise ImportError('no ensurepip')", r"apt-get install python3\.\d+-venv"),
        ("prepare", full_disk, "No space left on device"),
    ],
)
def test_what_is_missing_is_told_in_one_line(
    environments: ModuleType,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    name: str,
    value: object,
    said: str,
) -> None:
    monkeypatch.setattr(environments, name, value)
    assert environments.main(["setup"]) == 2
    (line,) = capsys.readouterr().err.splitlines()
    assert re.search(said, line)


def test_an_installation_that_fails_shows_why(
    environments: ModuleType, capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(environments.Missing, match="failed"):
        environments.run([sys.executable, "-c", "print('the reason'); raise SystemExit(1)"])
    assert "the reason" in capsys.readouterr().err


def test_an_environment_is_made_once_and_again_where_what_it_is_made_of_has_changed(
    environments: ModuleType, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    # Given a checkout with one lock file, and a venv that is quick
    def venv(command: list[str]) -> None:
        place = Path(command[-1])
        shutil.rmtree(place, ignore_errors=True)
        (place / "bin").mkdir(parents=True)
        (place / "bin" / "python").symlink_to(sys.executable)

    monkeypatch.setattr(environments, "run", venv)
    monkeypatch.setattr(environments, "ROOT", tmp_path)
    (tmp_path / "lock.txt").write_text("one")
    place = tmp_path / ".venv"
    filled: list[Path] = []

    def renew(fill: Callable[[Path], None]) -> None:
        interpreter = environments.Interpreter("3.12", sys.executable)
        environments.renew(place, interpreter, ("lock.txt",), fill)

    # When filling it breaks off, and then it is made twice, then the second of these does nothing
    def fail(python: Path) -> None:
        raise environments.Missing("`pip install` failed, see above.")

    with pytest.raises(environments.Missing):
        renew(fail)
    renew(filled.append)
    renew(filled.append)
    assert filled == [place / "bin" / "python"]
    # And another lock file makes it anew
    (tmp_path / "lock.txt").write_text("two")
    renew(filled.append)
    assert len(filled) == 2


def test_what_is_meant_for_another_python_or_another_way_to_install_stays_outside(
    environments: ModuleType, monkeypatch: pytest.MonkeyPatch
) -> None:
    foreign = ("PYTHONPATH", "PYTHONWARNINGS", "PYTHONOPTIMIZE", "VIRTUAL_ENV", "PIP_USER", "PIP_TARGET")
    for name in (*foreign, "PIP_REQUIRE_VIRTUALENV", "PIP_INDEX_URL", "HTTPS_PROXY"):
        monkeypatch.setenv(name, "1")
    left = environments.surroundings()
    assert not left.keys() & {*foreign, "PIP_REQUIRE_VIRTUALENV"}
    # Where packages come from is the user's to say.
    assert left.keys() >= {"PIP_INDEX_URL", "HTTPS_PROXY", "PATH"}


def test_our_modules_come_before_those_of_the_same_names_on_the_users_path(tmp_path: Path) -> None:
    for name in ("cli", "localcloud", "json", "click", "imm_label_tags"):
        (tmp_path / f"{name}.py").write_text("raise SystemExit('not ours')\n")
    (tmp_path / "of_the_user.py").touch()
    # and where the checkout itself is on it, too
    path = os.pathsep.join(map(str, (tmp_path, ROOT, ROOT / "functions")))
    run = subprocess.run(
        [sys.executable, "-c", "import cli.main, json, imm_label_tags, of_the_user; print('ours')"],
        cwd=tmp_path.parent,
        env={**os.environ, "PYTHONPATH": path},
        capture_output=True,
        text=True,
    )
    assert (run.stdout, run.stderr) == ("ours\n", "")


def test_a_checkout_that_may_not_be_written_is_told_in_one_line(
    environments: ModuleType,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    tmp_path: Path,
) -> None:
    # Given a checkout that is not set up, and that another user owns
    shutil.copytree(ROOT / "requirements", tmp_path / "requirements")
    shutil.copytree(ROOT / "layers", tmp_path / "layers", ignore=shutil.ignore_patterns("build"))
    shutil.copy(ROOT / "pyproject.toml", tmp_path)
    monkeypatch.setattr(environments, "ROOT", tmp_path)
    monkeypatch.setattr(os, "access", lambda path, mode: False)
    assert environments.main(["setup"]) == 2
    (line,) = capsys.readouterr().err.splitlines()
    assert "run `make setup` as its owner, or work on a copy of your own" in line


def test_a_user_without_an_entry_and_without_home_needs_neither(
    environments: ModuleType, monkeypatch: pytest.MonkeyPatch
) -> None:
    def home() -> Path:
        raise RuntimeError("Could not determine home directory.")

    monkeypatch.setattr(Path, "home", home)
    assert environments.find_interpreter("3.99") is None


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM], ids=lambda one: one.name)
def test_an_interrupted_setup_says_what_to_do_and_ends_what_it_started(
    tmp_path: Path, number: signal.Signals
) -> None:
    # Given a setup that installs, which takes long
    started = tmp_path / "started"
    code = f"""
import importlib.util, pathlib, signal, sys
signal.signal(signal.SIGINT, signal.default_int_handler)
specification = importlib.util.spec_from_file_location("environments", {str(SCRIPT)!r})
environments = importlib.util.module_from_spec(specification)
specification.loader.exec_module(environments)
program = "import os, pathlib, time; "
program += "pathlib.Path({str(started)!r}).write_text(str(os.getpid()) + ' '); time.sleep(600)"
environments.prepare = lambda *_: environments.run([sys.executable, "-c", program])
environments.end_as_ctrl_c_does()
sys.exit(environments.main(["setup"]))
"""
    process = subprocess.Popen([sys.executable, "-c", code], stderr=subprocess.PIPE, text=True)
    until(lambda: started.exists() and started.read_text().endswith(" "))
    # When it is interrupted
    process.send_signal(number)
    _, errors = process.communicate()
    # Then nothing goes on behind its back
    assert process.returncode == 130
    assert errors.strip() == "Interrupted. The next `make setup` does what is left."
    assert not running_process(int(started.read_text()))


def test_pip_alone_installs_nothing_that_could_not_work(tmp_path: Path) -> None:
    build = [sys.executable, "-m", "pip", "wheel", "--no-deps", "--no-build-isolation", "--no-index"]
    run = subprocess.run([*build, "--wheel-dir", tmp_path, ROOT], capture_output=True, text=True)
    assert run.returncode != 0
    assert "run `make setup` there" in run.stdout + run.stderr
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    ("arguments", "variables", "status", "said"),
    [
        ([], {}, 0, "make demo"),
        (["PYTHON=no-such-python", "demo"], {}, 2, "no-such-python is not installed"),
        (["PYTHON=no-such-python", "demo"], {}, 2, "apt-get install python3 python3-venv"),
        (["demo"], {"OS": "Windows_NT"}, 2, "WSL"),
    ],
)
def test_make_says_what_there_is_and_what_is_missing(
    arguments: list[str], variables: dict[str, str], status: int, said: str
) -> None:
    command = ["make", "--directory", str(ROOT), *arguments]
    run = subprocess.run(command, env={**os.environ, **variables}, capture_output=True, text=True)
    assert run.returncode == status
    assert said in run.stdout + run.stderr


def test_the_function_and_the_checks_use_the_same_versions() -> None:
    def versions(name: str) -> set[str]:
        return set(re.findall(r"^([a-z0-9._-]+==[^ ]+)", (ROOT / name).read_text("utf-8"), re.MULTILINE))

    assert versions("layers/requirements.txt") <= versions("requirements/dev.txt")


def test_no_package_that_stands_for_the_runtime_itself_is_required() -> None:
    for path in [*ROOT.glob("requirements/*.*"), *(ROOT / "layers").glob("requirements*")]:
        names = re.findall(r"^([A-Za-z0-9._-]+)", path.read_text("utf-8"), re.MULTILINE)
        assert not [name for name in names if "fc" in re.split(r"[._-]", name.lower())]
