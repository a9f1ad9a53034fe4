"""The account's roles and policies, through alibabacloud-ram20150501."""

from __future__ import annotations

import logging
from dataclasses import dataclass
from functools import partial
from urllib.parse import unquote

from alibabacloud_ram20150501 import models
from alibabacloud_ram20150501.client import Client

from cli.cloud.access import Access
from cli.cloud.calls import Call, ask, found

CUSTOM = "Custom"
SYSTEM = "System"
_PAGE = 1000


@dataclass(frozen=True)
class Role:
    """A role, and who may assume it."""

    name: str
    description: str
    trust: str


@dataclass(frozen=True)
class Policy:
    """A policy, of the account (``Custom``) or of Alibaba Cloud (``System``)."""

    name: str
    kind: str
    description: str


class Ram:
    """RAM; every method raises CallFailed."""

    def __init__(self, access: Access, account_id: str) -> None:
        self._client = Client(access.openapi("ram"))
        self._account_id = account_id
        _silence_sdk()

    def role(self, name: str) -> Role | None:
        """A role, if there is one of this name."""
        request = models.GetRoleRequest(role_name=name)
        answer = found(self._call("GetRole", "role", name), lambda: self._client.get_role(request))
        if answer is None:
            return None
        role = answer.body.role
        return Role(
            role.role_name, role.description or "", unquote_if_quoted(role.assume_role_policy_document or "")
        )

    def create_role(self, role: Role) -> None:
        """Make a role."""
        request = models.CreateRoleRequest(
            role_name=role.name, description=role.description, assume_role_policy_document=role.trust
        )
        ask(self._call("CreateRole", "role", role.name), lambda: self._client.create_role(request))

    def delete_role(self, name: str) -> None:
        """Remove a role without policies; one that is gone already is none either."""
        request = models.DeleteRoleRequest(role_name=name)
        found(self._call("DeleteRole", "role", name), lambda: self._client.delete_role(request))

    def policies(self) -> list[Policy]:
        """Every policy of the account's own."""
        policies: list[Policy] = []
        marker: str | None = None
        while True:
            request = models.ListPoliciesRequest(policy_type=CUSTOM, max_items=_PAGE, marker=marker)
            call = self._call("ListPolicies", "policy", "*")
            body = ask(call, partial(self._client.list_policies, request)).body
            page = (body.policies.policy if body.policies else None) or []
            policies += [Policy(item.policy_name, CUSTOM, item.description or "") for item in page]
            if not body.is_truncated:
                return policies
            marker = body.marker

    def document(self, policy: Policy) -> str | None:
        """What a policy says now, if there is such a policy."""
        request = models.GetPolicyRequest(policy_name=policy.name, policy_type=policy.kind)
        call = self._call("GetPolicy", "policy", policy.name, policy.kind)
        answer = found(call, lambda: self._client.get_policy(request))
        if answer is None:
            return None
        return unquote_if_quoted(answer.body.default_policy_version.policy_document or "")

    def create_policy(self, policy: Policy, document: str) -> None:
        """Make a policy."""
        request = models.CreatePolicyRequest(
            policy_name=policy.name, description=policy.description, policy_document=document
        )
        ask(self._call("CreatePolicy", "policy", policy.name), lambda: self._client.create_policy(request))

    def delete_policy(self, name: str) -> None:
        """Remove a policy that is attached to nobody, with its versions; one that is gone is none either."""
        request = models.DeletePolicyRequest(policy_name=name, cascading_delete=True)
        found(self._call("DeletePolicy", "policy", name), lambda: self._client.delete_policy(request))

    def attached(self, role: str) -> list[Policy]:
        """The policies that a role has; none where there is no such role."""
        request = models.ListPoliciesForRoleRequest(role_name=role)
        call = self._call("ListPoliciesForRole", "role", role)
        answer = found(call, lambda: self._client.list_policies_for_role(request))
        if answer is None or answer.body.policies is None:
            return []
        return [
            Policy(item.policy_name, item.policy_type, item.description or "")
            for item in answer.body.policies.policy or []
        ]

    def attach(self, policy: Policy, role: str) -> None:
        """Give a policy to a role."""
        request = models.AttachPolicyToRoleRequest(
            policy_name=policy.name, policy_type=policy.kind, role_name=role
        )
        call = self._call("AttachPolicyToRole", "role", role)
        ask(call, lambda: self._client.attach_policy_to_role(request))

    def detach(self, policy: Policy, role: str) -> None:
        """Take a policy from a role; one that it does not have (any more) is none either."""
        request = models.DetachPolicyFromRoleRequest(
            policy_name=policy.name, policy_type=policy.kind, role_name=role
        )
        call = self._call("DetachPolicyFromRole", "role", role)
        found(call, lambda: self._client.detach_policy_from_role(request))

    def _call(self, action: str, what: str, name: str, kind: str = CUSTOM) -> Call:
        owner = "system" if kind == SYSTEM else self._account_id
        # RAM checks the making of something against everything of its sort.
        one = "*" if action.startswith("Create") else name
        subject = f"{what} {name}" if name != "*" else "the account's policies"
        return Call("RAM", action, subject, f"acs:ram:*:{owner}:{what}/{one}")


def unquote_if_quoted(document: str) -> str:
    """A document as text: RAM gives some of them percent-encoded."""
    return document if document.lstrip().startswith("{") else unquote(document)


def _silence_sdk() -> None:
    """Importing the SDK adds handlers at level DEBUG that print every request."""
    for name in ("alibabacloud-tea", "darabonba-core", "credentials"):
        logger = logging.getLogger(name)
        logger.handlers.clear()
        logger.addHandler(logging.NullHandler())
        logger.propagate = False
        logger.setLevel(logging.CRITICAL)
