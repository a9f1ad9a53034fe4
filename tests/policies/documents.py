"""The policies of the project, filled for a test."""

from __future__ import annotations

import copy
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple

from localcloud.ram.templates import fill
from tests.localcloud.fc_world import ACCOUNT, REGION

DIRECTORY = Path(__file__).parents[2] / "policies"
PREFIX = "videos/"
# The names that the functions of the tests have.
VALUES = {
    "account": ACCOUNT,
    "region": REGION,
    "bucket": "media",
    "prefix": PREFIX,
    "project": "immtest",
    "function": "index",
    "layer": "deps",
    "role": "worker",
    "trigger_role": "trigger",
    "topic": "tasks",
    "failed_topic": "failed",
    "log_project": "functions",
    "logstore": "index",
}


class Permission(NamedTuple):
    """One action of one statement of a policy."""

    statement: int
    action: str


def filled(name: str, **values: str) -> dict[str, Any]:
    """A document's content."""
    content: dict[str, Any] = json.loads(fill(DIRECTORY / f"{name}.json", {**VALUES, **values}))
    return content


def permissions(name: str) -> list[Permission]:
    """Every action that a document allows."""
    return list(_permissions(json.loads((DIRECTORY / f"{name}.json").read_text("utf-8"))))


def without(document: dict[str, Any], permission: Permission) -> dict[str, Any]:
    """A document that allows one action less."""
    rest = copy.deepcopy(document)
    statement = rest["Statement"][permission.statement]
    actions = [action for action in as_list(statement["Action"]) if action != permission.action]
    if actions:
        statement["Action"] = actions
    else:
        del rest["Statement"][permission.statement]
    return rest


def as_list(value: str | list[str]) -> list[str]:
    """One text, or a list of them, as a list."""
    return [value] if isinstance(value, str) else value


def _permissions(document: dict[str, Any]) -> Iterator[Permission]:
    for number, statement in enumerate(document["Statement"]):
        for action in as_list(statement["Action"]):
            yield Permission(number, action)
