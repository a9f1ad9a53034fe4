"""RAM's roles and policies over its API, and who may assume a role."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from localcloud.ram.roles import AssumptionRefused
from localcloud.refusals import RequestRefused
from tests.localcloud.ram_world import ANYTHING, FC_TRUST, allow, caller, document, trust
from tests.localcloud.services import ACCOUNT, Services, started

pytest_plugins = ["tests.localcloud.service_fixtures"]

ARN = f"acs:ram::{ACCOUNT}:role/worker"
READING = document(allow("oss:GetObject"))
MOMENT = r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ"
ROLE = {"RoleName": "worker"}
CUSTOM = {"PolicyName": "tags", "PolicyType": "Custom"}
SYSTEM = {"PolicyName": "AliyunFCInvocationAccess", "PolicyType": "System"}


def furnish(services: Services) -> Services:
    """The role ``worker``, which has no policies, and the policy ``tags``."""
    services.access.put_role("worker", FC_TRUST, {})
    services.access.policies.create("tags", READING, "To read")
    return services


@pytest.fixture
def ram(services: Services) -> Services:
    return furnish(services)


@pytest.fixture(scope="module")
def unchanged() -> Iterator[Services]:
    """The same for tests that change nothing."""
    with started() as local:
        yield furnish(Services(local))


def attached(ram: Services) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = ram.openapi("ram", "ListPoliciesForRole", **ROLE)["Policies"]["Policy"]
    return found


# Roles


def test_a_role_is_created_and_shown(services: Services) -> None:
    # When a role is created
    given = {
        "AssumeRolePolicyDocument": FC_TRUST,
        "Description": "Tags objects",
        "MaxSessionDuration": "7200",
    }
    created = services.openapi("ram", "CreateRole", RoleName="Worker-1.a", **given)["Role"]
    # Then the answer tells all about it
    assert re.fullmatch(r"3\d{17}", created.pop("RoleId"))
    assert re.fullmatch(MOMENT, created.pop("CreateDate"))
    assert created == {
        **given,
        "RoleName": "Worker-1.a",
        "Arn": f"acs:ram::{ACCOUNT}:role/Worker-1.a",
        "MaxSessionDuration": 7200,
        "AllowConsoleLogin": False,
    }
    # And it is found whatever the case of its name
    found = services.openapi("ram", "GetRole", RoleName="worker-1.A")["Role"]
    assert found["RoleName"] == "Worker-1.a"
    assert found["RolePrincipalName"] == f"Worker-1.a@role.{ACCOUNT}.onaliyunservice.com"
    assert found["UpdateDate"] == found["CreateDate"]
    assert found["IsServiceLinkedRole"] is False


def test_what_is_not_said_of_a_role_has_defaults(services: Services) -> None:
    services.openapi("ram", "CreateRole", **ROLE, AssumeRolePolicyDocument=FC_TRUST)

    role = services.openapi("ram", "GetRole", **ROLE)["Role"]

    assert (role["Description"], role["MaxSessionDuration"]) == ("", 3600)


def test_a_role_is_deleted_once_it_has_no_policies(ram: Services) -> None:
    ram.openapi("ram", "AttachPolicyToRole", **ROLE, **SYSTEM)

    assert ram.refusal("ram", "DeleteRole", **ROLE) == (409, "DeleteConflict.Role.Policy")
    ram.openapi("ram", "DetachPolicyFromRole", **ROLE, **SYSTEM)
    assert ram.openapi("ram", "DeleteRole", RoleName="Worker") == {}

    assert ram.refusal("ram", "GetRole", **ROLE) == (404, "EntityNotExist.Role")


def test_a_service_that_a_role_trusts_assumes_it_whatever_the_case_of_its_arn(ram: Services) -> None:
    for name in ("worker", "WORKER", ARN, ARN.lower(), ARN.upper()):
        keys = ram.access.roles.assume(name, "fc.aliyuncs.com")

        assert keys.role == ARN
        assert ram.local.accounts.find(keys.access_key_id) == keys


def test_a_service_that_a_role_does_not_trust_cannot_assume_it(ram: Services) -> None:
    trusting = {"Action": ["sts:AssumeRole"], "Principal": {"Service": ["fc.aliyuncs.com"]}}
    both = document({"Effect": "Allow", **trusting}, {"Effect": "Deny", **trusting})
    ram.access.put_role("both", both, {})

    for role, service in (("worker", "mns.aliyuncs.com"), ("both", "fc.aliyuncs.com")):
        with pytest.raises(AssumptionRefused, match=f"does not let {service} assume it"):
            ram.access.roles.assume(role, service)
    for name in ("nobody", ARN.replace(ACCOUNT, "6543210987654321")):
        with pytest.raises(AssumptionRefused, match=f"There is no role {name}"):
            ram.access.roles.assume(name, "fc.aliyuncs.com")


def test_keys_of_a_role_that_is_gone_may_do_nothing(services: Services) -> None:
    keys = caller(services.access, allow("*"))
    services.openapi("ram", "ListPolicies", keys)

    services.access.roles.delete("worker")

    error = services.error("ram", "ListPolicies", keys)
    assert error.code == "NoPermission"
    assert error.access_denied_detail["AuthPrincipalDisplayName"] == f"{ARN}:localcloud"


# Policies


def test_a_policy_is_created_and_shown(services: Services) -> None:
    # When a policy is created
    given = {"PolicyName": "tags", "PolicyDocument": READING, "Description": "To read"}
    created = services.openapi("ram", "CreatePolicy", **given)["Policy"]
    # Then the answer tells about it
    moment = created.pop("CreateDate")
    assert re.fullmatch(MOMENT, moment)
    assert created == {**CUSTOM, "Description": "To read", "DefaultVersion": "v1"}
    # And it can be read, as it was given
    found = services.openapi("ram", "GetPolicy", **CUSTOM)
    assert found["Policy"] == {**created, "CreateDate": moment, "UpdateDate": moment, "AttachmentCount": 0}
    assert found["DefaultPolicyVersion"] == {
        "VersionId": "v1",
        "IsDefaultVersion": True,
        "PolicyDocument": READING,
        "CreateDate": moment,
    }


def test_a_policy_of_the_system_is_shown(services: Services) -> None:
    found = services.openapi("ram", "GetPolicy", **SYSTEM)

    assert found["Policy"]["PolicyType"] == "System"
    assert "fc:InvokeFunction" in found["DefaultPolicyVersion"]["PolicyDocument"]


def test_policies_are_listed_by_kind_and_in_pages(ram: Services) -> None:
    ram.access.policies.create("AliyunFCInvocationAccess", READING)

    def names(**parameters: str) -> list[str]:
        answer = ram.openapi("ram", "ListPolicies", **parameters)
        return [policy["PolicyName"] for policy in answer["Policies"]["Policy"]]

    assert names(PolicyType="Custom") == ["AliyunFCInvocationAccess", "tags"]
    system = names(PolicyType="System")
    assert system == sorted(system)
    assert "AliyunMNSNotificationRolePolicy" in system
    assert sorted([*names(PolicyType="Custom"), *system]) == sorted(names())
    # A page that ends between two policies of one name
    everything = names()
    first = everything.index("AliyunFCInvocationAccess") + 1
    page = ram.openapi("ram", "ListPolicies", MaxItems=str(first))
    assert page["IsTruncated"] is True
    assert names(Marker=page["Marker"]) == everything[first:]


def test_policies_are_attached_to_a_role_and_detached(ram: Services) -> None:
    # When two are attached
    for policy in (CUSTOM, SYSTEM):
        assert ram.openapi("ram", "AttachPolicyToRole", RoleName="Worker", **policy) == {}
    # Then the role has both, by name, and they know it
    system, custom = attached(ram)
    assert system["PolicyName"] == SYSTEM["PolicyName"]
    assert re.fullmatch(MOMENT, custom.pop("AttachDate"))
    assert custom == {**CUSTOM, "Description": "To read", "DefaultVersion": "v1"}
    assert ram.openapi("ram", "GetPolicy", **CUSTOM)["Policy"]["AttachmentCount"] == 1
    # And neither is attached, detached or deleted where it cannot be
    refusal = ram.refusal("ram", "AttachPolicyToRole", **ROLE, **CUSTOM)
    assert refusal == (409, "EntityAlreadyExists.Role.Policy")
    assert ram.refusal("ram", "DeletePolicy", PolicyName="tags") == (409, "DeleteConflict.Policy.Role")
    ram.openapi("ram", "DetachPolicyFromRole", **ROLE, **CUSTOM)
    ram.openapi("ram", "DeletePolicy", PolicyName="tags", CascadingDelete="True")
    assert ram.refusal("ram", "GetPolicy", **CUSTOM) == (404, "EntityNotExist.Policy")


def test_a_policy_that_a_user_has_is_not_deleted(services: Services) -> None:
    services.access.put_user("deployer", {"tags": READING})

    assert services.refusal("ram", "DeletePolicy", PolicyName="tags") == (409, "DeleteConflict.Policy.User")


def test_what_a_policy_says_now_decides_at_once(services: Services) -> None:
    keys = caller(services.access, allow("ram:ListPolicies"))
    services.openapi("ram", "ListPolicies", keys)

    services.access.put_role("worker", FC_TRUST, {"worker": READING})

    assert services.refusal("ram", "ListPolicies", keys) == (403, "NoPermission")


def test_what_is_put_replaces_what_was_there(ram: Services) -> None:
    # Given a role and a user with policies
    ram.access.put_role("worker", FC_TRUST, {"tags": READING, "more": READING})
    first = ram.access.put_user("deployer", {"tags": READING})
    # When they are put again, time after time
    for _ in range(6):
        ram.access.put_role("worker", FC_TRUST, {"tags": ANYTHING})
        second = ram.access.put_user("deployer", {})
    # Then they have just what was put, and the user is still the same
    assert [policy["PolicyName"] for policy in attached(ram)] == ["tags"]
    found = ram.openapi("ram", "GetPolicy", **CUSTOM)
    assert found["DefaultPolicyVersion"]["PolicyDocument"] == ANYTHING
    assert found["Policy"]["AttachmentCount"] == 1
    assert second.keys == first.keys


# What cannot be


@pytest.mark.parametrize(
    ("action", "parameters", "status", "code"),
    [
        ("CreateRole", {"RoleName": ""}, 400, "MissingRoleName"),
        ("CreateRole", {"RoleName": "a_b"}, 400, "InvalidParameter.RoleName.InvalidChars"),
        ("CreateRole", {"RoleName": "acs:ram::1:role/a"}, 400, "InvalidParameter.RoleName.InvalidChars"),
        ("CreateRole", {"RoleName": "a" * 65}, 400, "InvalidParameter.RoleName.Length"),
        ("CreateRole", {"RoleName": "WORKER"}, 409, "EntityAlreadyExists.Role"),
        ("CreateRole", {"AssumeRolePolicyDocument": ""}, 400, "MissingAssumeRolePolicyDocument"),
        ("CreateRole", {"AssumeRolePolicyDocument": ANYTHING}, 400, "MalformedPolicyDocument"),
        (
            *("CreateRole", {"AssumeRolePolicyDocument": FC_TRUST + " " * 2048}, 400),
            "InvalidParameter.AssumeRolePolicyDocument.Length",
        ),
        ("CreateRole", {"Description": "x" * 1025}, 400, "InvalidParameter.Description.Length"),
        ("CreateRole", {"MaxSessionDuration": "3599"}, 400, "InvalidParameter.MaxSessionDuration"),
        ("CreateRole", {"MaxSessionDuration": "43201"}, 400, "InvalidParameter.MaxSessionDuration"),
        ("CreateRole", {"MaxSessionDuration": "1h"}, 400, "InvalidParameter.MaxSessionDuration"),
        ("CreateRole", {"AllowConsoleLogin": "true"}, 501, "NotImplemented"),
        ("CreateRole", {"Tag": "true"}, 501, "NotImplemented"),
        ("CreatePolicy", {"PolicyName": ""}, 400, "MissingPolicyName"),
        ("CreatePolicy", {"PolicyName": "a.b"}, 400, "InvalidParameter.PolicyName.InvalidChars"),
        ("CreatePolicy", {"PolicyName": "a" * 129}, 400, "InvalidParameter.PolicyName.Length"),
        ("CreatePolicy", {"PolicyName": "tags"}, 409, "EntityAlreadyExists.Policy"),
        ("CreatePolicy", {"PolicyDocument": ""}, 400, "MissingPolicyDocument"),
        ("CreatePolicy", {"PolicyDocument": FC_TRUST}, 400, "MalformedPolicyDocument"),
        (
            *("CreatePolicy", {"PolicyDocument": READING + " " * 6144}, 400),
            "InvalidParameter.PolicyDocument.Length",
        ),
        ("CreatePolicy", {"Description": "x" * 1025}, 400, "InvalidParameter.Description.Length"),
        ("CreatePolicy", {"Tag": "true"}, 501, "NotImplemented"),
        ("GetPolicy", {"PolicyType": ""}, 400, "MissingPolicyType"),
        ("GetPolicy", {"PolicyType": "custom"}, 400, "InvalidParameter.PolicyType"),
        ("GetPolicy", {"PolicyName": "nothing"}, 404, "EntityNotExist.Policy"),
        ("GetPolicy", {"PolicyType": "System"}, 404, "EntityNotExist.Policy"),
        ("DeletePolicy", {"PolicyName": "nothing"}, 404, "EntityNotExist.Policy"),
        ("ListPolicies", {"MaxItems": "0"}, 400, "InvalidParameter.MaxItems"),
        ("ListPolicies", {"MaxItems": "1001"}, 400, "InvalidParameter.MaxItems"),
        ("ListPolicies", {"Marker": "nobody"}, 400, "InvalidParameter.Marker"),
        ("ListPolicies", {"Tag": "true"}, 501, "NotImplemented"),
        ("AttachPolicyToRole", {"PolicyName": "nothing"}, 404, "EntityNotExist.Policy"),
        ("AttachPolicyToRole", {"RoleName": "nobody"}, 404, "EntityNotExist.Role"),
        ("AttachPolicyToRole", {"ResourceGroupId": "true"}, 501, "NotImplemented"),
        ("DetachPolicyFromRole", {}, 404, "EntityNotExist.Role.Policy"),
        ("DetachPolicyFromRole", {"PolicyName": "nothing"}, 404, "EntityNotExist.Policy"),
        ("DetachPolicyFromRole", {"RoleName": "nobody"}, 404, "EntityNotExist.Role"),
        ("DetachPolicyFromRole", {"ResourceGroupId": "true"}, 501, "NotImplemented"),
        ("ListPoliciesForRole", {"RoleName": "nobody"}, 404, "EntityNotExist.Role"),
        ("DeleteRole", {"RoleName": "nobody"}, 404, "EntityNotExist.Role"),
        # RAM and STS are two versions of one endpoint
        ("CreateUser", {}, 404, "InvalidAction.NotFound"),
        ("GetCallerIdentity", {}, 404, "InvalidAction.NotFound"),
    ],
)
def test_what_cannot_be_is_refused(
    unchanged: Services, action: str, parameters: dict[str, str], status: int, code: str
) -> None:
    complete = {
        "CreateRole": {"RoleName": "new", "AssumeRolePolicyDocument": FC_TRUST},
        "CreatePolicy": {"PolicyName": "new", "PolicyDocument": READING},
        "ListPolicies": {},
    }.get(action, {**ROLE, **CUSTOM})

    assert unchanged.refusal("ram", action, **{**complete, **parameters}) == (status, code)
    assert [role.name for role in unchanged.access.roles.all()] == ["worker"]
    assert [policy.name for policy in unchanged.access.policies.all("Custom")] == ["tags"]


def test_an_error_names_the_service_and_the_way_to_help(services: Services) -> None:
    error = services.error("ram", "GetRole", RoleName="nobody")

    assert error.data["HostId"] == "ram.aliyuncs.com"
    assert error.data["Message"] == "The role does not exist."
    assert error.data["Recommend"].endswith("?q=EntityNotExist.Role&product=Ram")
    assert error.data["RequestId"] == error.request_id
    assert error.access_denied_detail is None
    assert (
        "2015-05-01 or 2015-04-01" in services.error("ram", "GetRole", line={"version": "2015-06-01"}).message
    )
    assert services.calls("ram")[0] == ("GetRole", "role/nobody", 404)


@pytest.mark.parametrize(
    ("text", "place"),
    [
        ("{", "not JSON"),
        (document({**allow("oss:GetObject"), "Effect": "allow"}), "Statement[0].Effect:"),
        (document(allow("oss:*"), allow("oss")), "Statement[1].Action:"),
    ],
)
def test_a_malformed_policy_is_refused_with_the_place(unchanged: Services, text: str, place: str) -> None:
    error = unchanged.error("ram", "CreatePolicy", PolicyName="new", PolicyDocument=text)

    assert (error.status_code, error.code) == (400, "MalformedPolicyDocument")
    assert place in error.message


TRUSTING = {"Effect": "Allow", "Action": "sts:AssumeRole", "Principal": {"Service": "fc.aliyuncs.com"}}


@pytest.mark.parametrize(
    ("changes", "place"),
    [
        ({"Principal": {"Service": "fc.amazonaws.com"}}, "Statement[0].Principal.Service:"),
        ({"Principal": {"Service": ["fc.aliyuncs.com", "fc"]}}, "Statement[0].Principal.Service[1]:"),
        ({"Principal": {"RAM": "*"}}, "Statement[0].Principal.RAM:"),
        ({"Principal": {"Federated": "acs:ram::1:saml-provider/a"}}, "Statement[0].Principal:"),
        ({"Principal": {}}, "Statement[0].Principal:"),
        ({"Principal": "*"}, "Statement[0].Principal:"),
        ({"Action": "sts:*"}, "Statement[0].Action:"),
        ({"Action": "oss:GetObject"}, "Statement[0].Action:"),
        ({"Condition": {"StringEquals": {"sts:Nothing": "abc"}}}, "Statement[0].Condition.StringEquals:"),
        ({"Resource": "*"}, "Statement[0]: Resource is not known here"),
    ],
)
def test_a_malformed_trust_policy_is_refused_with_the_place(
    unchanged: Services, changes: dict[str, Any], place: str
) -> None:
    text = document({**TRUSTING, **changes})

    error = unchanged.error("ram", "CreateRole", RoleName="new", AssumeRolePolicyDocument=text)

    assert (error.status_code, error.code) == (400, "MalformedPolicyDocument")
    assert place in error.message


def test_an_account_has_so_many_roles_and_policies_at_most(services: Services) -> None:
    # As GetAccountSummary has their quotas (IMS 2019-08-15)
    for number in range(100):
        services.access.roles.create(f"role-{number}", FC_TRUST)
    for number in range(1500):
        services.access.policies.create(f"policy-{number}", READING)

    role = {"RoleName": "worker", "AssumeRolePolicyDocument": FC_TRUST}
    assert services.refusal("ram", "CreateRole", **role) == (409, "LimitExceeded.Role")
    policy = {"PolicyName": "tags", "PolicyDocument": READING}
    assert services.refusal("ram", "CreatePolicy", **policy) == (409, "LimitExceeded.Policy")


def test_a_role_has_five_policies_of_the_accounts_own_at_most_and_a_user_ten(ram: Services) -> None:
    # As GetAccountSummary has their quotas (IMS 2019-08-15)
    policies = {f"policy-{number}": READING for number in range(11)}
    ram.access.put_role("worker", FC_TRUST, dict(list(policies.items())[:5]))

    refusal = ram.refusal("ram", "AttachPolicyToRole", **ROLE, **CUSTOM)
    assert refusal == (409, "LimitExceeded.Role.Policy")
    assert ram.openapi("ram", "AttachPolicyToRole", **ROLE, **SYSTEM) == {}
    with pytest.raises(RequestRefused, match=r"LimitExceeded\.User\.Policy"):
        ram.access.put_user("deployer", policies)
    assert len(ram.access.put_user("deployer", dict(list(policies.items())[:10])).keys.access_key_id) > 4


@pytest.mark.parametrize(("name", "problem"), [("a" * 65, "Length"), ("a b", "InvalidChars")])
def test_an_impossible_user_is_refused(services: Services, name: str, problem: str) -> None:
    with pytest.raises(RequestRefused, match=f"InvalidParameter.UserName.{problem}"):
        services.access.put_user(name, {})


def test_roles_policies_and_users_outlive_a_restart(tmp_path: Path) -> None:
    # Given a role with a policy and a user, of a cloud that ends
    with started(directory=tmp_path) as local:
        first = Services(local)
        first.access.put_role("worker", trust(Service="fc.aliyuncs.com"), {"all": ANYTHING})
        keys = first.access.put_user("deployer", {"all": ANYTHING}).keys
        role = first.openapi("ram", "GetRole", **ROLE)
        policy = first.openapi("ram", "GetPolicy", PolicyName="all", PolicyType="Custom")
    # When it is started again
    with started(directory=tmp_path) as local:
        again = Services(local)
        # Then all are there, and the user's keys still work
        assert again.openapi("ram", "GetRole", keys, **ROLE) == role
        assert again.openapi("ram", "GetPolicy", keys, PolicyName="all", PolicyType="Custom") == policy
        assert [one["PolicyName"] for one in attached(again)] == ["all"]
