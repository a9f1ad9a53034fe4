"""RAM's policies and what they are attached to, over its API."""

from __future__ import annotations

import re

import pytest

from localcloud.refusals import RequestRefused
from tests.localcloud.ram_world import ANYTHING, FC_TRUST, Account, allow, document

pytest_plugins = ["tests.localcloud.ram_fixtures"]

READING = document(allow("oss:GetObject"))
CUSTOM = {"PolicyName": "tags", "PolicyType": "Custom"}
SYSTEM = {"PolicyName": "AliyunFCInvocationAccess", "PolicyType": "System"}


def create(ram: Account, name: str = "tags", text: str = READING, **parameters: str) -> None:
    ram.call("CreatePolicy", PolicyName=name, PolicyDocument=text, **parameters)


def test_a_policy_is_created_and_shown(ram: Account) -> None:
    # When a policy is created
    created = ram.call("CreatePolicy", PolicyName="tags", PolicyDocument=READING, Description="To read")
    # Then the answer tells about it
    moment = created["Policy"].pop("CreateDate")
    assert re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ", moment)
    assert created["Policy"] == {
        "PolicyName": "tags",
        "PolicyType": "Custom",
        "Description": "To read",
        "DefaultVersion": "v1",
    }
    # And it can be read, as it was given
    found = ram.call("GetPolicy", **CUSTOM)
    assert found["Policy"] == {
        **created["Policy"],
        "CreateDate": moment,
        "UpdateDate": moment,
        "AttachmentCount": 0,
    }
    assert found["DefaultPolicyVersion"] == {
        "VersionId": "v1",
        "IsDefaultVersion": True,
        "PolicyDocument": READING,
        "CreateDate": moment,
    }


def test_a_policy_of_the_system_is_shown(ram: Account) -> None:
    found = ram.call("GetPolicy", **SYSTEM)

    assert found["Policy"]["PolicyType"] == "System"
    assert "fc:InvokeFunction" in found["DefaultPolicyVersion"]["PolicyDocument"]


@pytest.mark.parametrize(
    ("parameters", "code"),
    [
        ({"PolicyName": ""}, "MissingPolicyName"),
        ({"PolicyName": "a.b"}, "InvalidParameter.PolicyName.InvalidChars"),
        ({"PolicyName": "a" * 129}, "InvalidParameter.PolicyName.Length"),
        ({"PolicyDocument": ""}, "MissingPolicyDocument"),
        ({"PolicyDocument": FC_TRUST}, "MalformedPolicyDocument"),
        ({"PolicyDocument": READING + " " * 6144}, "InvalidParameter.PolicyDocument.Length"),
        ({"Description": "x" * 1025}, "InvalidParameter.Description.Length"),
    ],
)
def test_an_impossible_policy_is_refused(ram: Account, parameters: dict[str, str], code: str) -> None:
    request = {"PolicyName": "tags", "PolicyDocument": READING, **parameters}

    assert ram.refusal("CreatePolicy", **request) == (400, code)
    assert ram.call("ListPolicies", PolicyType="Custom")["Policies"]["Policy"] == []


@pytest.mark.parametrize(
    ("parameters", "code"),
    [
        ({"MaxItems": "0"}, "InvalidParameter.MaxItems"),
        ({"MaxItems": "1001"}, "InvalidParameter.MaxItems"),
        ({"Marker": "nobody"}, "InvalidParameter.Marker"),
    ],
)
def test_an_impossible_page_is_refused(ram: Account, parameters: dict[str, str], code: str) -> None:
    assert ram.refusal("ListPolicies", **parameters) == (400, code)


@pytest.mark.parametrize(
    ("text", "place"),
    [
        ("{", "not JSON"),
        (document({**allow("oss:GetObject"), "Effect": "allow"}), "Statement[0].Effect:"),
        (document(allow("oss:*"), allow("oss")), "Statement[1].Action:"),
        (
            document(allow("oss:*", Condition={"StringIs": {"acs:SourceIp": "10.0.0.1"}})),
            "Statement[0].Condition",
        ),
    ],
)
def test_a_malformed_policy_is_refused_with_the_place(ram: Account, text: str, place: str) -> None:
    error = ram.error("CreatePolicy", PolicyName="tags", PolicyDocument=text)

    assert (error.status_code, error.code) == (400, "MalformedPolicyDocument")
    assert place in error.message


def test_a_policys_name_is_taken_once(ram: Account) -> None:
    create(ram)

    assert ram.refusal("CreatePolicy", PolicyName="tags", PolicyDocument=ANYTHING) == (
        409,
        "EntityAlreadyExists.Policy",
    )


def test_an_account_has_fifteen_hundred_policies_at_most(ram: Account) -> None:
    ram.access.put_role("worker", FC_TRUST, {})
    for number in range(1500):
        ram.access.policies.create(f"policy-{number}", READING, "")

    assert ram.refusal("CreatePolicy", PolicyName="tags", PolicyDocument=READING) == (
        409,
        "LimitExceeded.Policy",
    )


def test_policies_are_listed_by_kind_and_in_pages(ram: Account) -> None:
    for name in ("b", "a", "AliyunFCInvocationAccess"):
        create(ram, name)

    def names(**parameters: str) -> list[str]:
        answer = ram.call("ListPolicies", **parameters)
        return [policy["PolicyName"] for policy in answer["Policies"]["Policy"]]

    assert names(PolicyType="Custom") == ["AliyunFCInvocationAccess", "a", "b"]
    system = names(PolicyType="System")
    assert system == sorted(system)
    assert "AliyunMNSNotificationRolePolicy" in system
    assert sorted([*names(PolicyType="Custom"), *system]) == sorted(names())
    # A page that ends between two policies of one name
    everything = names()
    first = everything.index("AliyunFCInvocationAccess") + 1
    page = ram.call("ListPolicies", MaxItems=str(first))
    assert page["IsTruncated"] is True
    assert names(Marker=page["Marker"]) == everything[first:]


@pytest.mark.parametrize(
    ("action", "parameters"),
    [
        ("GetPolicy", CUSTOM),
        ("GetPolicy", {"PolicyName": "AliyunNothing", "PolicyType": "System"}),
        ("DeletePolicy", {"PolicyName": "tags"}),
        ("AttachPolicyToRole", {**CUSTOM, "RoleName": "worker"}),
        ("DetachPolicyFromRole", {**CUSTOM, "RoleName": "worker"}),
    ],
)
def test_a_policy_that_there_is_not(ram: Account, action: str, parameters: dict[str, str]) -> None:
    ram.access.roles.create("worker", FC_TRUST)

    assert ram.refusal(action, **parameters) == (404, "EntityNotExist.Policy")


@pytest.mark.parametrize(
    ("action", "parameters"),
    [
        ("ListPoliciesForRole", {}),
        ("AttachPolicyToRole", CUSTOM),
        ("DetachPolicyFromRole", CUSTOM),
    ],
)
def test_a_role_that_there_is_not(ram: Account, action: str, parameters: dict[str, str]) -> None:
    create(ram)

    assert ram.refusal(action, RoleName="worker", **parameters) == (404, "EntityNotExist.Role")


@pytest.mark.parametrize(
    ("kind", "code"),
    [("", "MissingPolicyType"), ("custom", "InvalidParameter.PolicyType")],
)
def test_a_policys_kind_is_one_of_two(ram: Account, kind: str, code: str) -> None:
    create(ram)

    assert ram.refusal("GetPolicy", PolicyName="tags", PolicyType=kind) == (400, code)


def test_policies_are_attached_to_a_role_and_detached(ram: Account) -> None:
    ram.access.roles.create("worker", FC_TRUST)
    create(ram, Description="To read")
    # When two are attached
    for policy in (CUSTOM, SYSTEM):
        assert ram.call("AttachPolicyToRole", RoleName="Worker", **policy) == {}
    # Then the role has both, and they know it
    attached = ram.call("ListPoliciesForRole", RoleName="worker")["Policies"]["Policy"]
    assert [(policy["PolicyName"], policy["PolicyType"]) for policy in attached] == [
        ("AliyunFCInvocationAccess", "System"),
        ("tags", "Custom"),
    ]
    assert attached[1]["Description"] == "To read"
    assert attached[1]["DefaultVersion"] == "v1"
    assert attached[1]["AttachDate"].endswith("Z")
    assert ram.call("GetPolicy", **CUSTOM)["Policy"]["AttachmentCount"] == 1
    # And neither is attached or detached twice
    assert ram.refusal("AttachPolicyToRole", RoleName="worker", **CUSTOM) == (
        409,
        "EntityAlreadyExists.Role.Policy",
    )
    assert ram.call("DetachPolicyFromRole", RoleName="worker", **CUSTOM) == {}
    assert ram.refusal("DetachPolicyFromRole", RoleName="worker", **CUSTOM) == (
        404,
        "EntityNotExist.Role.Policy",
    )


def test_a_role_has_five_policies_of_the_accounts_own_at_most_and_a_user_ten(ram: Account) -> None:
    # As GetAccountSummary has their quotas (IMS 2019-08-15)
    ram.access.put_role("worker", FC_TRUST, {f"policy-{number}": READING for number in range(5)})
    create(ram)

    assert ram.refusal("AttachPolicyToRole", RoleName="worker", **CUSTOM) == (
        409,
        "LimitExceeded.Role.Policy",
    )
    assert ram.call("AttachPolicyToRole", RoleName="worker", **SYSTEM) == {}
    ram.access.put_user("deployer", {f"policy-{number}": READING for number in range(10)})
    with pytest.raises(RequestRefused, match=r"LimitExceeded\.User\.Policy"):
        ram.access.put_user("deployer", {f"policy-{number}": READING for number in range(11)})


def test_a_policy_that_is_attached_is_not_deleted(ram: Account) -> None:
    ram.access.roles.create("worker", FC_TRUST)
    create(ram)
    ram.call("AttachPolicyToRole", RoleName="worker", **CUSTOM)

    assert ram.refusal("DeletePolicy", PolicyName="tags") == (409, "DeleteConflict.Policy.Role")
    ram.call("DetachPolicyFromRole", RoleName="worker", **CUSTOM)
    ram.call("DeletePolicy", PolicyName="tags", CascadingDelete="True")

    assert ram.refusal("GetPolicy", **CUSTOM) == (404, "EntityNotExist.Policy")


def test_a_policy_that_a_user_has_is_not_deleted(ram: Account) -> None:
    ram.access.put_user("deployer", {"tags": READING})

    assert ram.refusal("DeletePolicy", PolicyName="tags") == (409, "DeleteConflict.Policy.User")


def test_what_is_put_replaces_what_was_there(ram: Account) -> None:
    # Given a role and a user with policies
    ram.access.put_role("worker", FC_TRUST, {"tags": READING, "more": READING})
    first = ram.access.put_user("deployer", {"tags": READING})
    # When they are put again, time after time
    for _ in range(6):
        ram.access.put_role("worker", FC_TRUST, {"tags": ANYTHING})
        second = ram.access.put_user("deployer", {})
    # Then they have just what was put, and the user is still the same
    (attached,) = ram.call("ListPoliciesForRole", RoleName="worker")["Policies"]["Policy"]
    assert attached["PolicyName"] == "tags"
    found = ram.call("GetPolicy", **CUSTOM)
    assert found["DefaultPolicyVersion"]["PolicyDocument"] == ANYTHING
    assert found["Policy"]["AttachmentCount"] == 1
    assert second == first
