"""Sets up .venv-fuzz: atheris, and what the function imports, on the Python that .venv runs on.

``python3 proof/fuzz/environment.py``, with the standard library alone. Packages come from wherever the user's
pip is configured to look; their hashes are in the requirements files.
"""

from __future__ import annotations

import importlib
import subprocess
import sys
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parent.parent.parent
LOCKS = ("requirements/build.txt", "layers/requirements.txt", "requirements/fuzz.txt")

INSTEAD = ".venv/bin/python -m proof.fuzz run --engine hypothesis"


class NoRelease(Exception):
    """atheris has none for this Python."""


def main(folder: Path, environments: Any) -> int:
    """Create or renew the environment unless it is as the lock files want it; returns the exit status.

    ``environments`` is the module that knows which interpreters there are and how environments are made.
    """

    def fill(python: Path) -> None:
        if not _has_wheel(python, folder / "wheels"):
            raise NoRelease
        environments.install(python, "-r", "requirements/build.txt", "--require-hashes")
        environments.install(
            python,
            *("-r", "layers/requirements.txt", "-r", "requirements/fuzz.txt", "--require-hashes"),
            *("--no-build-isolation", "--use-pep517"),
        )

    try:
        interpreter = environments.primary_interpreter()
        environments.renew(folder, interpreter, LOCKS, fill)
    except NoRelease:
        print(
            f"atheris has no release for Python {interpreter.version} here; this does without it: {INSTEAD}"
        )
        return 2
    except environments.Missing as missing:
        print(f"error: {missing}", file=sys.stderr)
        return 2
    return 0


def _has_wheel(python: Path, folder: Path) -> bool:
    """Whether there is a wheel: from its source it could only be built with a compiler of its own."""
    command = [str(python), "-m", "pip", "download", "--quiet", "--no-deps", "--only-binary", ":all:"]
    command += ["--require-hashes", "--dest", str(folder), "-r", "requirements/fuzz.txt"]
    return subprocess.run(command, cwd=ROOT, stderr=subprocess.DEVNULL).returncode == 0


if __name__ == "__main__":
    sys.path.insert(0, str(ROOT / "requirements"))
    sys.exit(main(ROOT / ".venv-fuzz", importlib.import_module("environments")))
