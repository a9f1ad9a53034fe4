"""IMM on the wire: who may call, what is refused before any action, errors, and what the gateway sees."""

from __future__ import annotations

import asyncio
from datetime import timedelta

import pytest
from alibabacloud_imm20200930 import models
from alibabacloud_imm20200930.client import Client
from alibabacloud_tea_openapi.exceptions import ClientException, ServerException
from alibabacloud_tea_openapi.utils_models import OpenApiRequest, Params
from darabonba.runtime import RuntimeOptions

from localcloud.accounts import Identity
from localcloud.faults import Fault, FaultKind
from localcloud.gateway import Operation
from tests.localcloud.imm_region import VIDEO, VIDEO_LABELS, Region
from tests.localcloud.serving import until
from tests.localcloud.tenancy import OWNER

LINE = {
    "version": "2020-09-30",
    "protocol": "HTTP",
    "pathname": "/",
    "method": "POST",
    "auth_type": "AK",
    "style": "RPC",
    "req_body_type": "formData",
    "body_type": "json",
}


def call(
    client: Client,
    action: str = "ListProjects",
    *,
    version: str = "2020-09-30",
    method: str = "POST",
    path: str = "/",
    query: dict[str, str] | None = None,
) -> int:
    """A call that the client does not know by name, signed as all others; gives the status."""
    line = {"action": action, "version": version, "method": method, "pathname": path}
    params = Params(**{**LINE, **line})
    status: int = client.call_api(params, OpenApiRequest(query=query or {}), RuntimeOptions())["statusCode"]
    return status


def refusal(client: Client, action: str = "ListProjects", **line: str) -> tuple[int, str]:
    with pytest.raises(ClientException) as caught:
        call(client, action, **line)  # type: ignore[arg-type]
    return caught.value.status_code, caught.value.code


@pytest.mark.parametrize("method", ["POST", "GET"])
def test_an_action_is_called_with_either_method(imm: Region, method: str) -> None:
    assert call(imm.client(), method=method) == 200


def test_temporary_keys_may_call(imm: Region) -> None:
    role = imm.accounts.issue_role_keys("acs:ram::1234567890123456:role/tagger")

    assert call(imm.client(role)) == 200


def test_the_sdks_asynchronous_calls_are_served(imm: Region) -> None:
    request = models.GetProjectRequest(project_name="immtest")

    answer = asyncio.run(imm.client().get_project_async(request))

    assert answer.body.project.project_name == "immtest"


def test_wrong_keys_may_not_call(imm: Region) -> None:
    expired = imm.accounts.issue_role_keys("role", timedelta(0))

    assert refusal(imm.client(Identity("LTAIother", "secret"))) == (404, "InvalidAccessKeyId.NotFound")
    assert refusal(imm.client(Identity(OWNER.access_key_id, "other"))) == (400, "SignatureDoesNotMatch")
    assert refusal(imm.client(expired)) == (400, "InvalidSecurityToken.Expired")


@pytest.mark.parametrize(
    ("line", "answer"),
    [
        ({"action": "DetectImageLabels"}, (404, "InvalidAction.NotFound")),
        ({"path": "/other"}, (404, "InvalidAction.NotFound")),
        ({"version": "2017-09-06"}, (400, "InvalidVersion")),
        ({"version": ""}, (400, "MissingVersion")),
        ({"action": ""}, (400, "MissingAction")),
        ({"method": "PUT"}, (403, "UnsupportedHTTPMethod")),
    ],
)
def test_what_is_no_call_of_this_api_is_refused(
    imm: Region, line: dict[str, str], answer: tuple[int, str]
) -> None:
    assert refusal(imm.client(), **line) == answer


def test_an_array_or_object_that_is_not_json_is_refused(imm: Region) -> None:
    query = {"ProjectName": "immtest", "TaskTypes": "VideoLabelClassification"}
    with pytest.raises(ClientException) as caught:
        call(imm.client(), "ListTasks", query=query)
    assert (caught.value.status_code, caught.value.code) == (400, "InvalidTaskTypes")

    with pytest.raises(ClientException) as caught:
        call(imm.client(), "ListTasks", query={**query, "TaskTypes": "", "StartTimeRange": "[]"})
    assert (caught.value.status_code, caught.value.code) == (400, "InvalidStartTimeRange")

    with pytest.raises(ClientException) as caught:
        call(imm.client(), "ListTasks", query={"ProjectName": "immtest", "StartTimeRange": '{"From": 1}'})
    assert caught.value.code == "InvalidStartTimeRange"


def test_parameters_may_stand_in_a_form(imm: Region) -> None:
    # As the OpenAPI gateway takes them (help page "V3 request structure and signature")
    params = Params(**{**LINE, "action": "GetProject"})
    form = OpenApiRequest(body={"ProjectName": "immtest"})
    answer = imm.client().call_api(params, form, RuntimeOptions())
    assert answer["body"]["Project"]["ProjectName"] == "immtest"


def test_half_a_character_is_no_text(imm: Region) -> None:
    # given JSON that names half of a surrogate pair, which no text can hold
    query = {"ProjectName": "immtest", "SourceURI": VIDEO, "Tags": r'{"half": "\ud83d"}'}

    with pytest.raises(ClientException) as caught:
        call(imm.client(), "CreateVideoLabelClassificationTask", query=query)

    assert (caught.value.status_code, caught.value.code) == (400, "InvalidTags")


def test_an_error_has_the_form_of_the_documentation(imm: Region) -> None:
    with pytest.raises(ClientException) as caught:
        imm.get_task("unknown")

    error = caught.value.data
    assert {name: error[name] for name in ("HostId", "Code", "Message", "Recommend")} == {
        "HostId": "imm.cn-beijing.aliyuncs.com",
        "Code": "ResourceNotFound",
        "Message": "The specified resource Task is not found.",
        "Recommend": "https://next.api.aliyun.com/troubleshoot?q=ResourceNotFound&product=imm",
    }
    assert error["RequestId"] == caught.value.request_id


def test_calls_are_recorded_by_action_project_and_task(imm: Region) -> None:
    task_id = imm.create_task()
    imm.get_task(task_id)
    call(imm.client())

    until(lambda: len(imm.serving.calls.list("imm")) == 3)
    assert [(made.action, made.resource, made.status) for made in imm.serving.calls.list("imm")] == [
        ("CreateVideoLabelClassificationTask", "project/immtest", 200),
        ("GetTask", f"project/immtest/task/{task_id}", 200),
        ("ListProjects", "", 200),
    ]


def test_a_request_without_an_action_has_a_nameless_operation(imm: Region) -> None:
    scope = {"type": "http", "headers": [], "query_string": b"TaskId=1"}

    assert imm.service.operation(scope) == Operation("", "task/1")


def test_a_fault_of_one_task_looks_like_imms_own_error(imm: Region) -> None:
    # given a fault that was ordered for one task
    task_id, other = imm.create_task(), imm.create_task()
    imm.serving.faults.order(
        Fault(FaultKind.ERROR, action="GetVideoLabelClassificationResult", resource=f"*/{task_id}")
    )

    # then its result fails once, and others do not
    assert imm.get_result(other).task_type == VIDEO_LABELS
    with pytest.raises(ServerException) as caught:
        imm.get_result(task_id)
    assert (caught.value.status_code, caught.value.code) == (503, "ServiceUnavailable")
    assert imm.get_result(task_id).task_type == VIDEO_LABELS
