"""RAM on the wire: its versions, its errors, and whose keys count."""

from __future__ import annotations

import pytest

from tests.localcloud.ram_world import FC_TRUST, Account, allow, caller, document
from tests.localcloud.tenancy import ACCOUNT

pytest_plugins = ["tests.localcloud.ram_fixtures"]


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


def test_calls_are_recorded_with_what_they_are_about(ram: Account) -> None:
    ram.access.put_role("r", FC_TRUST, {})
    ram.call("ListPolicies")
    ram.call("AttachPolicyToRole", RoleName="r", PolicyName="AdministratorAccess", PolicyType="System")

    ram.serving.run(ram.serving.calls.settled())
    assert [(call.action, call.resource) for call in ram.serving.calls.list()] == [
        ("ListPolicies", ""),
        ("AttachPolicyToRole", "role/r/policy/AdministratorAccess"),
    ]


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


@pytest.mark.parametrize(
    ("name", "code"),
    [("a" * 65, "InvalidParameter.UserName.Length"), ("a b", "InvalidParameter.UserName.InvalidChars")],
)
def test_an_impossible_user_is_refused(ram: Account, name: str, code: str) -> None:
    with pytest.raises(Exception, match=code):
        ram.access.put_user(name, {})
