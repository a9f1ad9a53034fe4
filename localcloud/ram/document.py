"""Reads the JSON of policy documents, and names the place of whatever does not belong there."""

from __future__ import annotations

import json
from collections.abc import Collection, Mapping
from typing import Any


class MalformedPolicy(Exception):
    """A policy document that the RAM of the local cloud does not take; the message names the place."""

    def __init__(self, place: str, problem: str) -> None:
        super().__init__(f"{place}: {problem}")
        self.place = place
        self.problem = problem


def read_document(text: str) -> list[Any]:
    """The statements of a document, not yet looked at; raises MalformedPolicy."""
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
    return statements


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
