"""The code package: the function's own files, as they are deployed."""

from __future__ import annotations

import shutil
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from layers.archive import file_digest
from layers.assembly import Findings
from layers.contents import files_of, in_code
from layers.target import Target


@dataclass(frozen=True)
class FunctionCode:
    """A code root, for a target."""

    target: Target
    root: Path

    kind = "code package"
    folder = ""
    mounted_at = "/code"
    must_compile = True

    @property
    def name(self) -> str:
        """The target's name, told apart from the layer's."""
        return f"code-{self.target.name}"

    def inputs(self) -> Mapping[str, str]:
        """Every file of the code root that is deployed."""
        return {
            f"code {path.as_posix()}": file_digest(self.root / path)
            for path in files_of(self.root)
            if in_code(path)
        }

    def fill(self, directory: Path) -> Findings:
        """Copy what is deployed."""
        for path in files_of(self.root):
            if in_code(path):
                (directory / path).parent.mkdir(parents=True, exist_ok=True)
                shutil.copyfile(self.root / path, directory / path)
        return Findings()
