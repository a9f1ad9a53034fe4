"""RAM on the wire: who may call, what is refused before any action, errors, and what the gateway sees."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest

from localcloud.accounts import Identity
from tests.localcloud.ram_world import (
    ACCOUNT,
    ANYTHING,
    FC_TRUST,
    OWNER,
    Account,
    allow,
    caller,
    deny,
    document,
)

pytest_plugins = ["tests.localcloud.ram_fixtures"]

ROLES = f"acs:ram:*:{ACCOUNT}:role"
POLICIES = f"acs:ram:*:{ACCOUNT}:policy"
# What a call needs to be let through, and one that names what it needs.
REQUESTS = {
    "CreateRole": ({"RoleName": "new", "AssumeRolePolicyDocument": FC_TRUST}, [f"{ROLES}/*"]),
    "ListRoles": ({}, [f"{ROLES}/*"]),
    "GetRole": ({"RoleName": "r"}, [f"{ROLES}/r"]),
    "UpdateRole": ({"RoleName": "r", "NewDescription": "d"}, [f"{ROLES}/r"]),
    "DeleteRole": ({"RoleName": "r"}, [f"{ROLES}/r"]),
    "CreatePolicy": ({"PolicyName": "new", "PolicyDocument": ANYTHING}, [f"{POLICIES}/*"]),
    "ListPolicies": ({}, [f"{POLICIES}/*"]),
    "GetPolicy": ({"PolicyName": "p", "PolicyType": "Custom"}, [f"{POLICIES}/p"]),
    "DeletePolicy": ({"PolicyName": "p", "CascadingDelete": "true"}, [f"{POLICIES}/p"]),
    "CreatePolicyVersion": ({"PolicyName": "p", "PolicyDocument": ANYTHING}, [f"{POLICIES}/p"]),
    "DeletePolicyVersion": ({"PolicyName": "p", "VersionId": "v1"}, [f"{POLICIES}/p"]),
    "ListPolicyVersions": ({"PolicyName": "p", "PolicyType": "Custom"}, [f"{POLICIES}/p"]),
    "AttachPolicyToRole": (
        {"RoleName": "r", "PolicyName": "AdministratorAccess", "PolicyType": "System"},
        [f"{ROLES}/r", "acs:ram:*:system:policy/AdministratorAccess"],
    ),
    "DetachPolicyFromRole": (
        {"RoleName": "r", "PolicyName": "AliyunFCInvocationAccess", "PolicyType": "System"},
        [f"{ROLES}/r", "acs:ram:*:system:policy/AliyunFCInvocationAccess"],
    ),
    "ListPoliciesForRole": ({"RoleName": "r"}, [f"{ROLES}/r"]),
}


@pytest.fixture
def furnished(ram: Account) -> Account:
    """A RAM with something for every request to be about."""
    ram.access.put_role("r", FC_TRUST, {})
    ram.call("CreatePolicy", PolicyName="p", PolicyDocument=ANYTHING)
    ram.call("CreatePolicyVersion", PolicyName="p", PolicyDocument=ANYTHING, SetAsDefault="true")
    return ram


@pytest.mark.parametrize("method", ["POST", "GET"])
def test_an_action_is_called_with_either_method(ram: Account, method: str) -> None:
    assert ram.call("ListRoles", method=method)["IsTruncated"] is False


def test_wrong_keys_may_not_call(ram: Account) -> None:
    expired = ram.accounts.issue_role_keys("role", timedelta(0))

    assert ram.refusal("ListRoles", Identity("LTAIother", "secret")) == (404, "InvalidAccessKeyId.NotFound")
    assert ram.refusal("ListRoles", Identity(OWNER.access_key_id, "other")) == (400, "SignatureDoesNotMatch")
    assert ram.refusal("ListRoles", expired) == (400, "InvalidSecurityToken.Expired")


@pytest.mark.parametrize(
    ("request_", "refusal"),
    [
        ({"action": "CreateUser"}, (404, "InvalidAction.NotFound")),
        ({"action": "listRoles"}, (404, "InvalidAction.NotFound")),
        ({"action": ""}, (400, "MissingAction")),
        ({"action": "GetSecret", "version": "2015-04-01"}, (404, "InvalidAction.NotFound")),
        ({"version": "2015-06-01"}, (400, "InvalidVersion")),
        ({"version": ""}, (400, "MissingVersion")),
        ({"path": "/roles"}, (404, "InvalidAction.NotFound")),
        ({"method": "PUT"}, (403, "UnsupportedHTTPMethod")),
        ({"body": {"MaxItems": "1"}}, (501, "NotImplemented")),
    ],
)
def test_a_request_for_nothing_that_there_is_is_refused(
    ram: Account, request_: dict[str, Any], refusal: tuple[int, str]
) -> None:
    action = request_.get("action", "ListRoles")
    options = {name: value for name, value in request_.items() if name != "action"}

    assert ram.refusal(action, **options) == refusal


def test_an_error_names_the_service_and_the_way_to_help(ram: Account) -> None:
    error = ram.error("GetRole", RoleName="nobody")

    assert error.data["HostId"] == "ram.aliyuncs.com"
    assert error.data["Message"] == "The role does not exist."
    assert error.data["Recommend"].endswith("?q=EntityNotExist.Role&product=Ram")
    assert error.data["RequestId"] == error.request_id
    assert error.access_denied_detail is None


def test_calls_are_recorded_with_what_they_are_about(furnished: Account) -> None:
    furnished.serving.run(furnished.serving.calls.settled())
    furnished.serving.forget_calls()

    for action, (parameters, _) in REQUESTS.items():
        if action in ("AttachPolicyToRole", "ListRoles"):
            furnished.call(action, **parameters)

    furnished.serving.run(furnished.serving.calls.settled())
    assert [(call.action, call.resource) for call in furnished.serving.calls.list()] == [
        ("ListRoles", ""),
        ("AttachPolicyToRole", "role/r/policy/AdministratorAccess"),
    ]


@pytest.mark.parametrize("action", REQUESTS)
def test_a_role_may_do_what_its_policy_allows_and_nothing_else(furnished: Account, action: str) -> None:
    parameters, resources = REQUESTS[action]
    if action == "DetachPolicyFromRole":
        furnished.call("AttachPolicyToRole", **parameters)
    # Given callers who lack one of the permissions, or have all but that one
    for missing in resources:
        others = [resource for resource in resources if resource != missing]
        for statements in (
            [allow(f"ram:{action}", others)] if others else [],
            [allow("*"), deny(f"ram:{action}", missing)],
            [allow("ram:*", f"acs:ram:*:{ACCOUNT}:user/*"), allow("oss:*")],
        ):
            # When they call, then they are refused
            error = furnished.error(action, caller(furnished.access, *statements), **parameters)
            assert (error.status_code, error.code) == (403, "NoPermission")
    # And who has all may call
    furnished.call(action, caller(furnished.access, allow(f"ram:{action}", resources)), **parameters)


def test_a_refusal_says_what_is_lacking(ram: Account) -> None:
    keys = caller(ram.access, allow("ram:GetRole", f"{ROLES}/other"))
    # When a role does what no policy allows
    error = ram.error("GetRole", keys, RoleName="r")
    # Then the answer names who, what and why
    assert f"Resource: {ROLES}/r Action: ram:GetRole" in error.message
    assert error.access_denied_detail == {
        "PolicyType": "AccountLevelIdentityBasedPolicy",
        "AuthPrincipalOwnerId": ACCOUNT,
        "AuthPrincipalType": "AssumedRoleUser",
        "AuthPrincipalDisplayName": "worker:localcloud",
        "NoPermissionType": "ImplicitDeny",
        "AuthAction": "ram:GetRole",
    }
    # And a user whom a policy forbids it is told so
    user = ram.access.put_user("deployer", {"a": document(allow("*"), deny("ram:GetRole"))})
    error = ram.error("GetRole", user.keys, RoleName="r")
    assert error.access_denied_detail["AuthPrincipalType"] == "SubUser"
    assert error.access_denied_detail["AuthPrincipalDisplayName"] == user.user_id
    assert error.access_denied_detail["NoPermissionType"] == "ExplicitDeny"


def test_an_action_that_lacks_its_parameters_is_refused_for_that(ram: Account) -> None:
    assert ram.refusal("GetRole", caller(ram.access)) == (400, "MissingRoleName")


def test_keys_of_a_role_that_is_gone_may_do_nothing(ram: Account) -> None:
    keys = caller(ram.access, allow("*"))
    ram.call("ListRoles", keys)

    ram.call("DetachPolicyFromRole", RoleName="worker", PolicyName="worker", PolicyType="Custom")
    ram.call("DeleteRole", RoleName="worker")

    error = ram.error("ListRoles", keys)
    assert error.code == "NoPermission"
    assert (
        error.access_denied_detail["AuthPrincipalDisplayName"] == f"acs:ram::{ACCOUNT}:role/worker:localcloud"
    )


def test_the_default_version_of_a_policy_decides_at_once(ram: Account) -> None:
    keys = caller(ram.access, allow("ram:ListRoles"))
    ram.call("ListRoles", keys)

    nothing = {"PolicyName": "worker", "PolicyDocument": document(allow("oss:GetObject"))}
    ram.call("CreatePolicyVersion", **nothing)
    ram.call("ListRoles", keys)
    ram.call("CreatePolicyVersion", **nothing, SetAsDefault="true")

    assert ram.refusal("ListRoles", keys) == (403, "NoPermission")


def test_conditions_are_about_the_request(ram: Account) -> None:
    def refused(operator: str, key: str, value: str) -> bool:
        keys = caller(ram.access, allow("ram:ListRoles", Condition={operator: {key: value}}))
        try:
            ram.call("ListRoles", keys)
        except Exception:
            return True
        return False

    assert not refused("IpAddress", "acs:SourceIp", "127.0.0.0/8")
    assert refused("IpAddress", "acs:SourceIp", "10.0.0.0/8")
    assert not refused("Bool", "acs:SecureTransport", "false")
    assert refused("Bool", "acs:SecureTransport", "true")
    assert not refused("DateGreaterThan", "acs:CurrentTime", "2020-01-01T00:00:00Z")
    assert refused("DateLessThan", "acs:CurrentTime", "2020-01-01T00:00:00Z")


@pytest.mark.parametrize(
    ("name", "code"),
    [("a" * 65, "InvalidParameter.UserName.Length"), ("a b", "InvalidParameter.UserName.InvalidChars")],
)
def test_an_impossible_user_is_refused(ram: Account, name: str, code: str) -> None:
    with pytest.raises(Exception, match=code):
        ram.access.put_user(name, {})
