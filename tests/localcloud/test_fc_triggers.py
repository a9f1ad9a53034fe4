"""What the local Function Compute tells of triggers and asynchronous invocation, through the official SDK."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from alibabacloud_fc20230330 import models
from alibabacloud_fc20230330.client import Client
from alibabacloud_tea_openapi.exceptions import AlibabaCloudException

from tests.localcloud.fc_world import REGION, World, function, running
from tests.localcloud.tenancy import ACCOUNT, sdk

TOPIC = f"acs:mns:{REGION}:{ACCOUNT}:/topics/ended"
FAILED = f"acs:mns:{REGION}:{ACCOUNT}:/topics/failed/messages"
CODE = "def handler(event, context):\n    return 1\n"


def trigger(name: str) -> dict[str, Any]:
    settings = {"notifyContentFormat": "JSON", "notifyStrategy": "BACKOFF_RETRY"}
    return {"triggerName": name, "triggerType": "mns_topic", "sourceArn": TOPIC, "triggerConfig": settings}


@pytest.fixture(scope="module")
def world(tmp_path_factory: pytest.TempPathFactory) -> Iterator[World]:
    directory: Path = tmp_path_factory.mktemp("triggers")
    first = function(
        triggers=[trigger("one"), trigger("two"), trigger("three")],
        asyncInvokeConfig={
            "maxAsyncRetryAttempts": 1,
            "destinationConfig": {"onFailure": {"destination": FAILED}},
        },
    )
    second = function(functionName="plain")
    with running(directory, CODE, first, second) as started:
        yield started


@pytest.fixture
def client(world: World) -> Client:
    return Client(sdk(world.cloud.endpoints.fc, world.cloud.accounts.owner))


def test_triggers_are_listed_in_pages(client: Client) -> None:
    page = client.list_triggers("index", models.ListTriggersRequest(limit=2)).body
    assert [each.trigger_name for each in page.triggers] == ["one", "three"]
    request = models.ListTriggersRequest(limit=2, next_token=page.next_token)
    rest = client.list_triggers("index", request).body
    assert ([each.trigger_name for each in rest.triggers], rest.next_token) == (["two"], None)
    beginning_with_t = client.list_triggers("index", models.ListTriggersRequest(prefix="t")).body
    assert [each.trigger_name for each in beginning_with_t.triggers] == ["three", "two"]
    assert client.list_triggers("plain", models.ListTriggersRequest()).body.triggers == []


def test_a_trigger_is_shown_as_it_was_declared(client: Client) -> None:
    shown = client.get_trigger("index", "two").body
    assert (shown.trigger_type, shown.source_arn, shown.qualifier) == ("mns_topic", TOPIC, "LATEST")
    assert shown.target_arn == f"acs:fc:{REGION}:{ACCOUNT}:functions/index"
    assert json.loads(shown.trigger_config) == trigger("two")["triggerConfig"]


def test_the_asynchronous_configuration_is_shown(client: Client) -> None:
    shown = client.get_async_invoke_config("index", models.GetAsyncInvokeConfigRequest()).body
    assert shown.max_async_retry_attempts == 1
    assert shown.destination_config.on_failure.destination == FAILED
    assert shown.destination_config.on_success is None


@pytest.mark.parametrize(
    ("call", "arguments", "status", "code"),
    [
        ("list_triggers", ("gone", models.ListTriggersRequest()), 404, "FunctionNotFound"),
        ("list_triggers", ("index", models.ListTriggersRequest(limit=101)), 400, "InvalidArgument"),
        ("get_trigger", ("index", "gone"), 404, "TriggerNotFound"),
        ("get_trigger", ("gone", "one"), 404, "FunctionNotFound"),
        (
            "get_async_invoke_config",
            ("plain", models.GetAsyncInvokeConfigRequest()),
            404,
            "AsyncConfigNotExists",
        ),
        (
            "get_async_invoke_config",
            ("index", models.GetAsyncInvokeConfigRequest(qualifier="prod")),
            400,
            "InvalidArgument",
        ),
    ],
)
def test_what_is_not_there(
    client: Client, call: str, arguments: tuple[Any, ...], status: int, code: str
) -> None:
    with pytest.raises(AlibabaCloudException) as refused:
        getattr(client, call)(*arguments)
    assert (refused.value.status_code, refused.value.code) == (status, code)
