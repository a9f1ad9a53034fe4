"""Whether a role's policies let the function make its calls, as the project's own evaluator judges."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator
from typing import NamedTuple

from localcloud.ram.policy import Decision, Policy, evaluate, parse_policy


class Need(NamedTuple):
    """A call that the function makes: the RAM action, and one resource."""

    action: str
    resource: str


class Lacking(NamedTuple):
    """A need that is not met, and whether a statement denies it or just none allows it."""

    need: Need
    denied: bool


def needs_of(document: str, region: str, sample: str) -> Iterator[Need]:
    """Every call that a policy document of the project is for, on one resource each.

    ``sample`` is put where a resource has a wildcard: any object below a prefix, for example.
    """
    for statement in json.loads(document)["Statement"]:
        for action in _as_list(statement["Action"]):
            for resource in _as_list(statement["Resource"]):
                yield Need(action, _one(resource, region, sample))


def lacking(documents: Iterable[str], needs: Iterable[Need]) -> list[Lacking]:
    """The needs that the documents together do not meet; raises MalformedPolicy for one beyond judgement."""
    policies = [parse_policy(document) for document in documents]
    return [
        Lacking(need, decision is Decision.EXPLICIT_DENY)
        for need in needs
        if (decision := _decision(policies, need)) is not Decision.ALLOWED
    ]


def _decision(policies: list[Policy], need: Need) -> Decision:
    return evaluate(policies, need.action, need.resource, {"acs:SecureTransport": "true"})


def _one(resource: str, region: str, sample: str) -> str:
    acs, service, where, account, relative = resource.split(":", 4)
    return ":".join([acs, service, region if where == "*" else where, account, relative.replace("*", sample)])


def _as_list(value: str | list[str]) -> list[str]:
    return value if isinstance(value, list) else [value]
