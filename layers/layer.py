"""The dependency layer: the locked wheels, less what the function does not need at run time."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from layers.archive import file_digest
from layers.assembly import Findings
from layers.certificates import SOURCE as CERTIFICATES
from layers.certificates import add_certificates
from layers.contents import files_of, in_layer
from layers.distributions import Distribution, check_against, read_distributions
from layers.glibc import check_libraries
from layers.installer import WheelInstaller
from layers.lean import DISTRIBUTIONS, left_out
from layers.lock import locked_for
from layers.pronunciation_data import FORMAT, add_pronunciations
from layers.pronunciation_data import SOURCE as PRONUNCIATIONS
from layers.target import Target
from layers.trial import Trial
from layers.wheels import wheels_of


@dataclass(frozen=True)
class Layer:
    """The packages of a lock file, for a target.

    The function is tried with it where there is a ``trial``. A ``complete`` one has also what the function
    never imports.
    """

    target: Target
    lock: Path
    installer: WheelInstaller
    trial: Trial | None = None
    complete: bool = False

    kind = "layer"
    # Function Compute unpacks a layer into /opt and has /opt/python on the module path.
    folder = "python"
    mounted_at = "/opt/python"
    must_compile = False

    @property
    def name(self) -> str:
        """The target's own name; a complete layer has another, for it is not what is deployed."""
        return f"{self.target.name}-complete" if self.complete else self.target.name

    def inputs(self) -> Mapping[str, str]:
        """The lock file, which names every other by its hash, and the format of the table."""
        return {
            "lock": file_digest(self.lock),
            "pronunciations": file_digest(FORMAT),
            "complete": str(self.complete),
        }

    def fill(self, directory: Path) -> Findings:
        """Install, compare with the lock file, drop what is not needed, check and try the rest.

        Raises BuildError.
        """
        locked = locked_for(self.target, self.lock)
        self.installer.install(self.target, self.lock, directory)
        packages = read_distributions(directory)
        check_against(locked, packages, self.target)
        wheels = wheels_of(packages, locked, self.installer.offered(self.target, self.lock))
        packages = [_MAKERS[one.name](directory, one) if one.name in _MAKERS else one for one in packages]
        _drop_unneeded(directory)
        kept = packages if self.complete else _lean(directory, packages)
        needs = check_libraries(directory, self.target)
        if self.trial is not None:
            self.trial.run(directory, f"the layer for {self.target.description}")
        left_out = tuple(one.name for one in packages if one not in kept)
        return Findings(kept, needs, left_out, wheels)


# What is made for the function from a package's data.
_MAKERS = {PRONUNCIATIONS: add_pronunciations, CERTIFICATES: add_certificates}


def _lean(directory: Path, packages: Sequence[Distribution]) -> Sequence[Distribution]:
    """Remove what the function never imports; returns the packages of which something is left."""
    unneeded = {path for one in packages if one.name in DISTRIBUTIONS for path in one.installed}
    for path in files_of(directory):
        if path.as_posix() in unneeded or left_out(path):
            (directory / path).unlink()
    _drop_empty_folders(directory)
    return [one for one in packages if any((directory / path).exists() for path in one.files)]


def _drop_unneeded(directory: Path) -> None:
    for path in files_of(directory):
        if not in_layer(path):
            (directory / path).unlink()
    _drop_empty_folders(directory)


def _drop_empty_folders(directory: Path) -> None:
    for folder in sorted((path for path in directory.rglob("*") if path.is_dir()), reverse=True):
        if not any(folder.iterdir()):
            folder.rmdir()
