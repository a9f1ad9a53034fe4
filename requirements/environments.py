"""Sets up what the other commands need: a virtual environment and the layer, for each Python there is.

    python3 requirements/environments.py setup       .venv, on Python 3.12 where there is one
    python3 requirements/environments.py test        .venv, and .venv-3.10 where there is a Python 3.10
    python3 requirements/environments.py list        the environments that the tests run in

Uses the standard library alone, and runs on any Python 3 in order to say which one is needed. Packages come
from wherever the user's pip is configured to look; their hashes are in the requirements files.
"""

import contextlib
import hashlib
import os
import shutil
import signal
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

ROOT = Path(__file__).resolve().parent.parent
OLDEST = (3, 10)
DEPLOYED = "3.12"
ALSO_TESTED = "3.10"
LOCKS = ("requirements/build.txt", "requirements/dev.txt", "layers/requirements.txt")
# What decides on the environments, besides the interpreters.
DECISIVE = (*LOCKS, "pyproject.toml", "requirements/environments.py")
# Where pip would install to, and whether: an environment of our own answers both.
PIPS_OWN = ("TARGET", "PREFIX", "ROOT", "USER", "PYTHON", "DRY_RUN", "REQUIRE_VIRTUALENV", "REQUIREMENT")
# Where this project's modules are, for the interpreter of an environment in its root: in place of a path,
# which Python 3.12 and older can't read in the C locale where it has Chinese in it. Modules on the user's
# PYTHONPATH come last, since they may be called as ours are, or as those of the standard library.
MODULES = (
    "import os, sys; ours = os.path.dirname(sys.prefix); ours = [ours, os.path.join(ours, 'functions')]; "
    "theirs = set(map(os.path.abspath, os.environ.get('PYTHONPATH', '').split(os.pathsep))); "
    "sys.path += ours; sys.path.sort(key=theirs.difference(ours).__contains__)\n"
)
EXIT_INTERRUPTED = 130
PROBE = "import sys, ensurepip, venv; print('%d.%d' % sys.version_info[:2], sys._base_executable)"


class Interpreter(NamedTuple):
    """A Python that can make virtual environments: its version, such as 3.12, and where it is."""

    version: str
    path: str


class Missing(Exception):
    """A prerequisite is missing; the message says what to install."""


def main(arguments: "Sequence[str]") -> int:
    """Run one of the commands; returns the exit status."""
    command = arguments[0] if arguments else "setup"
    try:
        if sys.version_info < OLDEST:
            raise Missing(
                f"Python {OLDEST[0]}.{OLDEST[1]} or newer is needed, but {sys.executable} is "
                f"{sys.version.split()[0]}: install a newer python3, or name one with `make PYTHON=...`."
            )
        primary = primary_interpreter()
        wanted = [(ROOT / ".venv", primary)]
        if command != "setup":
            wanted += secondary_environment(primary)
        if command == "list":
            print("\n".join(str(path) for path, _ in wanted))
            return 0
        with alone():
            for path, interpreter in wanted:
                prepare(path, interpreter)
    except Missing as missing:
        print(f"error: {missing}", file=sys.stderr)
        return 2
    except OSError as error:
        print(f"error: {error}", file=sys.stderr)
        return 2
    except KeyboardInterrupt:
        print("\nInterrupted. The next `make setup` does what is left.", file=sys.stderr)
        return EXIT_INTERRUPTED
    return 0


@contextlib.contextmanager
def alone() -> "Iterator[None]":
    """Let one process at a time set this checkout up; it needs no file that could be left behind."""
    with Path(__file__).open("rb") as ours:
        # Where a file system knows no locks, nothing is lost but this.
        with contextlib.suppress(ImportError, OSError):
            import fcntl

            try:
                fcntl.flock(ours, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                print("Another process sets this checkout up: waiting for it.", flush=True)
                fcntl.flock(ours, fcntl.LOCK_EX)
        yield


def primary_interpreter() -> Interpreter:
    """The interpreter of .venv: the deployed version's if there is one, else this one."""
    found = find_interpreter(DEPLOYED)
    if found is None:
        found = probe(sys.executable)
        if found is None:
            version = ".".join(map(str, sys.version_info[:2]))
            raise Missing(
                f"{sys.executable} cannot make virtual environments: on Debian and Ubuntu run "
                f"`apt-get install python{version}-venv`."
            )
        print(f"No Python {DEPLOYED} here, which is deployed: everything runs on {found.version}.")
    return found


def secondary_environment(primary: Interpreter) -> "list[tuple[Path, Interpreter]]":
    """The environment for the older runtime, in a list that is empty where there is none."""
    if primary.version == ALSO_TESTED:
        return []
    found = find_interpreter(ALSO_TESTED)
    if found is None:
        print(f"No Python {ALSO_TESTED} here: the tests run on {primary.version} only.")
        return []
    return [(ROOT / (".venv-" + ALSO_TESTED), found)]


def find_interpreter(version: str) -> "Interpreter | None":
    """The interpreter of a version, where there is one that can make virtual environments."""
    on_path = shutil.which("python" + version)
    candidates = [Path(on_path)] if on_path else []
    # A user without an entry in the system's list of users has no home.
    with contextlib.suppress(RuntimeError, OSError):
        home = Path.home()
        candidates += sorted(home.glob(f".pyenv/versions/{version}.*/bin/python"))
        candidates += sorted(home.glob(f".local/share/uv/python/cpython-{version}.*/bin/python3"))
    for candidate in candidates:
        found = probe(candidate)
        if found and found.version == version:
            return found
    return None


def probe(interpreter: "Path | str") -> "Interpreter | None":
    """What an interpreter says of itself; None where it does not work, or lacks venv or ensurepip."""
    try:
        command = [str(interpreter), "-c", PROBE]
        run = subprocess.run(command, env=surroundings(), capture_output=True, timeout=60)
    except (OSError, subprocess.TimeoutExpired):
        return None
    if run.returncode != 0:
        return None
    version, path = os.fsdecode(run.stdout).split(None, 1)
    return Interpreter(version, path.strip())


def prepare(environment: Path, interpreter: Interpreter) -> None:
    """Create or renew a virtual environment unless it is as the lock files want it; the layer likewise."""
    renew(environment, interpreter, DECISIVE, fill)
    # It knows by itself whether the layer is as it should be.
    run([str(environment / "bin" / "python"), "-m", "layers.build", "--local", "--part", "layer"])


def fill(python: Path) -> None:
    """Install all that the commands and the tests need, and say where this project's modules are."""
    install(python, "-r", "requirements/build.txt", "--require-hashes")
    locked = ("-r", "requirements/dev.txt", "--require-hashes")
    install(python, *locked, "--no-build-isolation", "--use-pep517")
    install(python, "-e", ".", "--no-build-isolation", "--no-index")
    (paths,) = python.parent.parent.glob("lib/python*/site-packages/_imm_label_tags.pth")
    paths.write_text(MODULES)


def renew(
    environment: Path, interpreter: Interpreter, files: "Sequence[str]", fill: "Callable[[Path], None]"
) -> None:
    """Create a virtual environment and fill it, unless it is complete and was made of the same files.

    ``fill`` gets its interpreter.
    """
    python = environment / "bin" / "python"
    stamp = environment / "complete"
    state = os.fsencode(f"{interpreter.path}\n{environment}\n{digest(files)}\n")
    if stamp.exists() and stamp.read_bytes() == state and works(python):
        return
    if not os.access(str(ROOT), os.W_OK):
        raise Missing(
            f"{environment.name} is not set up, and {ROOT} may not be written by this user: run "
            "`make setup` as its owner, or work on a copy of your own."
        )
    print(f"Preparing {environment.name} on Python {interpreter.version} (once; about a minute).", flush=True)
    run([interpreter.path, "-m", "venv", "--clear", str(environment)])
    fill(python)
    stamp.write_bytes(state)


def works(python: Path) -> bool:
    """Whether an environment's interpreter still starts: the one behind it may have been removed."""
    try:
        return subprocess.run([str(python), "-c", ""], env=surroundings(), timeout=60).returncode == 0
    except (OSError, subprocess.TimeoutExpired):
        return False


def digest(files: "Sequence[str]") -> str:
    """One digest over files of this checkout."""
    return hashlib.sha256(b"\0".join((ROOT / name).read_bytes() for name in files)).hexdigest()


def install(python: Path, *arguments: str) -> None:
    """Install what is named, and nothing that it depends on: the lock files are complete."""
    run([str(python), "-m", "pip", "install", "--quiet", "--no-deps", *arguments])


def run(command: "list[str]") -> None:
    """Run a command silently; raises Missing with its output where it fails."""
    environment = dict(surroundings(), PIP_DISABLE_PIP_VERSION_CHECK="1", PIP_ROOT_USER_ACTION="ignore")
    finished = subprocess.run(
        command,
        cwd=str(ROOT),
        env=environment,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
    )
    if finished.returncode != 0:
        print(finished.stdout.decode("utf-8", "replace"), file=sys.stderr)
        raise Missing(f"`{' '.join(command)}` failed, see above.")


def surroundings() -> "dict[str, str]":
    """The user's environment without what is meant for another Python, or for another way to install."""
    unwanted = {"PIP_" + name for name in PIPS_OWN} | {"VIRTUAL_ENV", "__PYVENV_LAUNCHER__"}
    return {
        name: value
        for name, value in os.environ.items()
        if not name.startswith("PYTHON") and name not in unwanted
    }


def end_as_ctrl_c_does() -> None:
    """Let SIGTERM and SIGHUP end what was started, too. Where they are ignored, they stay so."""
    for number in (signal.SIGTERM, signal.SIGHUP):
        if signal.getsignal(number) is signal.SIG_DFL:
            signal.signal(number, signal.default_int_handler)


if __name__ == "__main__":
    end_as_ctrl_c_does()
    sys.exit(main(sys.argv[1:]))
