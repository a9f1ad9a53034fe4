"""Sets up what the other commands need: a virtual environment and the layer, for each Python there is.

    python3 development/environments.py setup       .venv, on Python 3.12 where there is one
    python3 development/environments.py test        .venv, and .venv-3.10 where there is a Python 3.10
    python3 development/environments.py list        the environments that the tests run in

Uses the standard library alone, and runs on any Python 3 in order to say which one is needed. Packages come
from wherever the user's pip is configured to look; their hashes are in the requirements files.
"""

import hashlib
import os
import shutil
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
OLDEST = (3, 10)
DEPLOYED = "3.12"
ALSO_TESTED = "3.10"
LOCKS = ("requirements-build.txt", "requirements-dev.txt", "layers/requirements.txt")
PROBE = "import sys, ensurepip, venv; print('%d.%d' % sys.version_info[:2], sys._base_executable)"


class Missing(Exception):
    """A prerequisite is missing; the message says what to install."""


def main(arguments):
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
        for path, interpreter in wanted:
            prepare(path, interpreter)
    except Missing as missing:
        print(f"error: {missing}", file=sys.stderr)
        return 2
    return 0


def primary_interpreter():
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
        print(f"No Python {DEPLOYED} here, which is deployed: everything runs on {found[0]}.")
    return found


def secondary_environment(primary):
    """The environment for the older runtime, in a list that is empty where there is none."""
    if primary[0] == ALSO_TESTED:
        return []
    found = find_interpreter(ALSO_TESTED)
    if found is None:
        print(f"No Python {ALSO_TESTED} here: the tests run on {primary[0]} only.")
        return []
    return [(ROOT / (".venv-" + ALSO_TESTED), found)]


def find_interpreter(version):
    """(version, path) of an interpreter that can make virtual environments, or None."""
    home = Path.home()
    candidates = [shutil.which("python" + version)]
    candidates += sorted(home.glob(f".pyenv/versions/{version}.*/bin/python"))
    candidates += sorted(home.glob(f".local/share/uv/python/cpython-{version}.*/bin/python3"))
    for candidate in candidates:
        found = probe(candidate) if candidate else None
        if found and found[0] == version:
            return found
    return None


def probe(interpreter):
    """(version, path) of an interpreter that works and has venv and ensurepip, or None."""
    try:
        run = subprocess.run([str(interpreter), "-c", PROBE], capture_output=True, text=True, timeout=60)
    except (OSError, subprocess.TimeoutExpired):
        return None
    if run.returncode != 0:
        return None
    version, path = run.stdout.split(None, 1)
    return version, path.strip()


def prepare(environment, interpreter):
    """Create or renew a virtual environment unless it is as the lock files want it; the layer likewise."""
    version, path = interpreter
    python = environment / "bin" / "python"
    stamp = environment / "complete"
    state = f"{path}\n{environment}\n{digest()}\n"
    if not (stamp.exists() and stamp.read_text() == state and works(python)):
        print(f"Preparing {environment.name} on Python {version} (once; about a minute).", flush=True)
        run([path, "-m", "venv", "--clear", str(environment)])
        install(python, "-r", "requirements-build.txt", "--require-hashes")
        locked = ("-r", "requirements-dev.txt", "--require-hashes")
        install(python, *locked, "--no-build-isolation", "--use-pep517")
        install(python, "-e", ".", "--no-build-isolation", "--no-index")
        stamp.write_text(state)
    # It knows by itself whether the layer is as it should be.
    run([str(python), "-m", "layers.build", "--local", "--part", "layer"])


def works(python):
    """Whether an environment's interpreter still starts: the one behind it may have been removed."""
    try:
        return subprocess.run([str(python), "-c", ""], timeout=60).returncode == 0
    except OSError:
        return False


def digest():
    """One digest over every file that decides what is installed."""
    return hashlib.sha256(b"\0".join((ROOT / name).read_bytes() for name in LOCKS)).hexdigest()


def install(python, *arguments):
    """Install what is named, and nothing that it depends on: the lock files are complete."""
    run([str(python), "-m", "pip", "install", "--quiet", "--no-deps", *arguments])


def run(command):
    """Run a command silently; raises Missing with its output where it fails."""
    environment = dict(os.environ, PIP_DISABLE_PIP_VERSION_CHECK="1", PIP_ROOT_USER_ACTION="ignore")
    finished = subprocess.run(
        command, cwd=str(ROOT), env=environment, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True
    )
    if finished.returncode != 0:
        print(finished.stdout, file=sys.stderr)
        raise Missing(f"`{' '.join(command)}` failed, see above.")


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
