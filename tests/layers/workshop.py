"""A place to build in: an index of the test's own wheels, a lock file, a code root, an output directory."""

from __future__ import annotations

import json
import os
from contextlib import redirect_stderr, redirect_stdout
from io import StringIO
from pathlib import Path
from typing import Any

import pytest

from layers.build import main
from tests.layers.wheels import Files, wheel


class Workshop:
    """Runs the builder on what a test has put there, through its command line.

    It is cut off from the package indexes of this machine.
    """

    def __init__(self, root: Path, uv_cache: Path) -> None:
        self.house = root / "wheels"
        self.code = root / "functions"
        self.output = root / "build"
        self.lock = root / "requirements.txt"
        self._uv_cache = uv_cache
        self._uv_settings = root / "uv.toml"
        self._uv_settings.write_text(f"no-index = true\nfind-links = [{json.dumps(str(self.house))}]\n")
        self.house.mkdir()
        self.code.mkdir()
        (self.code / "tag_object.py").write_text("def handler(event, context):\n    return {}\n")
        self.lock.write_text("# nothing yet\n")

    def publish(self, name: str, version: str, files: Files, **options: str) -> str:
        """Put a wheel on the index; returns its hash."""
        return wheel(self.house, name, version, files, **options)

    def require(self, *lines: str) -> None:
        """Write the lock file."""
        self.lock.write_text("\n".join(lines) + "\n")

    def publish_and_require(self, name: str, version: str, files: Files, **options: str) -> None:
        """Put a wheel on the index and lock it."""
        with self.lock.open("a") as file:
            file.write(f"{name}=={version} \\\n    {self.publish(name, version, files, **options)}\n")

    def build(self, *arguments: str, output: Path | None = None) -> str:
        """Build; returns what was printed."""
        status, out, error = self._run(arguments, output)
        assert (status, error) == (0, ""), error
        return out

    def fail(self, *arguments: str) -> str:
        """Build what cannot be built; returns the error without its prefix."""
        status, out, error = self._run(arguments, None)
        assert (status, out) == (1, ""), out
        assert error.startswith("error: ")
        assert error.endswith("\n")
        return error[7:-1]

    def report(self, name: str) -> dict[str, Any]:
        """The JSON report of what was built."""
        report: dict[str, Any] = json.loads((self.output / f"{name}.json").read_text())
        return report

    def built(self) -> list[str]:
        """What is in the output directory."""
        return sorted(path.name for path in self.output.iterdir()) if self.output.exists() else []

    def contents(self) -> dict[str, bytes]:
        """All that was built, by name."""
        return {path: (self.output / path).read_bytes() for path in files_in(self.output)}

    def _run(self, arguments: tuple[str, ...], output: Path | None) -> tuple[int, str, str]:
        where = ["--lock", str(self.lock), "--code", str(self.code), "--output", str(output or self.output)]
        out, error = StringIO(), StringIO()
        with pytest.MonkeyPatch.context() as patch, redirect_stdout(out), redirect_stderr(error):
            for name in [name for name in os.environ if name.startswith(("PIP_", "UV_"))]:
                patch.delenv(name)
            patch.setenv("UV_CONFIG_FILE", str(self._uv_settings))
            patch.setenv("UV_CACHE_DIR", str(self._uv_cache))
            status = main([*where, *arguments])
        return status, out.getvalue(), error.getvalue()


def files_in(directory: Path) -> set[str]:
    """Every file below a directory."""
    return {path.relative_to(directory).as_posix() for path in directory.rglob("*") if path.is_file()}
