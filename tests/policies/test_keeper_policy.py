"""What the role of ``keep_failed`` is given is what it needs: all of it, and nothing else."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import alibabacloud_oss_v2 as oss
import pytest
from hypothesis import given
from hypothesis import strategies as st

import keep_failed
from imm_label_tags.errors import AccessDenied
from localcloud.cloud import LocalCloud
from localcloud.ram.policy import Decision, evaluate, parse_policy
from tests.localcloud.ram_functions import Functions
from tests.localcloud.ram_world import FC_TRUST
from tests.localcloud.services import ACCOUNT, REGION, Cloud
from tests.policies.conftest import KEEPER
from tests.policies.documents import VALUES, Permission, filled, permissions, without
from tests.policies.roles import Role, acting, covers

pytest_plugins = ["tests.localcloud.service_fixtures"]

RECORD = (Path(__file__).parents[2] / "examples" / "events" / "tasks" / "fc-failure-record.json").read_bytes()
FOLDER = VALUES["failed_prefix"]
KEY = f"{FOLDER}/2021-12-24/1-61c53a02-15d3f9ee-0001.json"


@pytest.fixture
def role(obeying_cloud: LocalCloud, monkeypatch: pytest.MonkeyPatch) -> Iterator[Role]:
    """The function on a cloud that enforces policies, in a role that has just the function's."""
    monkeypatch.setattr(keep_failed._function, "instance", None)
    with acting(obeying_cloud, monkeypatch, "keep-failed") as role:
        role.stage.set(FAILED_EVENTS=f"oss://{role.stage.bucket}/{FOLDER}")
        yield role


def keep(role: Role) -> Any:
    return keep_failed.handler(RECORD, role.stage.context)["kept"]


# All of it, and each part of it


def test_a_failed_event_is_kept_and_kept_again(role: Role) -> None:
    assert keep(role) == keep(role) == role.stage.uri(KEY)


NEEDED = permissions("keep-failed")


def test_without_the_permission_to_write_the_function_names_it(role: Role) -> None:
    # Given a role that lacks it
    role.limit(without(role.policy, NEEDED[0]))
    # When an event is to be kept
    with pytest.raises(AccessDenied) as caught:
        keep(role)
    # Then the function fails for just that permission, in the words of the policy
    assert caught.value.action == "oss:PutObject"
    assert covers(role.policy["Statement"][0]["Resource"], caught.value.resource)
    # And with it, the same event is kept
    role.limit(role.policy)
    assert keep(role) == role.stage.uri(KEY)


@pytest.mark.parametrize(
    "removed", [None, *NEEDED], ids=lambda removed: removed.action if removed else "nothing"
)
def test_what_cannot_be_kept_and_the_log_need_one_permission_each(
    deployed: Functions, removed: Permission | None
) -> None:
    # Given the role with the function's policy, or with less
    policy = filled("keep-failed")
    if removed is not None:
        policy = without(policy, removed)
    action = removed.action if removed else None
    deployed.put_role(VALUES["failed_role"], FC_TRUST, json.dumps(policy))
    deployed.records.clear()
    # When this function itself exhausts its retries
    lost = deployed.fail(KEEPER)
    # Then its record arrives unless the permission to publish is the one that lacks
    assert len(deployed.records) == (0 if action == "mns:PublishMessage" else 1)
    assert len(lost) == (1 if action == "mns:PublishMessage" else 0)
    # And there are logs unless it is the permission to write them
    assert bool(deployed.cloud.functions.logs(KEEPER)) == (action != "log:PostLogStoreLogs")


def test_the_need_of_every_permission_is_shown() -> None:
    assert [permission.action for permission in NEEDED] == [
        "oss:PutObject",
        "mns:PublishMessage",
        "log:PostLogStoreLogs",
    ]


# Nothing else


@pytest.mark.parametrize("place", [f"{FOLDER}-other", "other", "videos"])
def test_another_place_is_out_of_reach(role: Role, place: str) -> None:
    role.stage.set(FAILED_EVENTS=f"oss://{role.stage.bucket}/{place}")

    with pytest.raises(AccessDenied) as caught:
        keep(role)

    assert caught.value.resource.startswith(f"acs:oss:*:{ACCOUNT}:{role.stage.bucket}/{place}/")


OTHER_CALLS: dict[str, Callable[[oss.Client, str], object]] = {
    "GetObject": lambda client, bucket: client.get_object(oss.GetObjectRequest(bucket=bucket, key=KEY)),
    "DeleteObject": lambda client, bucket: client.delete_object(
        oss.DeleteObjectRequest(bucket=bucket, key=KEY)
    ),
    "PutObject with tags": lambda client, bucket: client.put_object(
        oss.PutObjectRequest(bucket=bucket, key=KEY, body=b"{}", tagging="a=b")
    ),
    "PutObjectTagging": lambda client, bucket: client.put_object_tagging(
        oss.PutObjectTaggingRequest(
            bucket=bucket,
            key=KEY,
            tagging=oss.Tagging(tag_set=oss.TagSet(tags=[oss.Tag(key="a", value="b")])),
        )
    ),
    "ListObjectsV2": lambda client, bucket: client.list_objects_v2(
        oss.ListObjectsV2Request(bucket=bucket, prefix=f"{FOLDER}/")
    ),
    "PutBucket": lambda client, bucket: client.put_bucket(oss.PutBucketRequest(bucket=f"{bucket}-new")),
}


@pytest.mark.parametrize("action", OTHER_CALLS)
def test_no_other_call_of_oss_is_allowed(guarded: Cloud, role: Role, action: str) -> None:
    keep(role)

    with pytest.raises(oss.exceptions.OperationError, match="AccessDenied"):
        OTHER_CALLS[action](guarded.oss(role.stage.keys), role.stage.bucket)


ACTIONS = st.sampled_from(
    [permission.action for permission in NEEDED]
    + ["oss:GetObject", "oss:DeleteObject", "oss:PutObjectAcl", "oss:PutObjectTagging", "oss:ListObjects"]
    + ["mns:SendMessage", "log:GetLogStoreLogs", "fc:InvokeFunction", "imm:GetTask", "oss:*", "*"]
)
PARTS = st.sampled_from(["", *VALUES.values(), "other", "a.json", "*", "cn-beijing", "6543210987654321"])
RESOURCES = st.one_of(
    st.builds("acs:oss:{}:{}:{}/{}/{}".format, PARTS, PARTS, PARTS, PARTS, PARTS),
    st.builds("acs:oss:{}:{}:{}/{}".format, PARTS, PARTS, PARTS, PARTS),
    st.builds("acs:mns:{}:{}:/topics/{}/messages".format, PARTS, PARTS, PARTS),
    st.builds("acs:log:{}:{}:project/{}/logstore/{}".format, PARTS, PARTS, PARTS, PARTS),
    st.builds("acs:{}:{}:{}:{}".format, PARTS, PARTS, PARTS, PARTS),
)
POLICY = parse_policy(json.dumps(filled("keep-failed")))


@given(ACTIONS, RESOURCES)
def test_nothing_but_what_is_needed_is_allowed(action: str, resource: str) -> None:
    service = f"acs:{action.partition(':')[0]}:"
    of_region, of_account = f"{service}{REGION}:{ACCOUNT}:", f":{ACCOUNT}:failures/{FOLDER}/"
    needed = {
        "oss:PutObject": resource.startswith(service) and of_account in resource,
        "mns:PublishMessage": resource == f"{of_region}/topics/failed/messages",
        "log:PostLogStoreLogs": resource == f"{of_region}project/functions/logstore/index",
    }

    allowed = evaluate([POLICY], action, resource, {}) is Decision.ALLOWED

    assert allowed == needed.get(action, False)
