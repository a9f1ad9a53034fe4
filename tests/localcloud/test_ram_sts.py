"""STS: who calls, and temporary keys of a role."""

from __future__ import annotations

from datetime import timedelta

import pytest

from localcloud.accounts import Identity
from tests.localcloud.ram_world import FC_TRUST, allow, caller, deny, document, trust
from tests.localcloud.services import ACCOUNT, Services

pytest_plugins = ["tests.localcloud.service_fixtures"]

ARN = f"acs:ram::{ACCOUNT}:role/worker"
ROOT = f"acs:ram::{ACCOUNT}:root"
MAY_ASSUME = allow("sts:AssumeRole", f"acs:ram:*:{ACCOUNT}:role/worker")
ASKED = {"RoleArn": ARN, "RoleSessionName": "me"}


@pytest.fixture
def ram(services: Services) -> Services:
    """An account whose role ``worker`` everybody of the account may assume, and which may do nothing."""
    services.access.put_role("worker", trust(RAM=ROOT), {})
    return services


def user(ram: Services, *statements: dict[str, object]) -> Identity:
    policies = {"deployer": document(*statements)} if statements else {}
    return ram.access.put_user("deployer", policies).keys


def assume(ram: Services, identity: Identity, **parameters: str) -> Identity:
    given = ram.openapi("sts", "AssumeRole", identity, **{**ASKED, **parameters})["Credentials"]
    return Identity(given["AccessKeyId"], given["AccessKeySecret"], given["SecurityToken"])


def refusal(ram: Services, identity: Identity, **parameters: str) -> tuple[int, str]:
    return ram.refusal("sts", "AssumeRole", identity, **{**ASKED, **parameters})


def arn(ram: Services, identity: Identity) -> str:
    return str(ram.openapi("sts", "GetCallerIdentity", identity)["Arn"])


def test_the_account_is_told_who_it_is(ram: Services) -> None:
    assert ram.openapi("sts", "GetCallerIdentity") == {
        "AccountId": ACCOUNT,
        "IdentityType": "Account",
        "UserId": ACCOUNT,
        "PrincipalId": ACCOUNT,
        "Arn": ROOT,
    }


def test_a_user_is_told_who_it_is_without_any_permission(ram: Services) -> None:
    created = ram.access.put_user("Deployer", {})

    assert ram.openapi("sts", "GetCallerIdentity", created.keys) == {
        "AccountId": ACCOUNT,
        "IdentityType": "RAMUser",
        "UserId": created.user_id,
        "PrincipalId": created.user_id,
        "Arn": f"acs:ram::{ACCOUNT}:user/Deployer",
    }


def test_a_roles_session_is_told_who_it_is_without_any_permission(ram: Services) -> None:
    keys = caller(ram.access)
    role = ram.openapi("ram", "GetRole", RoleName="worker")["Role"]

    assert ram.openapi("sts", "GetCallerIdentity", keys) == {
        "AccountId": ACCOUNT,
        "IdentityType": "AssumedRoleUser",
        "RoleId": role["RoleId"],
        "PrincipalId": f"{role['RoleId']}:localcloud",
        "Arn": f"acs:ram::{ACCOUNT}:assumed-role/worker/localcloud",
    }


def test_a_user_assumes_a_role_and_acts_with_its_policies(ram: Services) -> None:
    ram.access.put_role("Worker", trust(RAM=ROOT), {"worker": document(allow("ram:GetRole"))})
    # When a user who may assumes it
    asked = {**ASKED, "RoleSessionName": "me@work-1.0_x"}
    answer = ram.openapi("sts", "AssumeRole", user(ram, MAY_ASSUME), **asked)
    # Then there are keys of it
    role = ram.access.roles.get("worker")
    assert answer["AssumedRoleUser"] == {
        "Arn": f"acs:ram::{ACCOUNT}:role/worker/me@work-1.0_x",
        "AssumedRoleId": f"{role.role_id}:me@work-1.0_x",
    }
    given = answer["Credentials"]
    keys = Identity(given["AccessKeyId"], given["AccessKeySecret"], given["SecurityToken"])
    assert arn(ram, keys).endswith("assumed-role/worker/me@work-1.0_x")
    # And they may do what the role may, for an hour
    ram.openapi("ram", "GetRole", keys, RoleName="worker")
    assert ram.refusal("ram", "ListPolicies", keys) == (403, "NoPermission")
    ram.local.clock.advance(3599)
    ram.openapi("ram", "GetRole", keys, RoleName="worker")
    ram.local.clock.advance(2)
    expired = ram.refusal("ram", "GetRole", keys, RoleName="worker")
    assert expired == (400, "InvalidSecurityToken.Expired")


def test_a_trust_policy_names_a_user_a_role_or_the_whole_account(ram: Services) -> None:
    deployer, first = user(ram, MAY_ASSUME), caller(ram.access, MAY_ASSUME, name="First")

    for name, keys in (
        ("root", deployer),
        ("root", first),
        ("user/deployer", deployer),
        ("role/first", first),
    ):
        ram.access.put_role("worker", trust(RAM=f"acs:ram::{ACCOUNT}:{name}"), {})
        assert arn(ram, assume(ram, keys)).endswith("worker/me")


def test_the_account_itself_may_not_assume_a_role(ram: Services) -> None:
    error = ram.error("sts", "AssumeRole", **ASKED)

    assert (error.status_code, error.code) == (403, "NoPermission")
    assert "Roles may not be assumed by root accounts." in error.message


def test_who_has_no_permission_may_not_assume_a_role(ram: Services) -> None:
    for statements in (
        [],
        [allow("sts:AssumeRole", f"acs:ram:*:{ACCOUNT}:role/other")],
        [allow("*"), deny("sts:AssumeRole")],
    ):
        assert refusal(ram, user(ram, *statements)) == (403, "NoPermission")


def test_whom_the_role_does_not_trust_may_not_assume_it(ram: Services) -> None:
    whole = {"Effect": "Allow", "Action": "sts:AssumeRole", "Principal": {"RAM": ROOT}}
    one = {**whole, "Effect": "Deny", "Principal": {"RAM": ROOT.replace("root", "user/deployer")}}
    for trusting in (
        FC_TRUST,
        document(whole, one),
        trust(RAM=f"acs:ram::{ACCOUNT}:user/other"),
        trust(RAM="acs:ram::6543210987654321:root"),
    ):
        ram.access.put_role("worker", trusting, {})
        assert refusal(ram, user(ram, allow("*"))) == (403, "NoPermission")


def test_a_trust_policys_conditions_are_about_the_request(ram: Services) -> None:
    # Given a role for who names an external id (RAM, "Use ExternalId to prevent the confused deputy issue")
    statement = {"Effect": "Allow", "Action": "sts:AssumeRole", "Principal": {"RAM": ROOT}}
    agreed = {"StringEquals": {"sts:ExternalId": "order-1"}}
    ram.access.put_role("worker", document({**statement, "Condition": agreed}), {})
    # Then it is assumed with that id alone
    assume(ram, user(ram, MAY_ASSUME), ExternalId="order-1")
    assert refusal(ram, user(ram, MAY_ASSUME)) == (403, "NoPermission")
    assert refusal(ram, user(ram, MAY_ASSUME), ExternalId="order-2") == (403, "NoPermission")
    # And a condition on the address or the time of a request holds as in any policy
    here, past = {"acs:SourceIp": "127.0.0.1"}, {"acs:CurrentTime": "2020-01-01T00:00:00Z"}
    ram.access.put_role("worker", document({**statement, "Condition": {"IpAddress": here}}), {})
    assume(ram, user(ram, MAY_ASSUME))
    ram.access.put_role("worker", document({**statement, "Condition": {"DateLessThan": past}}), {})
    assert refusal(ram, user(ram, MAY_ASSUME)) == (403, "NoPermission")


def test_the_session_of_a_role_that_is_gone_has_a_name_and_no_trust(ram: Services) -> None:
    keys = ram.local.accounts.issue_role_keys(f"acs:ram::{ACCOUNT}:role/gone")

    assert arn(ram, keys) == f"acs:ram::{ACCOUNT}:assumed-role/gone/localcloud"
    assert refusal(ram, keys) == (403, "NoPermission")


def test_a_role_that_there_is_not_cannot_be_assumed(ram: Services) -> None:
    for other in (f"{ARN}-other", "acs:ram::6543210987654321:role/worker"):
        assert refusal(ram, user(ram, allow("*")), RoleArn=other) == (404, "EntityNotExist.Role")


def test_keys_last_as_long_as_is_asked(ram: Services) -> None:
    deployer, trusting = user(ram, allow("*")), {"AssumeRolePolicyDocument": trust(RAM=ROOT)}
    ram.openapi("ram", "CreateRole", RoleName="long", MaxSessionDuration="7200", **trusting)

    for seconds in (900, 7200):
        keys = assume(ram, deployer, RoleArn=ARN.replace("worker", "long"), DurationSeconds=str(seconds))
        known = ram.local.accounts.find(keys.access_key_id)
        assert known is not None
        assert known.expires is not None
        assert abs(known.expires - ram.local.clock.now() - timedelta(seconds=seconds)) < timedelta(minutes=1)


def test_an_impossible_request_is_refused(ram: Services) -> None:
    deployer = user(ram, MAY_ASSUME)
    for name, text in (
        *(
            ("RoleArn", "worker"),
            ("RoleArn", f"{ARN}/x"),
            ("RoleSessionName", "a b"),
            ("RoleSessionName", "a"),
        ),
        *(
            ("DurationSeconds", "899"),
            ("DurationSeconds", "3601"),
            ("ExternalId", "a"),
            ("ExternalId", "a b"),
        ),
    ):
        assert refusal(ram, deployer, **{name: text}) == (400, f"InvalidParameter.{name}"), text
    for name in ASKED:
        assert refusal(ram, deployer, **{name: ""}) == (400, f"Missing{name}")
    for name in ("Policy", "SourceIdentity"):
        assert refusal(ram, deployer, **{name: "abc"}) == (501, "NotImplemented")
