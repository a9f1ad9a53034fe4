"""The code package: the function's own files, as they are deployed."""

from __future__ import annotations

import shutil
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from layers.archive import contents_digest, file_digest
from layers.assembly import Findings
from layers.contents import files_of, in_code
from layers.target import Target
from layers.trial import Trial


@dataclass(frozen=True)
class FunctionCode:
    """A code root, for a target. It is tried with the ``layer`` where there are both that and a ``trial``."""

    target: Target
    root: Path
    layer: Path | None = None
    trial: Trial | None = None

    kind = "code package"
    folder = ""
    mounted_at = "/code"
    must_compile = True

    @property
    def name(self) -> str:
        """The target's name, told apart from the layer's."""
        return f"code-{self.target.name}"

    def inputs(self) -> Mapping[str, str]:
        """Every file of the code root that is deployed, and the layer that it is tried with."""
        layer = self._layer()
        return {
            **({} if layer is None else {"layer": contents_digest(layer)}),
            **{
                f"code {path.as_posix()}": file_digest(self.root / path)
                for path in files_of(self.root)
                if in_code(path)
            },
        }

    def fill(self, directory: Path) -> Findings:
        """Copy what is deployed, and try it. Raises DoesNotRun."""
        for path in files_of(self.root):
            if in_code(path):
                (directory / path).parent.mkdir(parents=True, exist_ok=True)
                shutil.copyfile(self.root / path, directory / path)
        layer = self._layer()
        if self.trial is not None and layer is not None:
            self.trial.run(layer, f"the layer in {layer}")
        return Findings()

    def _layer(self) -> Path | None:
        return self.layer if self.layer is not None and self.layer.is_dir() else None
