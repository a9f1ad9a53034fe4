"""The ``.env`` files that Serverless Devs reads, as it reads them: with dotenv and dotenv-expand.

The grammar is that of dotenv 16 (``lib/main.js``) and of dotenv-expand 10, both as @serverless-devs/s
3.1.10 has them: a byte order mark, names with dots and dashes, values of several lines, ``$NAME`` and
``${NAME:-default}``. What is no assignment is skipped, as it is there. A file beside the code is read
before the one beside the template, and what the environment has already stays.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from pathlib import Path

FILE_NAME = ".env"

# No text of a .env needs more; a name that refers to itself would never end.
_MOST_REFERENCES = 1000
_ASSIGNMENT = re.compile(
    r"""^\s*(?:export\s+)?([\w.-]+)(?:\s*=\s*?|:\s+?)
        (\s*'(?:\\'|[^'])*'|\s*"(?:\\"|[^"])*"|\s*`(?:\\`|[^`])*`|[^\#\r\n]+)?
        \s*(?:\#.*)?$""",
    re.VERBOSE | re.MULTILINE | re.ASCII,
)
_QUOTED = re.compile(r"""^(['"`])(.*)\1$""", re.DOTALL | re.MULTILINE)
_REFERENCE = re.compile(r"\$\{?(\w+)(?::-([^}\\]*))?\}?", re.ASCII)
_DOLLAR = re.compile(r"(?<!\\)\$")


def with_dotenv(variables: Mapping[str, str], *directories: Path) -> dict[str, str]:
    """An environment together with what the ``.env`` files of some directories add, where there are any."""
    environment = dict(variables)
    for directory in directories:
        _add(_assignments(directory / FILE_NAME), environment)
    return environment


def _assignments(path: Path) -> dict[str, str]:
    try:
        text = path.read_text("utf-8", "replace")
    except (OSError, ValueError):
        # Serverless Devs goes on without a file that it cannot read.
        return {}
    # JavaScript takes a byte order mark for white space.
    text = text.replace("\r\n", "\n").replace("\r", "\n").replace("\ufeff", " ")
    return {match[1]: _value(match[2] or "") for match in _ASSIGNMENT.finditer(text)}


def _value(text: str) -> str:
    text = text.strip()
    quote = text[:1]
    text = _QUOTED.sub(lambda match: match[2], text)
    return text.replace("\\n", "\n").replace("\\r", "\r") if quote == '"' else text


def _add(assignments: Mapping[str, str], environment: dict[str, str]) -> None:
    given = {name: environment.get(name, value) for name, value in assignments.items()}
    environment.update(given)
    for name, value in given.items():
        environment[name] = _expanded(value, environment).replace("\\$", "$")


def _expanded(value: str, environment: Mapping[str, str]) -> str:
    """A value without its references, of which the last is replaced first."""
    for _ in range(_MOST_REFERENCES):
        dollars = list(_DOLLAR.finditer(value))
        match = _REFERENCE.match(value, dollars[-1].start()) if dollars else None
        if match is None:
            break
        replacement = environment.get(match[1]) or match[2] or ""
        value = value[: match.start()] + replacement + value[match.end() :]
    return value
