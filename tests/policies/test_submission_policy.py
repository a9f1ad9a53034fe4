"""What submit_video may do is what it needs."""

from __future__ import annotations

import json
import os
from collections.abc import Iterator

import pytest

from imm_label_tags.errors import AccessDenied
from imm_label_tags.submission.video_submission import VideoSubmission
from localcloud.cloud import LocalCloud
from tests.policies.documents import Permission, permissions, without
from tests.policies.roles import Role, acting

pytest_plugins = ["tests.localcloud.service_fixtures"]

NAME = "submit-video"
# Shown by the function's log and by what keep_failed gets; tests/policies/test_function_policy.py.
OF_FUNCTION_COMPUTE = {"fc:InvokeFunction", "log:PostLogStoreLogs"}
NEEDED = [one for one in permissions(NAME) if one.action not in OF_FUNCTION_COMPUTE]


@pytest.fixture
def role(obeying_cloud: LocalCloud, monkeypatch: pytest.MonkeyPatch) -> Iterator[Role]:
    with acting(obeying_cloud, monkeypatch, NAME) as role:
        obeying_cloud.call(obeying_cloud.messages.create_topic, "tasks")
        role.stage.set(IMM_PROJECT=role.stage.project, NOTIFICATION_TOPIC="tasks")
        yield role


def submit(role: Role, uri: str) -> object:
    instance = VideoSubmission(os.environ, role.stage.context, role.stage.retry_policy)
    (outcome,) = instance.handle(json.dumps([uri]).encode(), role.stage.context)["outcomes"]
    return outcome["status"]


def test_the_policy_is_enough(role: Role) -> None:
    uri = role.stage.upload()
    assert [submit(role, uri), submit(role, uri)] == ["submitted", "already_submitted"]
    assert submit(role, role.stage.uri("videos/gone.mp4")) == "object_gone"


@pytest.mark.parametrize("permission", NEEDED, ids=lambda permission: permission.action)
def test_each_permission_is_needed_and_named_where_it_lacks(role: Role, permission: Permission) -> None:
    uri = role.stage.upload()
    role.limit(without(role.policy, permission))
    with pytest.raises(AccessDenied) as caught:
        submit(role, uri)
    assert caught.value.action == permission.action


def test_other_objects_and_projects_are_out_of_reach(role: Role) -> None:
    with pytest.raises(AccessDenied):
        submit(role, role.stage.upload("elsewhere/a.mp4"))
    role.cloud.call(role.cloud.media.put_project, "another")
    role.stage.set(IMM_PROJECT="another")
    with pytest.raises(AccessDenied):
        submit(role, role.stage.upload())
