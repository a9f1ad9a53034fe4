"""RAM on the wire: its versions, its errors, and what each action needs."""

from __future__ import annotations

import pytest

from tests.localcloud.ram_world import ANYTHING, FC_TRUST, Account, allow, caller, deny, document
from tests.localcloud.tenancy import ACCOUNT

pytest_plugins = ["tests.localcloud.ram_fixtures"]

ROLES = f"acs:ram:*:{ACCOUNT}:role"
POLICIES = f"acs:ram:*:{ACCOUNT}:policy"
# What a call needs to be let through, and one that names what it needs.
REQUESTS = {
    "CreateRole": ({"RoleName": "new", "AssumeRolePolicyDocument": FC_TRUST}, [f"{ROLES}/*"]),
    "GetRole": ({"RoleName": "r"}, [f"{ROLES}/r"]),
    "DeleteRole": ({"RoleName": "r"}, [f"{ROLES}/r"]),
    "CreatePolicy": ({"PolicyName": "new", "PolicyDocument": ANYTHING}, [f"{POLICIES}/*"]),
    "ListPolicies": ({}, [f"{POLICIES}/*"]),
    "GetPolicy": ({"PolicyName": "p", "PolicyType": "Custom"}, [f"{POLICIES}/p"]),
    "DeletePolicy": ({"PolicyName": "p"}, [f"{POLICIES}/p"]),
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
    return ram


def test_ram_and_sts_are_two_versions_of_one_endpoint(ram: Account) -> None:
    assert ram.refusal("CreateUser") == (404, "InvalidAction.NotFound")
    assert ram.refusal("GetCallerIdentity") == (404, "InvalidAction.NotFound")
    assert ram.refusal("ListPolicies", version="2015-04-01") == (404, "InvalidAction.NotFound")
    assert "2015-05-01 or 2015-04-01" in ram.error("ListPolicies", version="2015-06-01").message


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
        if action in ("AttachPolicyToRole", "ListPolicies"):
            furnished.call(action, **parameters)

    furnished.serving.run(furnished.serving.calls.settled())
    assert [(call.action, call.resource) for call in furnished.serving.calls.list()] == [
        ("ListPolicies", ""),
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


def test_keys_of_a_role_that_is_gone_may_do_nothing(ram: Account) -> None:
    keys = caller(ram.access, allow("*"))
    ram.call("ListPolicies", keys)

    ram.call("DetachPolicyFromRole", RoleName="worker", PolicyName="worker", PolicyType="Custom")
    ram.call("DeleteRole", RoleName="worker")

    error = ram.error("ListPolicies", keys)
    assert error.code == "NoPermission"
    assert (
        error.access_denied_detail["AuthPrincipalDisplayName"] == f"acs:ram::{ACCOUNT}:role/worker:localcloud"
    )


def test_what_a_policy_says_now_decides_at_once(ram: Account) -> None:
    keys = caller(ram.access, allow("ram:ListPolicies"))
    ram.call("ListPolicies", keys)

    ram.access.put_role("worker", FC_TRUST, {"worker": document(allow("oss:GetObject"))})

    assert ram.refusal("ListPolicies", keys) == (403, "NoPermission")


def test_conditions_are_about_the_request(ram: Account) -> None:
    def refused(operator: str, key: str, value: str) -> bool:
        keys = caller(ram.access, allow("ram:ListPolicies", Condition={operator: {key: value}}))
        try:
            ram.call("ListPolicies", keys)
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
