"""The account's policies, and the system's. A policy has one version, which is its default: ``v1``.

Sources: alibabacloud.com/help, API reference of RAM, CreatePolicy … DeletePolicy; the page of each system
policy, of which the local cloud has those that this project is near to.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

from localcloud.ram.document import MalformedPolicy
from localcloud.ram.parameters import MAX_DESCRIPTION, check_length, check_name
from localcloud.ram.policy import parse_policy
from localcloud.records import Records
from localcloud.refusals import RequestRefused
from localcloud.tenant import Tenant

CUSTOM = "Custom"
SYSTEM = "System"
VERSION = "v1"
# PoliciesQuota of GetAccountSummary (IMS 2019-08-15).
MAX_POLICIES = 1500
_MAX_NAME = 128
_MAX_DOCUMENT = 6144
_SYSTEM_DATE = "2015-05-01T00:00:00Z"


@dataclass(frozen=True)
class ManagedPolicy:
    """A policy; times are in the API's form."""

    kind: str
    name: str
    description: str
    document: str
    created: str
    updated: str

    @property
    def key(self) -> str:
        """``<kind>/<name>``: a name of the account's own may be one of the system's."""
        return f"{self.kind}/{self.name}"


def _system(name: str, *statements: Mapping[str, Any]) -> ManagedPolicy:
    document = json.dumps({"Version": "1", "Statement": statements}, indent=2)
    return ManagedPolicy(SYSTEM, name, "", document, _SYSTEM_DATE, _SYSTEM_DATE)


def _allow(*actions: str, **members: Any) -> dict[str, Any]:
    return {"Effect": "Allow", "Action": list(actions), "Resource": "*", **members}


_TO_IMM = {"StringEquals": {"acs:Service": "imm.aliyuncs.com"}}
_SYSTEM_POLICIES = (
    _system("AdministratorAccess", _allow("*")),
    _system("AliyunFCInvocationAccess", _allow("fc:InvokeFunction")),
    _system(
        "AliyunIMMFullAccess",
        *(_allow(action) for action in ("imm:*", "oss:ListBuckets", "ram:ListRoles")),
        _allow("ram:PassRole", Condition=_TO_IMM),
    ),
    _system("AliyunIMMReadOnlyAccess", _allow("imm:Get*", "imm:List*")),
    _system("AliyunMNSNotificationRolePolicy", _allow("fc:InvokeFunction")),
    _system("AliyunSTSAssumeRoleAccess", _allow("sts:AssumeRole")),
)
_SYSTEM = {policy.name: policy for policy in _SYSTEM_POLICIES}


class Policies:
    """Every policy of the account. What is refused raises a RequestRefused."""

    def __init__(self, tenant: Tenant) -> None:
        self._custom = Records(tenant.database, "RAM policy", ManagedPolicy)
        self._clock = tenant.clock

    def create(self, name: str, document: str, description: str = "") -> ManagedPolicy:
        """Add a policy."""
        _check_name(name)
        _check_document(document)
        check_length("Description", len(description), MAX_DESCRIPTION)
        now = self._clock.timestamp()
        policy = ManagedPolicy(CUSTOM, name, description, document, now, now)
        if self._custom.find(name) is not None:
            # RAM's own words.
            raise RequestRefused(409, "EntityAlreadyExists.Policy", "The group does already EXIST.")
        if len(self._custom) >= MAX_POLICIES:
            message = "The count of policy beyond the current limits."
            raise RequestRefused(409, "LimitExceeded.Policy", message)
        self._custom.put(name, policy)
        return policy

    def put(self, name: str, document: str) -> None:
        """Have a policy with this document."""
        policy = self._custom.find(name)
        if policy is None:
            self.create(name, document)
        else:
            _check_document(document)
            changed = replace(policy, document=document, updated=self._clock.timestamp())
            self._custom.put(name, changed)

    def get(self, kind: str, name: str) -> ManagedPolicy:
        """A policy."""
        _check_name(name)
        found = self._custom.find(name) if kind == CUSTOM else _SYSTEM.get(name)
        if found is None:
            raise RequestRefused(404, "EntityNotExist.Policy", "The policy does not exist.")
        return found

    def all(self, kind: str | None = None) -> list[ManagedPolicy]:
        """Every policy, or those of a kind, by name."""
        found = [policy for policy in (*self._custom.all(), *_SYSTEM.values()) if kind in (None, policy.kind)]
        return sorted(found, key=lambda policy: policy.name)

    def delete(self, name: str) -> None:
        """Delete a policy."""
        self._custom.remove(name)


def _check_name(name: str) -> None:
    check_name("PolicyName", name, _MAX_NAME, "A-Za-z0-9-")


def _check_document(document: str) -> None:
    check_length("PolicyDocument", len(document.encode()), _MAX_DOCUMENT)
    try:
        parse_policy(document)
    except MalformedPolicy as error:
        raise RequestRefused(400, "MalformedPolicyDocument", str(error)) from None
