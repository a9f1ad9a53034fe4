"""RAM's roles over its API, and who may assume them."""

from __future__ import annotations

import json
import re
from pathlib import Path

import pytest

from localcloud.ram.roles import AssumptionRefused
from tests.localcloud.ram_world import ANYTHING, FC_TRUST, Account, StartRam, document
from tests.localcloud.tenancy import ACCOUNT

pytest_plugins = ["tests.localcloud.ram_fixtures"]

ARN = f"acs:ram::{ACCOUNT}:role/worker"


def create(ram: Account, name: str = "worker", **parameters: str) -> None:
    ram.call("CreateRole", RoleName=name, AssumeRolePolicyDocument=FC_TRUST, **parameters)


def test_a_role_is_created_and_shown(ram: Account) -> None:
    # When a role is created
    created = ram.call(
        "CreateRole",
        RoleName="Worker-1.a",
        AssumeRolePolicyDocument=FC_TRUST,
        Description="Tags objects",
        MaxSessionDuration="7200",
    )["Role"]
    # Then the answer tells all about it
    assert re.fullmatch(r"3\d{17}", created.pop("RoleId"))
    assert re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ", created.pop("CreateDate"))
    assert created == {
        "RoleName": "Worker-1.a",
        "Arn": f"acs:ram::{ACCOUNT}:role/Worker-1.a",
        "Description": "Tags objects",
        "AssumeRolePolicyDocument": FC_TRUST,
        "MaxSessionDuration": 7200,
        "AllowConsoleLogin": False,
    }
    # And it is found whatever the case of its name
    found = ram.call("GetRole", RoleName="worker-1.A")["Role"]
    assert found["RoleName"] == "Worker-1.a"
    assert found["RolePrincipalName"] == f"Worker-1.a@role.{ACCOUNT}.onaliyunservice.com"
    assert found["UpdateDate"] == found["CreateDate"]
    assert found["IsServiceLinkedRole"] is False


def test_what_is_not_said_of_a_role_has_defaults(ram: Account) -> None:
    create(ram)

    role = ram.call("GetRole", RoleName="worker")["Role"]

    assert (role["Description"], role["MaxSessionDuration"]) == ("", 3600)


def test_two_roles_cannot_differ_in_case_alone(ram: Account) -> None:
    create(ram)

    assert ram.refusal("CreateRole", RoleName="WORKER", AssumeRolePolicyDocument=FC_TRUST) == (
        409,
        "EntityAlreadyExists.Role",
    )


def test_an_account_has_a_hundred_roles_at_most(ram: Account) -> None:
    for number in range(100):
        ram.access.roles.create(f"role-{number}", FC_TRUST)

    assert ram.refusal("CreateRole", RoleName="worker", AssumeRolePolicyDocument=FC_TRUST) == (
        409,
        "LimitExceeded.Role",
    )


@pytest.mark.parametrize(
    ("parameters", "code"),
    [
        ({"RoleName": ""}, "MissingRoleName"),
        ({"RoleName": "a_b"}, "InvalidParameter.RoleName.InvalidChars"),
        ({"RoleName": "acs:ram::1:role/a"}, "InvalidParameter.RoleName.InvalidChars"),
        ({"RoleName": "a" * 65}, "InvalidParameter.RoleName.Length"),
        ({"AssumeRolePolicyDocument": ""}, "MissingAssumeRolePolicyDocument"),
        ({"AssumeRolePolicyDocument": "{}"}, "MalformedPolicyDocument"),
        ({"AssumeRolePolicyDocument": ANYTHING}, "MalformedPolicyDocument"),
        (
            {"AssumeRolePolicyDocument": FC_TRUST + " " * 2048},
            "InvalidParameter.AssumeRolePolicyDocument.Length",
        ),
        ({"Description": "x" * 1025}, "InvalidParameter.Description.Length"),
        ({"MaxSessionDuration": "3599"}, "InvalidParameter.MaxSessionDuration"),
        ({"MaxSessionDuration": "43201"}, "InvalidParameter.MaxSessionDuration"),
        ({"MaxSessionDuration": "1h"}, "InvalidParameter.MaxSessionDuration"),
    ],
)
def test_an_impossible_role_is_refused(ram: Account, parameters: dict[str, str], code: str) -> None:
    request = {"RoleName": "worker", "AssumeRolePolicyDocument": FC_TRUST, **parameters}

    assert ram.refusal("CreateRole", **request) == (400, code)
    assert ram.access.roles.all() == []


@pytest.mark.parametrize(
    ("principal", "place"),
    [
        ({"Service": "fc.amazonaws.com"}, "Statement[0].Principal.Service"),
        ({"Service": ["fc.aliyuncs.com", "fc"]}, "Statement[0].Principal.Service[1]"),
        ({"RAM": "*"}, "Statement[0].Principal.RAM"),
        ({"Federated": "acs:ram::1:saml-provider/a"}, "Statement[0].Principal"),
        ({}, "Statement[0].Principal"),
        ("*", "Statement[0].Principal"),
    ],
)
def test_a_malformed_trust_policy_is_refused_with_the_place(
    ram: Account, principal: object, place: str
) -> None:
    text = document({"Effect": "Allow", "Action": "sts:AssumeRole", "Principal": principal})

    error = ram.error("CreateRole", RoleName="worker", AssumeRolePolicyDocument=text)

    assert (error.status_code, error.code) == (400, "MalformedPolicyDocument")
    assert f"{place}:" in error.message


@pytest.mark.parametrize(
    "statement",
    [
        {"Effect": "Allow", "Action": "sts:*", "Principal": {"Service": "fc.aliyuncs.com"}},
        {"Effect": "Allow", "Action": "oss:GetObject", "Principal": {"Service": "fc.aliyuncs.com"}},
        {
            "Effect": "Allow",
            "Action": "sts:AssumeRole",
            "Principal": {"Service": "fc.aliyuncs.com"},
            "Condition": {"StringEquals": {"sts:Nothing": "abc"}},
        },
        {"Effect": "Allow", "Action": "sts:AssumeRole"},
    ],
)
def test_a_trust_policy_has_no_other_actions_and_no_conditions_that_there_are_not(
    ram: Account, statement: dict[str, object]
) -> None:
    assert ram.refusal("CreateRole", RoleName="worker", AssumeRolePolicyDocument=document(statement)) == (
        400,
        "MalformedPolicyDocument",
    )


def test_a_role_is_deleted_once_it_has_no_policies(ram: Account) -> None:
    create(ram)
    attached = {"RoleName": "worker", "PolicyName": "AliyunFCInvocationAccess", "PolicyType": "System"}
    ram.call("AttachPolicyToRole", **attached)

    assert ram.refusal("DeleteRole", RoleName="worker") == (409, "DeleteConflict.Role.Policy")
    ram.call("DetachPolicyFromRole", **attached)
    assert ram.call("DeleteRole", RoleName="Worker") == {}

    assert ram.refusal("GetRole", RoleName="worker") == (404, "EntityNotExist.Role")
    assert ram.refusal("DeleteRole", RoleName="worker") == (404, "EntityNotExist.Role")


@pytest.mark.parametrize(
    ("action", "parameter"),
    [
        ("CreateRole", "AllowConsoleLogin"),
        ("CreateRole", "Tag"),
        ("CreatePolicy", "Tag"),
        ("ListPolicies", "Tag"),
        ("AttachPolicyToRole", "ResourceGroupId"),
        ("DetachPolicyFromRole", "ResourceGroupId"),
    ],
)
def test_parameters_that_would_not_be_obeyed_are_refused(ram: Account, action: str, parameter: str) -> None:
    assert ram.refusal(action, **{"RoleName": "worker", "PolicyName": "tags", parameter: "true"}) == (
        501,
        "NotImplemented",
    )


@pytest.mark.parametrize("name", ["worker", "WORKER", ARN, ARN.lower(), ARN.upper()])
def test_a_service_that_a_role_trusts_assumes_it_whatever_the_case_of_its_arn(
    ram: Account, name: str
) -> None:
    create(ram, "Worker")

    keys = ram.access.roles.assume(name, "fc.aliyuncs.com")

    assert keys.role == f"acs:ram::{ACCOUNT}:role/Worker"
    assert ram.accounts.find(keys.access_key_id) == keys


def test_a_service_that_a_role_does_not_trust_cannot_assume_it(ram: Account) -> None:
    create(ram)
    ram.access.roles.create(
        "both",
        document(
            {"Effect": "Allow", "Action": ["sts:AssumeRole"], "Principal": {"Service": ["fc.aliyuncs.com"]}},
            {
                "Effect": "Deny",
                "Action": "sts:AssumeRole",
                "Principal": {"Service": "FC.aliyuncs.com".lower()},
            },
        ),
    )

    for role, service in (("worker", "mns.aliyuncs.com"), ("both", "fc.aliyuncs.com")):
        with pytest.raises(AssumptionRefused, match=f"does not let {service} assume it"):
            ram.access.roles.assume(role, service)


@pytest.mark.parametrize("name", ["nobody", "acs:ram::6543210987654321:role/worker"])
def test_a_role_that_there_is_not_cannot_be_assumed(ram: Account, name: str) -> None:
    create(ram)

    with pytest.raises(AssumptionRefused, match=f"There is no role {name}"):
        ram.access.roles.assume(name, "fc.aliyuncs.com")


def test_roles_policies_and_users_outlive_a_restart(start_ram: StartRam, tmp_path: Path) -> None:
    # Given a role with a policy and a user, of a cloud that ends
    with start_ram(tmp_path) as ram:
        create(ram)
        ram.call("CreatePolicy", PolicyName="all", PolicyDocument=ANYTHING)
        ram.call("AttachPolicyToRole", RoleName="worker", PolicyName="all", PolicyType="Custom")
        role = ram.call("GetRole", RoleName="worker")
        keys = ram.access.put_user("deployer", {"all": ANYTHING}).keys
    # When it is started again
    with start_ram(tmp_path) as ram:
        # Then all are there, and the user's keys still work
        assert ram.call("GetRole", keys, RoleName="worker") == role
        (attached,) = ram.call("ListPoliciesForRole", RoleName="worker")["Policies"]["Policy"]
        assert attached["PolicyName"] == "all"
        assert json.loads(
            ram.call("GetPolicy", PolicyName="all", PolicyType="Custom")["DefaultPolicyVersion"][
                "PolicyDocument"
            ]
        ) == json.loads(ANYTHING)
