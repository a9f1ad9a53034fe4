"""The ``.env`` file that Serverless Devs reads: lines ``NAME=value`` for what the environment leaves unset.

Serverless Devs 3 reads the one beside the file that it deploys (npm packages dotenv and dotenv-expand). Only
lines that mean the same to every reader of such files are understood: no ``$``, no backslash, no value of
several lines.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from pathlib import Path

FILE_NAME = ".env"

_BLANK = re.compile(r"\s*(?:#.*)?")
_LINE = re.compile(
    r"""\s*(?:export\s+)?([A-Za-z_][A-Za-z0-9_]*)\s*=\s*
        (?: '([^'$\\]*)' | "([^"$\\]*)" | ([^\s'"`\#$\\](?:[^'"`\#$\\]*[^\s'"`\#$\\])?)? )
        \s*(?:\#.*)?""",
    re.VERBOSE,
)


class LineUnclear(Exception):
    """A line of a ``.env`` file that not every reader understands alike."""

    def __init__(self, path: Path, number: int) -> None:
        super().__init__(f"{path}, line {number}: only plain lines like NAME=value or NAME='value' are read.")
        self.number = number


def with_dotenv(variables: Mapping[str, str], directory: Path) -> dict[str, str]:
    """An environment together with what the ``.env`` file of a directory, if there is one, adds to it.

    Raises LineUnclear.
    """
    path = directory / FILE_NAME
    return {**_read(path), **variables} if path.is_file() else dict(variables)


def _read(path: Path) -> dict[str, str]:
    found: dict[str, str] = {}
    for number, line in enumerate(path.read_text("utf-8", "replace").splitlines(), start=1):
        if _BLANK.fullmatch(line):
            continue
        match = _LINE.fullmatch(line)
        if match is None:
            raise LineUnclear(path, number)
        name, single, double, plain = match.groups()
        found[name] = single or double or plain or ""
    return found
