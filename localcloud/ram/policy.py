"""What a policy document allows and denies.

Source: alibabacloud.com/help, RAM "Policy structure and syntax" and "Policy elements".
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from enum import Enum
from functools import lru_cache
from typing import Any

from localcloud.ram.conditions import Condition, Context, read_conditions
from localcloud.ram.document import (
    MalformedPolicy,
    read_document,
    read_members,
    read_resource,
    read_texts,
    wildcard,
)

_ACTION = re.compile(r"\*|[A-Za-z0-9*?-]+:[A-Za-z0-9*?]+", re.ASCII)


class Effect(str, Enum):
    """What a statement does for the requests that it applies to."""

    ALLOW = "Allow"
    DENY = "Deny"


class Decision(str, Enum):
    """What becomes of a request; the names of the refusals are those of RAM's ``NoPermissionType``."""

    ALLOWED = "Allowed"
    EXPLICIT_DENY = "ExplicitDeny"
    IMPLICIT_DENY = "ImplicitDeny"


@dataclass(frozen=True)
class Selection:
    """Which actions or resources a statement is about: those that match a pattern, or all others."""

    patterns: tuple[re.Pattern[str], ...]
    excluded: bool = False

    def includes(self, name: str) -> bool:
        """Whether it is about an action or a resource."""
        return any(pattern.fullmatch(name) for pattern in self.patterns) != self.excluded


@dataclass(frozen=True)
class Statement:
    """One statement of a policy."""

    effect: Effect
    actions: Selection
    resources: Selection
    conditions: tuple[Condition, ...]

    def applies(self, action: str, resource: str, context: Context) -> bool:
        """Whether a request is one of those that the statement is about."""
        in_denial = self.effect is Effect.DENY
        return (
            self.actions.includes(action)
            and self.resources.includes(resource)
            and all(condition.holds(context, in_denial=in_denial) for condition in self.conditions)
        )


@dataclass(frozen=True)
class Policy:
    """The statements of a document."""

    statements: tuple[Statement, ...]


def evaluate(policies: Iterable[Policy], action: str, resource: str, context: Context) -> Decision:
    """What becomes of a request: a Deny that applies wins, then an Allow; nothing else allows anything."""
    effects = {
        statement.effect
        for policy in policies
        for statement in policy.statements
        if statement.applies(action, resource, context)
    }
    if Effect.DENY in effects:
        return Decision.EXPLICIT_DENY
    return Decision.ALLOWED if Effect.ALLOW in effects else Decision.IMPLICIT_DENY


@lru_cache(maxsize=512)
def parse_policy(text: str) -> Policy:
    """Read the document of a policy that is attached to an identity; raises MalformedPolicy."""
    return Policy(tuple(read_statement(element, place) for place, element in read_document(text)))


def read_effect(value: object, place: str) -> Effect:
    """The Effect of a statement; raises MalformedPolicy."""
    if value not in ("Allow", "Deny"):
        raise MalformedPolicy(f"{place}.Effect", "it must be Allow or Deny")
    return Effect(value)


def read_statement(element: object, place: str) -> Statement:
    """One statement, which says nothing of whom it is about; raises MalformedPolicy."""
    optional = ("Action", "NotAction", "Resource", "NotResource", "Condition")
    members = read_members(element, place, required=("Effect",), optional=optional)
    effect = read_effect(members["Effect"], place)
    actions, other_actions = _one_of(members, "Action", place)
    for at, text in actions:
        if not _ACTION.fullmatch(text):
            raise MalformedPolicy(at, "it must be * or <service>:<action>, like oss:GetObject")
    # RAM's pages say that actions are "generally" case-insensitive and to write them as documented: so a
    # Deny is taken to mean any case, and an Allow only the one that is written.
    ignore_case = (effect is Effect.DENY) != other_actions
    resources, other_resources = _one_of(members, "Resource", place)
    return Statement(
        effect,
        Selection(tuple(wildcard(text, ignore_case=ignore_case) for _, text in actions), other_actions),
        Selection(tuple(read_resource(text, at) for at, text in resources), other_resources),
        read_conditions(members, place),
    )


def _one_of(members: Mapping[str, Any], name: str, place: str) -> tuple[list[tuple[str, str]], bool]:
    """The texts of an element or of its counterpart with Not, and whether it is the latter."""
    present = [candidate for candidate in (name, f"Not{name}") if candidate in members]
    if len(present) != 1:
        raise MalformedPolicy(place, f"it must have either {name} or Not{name}")
    return read_texts(members[present[0]], f"{place}.{present[0]}"), present[0] != name
