"""Functions are invoked and looked at through the HTTP API, called as the official SDK calls it."""

from __future__ import annotations

import base64
import io
import json
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any

import pytest
from alibabacloud_fc20230330 import models as fc
from alibabacloud_fc20230330.client import Client
from alibabacloud_tea_openapi.exceptions import ClientException, ServerException
from darabonba.runtime import RuntimeOptions

from localcloud.accounts import Identity
from tests.localcloud.fc_world import REGION, ROLE, World, function, running
from tests.localcloud.tenancy import ACCOUNT, sdk

CODE = """
def handler(event, context):
    if event == b"fail":
        raise ValueError("bad")
    print("event", event)
    return bytes(range(256)) if event == b"binary" else {"event": event.decode()}
def initialize(context): pass
"""
TOPIC = f"acs:mns:{REGION}:{ACCOUNT}:/topics/ended"
FAILED = f"acs:mns:{REGION}:{ACCOUNT}:/topics/failed/messages"
SUBSCRIPTION = {"notifyContentFormat": "JSON", "notifyStrategy": "BACKOFF_RETRY"}
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
    asyncInvokeConfig={
        "maxAsyncRetryAttempts": 1,
        "destinationConfig": {"onFailure": {"destination": FAILED}},
    },
    triggers=[
        {"triggerName": name, "triggerType": "mns_topic", "sourceArn": TOPIC, "triggerConfig": SUBSCRIPTION}
        for name in ("one", "two")
    ],
)


@pytest.fixture(scope="module")
def world(tmp_path_factory: pytest.TempPathFactory) -> Iterator[World]:
    with running(tmp_path_factory.mktemp("api"), CODE, function(), FULL) as world:
        yield world


def client(world: World, keys: Identity | None = None) -> Client:
    return Client(sdk(world.cloud.endpoints.fc, keys or world.cloud.accounts.owner))


class Whole(io.BytesIO):
    """An event that the SDK reads at once: piece by piece, it copies all that it has for each KB."""

    def read(self, size: int | None = -1) -> bytes:
        return super().read()


def invoke(
    world: World,
    event: bytes = b"",
    name: str = "index",
    *,
    keys: Identity | None = None,
    qualifier: str | None = None,
    headers: Mapping[str, str] | None = None,
) -> Any:
    """The status, the headers and the body of an answer."""
    request = fc.InvokeFunctionRequest(body=Whole(event), qualifier=qualifier)
    return client(world, keys).invoke_function_with_options(
        name, request, fc.InvokeFunctionHeaders(dict(headers or {})), RuntimeOptions(autoretry=False)
    )


def refused(call: Callable[[], object]) -> ClientException:
    with pytest.raises(ClientException) as caught:
        call()
    return caught.value


def test_a_synchronous_invocation_answers_with_the_result(world: World) -> None:
    answer = invoke(world, b"hello")
    record = world.fc.invocations()[-1]
    assert json.loads(answer.body.read()) == {"event": "hello"}
    told = {name: answer.headers.get(name) for name in ("content-type", "x-fc-error-type", "x-fc-log-result")}
    assert told == {
        "content-type": "application/octet-stream",
        "x-fc-error-type": None,
        "x-fc-log-result": None,
    }
    assert answer.headers["x-fc-request-id"] == record.request_id
    assert answer.headers["x-fc-instance-id"] == record.instance_id
    assert answer.headers["x-fc-invocation-duration"] == f"{record.duration * 1000:.0f}"
    assert answer.headers["x-fc-max-memory-usage"] == f"{record.max_memory:.2f}"


def test_results_are_bytes(world: World) -> None:
    assert invoke(world, b"binary").body.read() == bytes(range(256))


def test_a_function_error_is_a_200_with_an_error_type(world: World) -> None:
    answer = invoke(world, b"fail")
    assert (answer.status_code, answer.headers["x-fc-error-type"]) == (200, "UnhandledInvocationError")
    assert json.loads(answer.body.read())["errorType"] == "ValueError"


def test_the_end_of_the_log_comes_with_the_answer_on_demand(world: World) -> None:
    answer = invoke(world, b"shown", headers={"x-fc-log-type": "Tail", "x-fc-invocation-type": "Sync"})
    log = base64.b64decode(answer.headers["x-fc-log-result"]).decode()
    assert "event b'shown'\n" in log
    assert log.endswith(f"FC Invoke End RequestId: {answer.headers['x-fc-request-id']}\n")


def test_an_asynchronous_invocation_answers_202_at_once(world: World) -> None:
    answer = invoke(world, b"later", headers={"x-fc-invocation-type": "Async"})
    assert (answer.status_code, answer.body.read()) == (202, b"")
    world.settle()
    record = world.fc.invocations()[-1]
    assert (record.request_id, record.asynchronous) == (answer.headers["x-fc-request-id"], True)


def test_keys_of_a_role_may_invoke_the_only_version(world: World) -> None:
    keys = world.cloud.accounts.issue_role_keys(ROLE)
    assert invoke(world, keys=keys, qualifier="LATEST").status_code == 200


def test_a_function_can_be_looked_at(world: World) -> None:
    assert client(world).get_function("full", fc.GetFunctionRequest()).body.to_map() == {
        "functionName": "full",
        "functionArn": f"acs:fc:{REGION}:{ACCOUNT}:functions/full",
        "description": "all of it",
        "tags": [],
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


def test_functions_are_listed_page_by_page(world: World) -> None:
    def names(**query: Any) -> tuple[list[str], str | None]:
        body = client(world).list_functions(fc.ListFunctionsRequest(**query)).body
        return [one.function_name for one in body.functions], body.next_token

    assert names() == (["full", "index"], None)
    assert names(prefix="in") == (["index"], None)
    assert names(limit=1) == (["full"], "index")
    assert names(limit=1, next_token="index") == (["index"], None)


def test_so_are_triggers(world: World) -> None:
    shown = client(world).get_trigger("full", "two").body
    assert (shown.trigger_type, shown.source_arn, shown.qualifier) == ("mns_topic", TOPIC, "LATEST")
    assert shown.target_arn == f"acs:fc:{REGION}:{ACCOUNT}:functions/full"
    assert json.loads(shown.trigger_config) == SUBSCRIPTION
    page = client(world).list_triggers("full", fc.ListTriggersRequest(limit=1)).body
    assert ([each.trigger_name for each in page.triggers], page.next_token) == (["one"], "two")
    assert client(world).list_triggers("index", fc.ListTriggersRequest()).body.triggers == []


def test_the_asynchronous_configuration_is_shown(world: World) -> None:
    shown = client(world).get_async_invoke_config("full", fc.GetAsyncInvokeConfigRequest()).body
    assert shown.max_async_retry_attempts == 1
    assert shown.destination_config.on_failure.destination == FAILED
    assert shown.destination_config.on_success is None
    listed = client(world).list_async_invoke_configs(fc.ListAsyncInvokeConfigsRequest()).body.configs
    assert [each.function_arn for each in listed] == [shown.function_arn]


@pytest.mark.parametrize(
    ("call", "arguments", "status", "code", "message"),
    [
        (
            "get_function",
            ("other", fc.GetFunctionRequest()),
            404,
            "FunctionNotFound",
            "'other' does not exist",
        ),
        ("delete_function", ("other",), 404, "FunctionNotFound", "function 'other' does not exist"),
        ("list_triggers", ("other", fc.ListTriggersRequest()), 404, "FunctionNotFound", "does not exist"),
        ("get_trigger", ("other", "one"), 404, "FunctionNotFound", "function 'other' does not exist"),
        ("get_trigger", ("index", "x"), 404, "TriggerNotFound", "trigger 'x' does not exist"),
        (
            "get_async_invoke_config",
            ("index", fc.GetAsyncInvokeConfigRequest()),
            404,
            "AsyncConfigNotExists",
            "async config for function 'index' does not exist",
        ),
        (
            "get_async_invoke_config",
            ("full", fc.GetAsyncInvokeConfigRequest(qualifier="prod")),
            400,
            "InvalidArgument",
            "no version or alias 'prod'",
        ),
        (
            "list_functions",
            (fc.ListFunctionsRequest(limit=101),),
            400,
            "InvalidArgument",
            "limit must be 1 to 100, is '101'",
        ),
        (
            "list_instances",
            ("index", fc.ListInstancesRequest()),
            400,
            "PathNotSupported",
            "'GET' against '/2023-03-30/functions/index/instances' is not supported",
        ),
    ],
)
def test_what_is_not_there(
    world: World, call: str, arguments: tuple[Any, ...], status: int, code: str, message: str
) -> None:
    error = refused(lambda: getattr(client(world), call)(*arguments))
    assert (error.status_code, error.code) == (status, code)
    assert message in str(error)
    assert error.request_id.startswith("1-")


@pytest.mark.parametrize(
    "options",
    [
        {"headers": {"x-fc-invocation-type": "sync"}},
        {"headers": {"x-fc-log-type": "Head"}},
        {"headers": {"x-fc-async-task-id": "task"}},
        {"qualifier": "prod"},
    ],
)
def test_values_that_mean_nothing(world: World, options: dict[str, Any]) -> None:
    error = refused(lambda: invoke(world, **options))
    assert (error.status_code, error.code) == (400, "InvalidArgument")


@pytest.mark.parametrize(("kind", "limit"), [("Sync", 32 * 1024 * 1024), ("Async", 128 * 1024)])
def test_events_have_a_limit(world: World, kind: str, limit: int) -> None:
    error = refused(lambda: invoke(world, bytes(limit + 1), headers={"x-fc-invocation-type": kind}))
    assert (error.status_code, error.code) == (400, "EntityTooLarge")
    assert f"({limit} bytes)" in error.message


def test_signatures_are_checked(world: World) -> None:
    keys = Identity(world.cloud.accounts.owner.access_key_id, "wrong")
    assert refused(lambda: invoke(world, keys=keys)).code == "SignatureDoesNotMatch"


def test_an_interpreter_that_cannot_be_started_is_the_services_error(tmp_path: Path) -> None:
    with running(tmp_path, CODE, interpreter=tmp_path / "no-python") as world:
        with pytest.raises(ServerException) as caught:
            invoke(world)
        assert (caught.value.status_code, caught.value.code) == (500, "InternalServerError")
        assert "no-python cannot run functions" in str(caught.value)


def test_calls_are_known_by_operation_and_function(world: World) -> None:
    world.cloud.run(world.cloud.calls.settled())
    world.cloud.calls.clear()
    invoke(world)
    refused(lambda: client(world).get_trigger("index", "x"))
    client(world).list_functions(fc.ListFunctionsRequest())
    refused(lambda: client(world).list_instances("index", fc.ListInstancesRequest()))
    world.cloud.run(world.cloud.calls.settled())
    assert [(one.service, one.action, one.resource) for one in world.cloud.calls.list()] == [
        ("fc", "InvokeFunction", "index"),
        ("fc", "GetTrigger", "index/triggers/x"),
        ("fc", "ListFunctions", ""),
        ("fc", "Unknown", "/2023-03-30/functions/index/instances"),
    ]
