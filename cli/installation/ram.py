"""The account's roles and policies, through alibabacloud-ram20150501."""

from __future__ import annotations

import logging
from dataclasses import dataclass
from urllib.parse import unquote

from alibabacloud_ram20150501 import models
from alibabacloud_ram20150501.client import Client

from cli.cloud.access import Access
from cli.cloud.calls import Sdk, Subject

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


class Ram(Sdk):
    """RAM; every method raises CallFailed. What is to be removed and is gone already is no failure.

    RAM checks the making of something against everything of its sort.
    """

    def __init__(self, access: Access, account_id: str) -> None:
        super().__init__("RAM", f"acs:ram:*:{account_id}:")
        self._client = Client(access.openapi("ram"))
        _silence_sdk()

    def role(self, name: str) -> Role | None:
        """A role, if there is one of this name."""
        request = models.GetRoleRequest(role_name=name)
        answer = self._find(self._client.get_role, request, on=_role(name))
        if answer is None:
            return None
        role = answer.body.role
        trust = unquote_if_quoted(role.assume_role_policy_document or "")
        return Role(role.role_name, role.description or "", trust)

    def create_role(self, role: Role) -> None:
        """Make a role."""
        request = models.CreateRoleRequest(
            role_name=role.name, description=role.description, assume_role_policy_document=role.trust
        )
        self._ask(self._client.create_role, request, on=_role(role.name, "*"))

    def delete_role(self, name: str) -> None:
        """Remove a role without policies."""
        self._find(self._client.delete_role, models.DeleteRoleRequest(role_name=name), on=_role(name))

    def policies(self) -> list[Policy]:
        """Every policy of the account's own."""
        policies: list[Policy] = []
        request = models.ListPoliciesRequest(policy_type=CUSTOM, max_items=_PAGE)
        while True:
            subject = Subject("the account's policies", "policy/*")
            body = self._ask(self._client.list_policies, request, on=subject).body
            page = (body.policies.policy if body.policies else None) or []
            policies += [Policy(item.policy_name, CUSTOM, item.description or "") for item in page]
            if not body.is_truncated:
                return policies
            request.marker = body.marker

    def document(self, policy: Policy) -> str | None:
        """What a policy says now, if there is such a policy."""
        request = models.GetPolicyRequest(policy_name=policy.name, policy_type=policy.kind)
        subject = _policy(policy.name)
        if policy.kind == SYSTEM:
            subject = subject._replace(resource=f"acs:ram:*:system:policy/{policy.name}")
        answer = self._find(self._client.get_policy, request, on=subject)
        if answer is None:
            return None
        return unquote_if_quoted(answer.body.default_policy_version.policy_document or "")

    def create_policy(self, policy: Policy, document: str) -> None:
        """Make a policy."""
        request = models.CreatePolicyRequest(
            policy_name=policy.name, description=policy.description, policy_document=document
        )
        self._ask(self._client.create_policy, request, on=_policy(policy.name, "*"))

    def delete_policy(self, name: str) -> None:
        """Remove a policy that is attached to nobody, with its versions."""
        request = models.DeletePolicyRequest(policy_name=name, cascading_delete=True)
        self._find(self._client.delete_policy, request, on=_policy(name))

    def attached(self, role: str) -> list[Policy]:
        """The policies that a role has; none where there is no such role."""
        request = models.ListPoliciesForRoleRequest(role_name=role)
        answer = self._find(self._client.list_policies_for_role, request, on=_role(role))
        found = answer.body.policies if answer is not None else None
        items = (found.policy if found is not None else None) or []
        return [Policy(item.policy_name, item.policy_type, item.description or "") for item in items]

    def attach(self, policy: Policy, role: str) -> None:
        """Give a policy to a role."""
        request = models.AttachPolicyToRoleRequest(
            policy_name=policy.name, policy_type=policy.kind, role_name=role
        )
        self._ask(self._client.attach_policy_to_role, request, on=_role(role))

    def detach(self, policy: Policy, role: str) -> None:
        """Take a policy from a role, if it has it."""
        request = models.DetachPolicyFromRoleRequest(
            policy_name=policy.name, policy_type=policy.kind, role_name=role
        )
        self._find(self._client.detach_policy_from_role, request, on=_role(role))


def _role(name: str, resource: str = "") -> Subject:
    return Subject(f"role {name}", f"role/{resource or name}")


def _policy(name: str, resource: str = "") -> Subject:
    return Subject(f"policy {name}", f"policy/{resource or name}")


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
