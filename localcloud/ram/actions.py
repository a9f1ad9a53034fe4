"""The actions of RAM's API on roles and policies: from a request's parameters to the content of its answer.

Source: alibabacloud.com/help, API reference of RAM, version 2015-05-01.
"""

from __future__ import annotations

from collections.abc import Iterator

from localcloud.openapi import Answer, Api, Call, Need
from localcloud.ram.attachments import Attachments
from localcloud.ram.parameters import incorrect
from localcloud.ram.policies import CUSTOM, SYSTEM, VERSION, ManagedPolicy, Policies
from localcloud.ram.roles import MAX_SESSION_SECONDS, MIN_SESSION_SECONDS, Role, Roles
from localcloud.refusals import RequestRefused

RAM_VERSION = "2015-05-01"
_LARGEST_PAGE = 1000
_DEFAULT_PAGE = 100
# Parameters of the real API that would have no effect here.
_NOT_OBEYED = {
    "CreateRole": ("AllowConsoleLogin", "Tag"),
    "CreatePolicy": ("Tag",),
    "ListPolicies": ("Tag",),
    "AttachPolicyToRole": ("ResourceGroupId",),
    "DetachPolicyFromRole": ("ResourceGroupId",),
}


class Actions:
    """RAM's actions over the roles and policies of an account."""

    def __init__(self, account_id: str, roles: Roles, policies: Policies, attachments: Attachments) -> None:
        self._account_id = account_id
        self._roles = roles
        self._policies = policies
        self._attachments = attachments
        actions = {
            "CreateRole": self._create_role,
            "GetRole": self._get_role,
            "DeleteRole": self._delete_role,
            "CreatePolicy": self._create_policy,
            "GetPolicy": self._get_policy,
            "ListPolicies": self._list_policies,
            "DeletePolicy": self._delete_policy,
            "AttachPolicyToRole": self._attach_policy_to_role,
            "DetachPolicyFromRole": self._detach_policy_from_role,
            "ListPoliciesForRole": self._list_policies_for_role,
        }
        self.api = Api(RAM_VERSION, actions, self._needs, incorrect)

    def _needs(self, call: Call) -> Iterator[Need]:
        """What a caller has to be allowed.

        An action that makes or lists roles or policies is about all of them, one that names some about those.
        """
        call.refuse(_NOT_OBEYED.get(call.action, ()), call.action)
        role, policy = call.optional("RoleName"), call.optional("PolicyName")
        owner = "system" if call.optional("PolicyType") == SYSTEM else self._account_id
        if call.action == "CreateRole":
            role, policy = "*", None
        elif call.action in ("CreatePolicy", "ListPolicies"):
            role, policy, owner = None, "*", self._account_id
        if role:
            yield Need(f"ram:{call.action}", f"acs:ram:*:{self._account_id}:role/{role}")
        if policy:
            yield Need(f"ram:{call.action}", f"acs:ram:*:{owner}:policy/{policy}")

    def _create_role(self, call: Call) -> Answer:
        seconds = call.integer("MaxSessionDuration", MIN_SESSION_SECONDS, MAX_SESSION_SECONDS)
        role = self._roles.create(
            call.text("RoleName"),
            call.text("AssumeRolePolicyDocument"),
            call.optional("Description") or "",
            seconds or MIN_SESSION_SECONDS,
        )
        return {"Role": self._shown_role(role)}

    def _get_role(self, call: Call) -> Answer:
        role = self._role(call)
        return {
            "Role": {
                **self._shown_role(role),
                "UpdateDate": role.updated,
                "RolePrincipalName": f"{role.name}@role.{self._account_id}.onaliyunservice.com",
                "IsServiceLinkedRole": False,
            }
        }

    def _delete_role(self, call: Call) -> Answer:
        role = self._role(call)
        if role.attached:
            message = "The role CAN NOT has any attached policy while deleting the role."
            raise RequestRefused(409, "DeleteConflict.Role.Policy", message)
        self._roles.delete(role.name)
        return {}

    def _create_policy(self, call: Call) -> Answer:
        policy = self._policies.create(
            call.text("PolicyName"),
            call.text("PolicyDocument"),
            call.optional("Description") or "",
        )
        shown = self._shown_policy(policy)
        for member in ("UpdateDate", "AttachmentCount"):
            del shown[member]
        return {"Policy": shown}

    def _get_policy(self, call: Call) -> Answer:
        policy = self._policies.get(*_named_policy(call))
        version = {
            "VersionId": VERSION,
            "IsDefaultVersion": True,
            "PolicyDocument": policy.document,
            "CreateDate": policy.updated,
        }
        return {"Policy": self._shown_policy(policy), "DefaultPolicyVersion": version}

    def _list_policies(self, call: Call) -> Answer:
        policies = self._policies.all(call.choice("PolicyType", CUSTOM, SYSTEM))
        page, rest = _page(policies, call)
        return {"Policies": {"Policy": [self._shown_policy(policy) for policy in page]}, **rest}

    def _delete_policy(self, call: Call) -> Answer:
        policy = self._policies.get(CUSTOM, call.text("PolicyName"))
        for holder in self._attachments.holders(policy)[:1]:
            who = type(holder).__name__
            message = f"The policy CAN NOT been attached to any {who.lower()} while deleting the policy."
            raise RequestRefused(409, f"DeleteConflict.Policy.{who}", message)
        self._policies.delete(policy.name)
        return {}

    def _attach_policy_to_role(self, call: Call) -> Answer:
        kind, name = _named_policy(call)
        self._attachments.attach(self._role(call), kind, name)
        return {}

    def _detach_policy_from_role(self, call: Call) -> Answer:
        kind, name = _named_policy(call)
        self._attachments.detach(self._role(call), kind, name)
        return {}

    def _list_policies_for_role(self, call: Call) -> Answer:
        shown = [
            {
                "PolicyName": policy.name,
                "PolicyType": policy.kind,
                "Description": policy.description,
                "DefaultVersion": VERSION,
                "AttachDate": since,
            }
            for policy, since in self._attachments.of(self._role(call))
        ]
        return {"Policies": {"Policy": shown}}

    def _role(self, call: Call) -> Role:
        return self._roles.get(call.text("RoleName"))

    def _shown_role(self, role: Role) -> Answer:
        return {
            "RoleId": role.role_id,
            "RoleName": role.name,
            "Arn": self._roles.arn(role),
            "Description": role.description,
            "AssumeRolePolicyDocument": role.trust_document,
            "MaxSessionDuration": role.max_session_seconds,
            "AllowConsoleLogin": False,
            "CreateDate": role.created,
        }

    def _shown_policy(self, policy: ManagedPolicy) -> Answer:
        return {
            "PolicyName": policy.name,
            "PolicyType": policy.kind,
            "Description": policy.description,
            "DefaultVersion": VERSION,
            "CreateDate": policy.created,
            "UpdateDate": policy.updated,
            "AttachmentCount": len(self._attachments.holders(policy)),
        }


def _named_policy(call: Call) -> tuple[str, str]:
    """The kind and the name of the policy that a call is about."""
    call.text("PolicyType")
    kind = call.choice("PolicyType", CUSTOM, SYSTEM) or CUSTOM
    return kind, call.text("PolicyName")


def _page(policies: list[ManagedPolicy], call: Call) -> tuple[list[ManagedPolicy], Answer]:
    """The policies of a page, and what the answer says of the others: the marker is the page's last key."""
    limit = call.integer("MaxItems", 1, _LARGEST_PAGE) or _DEFAULT_PAGE
    marker = call.optional("Marker")
    keys = [f"{policy.name}/{policy.kind}" for policy in policies]
    if marker is not None and marker not in keys:
        raise call.invalid("Marker", "It must be the Marker of the page before.")
    start = 0 if marker is None else keys.index(marker) + 1
    end = start + limit
    if end >= len(policies):
        return policies[start:end], {"IsTruncated": False}
    return policies[start:end], {"IsTruncated": True, "Marker": keys[end - 1]}
