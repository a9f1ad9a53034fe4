"""IMM, MNS and RAM obey RAM's policies: which action needs which permission, and how a refusal looks."""

from __future__ import annotations

import re
import secrets
from collections.abc import Iterator

import pytest
from alibabacloud_oss_v2 import PutObjectRequest
from alibabacloud_tea_openapi.exceptions import AlibabaCloudException

from localcloud.accounts import Identity
from localcloud.imm.tasks import TaskRecord
from tests.localcloud.ram_world import ANYTHING, FC_TRUST, allow, deny
from tests.localcloud.services import ACCOUNT, REGION, Cloud

pytest_plugins = ["tests.localcloud.service_fixtures"]

HERE = f"{REGION}:{ACCOUNT}"
PROJECT, ALL_PROJECTS = f"acs:imm:{HERE}:project/NAME", f"acs:imm:{HERE}:project/*"
TOPIC = f"acs:mns:{HERE}:/topics/NAME"
ROLE, ALL_ROLES = f"acs:ram:*:{ACCOUNT}:role/NAME", f"acs:ram:*:{ACCOUNT}:role/*"
POLICY, ALL_POLICIES = f"acs:ram:*:{ACCOUNT}:policy/NAME", f"acs:ram:*:{ACCOUNT}:policy/*"
TASK = {"ProjectName": "NAME", "TaskType": "VideoLabelClassification", "TaskId": "VideoLabelClassification-1"}
QUEUE = {"PushType": "queue", "Endpoint": f"acs:mns:{HERE}:queues/tasks", "SubscriptionName": "queue"}
ATTACHED = {"RoleName": "NAME", "PolicyName": "AliyunIMMReadOnlyAccess", "PolicyType": "System"}
OTHER = {**ATTACHED, "PolicyName": "AdministratorAccess"}
# A service, its action, the parameters and the resources; NAME stands for the name of what there is.
NEEDS: list[tuple[str, str, dict[str, str], list[str]]] = [
    ("imm", "ListProjects", {"MaxResults": "1"}, [ALL_PROJECTS]),
    ("imm", "GetProject", {"ProjectName": "NAME"}, [PROJECT]),
    ("imm", "GetTask", TASK, [PROJECT]),
    ("imm", "GetVideoLabelClassificationResult", TASK, [PROJECT]),
    ("imm", "ListTasks", {"ProjectName": "NAME"}, [PROJECT]),
    (
        "imm",
        "CreateVideoLabelClassificationTask",
        {"ProjectName": "NAME", "SourceURI": "oss://BUCKET/a.mp4"},
        [PROJECT],
    ),
    ("imm", "DeleteProject", {"ProjectName": "NAME"}, [PROJECT]),
    ("mns", "CreateTopic", {"TopicName": "NAME-new"}, [f"{TOPIC}-new"]),
    ("mns", "GetTopicAttributes", {"TopicName": "NAME"}, [TOPIC]),
    ("mns", "DeleteTopic", {"TopicName": "NAME"}, [TOPIC]),
    ("mns", "Subscribe", {"TopicName": "NAME", **QUEUE}, [f"{TOPIC}/subscriptions/queue"]),
    (
        "mns",
        "Unsubscribe",
        {"TopicName": "NAME", "SubscriptionName": "tagger"},
        [f"{TOPIC}/subscriptions/tagger"],
    ),
    ("mns", "ListSubscriptionByTopic", {"TopicName": "NAME"}, [f"{TOPIC}/subscriptions"]),
    ("ram", "CreateRole", {"RoleName": "NAME-new", "AssumeRolePolicyDocument": FC_TRUST}, [ALL_ROLES]),
    ("ram", "GetRole", {"RoleName": "NAME"}, [ROLE]),
    ("ram", "DeleteRole", {"RoleName": "NAME-bare"}, [f"{ROLE}-bare"]),
    ("ram", "CreatePolicy", {"PolicyName": "NAME-new", "PolicyDocument": ANYTHING}, [ALL_POLICIES]),
    ("ram", "ListPolicies", {}, [ALL_POLICIES]),
    ("ram", "GetPolicy", {"PolicyName": "NAME", "PolicyType": "Custom"}, [POLICY]),
    ("ram", "DeletePolicy", {"PolicyName": "NAME"}, [POLICY]),
    ("ram", "AttachPolicyToRole", OTHER, [ROLE, "acs:ram:*:system:policy/AdministratorAccess"]),
    ("ram", "DetachPolicyFromRole", ATTACHED, [ROLE, "acs:ram:*:system:policy/AliyunIMMReadOnlyAccess"]),
    ("ram", "ListPoliciesForRole", {"RoleName": "NAME"}, [ROLE]),
]


@pytest.fixture
def name(guarded: Cloud) -> Iterator[str]:
    """The name of a project with a task, of a topic with a subscription, and of a role and a policy."""
    local, name = guarded.local, f"thing-{secrets.token_hex(4)}"
    local.call(local.media.put_project, name)
    task = TaskRecord(
        name, TASK["TaskId"], "2199-12-24T03:00:38Z", "2199-12-24T05:00:00Z", status="Succeeded"
    )
    local.run(local.media.put_task(task, notify=False))
    guarded.oss(guarded.owner).put_object(PutObjectRequest(bucket=guarded.bucket, key="a.mp4", body=b"x"))
    local.call(local.messages.create_topic, name)
    guarded.openapi("mns", "Subscribe", **{"TopicName": name, **QUEUE, "SubscriptionName": "tagger"})
    for role in (name, f"{name}-bare"):
        local.call(local.access.put_role, role, FC_TRUST, {})
    guarded.openapi("ram", "CreatePolicy", guarded.owner, PolicyName=name, PolicyDocument=ANYTHING)
    guarded.openapi("ram", "AttachPolicyToRole", guarded.owner, **{**ATTACHED, "RoleName": name})
    yield name
    for role in (name, f"{name}-bare", f"{name}-new"):
        local.call(local.access.roles.delete, role)


def refused(
    guarded: Cloud, service: str, action: str, keys: Identity, /, **parameters: str
) -> AlibabaCloudException:
    error = guarded.error(service, action, keys, **parameters)
    assert (error.status_code, error.code) == (403, "NoPermission")
    return error


@pytest.mark.parametrize(
    ("service", "action", "parameters", "resources"), NEEDS, ids=[f"{row[0]}-{row[1]}" for row in NEEDS]
)
def test_an_action_needs_its_permission(
    guarded: Cloud,
    name: str,
    service: str,
    action: str,
    parameters: dict[str, str],
    resources: list[str],
) -> None:
    asked = {
        key: value.replace("NAME", name).replace("BUCKET", guarded.bucket)
        for key, value in parameters.items()
    }
    needed, permission = [resource.replace("NAME", name) for resource in resources], f"{service}:{action}"
    others = [f"{one}:{other}" for one, other, _, _ in NEEDS if other != action]
    # When somebody calls who may do nothing, or everything else, or this with something else
    for missing in needed:
        rest = [resource for resource in needed if resource != missing]
        for statements in (
            [allow(permission, rest)] if rest else [],
            [allow(others)],
            [allow(permission, [*rest, missing.replace(ACCOUNT, "1").replace("system", "1")])],
            [allow(permission, [*rest, re.sub("(thing|Admin|AliyunI|\\*$)", "other", missing)])],
            [allow("*"), deny(permission, missing)],
        ):
            # Then they are refused
            refused(guarded, service, action, guarded.caller(*statements), **asked)
    # And who may do this and nothing else is not
    guarded.openapi(service, action, guarded.caller(allow(permission, needed)), **asked)


def test_a_project_is_made_by_who_may_pass_its_role_to_imm(guarded: Cloud) -> None:
    default = f"acs:ram:*:{ACCOUNT}:role/AliyunIMMDefaultRole"
    makes, asked = allow("imm:CreateProject", ALL_PROJECTS), {"ProjectName": f"{guarded.project}-new"}
    to_imm = {"StringEquals": {"acs:Service": "imm.aliyuncs.com"}}
    to_fc = {"StringEquals": {"acs:Service": "fc.aliyuncs.com"}}
    passes = allow("ram:PassRole", default, Condition=to_imm)

    for statements, lacking, role in (
        ([passes], f"{ALL_PROJECTS} Action: imm:CreateProject", {}),
        ([makes], f"{default} Action: ram:PassRole", {}),
        ([makes, allow("ram:PassRole", default, Condition=to_fc)], "ram:PassRole", {}),
        ([makes, passes], "ram:PassRole", {"ServiceRole": "Other"}),
    ):
        error = refused(guarded, "imm", "CreateProject", guarded.caller(*statements), **asked, **role)
        assert lacking in error.message
    guarded.openapi("imm", "CreateProject", guarded.caller(makes, passes), **asked)


def test_a_refusal_says_what_is_lacking(guarded: Cloud, name: str) -> None:
    # When a role does what no policy allows
    error = refused(guarded, "imm", "GetProject", guarded.caller(allow("imm:GetTask")), ProjectName=name)
    # Then the answer names who, what and why
    assert f"Resource: {PROJECT.replace('NAME', name)} Action: imm:GetProject" in error.message
    detail = {
        "PolicyType": "AccountLevelIdentityBasedPolicy",
        "AuthPrincipalOwnerId": ACCOUNT,
        "AuthPrincipalType": "AssumedRoleUser",
        "AuthPrincipalDisplayName": "worker:localcloud",
        "NoPermissionType": "ImplicitDeny",
        "AuthAction": "imm:GetProject",
    }
    assert error.access_denied_detail == detail
    # And a user whom a policy forbids it is told so
    access, document = guarded.local.access, ANYTHING.replace('"Allow"', '"Deny"')
    user = guarded.local.call(access.put_user, "deployer", {"forbidding": document})
    error = refused(guarded, "ram", "GetRole", user.keys, RoleName=name)
    told = {"AuthPrincipalType": "SubUser", "AuthPrincipalDisplayName": user.user_id}
    told |= {"NoPermissionType": "ExplicitDeny", "AuthAction": "ram:GetRole"}
    assert error.access_denied_detail == {**detail, **told}


@pytest.mark.parametrize(
    ("service", "action", "code"),
    [("imm", "GetTask", "MissingProjectName"), ("mns", "DeleteTopic", "MissingTopicName")],
)
def test_a_request_that_names_nothing_is_refused_for_that(
    guarded: Cloud, service: str, action: str, code: str
) -> None:
    assert guarded.refusal(service, action, guarded.caller()) == (400, code)


def test_what_there_is_not_is_not_told_to_who_may_not_see_it(guarded: Cloud) -> None:
    refused(guarded, "imm", "GetProject", guarded.caller(), ProjectName="nothing")
    # But to who may see it, and to the account itself
    for keys in (guarded.caller(allow("imm:*")), guarded.owner):
        error = guarded.error("imm", "GetProject", keys, ProjectName="nothing")
        assert error.code == "ResourceNotFound"
