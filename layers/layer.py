"""The dependency layer: the locked wheels, less what nothing needs at run time."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from layers.archive import file_digest
from layers.assembly import Findings
from layers.contents import files_of, in_layer
from layers.distributions import check_against, read_distributions
from layers.glibc import check_libraries
from layers.installer import WheelInstaller
from layers.lock import locked_for
from layers.target import Target


@dataclass(frozen=True)
class Layer:
    """The packages of a lock file, for a target."""

    target: Target
    lock: Path
    installer: WheelInstaller

    kind = "layer"
    # Function Compute unpacks a layer into /opt and has /opt/python on the module path.
    folder = "python"
    mounted_at = "/opt/python"
    must_compile = False

    @property
    def name(self) -> str:
        """The target's own name."""
        return self.target.name

    def inputs(self) -> Mapping[str, str]:
        """The lock file; it names every other by its hash."""
        return {"lock": file_digest(self.lock)}

    def fill(self, directory: Path) -> Findings:
        """Install, compare with the lock file, check what the runtime can load, and drop the rest."""
        locked = locked_for(self.target, self.lock)
        self.installer.install(self.target, self.lock, directory)
        packages = read_distributions(directory)
        check_against(locked, packages, self.target)
        _drop_unneeded(directory)
        return Findings(packages, check_libraries(directory, self.target))


def _drop_unneeded(directory: Path) -> None:
    for path in files_of(directory):
        if not in_layer(path):
            (directory / path).unlink()
    for folder in sorted((path for path in directory.rglob("*") if path.is_dir()), reverse=True):
        if not any(folder.iterdir()):
            folder.rmdir()
