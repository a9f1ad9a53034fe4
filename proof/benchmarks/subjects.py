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
from dataclasses import dataclass, replace
from pathlib import Path

from cli.checkout import DEPLOYMENT, FAILED_EVENTS, ROOT, TAGGING
from cli.local_deployment import load_deployment
from cli.problems import Problem
from layers.certificates import split_bundle
from layers.contents import files_of
from layers.interpreters import Interpreter, find_interpreter
from localcloud.accounts import Identity
from localcloud.fc.declaration import FunctionDeclaration
from localcloud.fc.environment import RuntimeFiles, instance_variables
from proof.benchmarks.function_process import Subject
from proof.benchmarks.region import Region

FUNCTION, REFERENCE, BARE, FLOOR = "function", "reference", "bare", "floor"
HANDLERS = Path(__file__).parent / "handlers"
PROBE = HANDLERS / "probe" / "benchmark_probe.py"


@dataclass(frozen=True)
class Sizes:
    """Bytes of the zip files that are published."""

    layer: int
    complete_layer: int
    code: int


@dataclass(frozen=True)
class Runtime:
    """A runtime's interpreter, and everything that is measured on it, by name."""

    name: str
    interpreter: Interpreter
    subjects: Mapping[str, Subject]
    sizes: Sizes


def build_parts(runtime: str) -> Path:
    """Build what is deployed, and the complete layer; quick where both are there. Returns the directory.

    Raises Problem.
    """
    for options in ([], ["--complete", "--part", "layer"]):
        command = [sys.executable, "-m", "layers.build", "--runtime", runtime, *options]
        finished = subprocess.run(command, cwd=ROOT, check=False)
        if finished.returncode:
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
    sizes = Sizes(
        layer=(built / f"{runtime}.zip").stat().st_size,
        complete_layer=(built / f"{runtime}-complete.zip").stat().st_size,
        code=(built / f"code-{runtime}.zip").stat().st_size,
    )
    for path in sorted(directory.rglob("*")):
        path.chmod(0o555 if path.is_dir() else 0o444)
    return Runtime(runtime, interpreter, subjects, sizes)


def unprotect(directory: Path) -> None:
    """Make directories writable again, so that they can be removed."""
    for path in directory.rglob("*"):
        if path.is_dir():
            path.chmod(0o755)


def declaration() -> FunctionDeclaration:
    """The function as ``s.yaml`` declares it, with every setting at its default."""
    return load_deployment(DEPLOYMENT, {"FAILED_EVENTS": FAILED_EVENTS}).resources[TAGGING]


def environment(subject: Subject, region: Region, declared: FunctionDeclaration) -> dict[str, str]:
    """The environment variables of an instance, as Function Compute would set them."""
    keys = region.keys()
    return instance_variables(
        replace(declared, code=subject.code, runtime=subject.runtime, region=region.name),
        RuntimeFiles(subject.interpreter, subject.layer),
        account_id=region.account_id,
        instance_id="c-00000000-benchmark",
        keys=Identity(keys["access_key_id"], keys["access_key_secret"], keys["security_token"]),
        # Each process has a directory of its own in its place.
        home=Path("/"),
        # The values that the reference writes, so that both do the same.
        overrides={
            "IMM_ENDPOINT": region.imm,
            "OSS_ENDPOINT": region.oss,
            "TAG_VALUE": "{confidence}",
        },
    )


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
    paths = [path.as_posix() for path in files_of(directory) if path.suffix == ".py"]
    failed = interpreter.compile(directory, "/code", paths)
    if failed:
        raise Problem(f"{source} does not compile: {failed}")
    return directory
