"""The two parts that are deployed: the dependency layer, and the function's own code."""

from __future__ import annotations

import shutil
from collections.abc import Callable, Sequence
from pathlib import Path, PurePosixPath

from layers.archive import contents_digest, file_digest, files_of
from layers.assembly import Findings, Part
from layers.derived import FORMAT, with_derived
from layers.distributions import Distribution, is_licence, read_distributions, wheels_of
from layers.glibc import check_libraries
from layers.installer import WheelInstaller
from layers.interpreters import Interpreter
from layers.lean import DISTRIBUTIONS, left_out
from layers.lock import locked_for
from layers.target import Target

_TESTS = frozenset({"tests", "test", "SelfTest"})
_CACHE = "__pycache__"
# Scripts start an interpreter that Function Compute does not have there; uv's lock guards a finished work.
_AT_THE_TOP = frozenset({"bin", ".lock"})
# What a compiler, a type checker or another Python reads.
_UNNEEDED = frozenset({".c", ".cc", ".cpp", ".h", ".hpp", ".pxd", ".pxi", ".pyc", ".pyi", ".pyo", ".pyx"})
_OF_METADATA = frozenset({"METADATA", "entry_points.txt"})


def layer_part(
    target: Target,
    lock: Path,
    code: Path,
    installer: WheelInstaller,
    interpreter: Interpreter | None,
    *,
    complete: bool = False,
) -> Part:
    """The packages of a lock file, less what the function does not need at run time.

    Where there is an ``interpreter``, the function's ``code`` is tried with it. A ``complete`` layer has also
    what the function never imports, and another name, for it is not what is deployed.
    """

    def fill(directory: Path) -> Findings:
        """Install, compare with the lock file, drop what is not needed, check and try the rest."""
        locked = locked_for(target, lock)
        installer.install(target, lock, directory)
        packages = read_distributions(directory, locked, target)
        wheels = wheels_of(packages, locked, installer.offered(target, lock))
        packages = [with_derived(directory, one) for one in packages]
        _drop(directory, lambda path: not in_layer(path))
        kept = packages if complete else _lean(directory, packages)
        needs = check_libraries(directory, target)
        if interpreter is not None:
            interpreter.rehearse(code, directory, f"the layer for {target.description}")
        return Findings(kept, needs, [one.name for one in packages if one not in kept], wheels)

    return Part(
        name=f"{target.name}-complete" if complete else target.name,
        kind="layer",
        target=target,
        # Function Compute unpacks a layer into /opt and has /opt/python on the module path.
        folder="python",
        mounted_at="/opt/python",
        # Packages may bring sources for another Python.
        must_compile=False,
        # The lock file names every other by its hash.
        inputs={
            "lock": file_digest(lock),
            "pronunciations": file_digest(FORMAT),
            "complete": str(complete),
        },
        fill=fill,
    )


def code_part(target: Target, root: Path, layer: Path, interpreter: Interpreter | None) -> Part:
    """The files of a code root, tried with the ``layer`` where there are both that and an interpreter."""
    deployed = [path for path in files_of(root) if in_code(path)]

    def fill(directory: Path) -> Findings:
        for path in deployed:
            (directory / path).parent.mkdir(parents=True, exist_ok=True)
            shutil.copyfile(root / path, directory / path)
        if interpreter is not None and layer.is_dir():
            interpreter.rehearse(root.absolute(), layer, f"the layer in {layer}")
        return Findings()

    return Part(
        name=f"code-{target.name}",
        kind="code package",
        target=target,
        folder="",
        mounted_at="/code",
        must_compile=True,
        inputs={
            **({"layer": contents_digest(layer)} if layer.is_dir() else {}),
            **{f"code {path}": file_digest(root / path) for path in deployed},
        },
        fill=fill,
    )


def in_layer(path: PurePosixPath) -> bool:
    """Whether the function may need a file of an installed package, or the law wants it.

    Whole modules stay, whether the function imports them or not. Of the metadata, RECORD and INSTALLER would
    be wrong once files are gone.
    """
    if path.parts[0] in _AT_THE_TOP:
        return False
    if path.parts[0].endswith(".dist-info"):
        return path.name in _OF_METADATA or is_licence(path)
    return (
        _TESTS.isdisjoint(path.parts[:-1])
        and _CACHE not in path.parts
        and path.suffix not in _UNNEEDED
        and path.name != "py.typed"
    )


def in_code(path: PurePosixPath) -> bool:
    """Whether a file of the code root is deployed: all but tests, caches, and what a dot hides."""
    return (
        not any(part.startswith(".") for part in path.parts)
        and _TESTS.isdisjoint(path.parts[:-1])
        and _CACHE not in path.parts
        and path.suffix not in (".pyc", ".pyo")
    )


def _lean(directory: Path, packages: Sequence[Distribution]) -> Sequence[Distribution]:
    """Remove what the function never imports; returns the packages of which something is left."""
    unneeded = {path for one in packages if one.name in DISTRIBUTIONS for path in one.installed}
    _drop(directory, lambda path: path.as_posix() in unneeded or left_out(path))
    return [one for one in packages if any((directory / path).exists() for path in one.files)]


def _drop(directory: Path, unneeded: Callable[[PurePosixPath], bool]) -> None:
    """Remove files, and the folders that are empty then."""
    for path in files_of(directory):
        if unneeded(path):
            (directory / path).unlink()
    for folder in sorted((path for path in directory.rglob("*") if path.is_dir()), reverse=True):
        if not any(folder.iterdir()):
            folder.rmdir()
