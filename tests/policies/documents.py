"""The policies of the project, filled for a test."""

from __future__ import annotations

import copy
import json
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, NamedTuple

import pytest

from cli.installation.templates import fill
from localcloud.accounts import Identity
from localcloud.ram.authorization import NO_POLICY, Authorization
from localcloud.ram.conditions import NO_CONTEXT, Context
from localcloud.ram.policy import Decision, Policy, evaluate, parse_policy
from tests.localcloud.fc_world import REGION
from tests.localcloud.tenancy import ACCOUNT

DIRECTORY = Path(__file__).parents[2] / "deploy" / "policies"
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
    "queue": "tasks",
    "failed_queue": "dead",
    "uploads_function": "uploads",
    "uploads_role": "uploader",
    "uploads_trigger_role": "notifier",
    "failed_topic": "failed",
    "failed_function": "keeper",
    "failed_role": "keeper",
    "archive_bucket": "archive",
    "archive_prefix": "labels",
    "failed_bucket": "failures",
    "failed_prefix": "events",
    "log_project": "functions",
    "logstore": "index",
}


class Asked(NamedTuple):
    """One thing that a service has asked RAM about its caller, and that was allowed."""

    action: str
    resource: str
    context: Context


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
    return _reduced(document, permission.statement, "Action", permission.action)


@contextmanager
def asked_about(identity: Identity) -> Iterator[list[Asked]]:
    """Everything that the services ask RAM about somebody meanwhile, and that is allowed."""
    asked: list[Asked] = []
    check = Authorization.check

    def heard(
        self: Authorization,
        caller: Identity | None,
        action: str,
        resource: str,
        context: Context = NO_CONTEXT,
        attached: Policy = NO_POLICY,
    ) -> None:
        check(self, caller, action, resource, context, attached)
        if caller is not None and caller.access_key_id == identity.access_key_id:
            asked.append(Asked(action, resource, context))

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(Authorization, "check", heard)
        yield asked


def unneeded(document: dict[str, Any], asked: Iterable[Asked]) -> set[str]:
    """The actions and resources of a document without which all that was asked would be allowed all the same.

    Names of functions that end in LATEST are not looked at: the local cloud asks about the others.
    """
    asked = list(asked)
    return {
        f"{part} of statement {number}"
        for number, statement in enumerate(document["Statement"])
        for key in ("Action", "Resource")
        for part in as_list(statement[key])
        if not part.endswith("/LATEST") and _allowed(_reduced(document, number, key, part), asked)
    }


def as_list(value: str | list[str]) -> list[str]:
    """One text, or a list of them, as a list."""
    return [value] if isinstance(value, str) else value


def _permissions(document: dict[str, Any]) -> Iterator[Permission]:
    for number, statement in enumerate(document["Statement"]):
        for action in as_list(statement["Action"]):
            yield Permission(number, action)


def _reduced(document: dict[str, Any], number: int, key: str, part: str) -> dict[str, Any]:
    """A document without one action or resource of a statement."""
    rest = copy.deepcopy(document)
    parts = [each for each in as_list(rest["Statement"][number][key]) if each != part]
    if parts:
        rest["Statement"][number][key] = parts
    else:
        del rest["Statement"][number]
    return rest


def _allowed(document: dict[str, Any], asked: Iterable[Asked]) -> bool:
    if not document["Statement"]:
        return False
    policy = parse_policy(json.dumps(document))
    return all(evaluate([policy], *each) is Decision.ALLOWED for each in asked)
