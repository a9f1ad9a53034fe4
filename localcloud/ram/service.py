"""RAM: the actions of its API on roles and policies, and what the other services ask of it in process.

Source: alibabacloud.com/help, API reference of RAM, version 2015-05-01.
"""

from __future__ import annotations

import secrets
from collections.abc import Iterator, Mapping
from dataclasses import replace
from typing import Any

from localcloud.accounts import Identity
from localcloud.openapi import Answer, Api, Call, Need, OpenApi
from localcloud.ram.attachments import Attachments, Holder, User
from localcloud.ram.authorization import Authorization, Principal
from localcloud.ram.parameters import check_name, incorrect
from localcloud.ram.policies import CUSTOM, SYSTEM, VERSION, ManagedPolicy, Policies
from localcloud.ram.roles import MAX_SESSION_SECONDS, MIN_SESSION_SECONDS, Role, Roles
from localcloud.ram.sts import TokenActions
from localcloud.records import Records
from localcloud.refusals import RequestRefused
from localcloud.tenant import Tenant

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


class AccessManagement(OpenApi):
    """The RAM of an account, with its STS on the same endpoint. RAM's API has no users here.

    ``authorization`` is for the services that are to obey RAM's policies; RAM's own API always does.
    """

    name = "ram"

    def __init__(self, tenant: Tenant) -> None:
        self._account_id = tenant.account_id
        self._users = Records(tenant.database, "RAM user", User, ignore_case=True)
        for user in self._users.all():
            tenant.accounts.add(user.keys)
        self.policies = Policies(tenant)
        self.roles = Roles(tenant)
        holders: Mapping[type[Holder], Records[Any]] = {Role: self.roles.records, User: self._users}
        self.attachments = Attachments(self.policies, tenant.clock, holders)
        self.authorization = Authorization(tenant.account_id, self._principal, tenant.clock)
        obeying = replace(tenant, authorization=self.authorization)
        tokens = TokenActions(obeying, self.roles, self._users)
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
        super().__init__(
            product="Ram",
            host="ram.aliyuncs.com",
            kinds={"role": "RoleName", "policy": "PolicyName"},
            tenant=obeying,
            apis=[Api(RAM_VERSION, actions, self._needs, incorrect), tokens.api],
        )

    def put_role(self, name: str, trust_document: str, policies: Mapping[str, str]) -> Role:
        """Have a role of this name with exactly these policies, by their names; raises a RequestRefused."""
        role = self.roles.put(name, trust_document)
        self.attachments.replace(role, policies)
        return role

    def put_user(self, name: str, policies: Mapping[str, str]) -> User:
        """Have a RAM user with an access key and exactly these policies; raises a RequestRefused."""
        user = self._users.find(name)
        if user is None:
            check_name("UserName", name, 64, "A-Za-z0-9._-")
            user = User(
                name=name,
                user_id=f"2{secrets.randbelow(10**17):017d}",
                access_key_id="LTAI" + secrets.token_hex(10),
                access_key_secret=secrets.token_hex(15),
            )
            self._tenant.accounts.add(user.keys)
        self.attachments.replace(user, policies)
        return user

    def _principal(self, identity: Identity) -> Principal | None:
        """The role or user whose policies limit an identity; None for the account itself.

        Keys of a role that does not exist (any more) have no policies at all.
        """
        if identity.role is not None:
            role = self.roles.find(identity.role)
            if role is None:
                return Principal("AssumedRoleUser", f"{identity.role}:{identity.session}", ())
            policies = self.attachments.policies_of(role)
            return Principal("AssumedRoleUser", f"{role.name}:{identity.session}", policies)
        if identity.user is not None:
            user = self._users.find(identity.user)
            assert user is not None, "users are never deleted"
            return Principal("SubUser", user.user_id, self.attachments.policies_of(user))
        return None

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
        role = self.roles.create(
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
        self.roles.delete(role.name)
        return {}

    def _create_policy(self, call: Call) -> Answer:
        policy = self.policies.create(
            call.text("PolicyName"),
            call.text("PolicyDocument"),
            call.optional("Description") or "",
        )
        shown = self._shown_policy(policy)
        for member in ("UpdateDate", "AttachmentCount"):
            del shown[member]
        return {"Policy": shown}

    def _get_policy(self, call: Call) -> Answer:
        policy = self.policies.get(*_named_policy(call))
        version = {
            "VersionId": VERSION,
            "IsDefaultVersion": True,
            "PolicyDocument": policy.document,
            "CreateDate": policy.updated,
        }
        return {"Policy": self._shown_policy(policy), "DefaultPolicyVersion": version}

    def _list_policies(self, call: Call) -> Answer:
        policies = self.policies.all(call.choice("PolicyType", CUSTOM, SYSTEM))
        page, rest = _page(policies, call)
        return {"Policies": {"Policy": [self._shown_policy(policy) for policy in page]}, **rest}

    def _delete_policy(self, call: Call) -> Answer:
        policy = self.policies.get(CUSTOM, call.text("PolicyName"))
        for holder in self.attachments.holders(policy)[:1]:
            who = type(holder).__name__
            message = f"The policy CAN NOT been attached to any {who.lower()} while deleting the policy."
            raise RequestRefused(409, f"DeleteConflict.Policy.{who}", message)
        self.policies.delete(policy.name)
        return {}

    def _attach_policy_to_role(self, call: Call) -> Answer:
        kind, name = _named_policy(call)
        self.attachments.attach(self._role(call), kind, name)
        return {}

    def _detach_policy_from_role(self, call: Call) -> Answer:
        kind, name = _named_policy(call)
        self.attachments.detach(self._role(call), kind, name)
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
            for policy, since in self.attachments.of(self._role(call))
        ]
        return {"Policies": {"Policy": shown}}

    def _role(self, call: Call) -> Role:
        return self.roles.get(call.text("RoleName"))

    def _shown_role(self, role: Role) -> Answer:
        return {
            "RoleId": role.role_id,
            "RoleName": role.name,
            "Arn": self.roles.arn(role),
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
            "AttachmentCount": len(self.attachments.holders(policy)),
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
