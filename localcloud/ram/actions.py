"""The actions of RAM's API on roles and policies: from a request's parameters to the content of its answer.

Source: alibabacloud.com/help, API reference of RAM, version 2015-05-01.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any, NamedTuple, TypeVar

from localcloud.ram.attachments import Attachments, Holder
from localcloud.ram.parameters import RamParameters
from localcloud.ram.policies import CUSTOM, SYSTEM, ManagedPolicy, Policies, PolicyVersion
from localcloud.ram.refusals import Incorrect, UnknownAction
from localcloud.ram.roles import MAX_SESSION_SECONDS, MIN_SESSION_SECONDS, Role, Roles

T = TypeVar("T")

Answer = dict[str, Any]
_LARGEST_PAGE = 1000
_DEFAULT_PAGE = 100
_ROTATE = "DeleteOldestNonDefaultVersionWhenLimitExceeded"


class Permission(NamedTuple):
    """What an action needs: its RAM action, and the resource."""

    action: str
    resource: str


class Actions:
    """RAM's actions over the roles and policies of an account."""

    def __init__(self, account_id: str, roles: Roles, policies: Policies, attachments: Attachments) -> None:
        self._account_id = account_id
        self._roles = roles
        self._policies = policies
        self._attachments = attachments
        self._actions: Mapping[str, Callable[[RamParameters], Answer]] = {
            "CreateRole": self._create_role,
            "GetRole": self._get_role,
            "ListRoles": self._list_roles,
            "UpdateRole": self._update_role,
            "DeleteRole": self._delete_role,
            "CreatePolicy": self._create_policy,
            "GetPolicy": self._get_policy,
            "ListPolicies": self._list_policies,
            "DeletePolicy": self._delete_policy,
            "CreatePolicyVersion": self._create_policy_version,
            "DeletePolicyVersion": self._delete_policy_version,
            "ListPolicyVersions": self._list_policy_versions,
            "AttachPolicyToRole": self._attach_policy_to_role,
            "DetachPolicyFromRole": self._detach_policy_from_role,
            "ListPoliciesForRole": self._list_policies_for_role,
        }

    def permissions(self, action: str, parameters: RamParameters) -> list[Permission]:
        """What a caller has to be allowed; raises UnknownAction.

        An action that makes or lists roles or policies is about all of them, one that names some about those.
        """
        if action not in self._actions:
            raise UnknownAction
        resources = []
        if action in ("CreateRole", "ListRoles"):
            resources.append(f"{self._account_id}:role/*")
        elif action in ("CreatePolicy", "ListPolicies"):
            resources.append(f"{self._account_id}:policy/*")
        else:
            role, policy = parameters.optional("RoleName"), parameters.optional("PolicyName")
            if role:
                resources.append(f"{self._account_id}:role/{role}")
            if policy:
                owner = "system" if parameters.optional("PolicyType") == SYSTEM else self._account_id
                resources.append(f"{owner}:policy/{policy}")
        return [Permission(f"ram:{action}", f"acs:ram:*:{resource}") for resource in resources]

    def carry_out(self, action: str, parameters: RamParameters) -> Answer:
        """The answer to a request for which ``permissions`` exist, without its RequestId.

        Raises a RequestRefused.
        """
        return self._actions[action](parameters)

    def _create_role(self, parameters: RamParameters) -> Answer:
        parameters.refuse("CreateRole", "AllowConsoleLogin", "Tag")
        seconds = parameters.integer("MaxSessionDuration", MIN_SESSION_SECONDS, MAX_SESSION_SECONDS)
        role = self._roles.create(
            parameters.text("RoleName"),
            parameters.text("AssumeRolePolicyDocument"),
            parameters.optional("Description") or "",
            seconds or MIN_SESSION_SECONDS,
        )
        return {"Role": self._shown_role(role)}

    def _get_role(self, parameters: RamParameters) -> Answer:
        role = self._roles.get(parameters.text("RoleName"))
        principal = f"{role.name}@role.{self._account_id}.onaliyunservice.com"
        return {
            "Role": {
                **self._shown_role(role),
                "UpdateDate": role.updated,
                "RolePrincipalName": principal,
                "IsServiceLinkedRole": False,
            }
        }

    def _list_roles(self, parameters: RamParameters) -> Answer:
        parameters.refuse("ListRoles", "Tag")
        page, rest = _page(self._roles.all(), lambda role: role.name, parameters)
        roles = [{**self._shown_role(role), "UpdateDate": role.updated} for role in page]
        for role in roles:
            del role["AssumeRolePolicyDocument"]
        return {"Roles": {"Role": roles}, **rest}

    def _update_role(self, parameters: RamParameters) -> Answer:
        parameters.refuse("UpdateRole", "NewAllowConsoleLogin")
        role = self._roles.update(
            parameters.text("RoleName"),
            parameters.optional("NewAssumeRolePolicyDocument"),
            parameters.optional("NewDescription"),
            parameters.integer("NewMaxSessionDuration", MIN_SESSION_SECONDS, MAX_SESSION_SECONDS),
        )
        return {"Role": {**self._shown_role(role), "UpdateDate": role.updated}}

    def _delete_role(self, parameters: RamParameters) -> Answer:
        role = self._roles.get(parameters.text("RoleName"))
        self._attachments.check_without_policies(Holder("Role", role.name))
        self._roles.delete(role.name)
        return {}

    def _create_policy(self, parameters: RamParameters) -> Answer:
        parameters.refuse("CreatePolicy", "Tag")
        policy = self._policies.create(
            parameters.text("PolicyName"),
            parameters.text("PolicyDocument"),
            parameters.optional("Description") or "",
        )
        shown = self._shown_policy(policy)
        for member in ("UpdateDate", "AttachmentCount"):
            del shown[member]
        return {"Policy": shown}

    def _get_policy(self, parameters: RamParameters) -> Answer:
        kind, name = _kind(parameters), parameters.text("PolicyName")
        policy = self._policies.get(kind, name)
        (current,) = [version for version in self._policies.versions(kind, name) if version.is_default]
        return {"Policy": self._shown_policy(policy), "DefaultPolicyVersion": _shown_version(current)}

    def _list_policies(self, parameters: RamParameters) -> Answer:
        parameters.refuse("ListPolicies", "Tag")
        policies = self._policies.all(parameters.choice("PolicyType", CUSTOM, SYSTEM))
        page, rest = _page(policies, lambda policy: f"{policy.name}/{policy.kind}", parameters)
        return {"Policies": {"Policy": [self._shown_policy(policy) for policy in page]}, **rest}

    def _delete_policy(self, parameters: RamParameters) -> Answer:
        name = parameters.text("PolicyName")
        with_versions = parameters.flag("CascadingDelete")
        self._policies.get(CUSTOM, name)
        self._attachments.check_unattached(CUSTOM, name)
        self._policies.delete(name, with_versions=with_versions)
        return {}

    def _create_policy_version(self, parameters: RamParameters) -> Answer:
        version = self._policies.add_version(
            parameters.text("PolicyName"),
            parameters.text("PolicyDocument"),
            as_default=parameters.flag("SetAsDefault"),
            rotate=parameters.choice("RotateStrategy", "None", _ROTATE) == _ROTATE,
        )
        return {"PolicyVersion": _shown_version(version)}

    def _delete_policy_version(self, parameters: RamParameters) -> Answer:
        self._policies.delete_version(parameters.text("PolicyName"), parameters.text("VersionId"))
        return {}

    def _list_policy_versions(self, parameters: RamParameters) -> Answer:
        versions = self._policies.versions(_kind(parameters), parameters.text("PolicyName"))
        return {"PolicyVersions": {"PolicyVersion": [_shown_version(version) for version in versions]}}

    def _attach_policy_to_role(self, parameters: RamParameters) -> Answer:
        parameters.refuse("AttachPolicyToRole", "ResourceGroupId")
        kind, name = _kind(parameters), parameters.text("PolicyName")
        role = self._roles.get(parameters.text("RoleName"))
        self._attachments.attach(Holder("Role", role.name), kind, name)
        return {}

    def _detach_policy_from_role(self, parameters: RamParameters) -> Answer:
        parameters.refuse("DetachPolicyFromRole", "ResourceGroupId")
        kind, name = _kind(parameters), parameters.text("PolicyName")
        role = self._roles.get(parameters.text("RoleName"))
        self._attachments.detach(Holder("Role", role.name), kind, name)
        return {}

    def _list_policies_for_role(self, parameters: RamParameters) -> Answer:
        role = self._roles.get(parameters.text("RoleName"))
        return {
            "Policies": {
                "Policy": [
                    {
                        "PolicyName": policy.name,
                        "PolicyType": policy.kind,
                        "Description": policy.description,
                        "DefaultVersion": policy.default_version,
                        "AttachDate": attached,
                    }
                    for policy, attached in self._attachments.of(Holder("Role", role.name))
                ]
            }
        }

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
            "DefaultVersion": policy.default_version,
            "CreateDate": policy.created,
            "UpdateDate": policy.updated,
            "AttachmentCount": self._attachments.count(policy),
        }


def _shown_version(version: PolicyVersion) -> Answer:
    return {
        "VersionId": version.version_id,
        "IsDefaultVersion": version.is_default,
        "PolicyDocument": version.document,
        "CreateDate": version.created,
    }


def _kind(parameters: RamParameters) -> str:
    parameters.text("PolicyType")
    return parameters.choice("PolicyType", CUSTOM, SYSTEM) or CUSTOM


def _page(
    items: Sequence[T], key: Callable[[T], str], parameters: RamParameters
) -> tuple[Sequence[T], Answer]:
    """The items of a page, and what the answer says of the others: the marker is the page's last key."""
    limit = parameters.integer("MaxItems", 1, _LARGEST_PAGE) or _DEFAULT_PAGE
    marker = parameters.optional("Marker")
    keys = [key(item) for item in items]
    if marker is not None and marker not in keys:
        raise Incorrect("Marker")
    start = 0 if marker is None else keys.index(marker) + 1
    page = items[start : start + limit]
    if start + limit >= len(items):
        return page, {"IsTruncated": False}
    return page, {"IsTruncated": True, "Marker": key(page[-1])}
