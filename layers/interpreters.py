"""Finds an interpreter of a target's version, has it compile the sources, and tries the function in it."""

from __future__ import annotations

import ast
import json
import os
import re
import shutil
import subprocess
import sys
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

from layers import rehearsal
from layers.errors import CompilerFailed, DoesNotRun

# Only a release has the byte code of its version; a beta's may differ.
_PROBE = (
    "import json, sys; v = sys.version_info; "
    "json.dump([sys.implementation.name, '%d.%d' % v[:2], v.releaselevel, '%d.%d.%d' % v[:3]], sys.stdout)"
)
# Without site: what is installed on this machine must not leave traces in the result.
_BARE = ("-S", "-s", "-B", "-W", "ignore")
_FAILED = re.compile(r"""^\*\*\* Error compiling (['"].+['"])\.\.\.\n""", re.MULTILINE)
# What only this project's function has, and only a layer for it.
_FUNCTION = Path("imm_label_tags", "tagging", "instance.py")
_SDKS = ("alibabacloud_imm20200930", "alibabacloud_oss_v2")
_REHEARSAL_SECONDS = 300


@dataclass(frozen=True)
class Interpreter:
    """A CPython that starts; ``version`` is the whole one, such as 3.12.1."""

    path: Path
    version: str

    def compile(self, directory: Path, mounted_at: str) -> dict[str, str]:
        """Write a ``.pyc`` beside each source; returns those that do not compile, with the reason.

        The hash in it is not checked on import (PEP 552), so it holds whatever time stamps unpacking gives
        the sources; tracebacks name the place where the runtime mounts them. Raises CompilerFailed.
        """
        place = str(directory.absolute())
        options = ("-q", "--invalidation-mode", "unchecked-hash", "-s", place, "-p", mounted_at, place)
        finished = subprocess.run(
            [self.path, *_BARE, "-m", "compileall", *options],
            # Modules beside the directory from which this is called are not meant.
            cwd="/",
            env=_environment(),
            capture_output=True,
            text=True,
            encoding="utf-8",
            check=False,
        )
        _, *told = _FAILED.split(finished.stdout)
        if finished.returncode != 0 and not told:
            raise CompilerFailed(self.path, finished.stderr)
        return {
            Path(ast.literal_eval(name)).relative_to(place).as_posix(): reason.strip()
            for name, reason in zip(told[::2], told[1::2], strict=True)
        }

    def rehearse(self, code: Path, layer: Path, name: str) -> None:
        """Try every call of the SDKs that the function makes, with this layer and nothing else.

        Does nothing where code or layer are not those of this project's function. Raises DoesNotRun.
        """
        if not (code / _FUNCTION).is_file() or not any((layer / one).is_dir() for one in _SDKS):
            return
        try:
            finished = subprocess.run(
                [self.path, "-I", *_BARE, rehearsal.__file__, code, layer],
                env={"PATH": os.environ.get("PATH", os.defpath)},
                stdin=subprocess.DEVNULL,
                capture_output=True,
                text=True,
                timeout=_REHEARSAL_SECONDS,
                check=False,
            )
        except subprocess.TimeoutExpired:
            raise DoesNotRun(name, f"It was not done after {_REHEARSAL_SECONDS} seconds.") from None
        if finished.returncode != 0:
            raise DoesNotRun(name, finished.stderr)


def find_interpreter(version: str, environment: Mapping[str, str]) -> Interpreter | None:
    """A CPython of a version such as 3.12: this one, one on the path, or one of pyenv's or uv's."""
    return next((found for one in _candidates(version, environment) if (found := _probe(one, version))), None)


def _candidates(version: str, environment: Mapping[str, str]) -> Iterator[Path]:
    if version == ".".join(map(str, sys.version_info[:2])):
        yield Path(sys.executable)
    on_path = shutil.which("python" + version, path=environment.get("PATH"))
    if on_path is not None:
        yield Path(on_path).absolute()
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
