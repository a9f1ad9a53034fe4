"""Who may assume a role: trust policies.

Source: alibabacloud.com/help, RAM "Policy elements" (Principal, Condition), "Trusted entities of a RAM role",
"Use ExternalId to prevent the confused deputy issue".
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from functools import lru_cache

from localcloud.ram.conditions import NO_CONTEXT, Condition, Context, read_conditions
from localcloud.ram.document import MalformedPolicy, read_document, read_members, read_texts
from localcloud.ram.policy import Effect, read_effect

ASSUME_ROLE = "sts:AssumeRole"

_FORMS = {
    "Service": (re.compile(r"[a-z0-9-]+(\.[a-z0-9-]+)*\.aliyuncs\.com", re.ASCII), "<service>.aliyuncs.com"),
    "RAM": (
        re.compile(r"acs:ram::\d+:(root|(user|role)/[A-Za-z0-9._-]+)", re.ASCII),
        "acs:ram::<account>:root, …:user/<name> or …:role/<name>",
    ),
}


@dataclass(frozen=True)
class _Statement:
    effect: Effect
    principals: frozenset[str]
    conditions: tuple[Condition, ...]

    def applies(self, names: set[str], context: Context) -> bool:
        in_denial = self.effect is Effect.DENY
        return bool(self.principals & names) and all(
            condition.holds(context, in_denial=in_denial) for condition in self.conditions
        )


@dataclass(frozen=True)
class TrustPolicy:
    """The statements of a trust policy."""

    statements: tuple[_Statement, ...]

    def trusts(self, *names: str, context: Context = NO_CONTEXT) -> bool:
        """Whether somebody who goes by these names may assume the role: a service, or ARNs.

        ``context`` holds the condition keys of the request.
        """
        mine = {name.lower() for name in names}
        effects = {statement.effect for statement in self.statements if statement.applies(mine, context)}
        return Effect.ALLOW in effects and Effect.DENY not in effects


@lru_cache(maxsize=512)
def parse_trust(text: str) -> TrustPolicy:
    """Read a role's AssumeRolePolicyDocument; raises MalformedPolicy.

    Identity providers (``Federated``) are not served here.
    """
    statements = read_document(text)
    return TrustPolicy(
        tuple(_statement(element, f"Statement[{index}]") for index, element in enumerate(statements))
    )


def _statement(element: object, place: str) -> _Statement:
    members = read_members(
        element, place, required=("Effect", "Action", "Principal"), optional=("Condition",)
    )
    effect = read_effect(members["Effect"], place)
    for at, action in read_texts(members["Action"], f"{place}.Action"):
        if action != ASSUME_ROLE:
            raise MalformedPolicy(at, f"a trust policy is about {ASSUME_ROLE} only")
    where, place = place, f"{place}.Principal"
    principals = read_members(members["Principal"], place, required=(), optional=tuple(_FORMS))
    if not principals:
        raise MalformedPolicy(place, f"it must have {' or '.join(_FORMS)}")
    names = set()
    for kind, value in principals.items():
        form, shown = _FORMS[kind]
        for at, name in read_texts(value, f"{place}.{kind}"):
            if not form.fullmatch(name):
                raise MalformedPolicy(at, f"it must be {shown}")
            names.add(name.lower())
    conditions = read_conditions(members["Condition"], f"{where}.Condition") if "Condition" in members else ()
    return _Statement(effect, frozenset(names), conditions)
