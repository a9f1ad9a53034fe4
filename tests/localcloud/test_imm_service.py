"""IMM on the wire: who may call, what is refused before any action, errors, and what is kept."""

from __future__ import annotations

import asyncio
import json
from datetime import timedelta
from pathlib import Path

from alibabacloud_imm20200930 import models

from localcloud.accounts import Identity
from localcloud.faults import Fault, FaultKind
from tests.localcloud.imm_world import LABELS_TOPIC, VIDEO, VIDEO_LABELS, Imm, imm_started
from tests.localcloud.services import refused


def test_an_action_is_called_with_either_method_with_temporary_keys_and_asynchronously(imm: Imm) -> None:
    role = imm.local.accounts.issue_role_keys("acs:ram::1234567890123456:role/tagger")
    for method in ("POST", "GET"):
        assert imm.openapi("imm", "ListProjects", role, line={"method": method})["Projects"]

    request = models.GetProjectRequest(project_name="immtest")
    assert asyncio.run(imm.imm().get_project_async(request)).body.project.project_name == "immtest"
    # Parameters may stand in a form (help page "V3 request structure and signature")
    answer = imm.openapi("imm", "GetProject", body={"ProjectName": "immtest"})
    assert answer["Project"]["ProjectName"] == "immtest"


def test_wrong_keys_may_not_call(imm: Imm) -> None:
    expired = imm.local.accounts.issue_role_keys("role", timedelta(0))
    for keys, refusal in (
        (Identity("LTAIother", "secret"), (404, "InvalidAccessKeyId.NotFound")),
        (Identity(imm.owner.access_key_id, "other"), (400, "SignatureDoesNotMatch")),
        (expired, (400, "InvalidSecurityToken.Expired")),
    ):
        assert imm.refusal("imm", "ListProjects", keys) == refusal


def test_what_is_no_call_of_this_api_is_refused(imm: Imm) -> None:
    for line, refusal in (
        ({"action": "DetectImageLabels"}, (404, "InvalidAction.NotFound")),
        ({"pathname": "/other"}, (404, "InvalidAction.NotFound")),
        ({"version": "2017-09-06"}, (400, "InvalidVersion")),
        ({"version": ""}, (400, "MissingVersion")),
        ({"action": ""}, (400, "MissingAction")),
        ({"method": "PUT"}, (403, "UnsupportedHTTPMethod")),
    ):
        assert imm.refusal("imm", "ListProjects", line=line) == refusal


def test_an_array_or_object_that_is_not_json_is_refused(imm: Imm) -> None:
    for action, name, value in (
        ("ListTasks", "TaskTypes", VIDEO_LABELS),
        ("ListTasks", "StartTimeRange", "[]"),
        ("ListTasks", "StartTimeRange", '{"From": 1}'),
        # Half of a surrogate pair, which no text can hold
        ("CreateVideoLabelClassificationTask", "Tags", r'{"half": "\ud83d"}'),
    ):
        parameters = {"ProjectName": "immtest", "SourceURI": VIDEO, name: value}
        assert imm.refusal("imm", action, **parameters) == (400, f"Invalid{name}")


def test_an_error_has_the_form_of_the_documentation(imm: Imm) -> None:
    task = {"ProjectName": "immtest", "TaskType": VIDEO_LABELS, "TaskId": "unknown"}

    error = imm.error("imm", "GetTask", **task)

    assert error.data["RequestId"] == error.request_id
    assert {name: error.data[name] for name in ("HostId", "Code", "Message", "Recommend")} == {
        "HostId": "imm.cn-hangzhou.aliyuncs.com",
        "Code": "ResourceNotFound",
        "Message": "The specified resource Task is not found.",
        "Recommend": "https://next.api.aliyun.com/troubleshoot?q=ResourceNotFound&product=imm",
    }


def test_a_fault_of_one_task_looks_like_imms_own_error_and_calls_are_recorded(imm: Imm) -> None:
    # given a fault that was ordered for one task
    task_id, other = imm.create_task(), imm.create_task()
    imm.calls("imm")
    imm.local.calls.clear()
    action = "GetVideoLabelClassificationResult"
    imm.local.faults.order(Fault(FaultKind.ERROR, action=action, resource=f"*/{task_id}"))

    # then its result fails once, and others do not
    assert imm.get_result(other).task_type == VIDEO_LABELS
    assert refused(imm.get_result, task_id) == (503, "ServiceUnavailable")
    assert imm.get_result(task_id).task_type == VIDEO_LABELS

    # and each call is recorded by action, project and task
    imm.openapi("imm", "ListProjects")
    assert imm.calls("imm") == [
        (action, f"project/immtest/task/{other}", 200),
        (action, f"project/immtest/task/{task_id}", 503),
        (action, f"project/immtest/task/{task_id}", 200),
        ("ListProjects", "", 200),
    ]


# What is kept in a directory


def test_projects_tasks_and_results_are_kept(tmp_path: Path) -> None:
    # given a project and a finished task
    with imm_started(directory=tmp_path) as imm:
        imm.imm().create_project(models.CreateProjectRequest(project_name="mine", description="kept"))
        task_id = imm.create_task(user_data="kept", tags={"k": "v"})
        imm.finished(task_id)
        task = imm.get_task(task_id, request_definition=True).to_map()
        labels = imm.get_result(task_id).to_map()["Labels"]

    # when IMM runs again, then they are what they were
    with imm_started(directory=tmp_path) as imm:
        again = imm.get_task(task_id, request_definition=True).to_map()
        assert {**again, "RequestId": ""} == {**task, "RequestId": ""}
        assert imm.get_result(task_id).to_map()["Labels"] == labels
        assert imm.openapi("imm", "GetProject", ProjectName="mine")["Project"]["Description"] == "kept"


def test_a_running_task_goes_on_and_tells_its_topic(tmp_path: Path) -> None:
    # given tasks that run when the process ends, one of a video that is deleted
    with imm_started(directory=tmp_path, task_seconds=3600) as imm:
        running = imm.create_task(notification=LABELS_TOPIC)
        imm.service.fail_next_task("InternalError", "Ordered before the end.")
        failing = imm.create_task()
        imm.upload("oss://media/gone.mp4")
        gone = imm.create_task(source_uri="oss://media/gone.mp4")
        imm.delete("oss://media/gone.mp4")

    # when IMM runs again with time left, then they still run
    with imm_started(directory=tmp_path) as imm:
        assert imm.get_task(running).status == "Running"

    # and when it runs after the hour that they take, then they end as they were to end
    with imm_started(directory=tmp_path, seconds_later=3600) as imm:
        assert imm.finished(running).status == "Succeeded"
        assert imm.finished(failing).code == "InternalError"
        failed = imm.finished(gone)
        assert (failed.code, failed.message) == (
            "InvalidArgument",
            "File does not exist. oss://media/gone.mp4",
        )
        (envelope,) = imm.notifications(1)
        assert json.loads(envelope["content"])["TaskId"] == running

    # and starting once more does not carry anything out once more
    with imm_started(directory=tmp_path, seconds_later=7200) as imm:
        imm.create_task(notification=LABELS_TOPIC)
        imm.notifications(1)
        imm.local.run(imm.local.settled())
        assert len(imm.notifications(1)) == 1
