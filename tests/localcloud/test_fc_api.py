"""The HTTP API, called as the official SDK calls it."""

from __future__ import annotations

import base64
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from alibabacloud_tea_openapi.client import Client
from alibabacloud_tea_openapi.exceptions import ClientException, ServerException
from alibabacloud_tea_openapi.utils_models import OpenApiRequest, Params
from darabonba.runtime import RuntimeOptions

from localcloud.accounts import Identity
from tests.localcloud.fc_world import REGION, ROLE, World, function, running
from tests.localcloud.tenancy import ACCOUNT, OWNER, sdk

CODE = """
import os
def handler(event, context):
    if event == b"fail":
        raise ValueError("bad")
    print("event", event)
    return {"event": event.decode()}
def binary(event, context): return bytes(range(256))
def initialize(context): pass
"""
FULL = function(
    functionName="full",
    description="all of it",
    runtime="python3.10",
    cpu=1,
    memorySize=1024,
    diskSize=10240,
    role=ROLE,
    layers=["acs:fc:cn-hangzhou:123:layers/deps/versions/1"],
    environmentVariables={"A": "1"},
    logConfig={"project": "p", "logstore": "l", "enableRequestMetrics": True},
    instanceLifecycleConfig={"initializer": {"handler": "index.initialize", "timeout": 10}},
)


@pytest.fixture(scope="module")
def world(tmp_path_factory: pytest.TempPathFactory) -> Iterator[World]:
    directory = tmp_path_factory.mktemp("api")
    binary = function(functionName="binary", handler="index.binary")
    with running(directory, CODE, function(), binary, FULL, http=True) as world:
        yield world


class Answer:
    def __init__(self, raw: dict[str, Any]) -> None:
        self.status: int = raw["statusCode"]
        self.headers: dict[str, str] = {name.lower(): value for name, value in raw["headers"].items()}
        body: Any = raw.get("body")
        self.body: Any = body.read() if hasattr(body, "read") else body


def call(
    world: World,
    action: str,
    method: str,
    path: str,
    body: bytes | None = None,
    *,
    headers: dict[str, str] | None = None,
    query: dict[str, str] | None = None,
    keys: Identity = OWNER,
) -> Answer:
    """What the generated client of the FC SDK does for an operation."""
    client = Client(sdk(world.serving.address, keys))
    params = Params(
        action=action,
        version="2023-03-30",
        protocol="HTTP",
        pathname=f"/2023-03-30/functions{path}",
        method=method,
        auth_type="AK",
        style="ROA",
        req_body_type="json",
        body_type="binary" if action == "InvokeFunction" else "json",
    )
    request = OpenApiRequest(headers=headers or {}, query=query or {}, body=body, stream=body)
    return Answer(client.call_api(params, request, RuntimeOptions(autoretry=False)))


def invoke(world: World, event: bytes = b"", name: str = "index", **options: Any) -> Answer:
    return call(world, "InvokeFunction", "POST", f"/{name}/invocations", event, **options)


# Invoking


def test_a_synchronous_invocation_answers_with_the_result(world: World) -> None:
    answer = invoke(world, b"hello")
    record = world.fc.invocations()[-1]
    assert answer.status == 200
    assert json.loads(answer.body) == {"event": "hello"}
    assert answer.headers["content-type"] == "application/octet-stream"
    assert answer.headers["x-fc-request-id"] == record.request_id
    assert answer.headers["x-fc-instance-id"] == record.instance_id
    assert answer.headers["x-fc-invocation-duration"] == f"{record.duration * 1000:.0f}"
    assert answer.headers["x-fc-max-memory-usage"] == f"{record.max_memory:.2f}"
    assert "x-fc-error-type" not in answer.headers
    assert "x-fc-log-result" not in answer.headers


def test_results_are_bytes(world: World) -> None:
    assert invoke(world, b"x", "binary").body == bytes(range(256))


def test_a_function_error_is_a_200_with_an_error_type(world: World) -> None:
    answer = invoke(world, b"fail")
    assert answer.status == 200
    assert answer.headers["x-fc-error-type"] == "UnhandledInvocationError"
    assert json.loads(answer.body)["errorType"] == "ValueError"


def test_the_end_of_the_log_comes_with_the_answer_on_demand(world: World) -> None:
    answer = invoke(world, b"shown", headers={"x-fc-log-type": "Tail", "x-fc-invocation-type": "Sync"})
    log = base64.b64decode(answer.headers["x-fc-log-result"]).decode()
    assert "event b'shown'\n" in log
    assert log.endswith(f"FC Invoke End RequestId: {answer.headers['x-fc-request-id']}\n")


def test_an_asynchronous_invocation_answers_202_at_once(world: World) -> None:
    answer = invoke(world, b"later", headers={"x-fc-invocation-type": "Async"})
    assert (answer.status, answer.body) == (202, b"")
    world.settle()
    record = world.fc.invocations()[-1]
    assert (record.request_id, record.asynchronous) == (answer.headers["x-fc-request-id"], True)


def test_keys_of_a_role_may_invoke(world: World) -> None:
    keys = world.accounts.issue_role_keys(ROLE)
    assert invoke(world, b"x", keys=keys, query={"qualifier": "LATEST"}).status == 200


# Looking


def test_a_function_can_be_looked_at(world: World) -> None:
    answer = call(world, "GetFunction", "GET", "/full")
    assert answer.body == {
        "functionName": "full",
        "functionArn": f"acs:fc:{REGION}:{ACCOUNT}:functions/full",
        "description": "all of it",
        "runtime": "python3.10",
        "handler": "index.handler",
        "cpu": 1.0,
        "memorySize": 1024,
        "diskSize": 10240,
        "timeout": 30,
        "internetAccess": True,
        "instanceConcurrency": 1,
        "role": ROLE,
        "layers": [{"arn": "acs:fc:cn-hangzhou:123:layers/deps/versions/1"}],
        "environmentVariables": {"A": "1"},
        "logConfig": {
            "project": "p",
            "logstore": "l",
            "enableRequestMetrics": True,
            "enableInstanceMetrics": False,
        },
        "instanceLifecycleConfig": {"initializer": {"handler": "index.initialize", "timeout": 10}},
        "state": "Active",
        "lastUpdateStatus": "Successful",
    }
    assert answer.headers["x-fc-request-id"]


def test_functions_are_listed_page_by_page(world: World) -> None:
    def names(**query: str) -> tuple[list[str], str | None]:
        body = call(world, "ListFunctions", "GET", "", query=query).body
        return [one["functionName"] for one in body["functions"]], body.get("nextToken")

    assert names() == (["binary", "full", "index"], None)
    assert names(prefix="in") == (["index"], None)
    assert names(limit="2") == (["binary", "full"], "index")
    assert names(limit="2", nextToken="index") == (["index"], None)


# Refusals


@pytest.mark.parametrize(
    ("arguments", "status", "code", "message"),
    [
        (
            ("InvokeFunction", "POST", "/other/invocations", b""),
            404,
            "FunctionNotFound",
            "'other' does not exist",
        ),
        (("GetFunction", "GET", "/other"), 404, "FunctionNotFound", "function 'other' does not exist"),
        (("DeleteFunction", "DELETE", "/other"), 404, "FunctionNotFound", "function 'other' does not exist"),
        (("DisableFunction", "PUT", "/index/disable"), 400, "PathNotSupported", "'PUT' against"),
        (("GetTrigger", "GET", "/index/triggers/x"), 404, "TriggerNotFound", "trigger 'x' does not exist"),
        (("GetInvocations", "GET", "/index/invocations"), 400, "PathNotSupported", "is not supported"),
    ],
)
def test_what_is_not_there(
    world: World, arguments: tuple[Any, ...], status: int, code: str, message: str
) -> None:
    with pytest.raises(ClientException) as refused:
        call(world, *arguments)
    assert (refused.value.status_code, refused.value.code) == (status, code)
    assert message in str(refused.value)
    assert refused.value.request_id.startswith("1-")


@pytest.mark.parametrize(
    ("headers", "query"),
    [
        ({"x-fc-invocation-type": "sync"}, {}),
        ({"x-fc-log-type": "Head"}, {}),
        ({"x-fc-async-task-id": "task"}, {}),
        ({}, {"qualifier": "prod"}),
    ],
)
def test_values_that_mean_nothing(world: World, headers: dict[str, str], query: dict[str, str]) -> None:
    with pytest.raises(ClientException) as refused:
        invoke(world, headers=headers, query=query)
    assert (refused.value.status_code, refused.value.code) == (400, "InvalidArgument")


@pytest.mark.parametrize("limit", ["0", "101", "many"])
def test_lists_have_limits(world: World, limit: str) -> None:
    with pytest.raises(ClientException) as refused:
        call(world, "ListFunctions", "GET", "", query={"limit": limit})
    assert refused.value.code == "InvalidArgument"


@pytest.mark.parametrize(("kind", "limit"), [("Sync", 32 * 1024 * 1024), ("Async", 128 * 1024)])
def test_events_have_a_limit(world: World, kind: str, limit: int) -> None:
    with pytest.raises(ClientException) as refused:
        invoke(world, bytes(limit + 1), headers={"x-fc-invocation-type": kind})
    assert (refused.value.status_code, refused.value.code) == (400, "EntityTooLarge")
    assert f"({limit} bytes)" in refused.value.message


def test_signatures_are_checked(world: World) -> None:
    with pytest.raises(ClientException) as refused:
        invoke(world, keys=Identity(OWNER.access_key_id, "wrong"))
    assert refused.value.code == "SignatureDoesNotMatch"


def test_a_service_that_has_stopped_says_so(tmp_path: Path) -> None:
    with running(tmp_path, CODE, http=True) as world:
        world.serving.run(world.fc.stop())
        with pytest.raises(ServerException) as refused:
            invoke(world)
        assert (refused.value.status_code, refused.value.code) == (503, "ServiceUnavailable")


def test_an_interpreter_that_cannot_be_started_is_the_services_error(tmp_path: Path) -> None:
    with running(tmp_path, CODE, http=True, interpreter=tmp_path / "no-python") as world:
        with pytest.raises(ServerException) as refused:
            invoke(world)
        assert (refused.value.status_code, refused.value.code) == (500, "InternalServerError")
        assert "no-python cannot run functions" in str(refused.value)


# At the gateway


def test_calls_are_known_by_operation_and_function(world: World) -> None:
    world.serving.forget_calls()
    invoke(world)
    call(world, "GetFunction", "GET", "/index")
    call(world, "ListFunctions", "GET", "")
    with pytest.raises(ClientException):
        call(world, "PatchFunction", "PATCH", "/index")
    world.serving.run(world.serving.calls.settled())
    calls = [(one.service, one.action, one.resource) for one in world.serving.calls.list()]
    assert calls == [
        ("fc", "InvokeFunction", "index"),
        ("fc", "GetFunction", "index"),
        ("fc", "ListFunctions", ""),
        ("fc", "Unknown", "/2023-03-30/functions/index"),
    ]


def test_errors_that_a_test_orders_have_the_services_form(world: World) -> None:
    error = world.fc.error(429, "ResourceExhausted", "too many")
    assert error.status_code == 429
    body = json.loads(bytes(error.body))
    assert (body["Code"], body["Message"]) == ("ResourceExhausted", "too many")
    assert error.headers["x-fc-request-id"] == body["RequestId"]
