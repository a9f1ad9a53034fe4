"""Asynchronous invocation: retries, ages, destinations, and nothing lost in silence."""

from __future__ import annotations

import asyncio
import base64
import json
from pathlib import Path
from typing import Any

import pytest

from localcloud.fc.destinations import DestinationLoops, DestinationUnknown
from localcloud.fc.refusals import NotRunning
from tests.localcloud.fc_world import REGION, World, function, running
from tests.localcloud.tenancy import ACCOUNT
from tests.waiting import until

FAILED = f"acs:mns:{REGION}:{ACCOUNT}:/topics/failed/messages"
DONE = f"acs:mns:{REGION}:{ACCOUNT}:/topics/done/messages"
QUEUE = f"acs:mns:{REGION}:{ACCOUNT}:/queues/failed/messages"
SAMPLE = json.loads(
    """{"timestamp": 0, "requestContext": {"requestId": "", "functionArn": "", "condition": "",
    "approximateInvokeCount": 1}, "requestPayload": "", "responseContext": {"statusCode": 200,
    "functionError": ""}, "responsePayload": ""}"""
)
# Fails as often as the event says, counted in a file.
FAILING = """
import pathlib
def handler(event, context):
    count = pathlib.Path(__file__).with_name("count")
    with count.open("a") as file: file.write("x")
    tries = len(count.read_text())
    if tries <= int(event):
        raise ValueError(f"attempt {tries}")
    return {"attempt": tries}
"""
FAST = 0.001
INDEX = f"acs:fc:{REGION}:{ACCOUNT}:functions/index"
KEEPER = f"acs:fc:{REGION}:{ACCOUNT}:functions/keeper"
# A function that fails, and one that prints the record of it.
KEEPING = """
def handler(event, context): raise ValueError("bad")
def keep(event, context): print(event.decode())
"""


def configured(**settings: Any) -> dict[str, Any]:
    destinations = {
        key: {"destination": settings.pop(key)} for key in ("onFailure", "onSuccess") if key in settings
    }
    return function(
        asyncInvokeConfig={
            "maxAsyncEventAgeInSeconds": 3600,
            "destinationConfig": destinations,
            **settings,
        }
    )


def keeper(handler: str = "index.keep", **settings: Any) -> dict[str, Any]:
    """Another function, for records."""
    return {**configured(**settings), "functionName": "keeper", "handler": handler}


def shape(value: Any) -> Any:
    return {key: shape(item) for key, item in value.items()} if isinstance(value, dict) else type(value)


def attempts(world: World) -> list[tuple[int, str | None]]:
    return [(record.attempt, record.error_type) for record in world.fc.invocations()]


def test_an_event_is_accepted_before_it_is_handled(tmp_path: Path) -> None:
    # Given a function that waits for a file
    go = tmp_path / "go"
    code = """
    import os, time
    def handler(event, context):
        while not os.path.exists(event): time.sleep(0.005)
    """
    with running(tmp_path, code) as world:
        request_id = world.invoke_async(str(go).encode())
        assert world.fc.invocations() == []
        go.touch()
        world.settle()
        (record,) = world.fc.invocations()
    assert (record.request_id, record.asynchronous, record.error_type) == (request_id, True, None)
    assert world.fc.lost == []


def test_errors_are_retried_with_the_same_request_id_until_one_attempt_succeeds(tmp_path: Path) -> None:
    with running(tmp_path, FAILING, configured(onFailure=FAILED), time_scale=FAST) as world:
        request_id = world.invoke_async(b"2")
        world.settle()
        records = world.fc.invocations()
    assert attempts(world) == [
        (1, "UnhandledInvocationError"),
        (2, "UnhandledInvocationError"),
        (3, None),
    ]
    assert {record.request_id for record in records} == {request_id}
    assert world.records == []
    assert world.fc.lost == []


def test_the_context_of_python_3_10_counts_the_retries(tmp_path: Path) -> None:
    code = "def handler(event, context):\n    print('retry', context.retry_count)\n    1 / 0"
    declared = {**configured(maxAsyncRetryAttempts=2), "runtime": "python3.10"}
    with running(tmp_path, code, declared, time_scale=FAST) as world:
        request_id = world.invoke_async()
        world.settle()
        log = world.log(request_id)
    assert [line for line in log if line.startswith("retry")] == ["retry 0", "retry 1", "retry 2"]


def test_after_the_last_attempt_the_failure_destination_gets_the_record(tmp_path: Path) -> None:
    declared = configured(onFailure=FAILED, onSuccess=DONE, maxAsyncRetryAttempts=1)
    with running(tmp_path, FAILING, declared, time_scale=FAST) as world:
        before = world.cloud.clock.now()
        request_id = world.invoke_async(b"9")
        world.settle()
        after = world.cloud.clock.now()
        results = world.fc.invocations()
    ((topic, record),) = world.records
    assert topic == "failed"
    assert shape(record) == shape(SAMPLE)
    assert before.timestamp() * 1000 - 1 <= record["timestamp"] <= after.timestamp() * 1000
    assert record["requestContext"] == {
        "requestId": request_id,
        "functionArn": f"acs:fc:{REGION}:{ACCOUNT}:functions/index",
        "condition": "UnhandledInvocationError",
        "approximateInvokeCount": 2,
    }
    assert record["requestPayload"] == "9"
    assert record["responseContext"] == {"statusCode": 200, "functionError": "UnhandledInvocationError"}
    assert json.loads(record["responsePayload"])["errorMessage"] == "attempt 2"
    assert len(results) == 2
    assert world.fc.lost == []


def test_a_success_destination_gets_its_record_too(tmp_path: Path) -> None:
    declared = configured(onFailure=FAILED, onSuccess=DONE)
    with running(tmp_path, FAILING, declared, time_scale=FAST) as world:
        world.invoke_async(b"1")
        world.settle()
    ((topic, record),) = world.records
    assert topic == "done"
    assert shape(record) == shape(SAMPLE)
    assert record["requestContext"]["condition"] == ""
    assert record["requestContext"]["approximateInvokeCount"] == 2
    assert record["responseContext"] == {"statusCode": 200, "functionError": ""}
    assert record["responsePayload"] == '{\n    "attempt": 2\n}'


def test_an_event_that_is_not_text_is_recorded_in_base64(tmp_path: Path) -> None:
    declared = configured(onSuccess=DONE)
    with running(tmp_path, "def handler(event, context): return b'\\xfe'", declared) as world:
        world.invoke_async(b"\xff\x00")
        world.settle()
    ((_, record),) = world.records
    assert base64.b64decode(record["requestPayload"]) == b"\xff\x00"
    assert base64.b64decode(record["responsePayload"]) == b"\xfe"


# Functions as destinations


@pytest.mark.parametrize("arn", [KEEPER, f"acs:fc:{REGION}::functions/keeper/LATEST"])
def test_another_function_can_be_the_destination(tmp_path: Path, arn: str) -> None:
    failing = configured(onFailure=arn, maxAsyncRetryAttempts=1)
    with running(tmp_path, KEEPING, failing, keeper(), time_scale=FAST) as world:
        request_id = world.invoke_async(b"the event")
        world.settle()
        *failed, kept = world.fc.invocations()
        (text,) = [line for line in world.log(function="keeper") if line.startswith("{")]
    # It is invoked asynchronously, for a request of its own
    assert [record.function for record in failed] == ["index", "index"]
    assert (kept.function, kept.asynchronous, kept.attempt) == ("keeper", True, 1)
    assert kept.request_id != request_id
    # And its event is the record that any destination gets
    record = json.loads(text)
    assert shape(record) == shape(SAMPLE)
    assert record["requestContext"]["requestId"] == request_id
    assert record["requestContext"]["approximateInvokeCount"] == 2
    assert record["requestPayload"] == "the event"
    assert world.fc.lost == []


def test_a_destination_that_fails_is_tried_again_and_has_a_destination_of_its_own(tmp_path: Path) -> None:
    failing = configured(onFailure=KEEPER, maxAsyncRetryAttempts=0)
    broken = keeper(onFailure=FAILED, maxAsyncRetryAttempts=2, handler="index.handler")
    with running(tmp_path, KEEPING, failing, broken, time_scale=FAST) as world:
        request_id = world.invoke_async(b"the event")
        world.settle()
        attempts = [(record.function, record.attempt) for record in world.fc.invocations()]
    assert attempts == [("index", 1), ("keeper", 1), ("keeper", 2), ("keeper", 3)]
    # The event is still there, in a record of a record
    ((topic, outer),) = world.records
    assert topic == "failed"
    assert outer["requestContext"]["functionArn"] == KEEPER
    inner = json.loads(outer["requestPayload"])
    assert inner["requestContext"]["requestId"] == request_id
    assert inner["requestPayload"] == "the event"
    assert world.fc.lost == []


def test_a_destination_that_fails_without_one_of_its_own_loses_the_record(tmp_path: Path) -> None:
    failing = configured(onFailure=KEEPER, maxAsyncRetryAttempts=0)
    broken = keeper(maxAsyncRetryAttempts=0, handler="index.handler")
    with running(tmp_path, KEEPING, failing, broken) as world:
        world.invoke_async(b"the event")
        world.settle()
    (lost,) = world.fc.lost
    assert lost.event.function == "keeper"
    assert json.loads(lost.event.payload)["requestPayload"] == "the event"


@pytest.mark.parametrize(
    ("arn", "problem"),
    [
        ("acs:fc:cn-shanghai::functions/keeper", "is a function of another region or account"),
        (f"acs:fc:{REGION}:99:functions/keeper", "is a function of another region or account"),
        (f"acs:fc:{REGION}::functions/keepers", "is not deployed here; functions: index, keeper."),
    ],
)
@pytest.mark.parametrize("key", ["onFailure", "onSuccess"])
def test_a_destination_that_is_no_function_here_is_refused(
    tmp_path: Path, key: str, arn: str, problem: str
) -> None:
    with (
        pytest.raises(DestinationUnknown, match=problem) as refused,
        running(tmp_path, KEEPING, configured(**{key: arn}), keeper()),
    ):
        pass
    assert refused.value.where == (
        f"resources.resource_0.props.asyncInvokeConfig.destinationConfig.{key}.destination"
    )


@pytest.mark.parametrize(
    ("first", "second"),
    [
        ({"onFailure": INDEX}, {}),
        ({"onSuccess": INDEX}, {}),
        ({"onFailure": KEEPER}, {"onFailure": INDEX}),
        ({"onFailure": KEEPER}, {"onSuccess": INDEX}),
        ({"onFailure": KEEPER}, {"onFailure": KEEPER}),
    ],
)
def test_a_destination_that_leads_back_is_refused(
    tmp_path: Path, first: dict[str, str], second: dict[str, str]
) -> None:
    with (
        pytest.raises(DestinationLoops, match="the event would never end"),
        running(tmp_path, KEEPING, configured(**first), keeper(**second)),
    ):
        pass


# Loss


def test_without_a_destination_a_failed_event_is_reported_as_lost(tmp_path: Path) -> None:
    declared = configured(maxAsyncRetryAttempts=0)
    with running(tmp_path, FAILING, declared) as world:
        request_id = world.invoke_async(b"9")
        world.settle()
        log = world.log(request_id)
    (lost,) = world.fc.lost
    assert lost.event.payload == b"9"
    assert lost.attempts == 1
    assert lost.reason == "it failed 1 times, and there is no onFailure destination"
    assert log[-1] == f"The event {request_id} is lost: {lost.reason}."
    shown = lost.as_dict()
    assert json.loads(json.dumps(shown)) == shown
    assert (shown["request_id"], shown["payload"]) == (request_id, "9")
    assert "attempt 1" in shown["error"]


def test_so_is_one_whose_destination_cannot_be_reached(tmp_path: Path) -> None:
    declared = configured(maxAsyncRetryAttempts=0, onFailure=QUEUE)
    with running(tmp_path, FAILING, declared) as world:
        world.invoke_async(b"9")
        world.settle()
    (lost,) = world.fc.lost
    assert lost.reason == (
        f"it failed 1 times, and its record did not reach {QUEUE}: "
        "the local cloud delivers results to MNS topics and functions only"
    )


def test_and_one_whose_record_is_too_large_for_the_function_that_is_its_destination(tmp_path: Path) -> None:
    # Given an event of which nothing but the record has more than 128 KB
    event = b'"' * 70_000
    declared = configured(maxAsyncRetryAttempts=0, onFailure=KEEPER)
    with running(tmp_path, KEEPING, declared, keeper()) as world:
        world.invoke_async(event)
        world.settle()
        assert [record.function for record in world.fc.invocations()] == ["index"]
    (lost,) = world.fc.lost
    assert lost.reason.endswith("payload size exceeds maximum allowed size (131072 bytes)")


def test_a_lost_record_of_success_is_reported_but_no_event_is_lost(tmp_path: Path) -> None:
    with running(tmp_path, "def handler(e, c): pass", configured(onSuccess=QUEUE)) as world:
        request_id = world.invoke_async(b"0")
        world.settle()
        assert world.log(request_id)[-1].startswith(f"The record of success did not reach {QUEUE}: ")
    assert world.fc.lost == []


def test_so_is_one_for_which_no_instance_can_be_started(tmp_path: Path) -> None:
    with running(tmp_path, FAILING, interpreter=tmp_path / "no-python") as world:
        world.invoke_async(b"0")
        world.settle()
    (lost,) = world.fc.lost
    assert lost.attempts == 0
    assert "no-python cannot run functions" in lost.reason
    assert lost.as_dict()["error"] is None


# Age


def test_an_event_that_gets_too_old_between_attempts_goes_to_the_destination(tmp_path: Path) -> None:
    # Given an event whose first attempt is about to fail
    code = """
    import os, time
    def handler(event, context):
        while not os.path.exists(event): time.sleep(0.005)
        raise ValueError("bad")
    """
    go = tmp_path / "go"
    declared = configured(onFailure=FAILED, maxAsyncEventAgeInSeconds=60)
    with running(tmp_path, code, declared, time_scale=FAST) as world:
        world.invoke_async(str(go).encode())
        until(lambda: any("Invoke Start" in line for line in world.log()))
        # When more time passes than events are kept
        world.cloud.clock.advance(61)
        go.touch()
        world.settle()
    # Then it is not tried again
    assert len(world.fc.invocations()) == 1
    ((_, record),) = world.records
    assert record["requestContext"]["condition"] == "Expired"
    assert record["requestContext"]["approximateInvokeCount"] == 1
    assert "bad" in record["responsePayload"]


def test_so_does_one_that_gets_too_old_while_it_waits_for_an_instance(tmp_path: Path) -> None:
    # Given one instance, which is busy
    code = """
    import os, time
    def handler(event, context):
        while not os.path.exists(event): time.sleep(0.005)
    """
    go = tmp_path / "go"
    declared = configured(onFailure=FAILED, maxAsyncEventAgeInSeconds=60)
    with running(tmp_path, code, declared, instance_limit=1) as world:
        world.invoke_async(str(go).encode())
        until(lambda: any("Invoke Start" in line for line in world.log()))
        # When another event waits for longer than events are kept
        world.invoke_async(b"/late")
        world.cloud.clock.advance(61)
        go.touch()
        world.settle()
    # Then it is never run
    assert len(world.fc.invocations()) == 1
    ((_, record),) = world.records
    assert record["requestPayload"] == "/late"
    assert record["requestContext"]["approximateInvokeCount"] == 0
    assert record["responseContext"] == {"statusCode": 0, "functionError": ""}
    assert record["responsePayload"] == ""


# The end of the service


def test_events_that_have_not_ended_when_the_service_stops_are_lost(tmp_path: Path) -> None:
    with running(tmp_path, FAILING, configured(onFailure=FAILED)) as world:
        request_id = world.invoke_async(b"9")
        until(lambda: bool(world.fc.invocations()))
        world.cloud.run(world.fc.stop())
        with pytest.raises(NotRunning):
            world.invoke_async(b"9")
        world.settle()
    (lost,) = world.fc.lost
    assert lost.event.request_id == request_id
    assert lost.reason == "the local cloud stopped before the event had ended"
    assert lost.attempts >= 1
    assert "attempt" in lost.as_dict()["error"]


def test_settled_also_waits_for_synchronous_invocations(tmp_path: Path) -> None:
    code = "def handler(event, context): pass"
    with running(tmp_path, code) as world:

        async def both() -> int:
            task = asyncio.ensure_future(world.fc.invoke("index", b""))
            await asyncio.sleep(0)
            await world.fc.settled()
            await task
            return len(world.fc.invocations())

        assert world.cloud.run(both()) == 1
