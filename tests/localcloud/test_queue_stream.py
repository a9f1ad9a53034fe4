"""What EventBridge hands a function of an MNS queue's messages."""

from __future__ import annotations

import asyncio
import base64
import json
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest

from localcloud.eventbridge.queue_stream import QueueStream
from localcloud.fc.declaration import EventBridgeTrigger, MnsQueueSource
from localcloud.mns.attributes import Queue
from localcloud.mns.queues import Queues
from localcloud.tenant import Tenant
from tests.localcloud.tenancy import ACCOUNT, tenancy

ARN = f"acs:mns:cn-hangzhou:{ACCOUNT}:/queues/tasks"
ENCODED = base64.b64encode("视频".encode()).decode()
DEAD_LETTERS = f"acs:mns:cn-hangzhou:{ACCOUNT}:/queues/dead"
SINGLE = EventBridgeTrigger(
    function="tag",
    name="stream",
    enabled=True,
    asynchronous=False,
    filter_pattern={},
    source_type="MNS",
    queue=None,
    event_schema="CloudEvents",
    mode="event-driven",
)
BATCHES = replace(SINGLE, mode="event-streaming", batch_messages=2, errors_tolerance="ALL")


class Function:
    """Keeps the events of its calls, and fails as often as it is told or never ends."""

    def __init__(self, failures: int = 0, *, ends: bool = True) -> None:
        self.events: list[Any] = []
        self.ends = ends
        self._failures = failures

    async def invoke(self, event: bytes) -> bool:
        self.events.append(json.loads(event))
        if not self.ends:
            await asyncio.Event().wait()
        return len(self.events) > self._failures


def stream_of(
    tenant: Tenant,
    queues: Queues,
    trigger: EventBridgeTrigger,
    function: Function,
    base64_decode: bool = False,
) -> QueueStream:
    return QueueStream(
        tenant=tenant,
        trigger=trigger,
        source=MnsQueueSource("tasks", None, base64_decode),
        queue=queues.create("tasks"),
        invoke=function.invoke,
        bury=lambda body: queues.send(trigger.dead_letter_queue or "", body),
        time_scale=0.05 if trigger.batch_seconds else 0.0,
    )


def streamed(
    trigger: EventBridgeTrigger,
    *bodies: str,
    function: Function,
    base64_decode: bool = False,
    made_again: bool = False,
    until: Callable[[], bool] = lambda: True,
) -> Queues:
    """Put messages into a queue and let a stream take them; the queues as they are when it has ended."""

    async def run() -> Queues:
        queues = Queues(tenant)
        queues.create("dead")
        stream = stream_of(tenant, queues, trigger, function, base64_decode)
        stream.start()
        if made_again:
            queues.add(Queue(name="tasks"))
            queues.remove("tasks")
            assert not queues.send(ARN, "lost")
            queues.add(Queue(name="tasks"))
        for body in bodies:
            assert queues.send(ARN, body)
        if function.ends:
            await stream.settled()
        while not until():
            await asyncio.sleep(0)
        await stream.stop()
        return queues

    with tenancy(region="cn-hangzhou") as tenant:
        return asyncio.run(run())


def test_an_event_driven_trigger_brings_one_event_a_call() -> None:
    function = Function()
    streamed(SINGLE, "first", "second", function=function)
    assert [event["data"]["messageBody"] for event in function.events] == ["first", "second"]
    event = function.events[0]
    assert (event["specversion"], event["type"]) == ("1.0", "mns:Queue:SendMessage")
    assert event["subject"] == f"acs:mns:cn-hangzhou:{ACCOUNT}:queues/tasks"
    assert event["id"] == event["data"]["messageId"]


def test_a_stream_brings_lists_of_at_most_the_window() -> None:
    function = Function()
    streamed(BATCHES, "1", "2", "3", function=function)
    bodies = [[event["data"]["messageBody"] for event in batch] for batch in function.events]
    assert bodies == [["1", "2"], ["3"]]


def test_raw_data_has_no_envelope() -> None:
    function = Function()
    streamed(replace(BATCHES, event_schema="RawData"), "1", function=function)
    assert [sorted(item) for item in function.events[0]] == [["messageBody", "messageId", "requestId"]]


@pytest.mark.parametrize(("decode", "body"), [(True, "视频"), (False, ENCODED)])
def test_a_body_in_base64_is_decoded_where_the_trigger_says_so(decode: bool, body: str) -> None:
    function = Function()
    streamed(SINGLE, ENCODED, "视频", function=function, base64_decode=decode)
    assert [event["data"]["messageBody"] for event in function.events] == [body, "视频"]


def test_a_call_that_fails_is_tried_again() -> None:
    function = Function(failures=3)
    queues = streamed(replace(BATCHES, dead_letter_queue=DEAD_LETTERS), "1", function=function)
    assert len(function.events) == 4
    assert queues.bodies("dead") == []


def test_what_fails_to_the_end_goes_to_the_dead_letter_queue_and_the_rest_goes_on() -> None:
    function = Function(failures=4)
    trigger = replace(BATCHES, dead_letter_queue=DEAD_LETTERS)
    queues = streamed(trigger, "1", "2", "3", function=function)
    assert [json.loads(body)["data"]["messageBody"] for body in queues.bodies("dead")] == ["1", "2"]
    assert [len(batch) for batch in function.events] == [2, 2, 2, 2, 1]


def test_without_tolerance_the_stream_stands_still_until_the_call_succeeds() -> None:
    function = Function(failures=9)
    streamed(
        replace(BATCHES, errors_tolerance="NONE"),
        *("1", "2", "3"),
        function=function,
        until=lambda: len(function.events) == 11,
    )
    bodies = [[event["data"]["messageBody"] for event in batch] for batch in function.events]
    assert bodies == [["1", "2"]] * 10 + [["3"]]


def test_a_queue_that_is_made_again_is_the_streams_as_it_was_before() -> None:
    function = Function()
    streamed(SINGLE, "found", function=function, made_again=True)
    assert [event["data"]["messageBody"] for event in function.events] == ["found"]


def test_a_message_whose_call_has_not_ended_when_the_stream_does_is_there_again() -> None:
    function = Function(ends=False)
    queues = streamed(BATCHES, "1", "2", "3", function=function, until=lambda: bool(function.events))
    assert queues.bodies("tasks") == ["1", "2", "3"]


def test_a_queue_that_is_deleted_while_the_window_is_open_brings_nothing() -> None:
    function = Function()

    async def run() -> None:
        queues = Queues(tenant)
        queues.add(Queue(name="tasks"))
        trigger = replace(BATCHES, batch_seconds=1)
        stream = stream_of(tenant, queues, trigger, function)
        assert queues.send(ARN, "lost")
        stream.start()
        await asyncio.sleep(0)
        queues.remove("tasks")
        await stream.settled()
        await stream.stop()

    with tenancy(region="cn-hangzhou") as tenant:
        asyncio.run(run())
    assert function.events == []
