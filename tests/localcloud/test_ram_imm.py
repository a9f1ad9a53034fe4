"""IMM obeys RAM's policies: which action needs which permission, and how a refusal looks."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Any

import pytest
from alibabacloud_imm20200930 import models
from alibabacloud_imm20200930.client import Client
from alibabacloud_oss_v2 import PutObjectRequest
from alibabacloud_tea_openapi.exceptions import ClientException

from localcloud.imm.tasks import TaskRecord
from tests.localcloud.ram_cloud import ACCOUNT, REGION, Cloud
from tests.localcloud.ram_world import allow, deny

pytest_plugins = ["tests.localcloud.ram_fixtures"]

TASK = {"task_type": "VideoLabelClassification", "task_id": "VideoLabelClassification-1"}
PROJECTS = f"acs:imm:{REGION}:{ACCOUNT}:project"
PASS_ROLE = "ram:PassRole"

OF_PROJECT: dict[str, Callable[[Client, Cloud], object]] = {
    "GetProject": lambda client, guarded: client.get_project(
        models.GetProjectRequest(project_name=guarded.project)
    ),
    "GetTask": lambda client, guarded: client.get_task(
        models.GetTaskRequest(project_name=guarded.project, **TASK)
    ),
    "GetVideoLabelClassificationResult": lambda client, guarded: client.get_video_label_classification_result(
        models.GetVideoLabelClassificationResultRequest(project_name=guarded.project, **TASK)
    ),
    "ListTasks": lambda client, guarded: client.list_tasks(
        models.ListTasksRequest(project_name=guarded.project)
    ),
    "CreateVideoLabelClassificationTask": lambda client, guarded: (
        client.create_video_label_classification_task(
            models.CreateVideoLabelClassificationTaskRequest(
                project_name=guarded.project, source_uri=f"oss://{guarded.bucket}/a.mp4"
            )
        )
    ),
    "DeleteProject": lambda client, guarded: client.delete_project(
        models.DeleteProjectRequest(project_name=guarded.project)
    ),
}


@pytest.fixture
def furnished(guarded: Cloud) -> Cloud:
    """With a task that has ended and an object for another."""
    record = TaskRecord(
        project=guarded.project,
        task_id=TASK["task_id"],
        status="Succeeded",
        start_time="2199-12-24T03:00:38.892462383Z",
        end_time="2199-12-24T05:00:00.000000000Z",
    )
    guarded.local.run(guarded.local.media.put_task(record, notify=False))
    guarded.oss(guarded.owner).put_object(PutObjectRequest(bucket=guarded.bucket, key="a.mp4", body=b"x"))
    return guarded


def refused(call: Callable[[], Any]) -> ClientException:
    with pytest.raises(ClientException) as caught:
        call()
    error: ClientException = caught.value
    assert (error.status_code, error.code) == (403, "NoPermission")
    return error


@pytest.mark.parametrize("action", OF_PROJECT)
def test_an_action_on_a_project_needs_its_permission(furnished: Cloud, action: str) -> None:
    guarded, call = furnished, OF_PROJECT[action]
    # When somebody calls who may do everything else, or this with other projects, or nothing
    others = [f"imm:{other}" for other in OF_PROJECT if other != action]
    for keys in (
        guarded.caller(),
        guarded.caller(allow(others)),
        guarded.caller(allow(f"imm:{action}", f"{PROJECTS}/other")),
        guarded.caller(allow(f"imm:{action}", guarded.imm_resource().replace(REGION, "cn-beijing"))),
        guarded.caller(allow("*"), deny(f"imm:{action}", guarded.imm_resource())),
    ):
        # Then they are refused
        refused(partial(call, guarded.imm(keys), guarded))
    # And who may do this and nothing else is not
    call(guarded.imm(guarded.caller(allow(f"imm:{action}", guarded.imm_resource()))), guarded)


def test_projects_are_listed_by_who_may_list_all(guarded: Cloud) -> None:
    def listed(keys: Any) -> Any:
        return guarded.imm(keys).list_projects(models.ListProjectsRequest(max_results=1)).body.projects

    refused(partial(listed, guarded.caller(allow("imm:ListProjects", guarded.imm_resource()))))
    assert listed(guarded.caller(allow("imm:ListProjects", f"{PROJECTS}/*")))


def test_a_project_is_made_by_who_may_pass_its_role_to_imm(guarded: Cloud) -> None:
    role = f"acs:ram:*:{ACCOUNT}:role/"

    def create(*statements: dict[str, Any], **options: str) -> object:
        request = models.CreateProjectRequest(project_name=f"{guarded.project}-new", **options)
        return guarded.imm(guarded.caller(*statements)).create_project(request)

    makes = allow("imm:CreateProject", f"{PROJECTS}/*")
    to_imm = {"StringEquals": {"acs:Service": "imm.aliyuncs.com"}}
    to_fc = {"StringEquals": {"acs:Service": "fc.aliyuncs.com"}}
    default = f"{role}AliyunIMMDefaultRole"

    assert "Action: imm:CreateProject" in refused(partial(create, allow(PASS_ROLE))).message
    assert f"Resource: {default} Action: ram:PassRole" in refused(partial(create, makes)).message
    refused(partial(create, makes, allow(PASS_ROLE, default, Condition=to_fc)))
    refused(partial(create, makes, allow(PASS_ROLE, default), service_role="Other"))
    create(makes, allow(PASS_ROLE, default, Condition=to_imm))


def test_a_request_without_a_project_is_refused_for_that(guarded: Cloud) -> None:
    with pytest.raises(ClientException) as caught:
        guarded.imm(guarded.caller()).get_task(models.GetTaskRequest(**TASK))

    assert (caught.value.status_code, caught.value.code) == (400, "MissingProjectName")


def test_a_project_that_there_is_not_is_not_told_to_who_may_not_see_it(guarded: Cloud) -> None:
    request = models.GetProjectRequest(project_name="nothing")

    refused(lambda: guarded.imm(guarded.caller()).get_project(request))
    with pytest.raises(ClientException) as caught:
        guarded.imm(guarded.caller(allow("imm:*"))).get_project(request)
    assert caught.value.code == "ResourceNotFound"


def test_the_account_itself_needs_no_policy(guarded: Cloud) -> None:
    OF_PROJECT["GetProject"](guarded.imm(guarded.owner), guarded)
