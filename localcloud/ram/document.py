"""What policy documents are written in: JSON, of which errors name the place, and texts with wildcards.

``*`` stands for any characters, also none, and ``?`` for exactly one.
"""

from __future__ import annotations

import json
import re
from collections.abc import Collection, Mapping
from typing import Any

_ARN_SEGMENTS = 5


class MalformedPolicy(Exception):
    """A policy document that the RAM of the local cloud does not take; the message names the place."""

    def __init__(self, place: str, problem: str) -> None:
        super().__init__(f"{place}: {problem}")


def read_document(text: str) -> list[tuple[str, Any]]:
    """The statements of a document with their places, not yet looked at; raises MalformedPolicy."""
    try:
        content = json.loads(text, object_pairs_hook=_without_duplicates)
    except ValueError as error:
        raise MalformedPolicy("the document", f"it is not JSON: {error}") from None
    members = read_members(content, "the document", required=("Version", "Statement"))
    if members["Version"] != "1":
        raise MalformedPolicy("Version", 'it must be "1"')
    statements = members["Statement"]
    if not isinstance(statements, list) or not statements:
        raise MalformedPolicy("Statement", "it must be a list of one or more statements")
    return read_values(statements, "Statement")


def read_members(
    value: object, place: str, *, required: Collection[str], optional: Collection[str] = ()
) -> Mapping[str, Any]:
    """The members of an object that has those required, and perhaps some of those optional."""
    if not isinstance(value, dict):
        raise MalformedPolicy(place, "it must be an object")
    known = (*required, *optional)
    for name in value:
        if name not in known:
            raise MalformedPolicy(place, f"{name} is not known here; known are {', '.join(known)}")
    for name in required:
        if name not in value:
            raise MalformedPolicy(place, f"{name} is missing")
    return value


def read_values(value: object, place: str) -> list[tuple[str, Any]]:
    """One value, or each of a list of one or more, with its place."""
    if not isinstance(value, list):
        return [(place, value)]
    if not value:
        raise MalformedPolicy(place, "the list is empty")
    return [(f"{place}[{index}]", item) for index, item in enumerate(value)]


def read_texts(value: object, place: str) -> list[tuple[str, str]]:
    """One text, or each of a list of one or more, with its place."""
    values = read_values(value, place)
    for where, item in values:
        if not isinstance(item, str) or not item:
            raise MalformedPolicy(where, "it must be a text that is not empty")
    return values


def _without_duplicates(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    members = dict(pairs)
    if len(members) < len(pairs):
        names = [name for name, _ in pairs]
        twice = next(name for name in names if names.count(name) > 1)
        raise ValueError(f"an object has two members {twice!r}")
    return members


def wildcard(pattern: str, *, ignore_case: bool = False) -> re.Pattern[str]:
    """A text with wildcards."""
    return re.compile(_translated(pattern, "."), re.DOTALL | (re.IGNORECASE if ignore_case else 0))


def read_resource(pattern: str, place: str) -> re.Pattern[str]:
    """A resource ``acs:<service>:<region>:<account>:<relative id>`` with wildcards, or ``*`` for all.

    A wildcard does not reach over a colon into the next segment, except in the last; whether it would in RAM
    is not documented.
    """
    if pattern == "*":
        return wildcard(pattern)
    segments = pattern.split(":", _ARN_SEGMENTS - 1)
    if len(segments) < _ARN_SEGMENTS or segments[0] != "acs" or not segments[1] or not segments[-1]:
        raise MalformedPolicy(place, "it must be * or acs:<service>:<region>:<account>:<relative id>")
    *scope, relative = segments
    return re.compile(
        ":".join([*(_translated(segment, "[^:]") for segment in scope), _translated(relative, ".")]),
        re.DOTALL,
    )


def _translated(pattern: str, any_character: str) -> str:
    translations = {"*": f"{any_character}*", "?": any_character}
    return "".join(translations.get(character, re.escape(character)) for character in pattern)
