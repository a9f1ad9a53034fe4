"""What the function's role is given is what the function needs: all of it, and nothing else."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from datetime import datetime, timedelta, timezone
from typing import Any

import alibabacloud_oss_v2 as oss
import pytest
from alibabacloud_imm20200930 import models
from alibabacloud_tea_openapi.exceptions import ClientException
from hypothesis import given
from hypothesis import strategies as st

from cli.installation.templates import fill
from imm_label_tags.errors import AccessDenied
from localcloud.accounts import Identity
from localcloud.cloud import LocalCloud
from localcloud.ram.policy import Decision, evaluate, parse_policy
from localcloud.ram.trust import parse_trust
from tests.localcloud.ram_functions import Functions
from tests.localcloud.ram_world import FC_TRUST
from tests.localcloud.services import ACCOUNT, REGION, Cloud
from tests.policies.conftest import KEEPER, KEEPER_ARN
from tests.policies.documents import DIRECTORY, PREFIX, VALUES, Permission, filled, permissions, without
from tests.policies.roles import Role, acting, covers
from tests.stage import CHAIR, FURNITURE, Stage
from tests.user import exported

pytest_plugins = ["tests.localcloud.service_fixtures"]

KEY = f"{PREFIX}a.mp4"
EARLIER = "2199-12-24T01:00:00Z"
LATER = "2199-12-24T09:00:00Z"


@pytest.fixture
def role(obeying_cloud: LocalCloud, monkeypatch: pytest.MonkeyPatch) -> Iterator[Role]:
    """The function on a cloud that enforces policies, in a role that has just the function's."""
    with acting(obeying_cloud, monkeypatch, "function") as role:
        role.stage.set(RESULT_ARCHIVE=f"oss://{role.stage.bucket}/{VALUES['archive_prefix']}")
        yield role


def an_hour_ago() -> str:
    moment = datetime.now(timezone.utc) - timedelta(hours=1)
    return moment.isoformat(timespec="microseconds").replace("+00:00", "Z")


# All of it


def tagged(stage: Stage) -> dict[str, Any]:
    return stage.handle(stage.task(stage.upload(tags={"team": "a"}), CHAIR, FURNITURE))


def tagged_without_labels(stage: Stage) -> dict[str, Any]:
    return stage.handle(stage.task(stage.upload()))


def tagged_again(stage: Stage) -> dict[str, Any]:
    uri = stage.upload()
    stage.handle(stage.task(uri, CHAIR, start=EARLIER))
    return stage.handle(stage.task(uri, FURNITURE, start=LATER))


def tagged_by_user_data(stage: Stage) -> dict[str, Any]:
    uri = stage.upload()
    return stage.handle(stage.task(None, CHAIR, user_data=uri), UserData=uri)


def tagged_though_stale(stage: Stage) -> dict[str, Any]:
    stage.set(STALE_OBJECTS="tag")
    return stage.handle(stage.task(stage.upload(), CHAIR, start=an_hour_ago()))


def tagged_with_names_that_oss_refuses_at_first(stage: Stage) -> dict[str, Any]:
    stage.set(LABEL_NAMES="raw")
    return stage.handle(stage.task(stage.upload(), CHAIR))


def tagged_with_little_room(stage: Stage) -> dict[str, Any]:
    own = {f"key{number}": "value" for number in range(9)}
    return stage.handle(stage.task(stage.upload(tags=own), CHAIR, FURNITURE))


def tagged_in_the_older_runtime(stage: Stage) -> dict[str, Any]:
    stage.context = stage.context_of("python3.10")
    return tagged(stage)


@pytest.mark.parametrize(
    "notify",
    [
        tagged,
        tagged_without_labels,
        tagged_again,
        tagged_by_user_data,
        tagged_though_stale,
        tagged_with_names_that_oss_refuses_at_first,
        tagged_with_little_room,
        tagged_in_the_older_runtime,
    ],
)
def test_every_outcome_that_writes_is_possible(role: Role, notify: Callable[[Stage], dict[str, Any]]) -> None:
    outcome = notify(role.stage)

    assert outcome["status"] == "tagged"
    assert role.stage.tags() == outcome["tags"]


def test_every_other_outcome_is_possible(role: Role) -> None:
    stage = role.stage
    uri = stage.upload()
    task_id = stage.task(uri, CHAIR)

    def status(task_id: str) -> object:
        return stage.handle(task_id)["status"]

    assert status(task_id) == "tagged"
    assert status(task_id) == "unchanged"
    assert status(stage.task(uri, CHAIR, start=EARLIER)) == "superseded"
    assert status(stage.task(uri, CHAIR, start=an_hour_ago())) == "stale"
    assert status(stage.task(stage.uri(f"{PREFIX}deleted.mp4"), CHAIR)) == "object_gone"
    assert status(stage.task(uri, status="Failed")) == "task_failed"
    stage.write_tags(KEY, {f"key{number}": "value" for number in range(10)})
    assert status(stage.task(uri, CHAIR)) == "tag_limit"


def test_the_functions_role_trusts_function_compute_alone() -> None:
    trust = parse_trust(fill(DIRECTORY / "function-trust.json", {}))

    assert trust.trusts("fc.aliyuncs.com")
    for other in ("mns.aliyuncs.com", "imm.aliyuncs.com", f"acs:ram::{ACCOUNT}:root"):
        assert not trust.trusts(other)


# Each part of it


NEEDED = permissions("function")
CALLED = [permission for permission in NEEDED if permission.action.startswith(("imm:", "oss:"))]


@pytest.mark.parametrize("removed", CALLED, ids=lambda removed: removed.action)
def test_without_any_permission_the_function_names_the_one_that_it_lacks(
    role: Role, removed: Permission
) -> None:
    # Given a role that lacks one permission
    role.limit(without(role.policy, removed))
    task_id = role.stage.task(role.stage.upload(tags={"team": "a"}), CHAIR)
    # When a notification arrives
    with pytest.raises(AccessDenied) as caught:
        role.stage.handle(task_id)
    # Then the function fails for just that permission, in the words of the policy, and nothing is written
    assert caught.value.action == removed.action
    assert covers(role.policy["Statement"][removed.statement]["Resource"], caught.value.resource)
    assert caught.value.action in str(caught.value)
    assert role.stage.tags() == {"team": "a"}
    # And with it, the same notification succeeds
    role.limit(role.policy)
    assert role.stage.handle(task_id)["status"] == "tagged"


# Function Compute hands over the record and writes the log in the function's role; the function itself
# calls neither service. So the need for these shows in what becomes of the record and of the log.


@pytest.mark.parametrize(
    "removed", [None, *NEEDED], ids=lambda removed: removed.action if removed else "nothing"
)
def test_the_record_of_a_failure_and_the_log_need_one_permission_each(
    deployed: Functions, removed: Permission | None
) -> None:
    # Given the role with the function's policy, or with less
    policy = filled("function")
    if removed is not None:
        policy = without(policy, removed)
    action = removed.action if removed else None
    deployed.put_role("worker", FC_TRUST, json.dumps(policy))
    deployed.put_role(VALUES["failed_role"], FC_TRUST, json.dumps(filled("keep-failed")))
    before = len(deployed.cloud.functions.invocations())
    # When an event exhausts its retries
    lost = deployed.fail()
    # Then its record is handed to the other function unless the permission to invoke it is the one that lacks
    invoked = [each.function for each in deployed.cloud.functions.invocations()[before:]]
    assert invoked == (["index"] if action == "fc:InvokeFunction" else ["index", KEEPER])
    assert len(lost) == (1 if action == "fc:InvokeFunction" else 0)
    # And there are logs unless it is the permission to write them
    assert bool(deployed.log()) == (action != "log:PostLogStoreLogs")


def test_the_need_of_every_permission_is_shown() -> None:
    shown = {permission.action for permission in CALLED} | {"fc:InvokeFunction", "log:PostLogStoreLogs"}

    assert [permission.action for permission in NEEDED] == [
        "imm:GetVideoLabelClassificationResult",
        "imm:GetTask",
        "oss:GetObject",
        "oss:GetObjectTagging",
        "oss:PutObjectTagging",
        "oss:PutObject",
        "fc:InvokeFunction",
        "log:PostLogStoreLogs",
    ]
    assert shown == {permission.action for permission in NEEDED}


# Nothing else


def denied(call: Callable[[], object]) -> AccessDenied:
    with pytest.raises(AccessDenied) as caught:
        call()
    return caught.value


def test_an_object_with_another_prefix_is_out_of_reach(role: Role) -> None:
    stage = role.stage
    task_id = stage.task(stage.upload("private/a.mp4", {"team": "a"}), CHAIR)

    error = denied(lambda: stage.handle(task_id))

    assert error.resource == f"acs:oss:*:{ACCOUNT}:{stage.bucket}/private/a.mp4"
    assert stage.tags("private/a.mp4") == {"team": "a"}


def test_an_object_in_another_bucket_is_out_of_reach(role: Role, monkeypatch: pytest.MonkeyPatch) -> None:
    with Stage(role.cloud, monkeypatch) as other:
        uri = other.upload()
    role.stage.set(**exported(role.stage.keys))

    error = denied(lambda: role.stage.handle(role.stage.task(uri, CHAIR)))

    assert error.resource == f"acs:oss:*:{ACCOUNT}:{other.bucket}/{KEY}"


def test_a_task_of_another_project_is_out_of_reach(role: Role) -> None:
    stage = role.stage
    stage.project += "-other"
    role.cloud.call(role.cloud.media.put_project, stage.project)
    task_id = stage.task(stage.upload(), CHAIR)

    error = denied(lambda: stage.handle(task_id))

    assert error.resource == f"acs:imm:{REGION}:{ACCOUNT}:project/{stage.project}"


OTHER_OSS_CALLS: dict[str, Callable[[oss.Client, str], object]] = {
    "PutObject": lambda client, bucket: client.put_object(
        oss.PutObjectRequest(bucket=bucket, key=KEY, body=b"another video")
    ),
    "DeleteObject": lambda client, bucket: client.delete_object(
        oss.DeleteObjectRequest(bucket=bucket, key=KEY)
    ),
    "CopyObject": lambda client, bucket: client.copy_object(
        oss.CopyObjectRequest(bucket=bucket, key=f"{PREFIX}b.mp4", source_key=KEY)
    ),
    "DeleteObjectTagging": lambda client, bucket: client.delete_object_tagging(
        oss.DeleteObjectTaggingRequest(bucket=bucket, key=KEY)
    ),
    "ListObjectsV2": lambda client, bucket: client.list_objects_v2(
        oss.ListObjectsV2Request(bucket=bucket, prefix=PREFIX)
    ),
    "GetBucketInfo": lambda client, bucket: client.get_bucket_info(oss.GetBucketInfoRequest(bucket=bucket)),
    "DeleteBucket": lambda client, bucket: client.delete_bucket(oss.DeleteBucketRequest(bucket=bucket)),
    "PutBucket": lambda client, bucket: client.put_bucket(oss.PutBucketRequest(bucket=f"{bucket}-new")),
    "ListBuckets": lambda client, bucket: client.list_buckets(oss.ListBucketsRequest()),
}


@pytest.mark.parametrize("action", OTHER_OSS_CALLS)
def test_no_other_call_of_oss_is_allowed(guarded: Cloud, role: Role, action: str) -> None:
    role.stage.upload()

    with pytest.raises(oss.exceptions.OperationError, match="AccessDenied"):
        OTHER_OSS_CALLS[action](guarded.oss(role.stage.keys), role.stage.bucket)


def test_no_other_call_of_imm_is_allowed(guarded: Cloud, role: Role) -> None:
    client, project = guarded.imm(role.stage.keys), role.stage.project
    uri = role.stage.upload()
    calls: list[Callable[[], object]] = [
        lambda: client.get_project(models.GetProjectRequest(project_name=project)),
        lambda: client.list_projects(models.ListProjectsRequest()),
        lambda: client.create_project(models.CreateProjectRequest(project_name="new")),
        lambda: client.delete_project(models.DeleteProjectRequest(project_name=project)),
        lambda: client.list_tasks(models.ListTasksRequest(project_name=project)),
        lambda: client.create_video_label_classification_task(
            models.CreateVideoLabelClassificationTaskRequest(project_name=project, source_uri=uri)
        ),
    ]
    for call in calls:
        with pytest.raises(ClientException, match="NoPermission"):
            call()


ACTIONS = st.sampled_from(
    [permission.action for permission in NEEDED]
    + ["oss:DeleteObject", "oss:ListObjects", "oss:PutObjectAcl", "oss:DeleteObjectTagging"]
    + ["oss:GetObjectVersionTagging", "oss:PutBucketTagging", "imm:DeleteProject", "imm:GetTaskList"]
    + ["mns:PublishMessage", "mns:DeleteTopic", "log:GetLogStoreLogs", "fc:UpdateFunction", "sts:AssumeRole"]
    + ["ram:AttachPolicyToRole", "oss:*", "*"]
)
PARTS = st.sampled_from(["", *VALUES.values(), "other", "a.mp4", "*", "cn-beijing", "6543210987654321"])
RESOURCES = st.one_of(
    st.builds("acs:oss:{}:{}:{}/{}{}".format, PARTS, PARTS, PARTS, PARTS, PARTS),
    st.builds("acs:oss:{}:{}:{}".format, PARTS, PARTS, PARTS),
    st.builds("acs:imm:{}:{}:project/{}".format, PARTS, PARTS, PARTS),
    st.builds("acs:mns:{}:{}:/topics/{}/messages".format, PARTS, PARTS, PARTS),
    st.builds("acs:fc:{}:{}:functions/{}".format, PARTS, PARTS, PARTS),
    st.builds("acs:fc:{}:{}:functions/{}/LATEST".format, PARTS, PARTS, PARTS),
    st.builds("acs:log:{}:{}:project/{}/logstore/{}".format, PARTS, PARTS, PARTS, PARTS),
    st.builds("acs:{}:{}:{}:{}".format, PARTS, PARTS, PARTS, PARTS),
)
POLICY = parse_policy(json.dumps(filled("function")))


@given(ACTIONS, RESOURCES)
def test_nothing_but_what_is_needed_is_allowed(action: str, resource: str) -> None:
    service = f"acs:{action.partition(':')[0]}:"
    of_region, of_account = f"{service}{REGION}:{ACCOUNT}:", f":{ACCOUNT}:media/{PREFIX}"
    needed = {
        "imm:GetVideoLabelClassificationResult": resource == f"{of_region}project/immtest",
        "imm:GetTask": resource == f"{of_region}project/immtest",
        # Function Compute's documents do not tell which of the two names of the function it asks about.
        "fc:InvokeFunction": resource in (KEEPER_ARN, f"{KEEPER_ARN}/LATEST"),
        "log:PostLogStoreLogs": resource == f"{of_region}project/functions/logstore/index",
        **dict.fromkeys(
            ("oss:GetObject", "oss:GetObjectTagging", "oss:PutObjectTagging"),
            resource.startswith(service) and of_account in resource,
        ),
        "oss:PutObject": resource.startswith(service) and f":{ACCOUNT}:archive/labels/" in resource,
    }

    allowed = evaluate([POLICY], action, resource, {}) is Decision.ALLOWED

    assert allowed == needed.get(action, False)


def test_the_keys_of_one_role_are_good_for_nothing_without_its_policies(guarded: Cloud, role: Role) -> None:
    role.limit(
        {"Version": "1", "Statement": [{"Effect": "Allow", "Action": "fc:GetFunction", "Resource": "*"}]}
    )
    keys: Identity = role.stage.keys

    with pytest.raises(oss.exceptions.OperationError, match="AccessDenied"):
        guarded.oss(keys).get_object_tagging(oss.GetObjectTaggingRequest(bucket=role.stage.bucket, key=KEY))
