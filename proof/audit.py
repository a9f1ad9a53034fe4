"""Are the lock files whole, and is any locked version known to be vulnerable: ``make audit``.

Every version that a lock file names is asked about, for whatever Python and system it is locked. pip-audit,
in .venv-audit, asks for OSV's advisories, and where these cannot be reached for PyPI's. Exit status:

    0   every version was asked about, and of none a vulnerability is known
    1   of some a vulnerability is known, or a lock file leaves open what is installed
    2   pip-audit could not be installed
    3   no vulnerability is known, but not every version could be asked about: that is no pass
"""

from __future__ import annotations

import importlib
import subprocess
import sys
import tempfile
import textwrap
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

from packaging.utils import canonicalize_name

from layers.errors import RequirementNotLocked
from layers.lock import entries

ROOT = Path(__file__).resolve().parent.parent
LOCK = "requirements/audit.txt"
# It locks nothing: it takes a requirement away from another lock file.
OVERRIDES = "requirements/overrides.txt"
SERVICES = ("osv", "pypi")
SECONDS = 30

SOUND, FAULTY, MISSING, UNKNOWN = range(4)

# A name, a version and one of its hashes.
Pin = tuple[str, str, str]


class NoAnswer(Exception):
    """pip-audit could not ask about every version; the message is its last words."""


def main(root: Path, environments: Any) -> int:
    """Check the lock files and ask about what they hold; returns the exit status.

    ``environments`` is the module that knows which interpreters there are and how environments are made.
    """
    status = SOUND
    held: dict[str, list[Pin]] = {}
    for path in lock_files(root):
        try:
            held[path.relative_to(root).as_posix()] = list(pins(path))
        except RequirementNotLocked as fault:
            print(f"error: {fault}", file=sys.stderr)
            status = FAULTY
    try:
        program = _prepare(root, environments)
    except environments.Missing as missing:
        print(f"error: {missing}", file=sys.stderr)
        print("NOT AUDITED: pip-audit could not be installed, so nothing was asked.", file=sys.stderr)
        return status or MISSING
    for name, locked in held.items():
        try:
            vulnerable = _ask(program, locked)
        except NoAnswer as failure:
            print(f"{name}: NOT AUDITED, {len(locked)} versions. This is no pass: whether they are")
            print(
                f"vulnerable is not known. Run it again where the advisories can be reached. {failure}",
                flush=True,
            )
            status = status or UNKNOWN
        else:
            known = f"known vulnerabilities:\n{vulnerable}" if vulnerable else "no vulnerability is known."
            print(f"{name}: all {len(locked)} versions were asked about; {known}", flush=True)
            status = FAULTY if vulnerable else status
    return status


def lock_files(root: Path) -> list[Path]:
    """Every lock file of the project."""
    found = [*root.glob("requirements/*.txt"), *root.glob("layers/requirements*.txt")]
    return sorted(path for path in found if path != root / OVERRIDES)


def pins(path: Path) -> Iterator[Pin]:
    """Everything that a lock file has, for whatever target. Raises RequirementNotLocked."""
    for requirement, locked in entries(path):
        yield canonicalize_name(requirement.name), str(locked.version), min(locked.hashes)


def _prepare(root: Path, environments: Any) -> Path:
    """Create or renew .venv-audit unless it is as its lock file wants it; returns pip-audit's path.

    Raises ``environments.Missing``.
    """
    folder = root / ".venv-audit"

    def fill(python: Path) -> None:
        environments.install(python, "-r", LOCK, "--require-hashes", "--only-binary", ":all:")

    environments.renew(folder, environments.primary_interpreter(), (LOCK,), fill)
    return folder / "bin" / "pip-audit"


def _ask(program: Path, locked: Iterable[Pin]) -> str:
    """What is known of some pins, as pip-audit's table; empty where that is nothing. Raises NoAnswer."""
    failures = []
    for service in SERVICES:
        with tempfile.TemporaryDirectory() as folder:
            report = Path(folder, "report")
            files = _requirements(Path(folder), locked)
            finished = subprocess.run(
                [
                    *(str(program), *(word for file in files for word in ("--requirement", str(file)))),
                    *("--require-hashes", "--disable-pip", "--vulnerability-service", service),
                    *("--timeout", str(SECONDS), "--format", "columns", "--desc", "off", "--aliases", "on"),
                    *("--progress-spinner", "off", "--cache-dir", folder, "--output", str(report)),
                ],
                stdin=subprocess.DEVNULL,
                capture_output=True,
                text=True,
                check=False,
            )
            said = report.read_text("utf-8").strip() if report.exists() else ""
        # It ends with 1 where there are vulnerabilities, which it reports, and where it reached nobody; it
        # ends with 0 also where it was told nothing of some, which it reports.
        if finished.returncode == 0 and not said:
            return ""
        if finished.returncode == 1 and said:
            return said
        failures.append(f"{service} gave no answer: {_last_line(said or finished.stderr)}")
    raise NoAnswer("; ".join(failures))


def _requirements(folder: Path, locked: Iterable[Pin]) -> list[Path]:
    """The pins in files that name no package twice, as pip-audit wants them, and without their markers."""
    files: list[dict[str, str]] = []
    for name, version, digest in locked:
        file = next((file for file in files if name not in file), None)
        if file is None:
            files.append(file := {})
        file[name] = f"{name}=={version} --hash=sha256:{digest}\n"
    paths = [folder / f"requirements{number}.txt" for number in range(len(files))]
    for path, file in zip(paths, files, strict=True):
        path.write_text("".join(file.values()), "utf-8")
    return paths


def _last_line(text: str) -> str:
    lines = text.strip().splitlines()
    return textwrap.shorten(lines[-1], 200) if lines else "pip-audit said nothing"


if __name__ == "__main__":
    try:
        sys.exit(main(ROOT, importlib.import_module("requirements.environments")))
    except KeyboardInterrupt:
        print("\nInterrupted: this is no pass.", file=sys.stderr)
        sys.exit(130)
