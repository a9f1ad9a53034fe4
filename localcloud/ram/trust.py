"""Who may assume a role: trust policies.

Source: alibabacloud.com/help, RAM "Policy elements" (Principal, Condition), "Trusted entities of a RAM role",
"Use ExternalId to prevent the confused deputy issue".
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from functools import lru_cache

from localcloud.ram.conditions import NO_CONTEXT, Context, read_conditions
from localcloud.ram.document import MalformedPolicy, read_document, read_members, read_texts, wildcard
from localcloud.ram.policy import Decision, Policy, Selection, Statement, evaluate, read_effect

ASSUME_ROLE = "sts:AssumeRole"

_FORMS = {
    "Service": (re.compile(r"[a-z0-9-]+(\.[a-z0-9-]+)*\.aliyuncs\.com", re.ASCII), "<service>.aliyuncs.com"),
    "RAM": (
        re.compile(r"acs:ram::\d+:(root|(user|role)/[A-Za-z0-9._-]+)", re.ASCII),
        "acs:ram::<account>:root, …:user/<name> or …:role/<name>",
    ),
}


@dataclass(frozen=True)
class TrustPolicy:
    """A policy of which the resources are those whom it trusts, by their names in lower case."""

    policy: Policy

    def trusts(self, *names: str, context: Context = NO_CONTEXT) -> bool:
        """Whether somebody who goes by these names may assume the role: a service, or ARNs.

        ``context`` holds the condition keys of the request.
        """
        decisions = [evaluate([self.policy], ASSUME_ROLE, name.lower(), context) for name in names]
        return Decision.ALLOWED in decisions and Decision.EXPLICIT_DENY not in decisions


@lru_cache(maxsize=512)
def parse_trust(text: str) -> TrustPolicy:
    """Read a role's AssumeRolePolicyDocument; raises MalformedPolicy.

    Identity providers (``Federated``) are not served here.
    """
    return TrustPolicy(Policy(tuple(_statement(element, place) for place, element in read_document(text))))


def _statement(element: object, place: str) -> Statement:
    members = read_members(
        element, place, required=("Effect", "Action", "Principal"), optional=("Condition",)
    )
    for at, action in read_texts(members["Action"], f"{place}.Action"):
        if action != ASSUME_ROLE:
            raise MalformedPolicy(at, f"a trust policy is about {ASSUME_ROLE} only")
    principals = read_members(members["Principal"], f"{place}.Principal", required=(), optional=tuple(_FORMS))
    if not principals:
        raise MalformedPolicy(f"{place}.Principal", f"it must have {' or '.join(_FORMS)}")
    names = []
    for kind, value in principals.items():
        form, shown = _FORMS[kind]
        for at, name in read_texts(value, f"{place}.Principal.{kind}"):
            if not form.fullmatch(name):
                raise MalformedPolicy(at, f"it must be {shown}")
            names.append(wildcard(name.lower()))
    return Statement(
        read_effect(members["Effect"], place),
        Selection((wildcard(ASSUME_ROLE),)),
        Selection(tuple(names)),
        read_conditions(members, place),
    )
