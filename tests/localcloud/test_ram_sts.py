"""STS: who calls, and temporary keys of a role."""

from __future__ import annotations

from datetime import timedelta

import pytest

from localcloud.accounts import Identity
from tests.localcloud.ram_world import FC_TRUST, Account, allow, caller, deny, document, trust
from tests.localcloud.tenancy import ACCOUNT

pytest_plugins = ["tests.localcloud.ram_fixtures"]

ARN = f"acs:ram::{ACCOUNT}:role/worker"
ROOT = f"acs:ram::{ACCOUNT}:root"
MAY_ASSUME = allow("sts:AssumeRole", f"acs:ram:*:{ACCOUNT}:role/worker")


def user(ram: Account, *statements: dict[str, object]) -> Identity:
    policies = {"deployer": document(*statements)} if statements else {}
    return ram.access.put_user("deployer", policies).keys


def keys_of(answer: dict[str, dict[str, str]]) -> Identity:
    given = answer["Credentials"]
    return Identity(given["AccessKeyId"], given["AccessKeySecret"], given["SecurityToken"])


def assume(ram: Account, identity: Identity, **parameters: str) -> dict[str, dict[str, str]]:
    return ram.sts("AssumeRole", identity, **{"RoleArn": ARN, "RoleSessionName": "me", **parameters})


def refusal(ram: Account, identity: Identity, **parameters: str) -> tuple[int, str]:
    request = {"RoleArn": ARN, "RoleSessionName": "me", **parameters}
    return ram.refusal("AssumeRole", identity, version="2015-04-01", **request)


def test_the_account_is_told_who_it_is(ram: Account) -> None:
    assert ram.sts("GetCallerIdentity") == {
        "AccountId": ACCOUNT,
        "IdentityType": "Account",
        "UserId": ACCOUNT,
        "PrincipalId": ACCOUNT,
        "Arn": ROOT,
    }


def test_a_user_is_told_who_it_is_without_any_permission(ram: Account) -> None:
    created = ram.access.put_user("Deployer", {})

    assert ram.sts("GetCallerIdentity", created.keys) == {
        "AccountId": ACCOUNT,
        "IdentityType": "RAMUser",
        "UserId": created.user_id,
        "PrincipalId": created.user_id,
        "Arn": f"acs:ram::{ACCOUNT}:user/Deployer",
    }


def test_a_roles_session_is_told_who_it_is_without_any_permission(ram: Account) -> None:
    keys = caller(ram.access)
    role = ram.call("GetRole", RoleName="worker")["Role"]

    assert ram.sts("GetCallerIdentity", keys) == {
        "AccountId": ACCOUNT,
        "IdentityType": "AssumedRoleUser",
        "RoleId": role["RoleId"],
        "PrincipalId": f"{role['RoleId']}:localcloud",
        "Arn": f"acs:ram::{ACCOUNT}:assumed-role/worker/localcloud",
    }


def test_keys_of_a_role_that_is_gone_still_tell_its_name(ram: Account) -> None:
    keys = ram.accounts.issue_role_keys(f"acs:ram::{ACCOUNT}:role/gone")

    assert ram.sts("GetCallerIdentity", keys)["Arn"] == f"acs:ram::{ACCOUNT}:assumed-role/gone/localcloud"


def test_a_user_assumes_a_role_and_acts_with_its_policies(ram: Account) -> None:
    ram.access.put_role("Worker", trust(RAM=ROOT), {"worker": document(allow("ram:GetRole"))})
    # When a user who may assumes it
    answer = assume(ram, user(ram, MAY_ASSUME), RoleSessionName="me@work-1.0_x")
    # Then there are keys of it
    role = ram.access.roles.get("worker")
    assert answer["AssumedRoleUser"] == {
        "Arn": f"acs:ram::{ACCOUNT}:role/Worker/me@work-1.0_x",
        "AssumedRoleId": f"{role.role_id}:me@work-1.0_x",
    }
    keys = keys_of(answer)
    assert ram.sts("GetCallerIdentity", keys)["Arn"].endswith("assumed-role/Worker/me@work-1.0_x")
    # And they may do what the role may, for an hour
    ram.call("GetRole", keys, RoleName="worker")
    assert ram.refusal("ListPolicies", keys) == (403, "NoPermission")
    ram.clock.advance(3599)
    ram.call("GetRole", keys, RoleName="worker")
    ram.clock.advance(2)
    assert ram.refusal("GetRole", keys, RoleName="worker") == (400, "InvalidSecurityToken.Expired")


@pytest.mark.parametrize("principal", [ROOT, f"acs:ram::{ACCOUNT}:user/deployer"])
def test_a_trust_policy_names_a_user_or_the_whole_account(ram: Account, principal: str) -> None:
    ram.access.put_role("worker", trust(RAM=principal), {})

    assert assume(ram, user(ram, MAY_ASSUME))["Credentials"]["SecurityToken"]


def test_a_role_assumes_another(ram: Account) -> None:
    keys = caller(ram.access, MAY_ASSUME, name="first")
    ram.access.put_role("worker", trust(RAM=f"acs:ram::{ACCOUNT}:role/first"), {})

    assert ram.sts("GetCallerIdentity", keys_of(assume(ram, keys)))["Arn"].endswith("worker/me")


def test_the_account_itself_may_not_assume_a_role(ram: Account) -> None:
    ram.access.put_role("worker", trust(RAM=ROOT), {})

    error = ram.error("AssumeRole", version="2015-04-01", RoleArn=ARN, RoleSessionName="me")

    assert (error.status_code, error.code) == (403, "NoPermission")
    assert "Roles may not be assumed by root accounts." in error.message


@pytest.mark.parametrize(
    "statements",
    [[], [allow("sts:AssumeRole", f"acs:ram:*:{ACCOUNT}:role/other")], [allow("*"), deny("sts:AssumeRole")]],
)
def test_who_has_no_permission_may_not_assume_a_role(
    ram: Account, statements: list[dict[str, object]]
) -> None:
    ram.access.put_role("worker", trust(RAM=ROOT), {})

    assert refusal(ram, user(ram, *statements)) == (403, "NoPermission")


def test_a_trust_policys_conditions_are_about_the_request(ram: Account) -> None:
    # Given a role for who names an external id (RAM, "Use ExternalId to prevent the confused deputy issue")
    statement = {"Effect": "Allow", "Action": "sts:AssumeRole", "Principal": {"RAM": ROOT}}
    agreed = {"StringEquals": {"sts:ExternalId": "order-1"}}
    ram.access.put_role("worker", document({**statement, "Condition": agreed}), {})
    # Then it is assumed with that id alone
    assert assume(ram, user(ram, MAY_ASSUME), ExternalId="order-1")["Credentials"]["SecurityToken"]
    assert refusal(ram, user(ram, MAY_ASSUME)) == (403, "NoPermission")
    assert refusal(ram, user(ram, MAY_ASSUME), ExternalId="order-2") == (403, "NoPermission")
    # And a condition on the time or the address of a request holds as in any policy
    for condition, fits in (
        ({"IpAddress": {"acs:SourceIp": "127.0.0.1"}}, True),
        ({"DateLessThan": {"acs:CurrentTime": "2020-01-01T00:00:00Z"}}, False),
    ):
        ram.access.put_role("worker", document({**statement, "Condition": condition}), {})
        if fits:
            assume(ram, user(ram, MAY_ASSUME))
        else:
            assert refusal(ram, user(ram, MAY_ASSUME)) == (403, "NoPermission")


@pytest.mark.parametrize(
    "principals",
    [
        {"Service": "fc.aliyuncs.com"},
        {"RAM": f"acs:ram::{ACCOUNT}:user/other"},
        {"RAM": "acs:ram::6543210987654321:root"},
    ],
)
def test_whom_the_role_does_not_trust_may_not_assume_it(ram: Account, principals: dict[str, str]) -> None:
    ram.access.put_role("worker", trust(**principals), {})

    assert refusal(ram, user(ram, MAY_ASSUME)) == (403, "NoPermission")


def test_the_session_of_a_role_that_is_gone_is_not_trusted_by_name(ram: Account) -> None:
    ram.access.put_role("worker", trust(RAM=ROOT), {})
    keys = ram.accounts.issue_role_keys(f"acs:ram::{ACCOUNT}:role/gone")

    assert refusal(ram, keys) == (403, "NoPermission")


def test_a_role_that_there_is_not_cannot_be_assumed(ram: Account) -> None:
    assert refusal(ram, user(ram, MAY_ASSUME)) == (404, "EntityNotExist.Role")
    other = "acs:ram::6543210987654321:role/worker"
    assert refusal(ram, user(ram, allow("*")), RoleArn=other) == (404, "EntityNotExist.Role")


def test_keys_last_as_long_as_is_asked(ram: Account) -> None:
    deployer, trusting = user(ram, MAY_ASSUME), {"AssumeRolePolicyDocument": trust(RAM=ROOT)}
    ram.call("CreateRole", RoleName="worker", MaxSessionDuration="7200", **trusting)

    for seconds in (900, 7200):
        keys = keys_of(assume(ram, deployer, DurationSeconds=str(seconds)))
        known = ram.accounts.find(keys.access_key_id)
        assert known is not None
        assert known.expires is not None
        assert abs(known.expires - ram.clock.now() - timedelta(seconds=seconds)) < timedelta(minutes=1)


@pytest.mark.parametrize(
    ("parameters", "refused"),
    [
        ({"RoleArn": ""}, (400, "MissingRoleArn")),
        ({"RoleArn": "worker"}, (400, "InvalidParameter.RoleArn")),
        ({"RoleArn": ARN + "/x"}, (400, "InvalidParameter.RoleArn")),
        ({"RoleSessionName": ""}, (400, "MissingRoleSessionName")),
        ({"RoleSessionName": "a b"}, (400, "InvalidParameter.RoleSessionName")),
        ({"RoleSessionName": "a"}, (400, "InvalidParameter.RoleSessionName")),
        ({"DurationSeconds": "899"}, (400, "InvalidParameter.DurationSeconds")),
        ({"DurationSeconds": "3601"}, (400, "InvalidParameter.DurationSeconds")),
        ({"Policy": document(allow("*"))}, (501, "NotImplemented")),
        ({"ExternalId": "a"}, (400, "InvalidParameter.ExternalId")),
        ({"ExternalId": "a b"}, (400, "InvalidParameter.ExternalId")),
        ({"SourceIdentity": "abc"}, (501, "NotImplemented")),
    ],
)
def test_an_impossible_request_is_refused(
    ram: Account, parameters: dict[str, str], refused: tuple[int, str]
) -> None:
    ram.access.put_role("worker", trust(RAM=ROOT), {})

    assert refusal(ram, user(ram, MAY_ASSUME), **parameters) == refused


def test_a_services_role_is_not_for_users(ram: Account) -> None:
    ram.access.put_role("worker", FC_TRUST, {})

    assert refusal(ram, user(ram, allow("*"))) == (403, "NoPermission")
