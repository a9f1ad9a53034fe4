"""Serverless Devs' own rendering of a file, offline, and where it differs from this project's.

``s preview`` runs in a home directory of its own.
Tried with the npm package @serverless-devs/s 3.1.10.
"""

from __future__ import annotations

import json
import re
import shutil
import subprocess
import tempfile
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NamedTuple

SECONDS = 60

_VERSION = re.compile(r"@serverless-devs/s: (\S+?),")
_COLOUR = re.compile(r"\x1b\[[0-9;]*m")


class NotRendered(Exception):
    """Serverless Devs refuses the file; the message is what it said."""


@dataclass(frozen=True)
class ServerlessDevs:
    """An installed Serverless Devs."""

    executable: str
    version: str


@dataclass(frozen=True)
class Absent:
    """There is none; ``why`` says so."""

    why: str


def find(variables: Mapping[str, str]) -> ServerlessDevs | Absent:
    """The ``s`` on the PATH of an environment, if it is Serverless Devs."""
    executable = shutil.which("s", path=variables.get("PATH", ""))
    if executable is None:
        return Absent("Serverless Devs is not installed (no `s` on the PATH)")
    with tempfile.TemporaryDirectory() as home:
        try:
            said = _run([executable, "-v"], Path(home), Path(home), variables)
        except (OSError, subprocess.TimeoutExpired) as problem:
            return Absent(f"{executable} does not run ({problem})")
    match = _VERSION.search(_COLOUR.sub("", said.stdout))
    if match is None:
        return Absent(f"{executable} is not Serverless Devs")
    return ServerlessDevs(executable, match[1])


def render(found: ServerlessDevs, path: Path, variables: Mapping[str, str]) -> Mapping[str, Any]:
    """The file as Serverless Devs resolves it.

    Raises NotRendered.
    """
    path = path.absolute()
    command = [found.executable, "preview", "--template", str(path), "--output", "json"]
    with tempfile.TemporaryDirectory() as home:
        try:
            said = _run(command, Path(home), path.parent, variables)
        except (OSError, subprocess.TimeoutExpired) as problem:
            raise NotRendered(str(problem)) from None
    # Warnings come first, on the same stream.
    begins = re.search(r"^\{", said.stdout, re.MULTILINE)
    try:
        content = json.loads(said.stdout[begins.start() :]) if begins and said.returncode == 0 else None
    except ValueError:
        content = None
    if not isinstance(content, dict):
        raise NotRendered(_last_words(said.stdout + said.stderr))
    return content


def _run(
    command: list[str], home: Path, directory: Path, variables: Mapping[str, str]
) -> subprocess.CompletedProcess[str]:
    own = {
        "HOME": str(home),
        "serverless_devs_config_home": str(home),
        # Otherwise it looks for updates and reports errors to its makers, in processes that stay behind.
        "NODE_ENV": "test",
    }
    return subprocess.run(
        command,
        cwd=directory,
        env={**variables, **own},
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        errors="replace",
        timeout=SECONDS,
    )


def _last_words(output: str) -> str:
    lines = [line.strip() for line in _COLOUR.sub("", output).splitlines() if line.strip()]
    told = [line for line in lines if "Error: " in line] or lines[-1:]
    return told[0] if told else "it said nothing"


class Difference(NamedTuple):
    """A path, and what stands there in one rendering and in the other; None where nothing does."""

    where: str
    ours: Any
    theirs: Any


def differences(ours: Any, theirs: Any, where: str) -> Iterator[Difference]:
    """Every place where two values differ. A key without a value counts as absent."""
    if isinstance(ours, Mapping) and isinstance(theirs, Mapping):
        for key in sorted({*ours, *theirs}):
            yield from differences(ours.get(key), theirs.get(key), f"{where}.{key}")
    elif isinstance(ours, list) and isinstance(theirs, list) and len(ours) == len(theirs):
        for index, (one, other) in enumerate(zip(ours, theirs, strict=True)):
            yield from differences(one, other, f"{where}[{index}]")
    elif _comparable(ours) != _comparable(theirs):
        yield Difference(where, ours, theirs)


def _comparable(value: Any) -> Any:
    # JSON has one kind of number, and Python takes true for 1.
    if isinstance(value, (int, float)) and not isinstance(value, bool):
        return "number", float(value)
    return type(value).__name__, value
