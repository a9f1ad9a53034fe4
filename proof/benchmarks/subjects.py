"""What is measured, in read-only directories as Function Compute has them, byte code included.

* ``function``: this project's code package and layer, as ``python -m layers.build`` leaves them.
* ``reference``: the handler of the SDKs' samples, with everything that the lock file names.
* ``bare``: the same SDK calls and nothing else.
* ``floor``: what no function can do without that calls through requests.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from cli.checkout import ROOT
from cli.problems import Problem
from layers.derived import split_bundle
from layers.interpreters import Interpreter, find_interpreter
from proof.benchmarks.function_process import Subject

FUNCTION, REFERENCE, BARE, FLOOR = "function", "reference", "bare", "floor"
HANDLERS = Path(__file__).parent / "handlers"
PROBE = HANDLERS / "probe" / "benchmark_probe.py"


@dataclass(frozen=True)
class Runtime:
    """A runtime of which there is an interpreter (``version`` is the whole one), and what is measured on it.

    ``layer_bytes`` are the sizes of the zip files of both layers by the subject that has them, ``code_bytes``
    that of the function's code.
    """

    version: str
    subjects: Mapping[str, Subject]
    layer_bytes: Mapping[str, int]
    code_bytes: int


def build_parts(runtime: str) -> Path:
    """Build what is deployed, and the complete layer; quick where both are there. Returns the directory.

    Raises Problem.
    """
    for options in ([], ["--complete", "--part", "layer"]):
        command = [sys.executable, "-m", "layers.build", "--runtime", runtime, *options]
        if subprocess.run(command, cwd=ROOT, check=False).returncode:
            raise Problem(f"{' '.join(command[1:])} failed; what it said stands above.")
    return ROOT / "layers" / "build"


def prepare(runtime: str, built: Path, directory: Path, authority: Path) -> Runtime:
    """Lay out what is measured, from what was built. ``authority`` is trusted besides those of certifi.

    Raises Problem.
    """
    interpreter = find_interpreter(runtime.removeprefix("python"), os.environ)
    if interpreter is None:
        raise Problem(f"There is no interpreter for {runtime} here.")
    lean = _layer(built / runtime, directory / "layer", authority)
    complete = _layer(built / f"{runtime}-complete", directory / "complete", authority)
    layers = {FUNCTION: lean, REFERENCE: complete, BARE: complete, FLOOR: lean}
    # Outside of any virtual environment, as the runtime's own interpreter is.
    python = interpreter.path.resolve()
    subjects = {}
    for name, layer in layers.items():
        source = built / f"code-{runtime}" if name == FUNCTION else HANDLERS / name
        code = _code(source, directory / name, interpreter)
        subjects[name] = Subject(name, python, runtime, code, layer)
    for path in sorted(directory.rglob("*")):
        path.chmod(0o555 if path.is_dir() else 0o444)
    sizes = {part: (built / f"{part}.zip").stat().st_size for part in (runtime, f"{runtime}-complete")}
    return Runtime(
        version=interpreter.version,
        subjects=subjects,
        layer_bytes={FUNCTION: sizes[runtime], REFERENCE: sizes[f"{runtime}-complete"]},
        code_bytes=(built / f"code-{runtime}.zip").stat().st_size,
    )


def unprotect(directory: Path) -> None:
    """Make directories writable again, so that they can be removed."""
    for path in directory.rglob("*"):
        if path.is_dir():
            path.chmod(0o755)


def _layer(built: Path, directory: Path, authority: Path) -> Path:
    if not built.is_dir():
        raise Problem(f"{built} is missing: build it with `python -m layers.build`, see --complete there.")
    shutil.copytree(built, directory)
    certificates = directory / "python" / "certifi" / "cacert.pem"
    certificates.write_bytes(certificates.read_bytes() + authority.read_bytes())
    shutil.rmtree(certificates.with_suffix(".d"), ignore_errors=True)
    split_bundle(certificates, certificates.with_suffix(".d"))
    return directory


def _code(source: Path, directory: Path, interpreter: Interpreter) -> Path:
    shutil.copytree(source, directory, ignore=shutil.ignore_patterns("__pycache__"))
    shutil.copy(PROBE, directory)
    failed = interpreter.compile(directory, "/code")
    if failed:
        raise Problem(f"{source} does not compile: {failed}")
    return directory
