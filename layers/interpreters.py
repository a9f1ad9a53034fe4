"""Finds an interpreter of a target's version, and has it compile the sources."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

from layers import bytecode
from layers.errors import CompilerFailed

# Only a release has the byte code of its version; a beta's may differ.
_PROBE = (
    "import json, sys; v = sys.version_info; "
    "json.dump([sys.implementation.name, '%d.%d' % v[:2], v.releaselevel, '%d.%d.%d' % v[:3]], sys.stdout)"
)


@dataclass(frozen=True)
class Interpreter:
    """A CPython that starts; ``version`` is the whole one, such as 3.12.1."""

    path: Path
    version: str

    def compile(self, directory: Path, mounted_at: str, paths: Iterable[str]) -> dict[str, str]:
        """Compile sources; returns those that do not, with the reason. Raises CompilerFailed."""
        finished = subprocess.run(
            # Without site: what is installed on this machine must not leave traces in the result.
            [self.path, "-S", "-s", "-B", "-W", "ignore", bytecode.__file__, directory, mounted_at],
            input=json.dumps(list(paths)),
            env=_environment(),
            capture_output=True,
            text=True,
            check=False,
        )
        if finished.returncode != 0:
            raise CompilerFailed(self.path, finished.stderr)
        failed: dict[str, str] = json.loads(finished.stdout)
        return failed


def find_interpreter(version: str, environment: Mapping[str, str]) -> Interpreter | None:
    """A CPython of a version such as 3.12: this one, one on the path, or one of pyenv's or uv's."""
    for candidate in _candidates(version, environment):
        found = _probe(candidate, version)
        if found is not None:
            return found
    return None


def _candidates(version: str, environment: Mapping[str, str]) -> Iterator[Path]:
    if version == ".".join(map(str, sys.version_info[:2])):
        yield Path(sys.executable)
    on_path = shutil.which("python" + version, path=environment.get("PATH"))
    if on_path is not None:
        yield Path(on_path)
    home = Path(environment.get("HOME", "/nowhere"))
    yield from sorted(home.glob(f".pyenv/versions/{version}.*/bin/python"))
    yield from sorted(home.glob(f".local/share/uv/python/cpython-{version}.*/bin/python3"))


def _probe(path: Path, version: str) -> Interpreter | None:
    try:
        run = subprocess.run(
            [path, "-S", "-s", "-c", _PROBE],
            env=_environment(),
            capture_output=True,
            text=True,
            timeout=60,
            check=False,
        )
        said = json.loads(run.stdout)
    except (OSError, subprocess.TimeoutExpired, ValueError):
        return None
    return Interpreter(path, said[3]) if said[:3] == ["cpython", version, "final"] else None


def _environment() -> dict[str, str]:
    """The environment, less what changes how Python compiles; sets of constants are ordered by hash."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith("PYTHON")}
    return {**kept, "PYTHONHASHSEED": "0", "PYTHONIOENCODING": "utf-8"}
