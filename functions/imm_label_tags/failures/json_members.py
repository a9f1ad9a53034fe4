"""The members of a JSON object as they are written, so that none changes by being read and written again."""

from __future__ import annotations

import json
import re
from dataclasses import dataclass
from typing import Any

_SPACE = re.compile(r"[ \t\n\r]*")
# Longer ones are no time and no count, and working them out could take for ever.
_LONGEST_NUMBER = 32


@dataclass(frozen=True)
class Member:
    """A member: its key, its value, and the text of the value.

    Numbers of more than 32 characters are None.
    """

    key: str
    value: Any
    source: str

    @property
    def text(self) -> str:
        """The whole member, with its value as it was written."""
        return f"{json.dumps(self.key)}:{self.source}"


def read_members(text: str) -> tuple[Member, ...]:
    """Every member of a JSON object in its order; a key may stand more than once.

    Raises ValueError where the text is not JSON object, RecursionError where it is too deep.
    """
    at = _after(text, 0, "{")
    members: list[Member] = []
    if text[at : at + 1] == "}":
        at += 1
    else:
        at = _read_all(text, at, members)
    if _SPACE.fullmatch(text, at) is None:
        raise ValueError(f"text after the object, at {at}")
    return tuple(members)


def _read_all(text: str, at: int, members: list[Member]) -> int:
    """Read members up to the closing brace; returns where the text goes on."""
    while True:
        key, end = _DECODER.raw_decode(text, at)
        if not isinstance(key, str):
            raise ValueError(f"a key that is no text, at {at}")
        start = _after(text, end, ":")
        value, end = _DECODER.raw_decode(text, start)
        members.append(Member(key, value, text[start:end]))
        at = _skip(text, end)
        if text[at : at + 1] == "}":
            return at + 1
        at = _after(text, at, ",")


def _after(text: str, at: int, mark: str) -> int:
    """Where the text goes on after a mark and the white space around it."""
    at = _skip(text, at)
    if text[at : at + 1] != mark:
        raise ValueError(f"no {mark} at {at}")
    return _skip(text, at + 1)


def _skip(text: str, at: int) -> int:
    match = _SPACE.match(text, at)
    return match.end() if match else at


def _integer(text: str) -> int | None:
    return int(text) if len(text) <= _LONGEST_NUMBER else None


def _fraction(text: str) -> float | None:
    return float(text) if len(text) <= _LONGEST_NUMBER else None


def _refuse(text: str) -> None:
    raise ValueError(f"{text} is not JSON")


_DECODER = json.JSONDecoder(parse_int=_integer, parse_float=_fraction, parse_constant=_refuse)
