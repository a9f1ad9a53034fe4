"""Uploads on the local cloud: whom OSS and EventBridge tell of them, and how."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Awaitable, Callable
from datetime import datetime, timezone
from typing import Any

import pytest

from localcloud.eventbridge.events import passes
from localcloud.fc.declaration import EventBridgeTrigger, OssTrigger
from localcloud.oss.service import ObjectCreated
from localcloud.upload_events import ATTEMPTS, UploadEventOrder, UploadEvents
from tests.localcloud.tenancy import ACCOUNT, tenancy

WRITTEN = datetime(2026, 11, 30, 1, 2, 3, tzinfo=timezone.utc)
PUT = "oss:ObjectCreated:PutObject"


def trigger(name: str = "mp4", events: tuple[str, ...] = (PUT,), suffix: str = ".mp4") -> OssTrigger:
    return OssTrigger("submit", name, "cn-hangzhou", ACCOUNT, "media", events, "videos/", suffix)


def rule(pattern: dict[str, Any]) -> EventBridgeTrigger:
    return EventBridgeTrigger(
        "submit", "rule", True, True, pattern, "Default", None, "CloudEvents", "event-driven"
    )


def created(key: str, event: str = "ObjectCreated:PutObject", bucket: str = "media") -> ObjectCreated:
    return ObjectCreated(event, bucket, key, "0C", 3, WRITTEN)


def told(
    arrange: Callable[[UploadEvents, Callable[[bytes], Awaitable[bool]]], None], *uploads: ObjectCreated
) -> list[Any]:
    """The events that arrive."""
    arrived: list[Any] = []

    async def push(event: bytes) -> bool:
        arrived.append(json.loads(event))
        return True

    async def run() -> None:
        events = UploadEvents(tenant, 0.0)
        arrange(events, push)
        for upload in uploads:
            events.announce(upload)
        await events.settled()

    with tenancy(region="cn-hangzhou") as tenant:
        asyncio.run(run())
    return arrived


def keys(events: list[Any]) -> list[str]:
    return [event["events"][0]["oss"]["object"]["key"] for event in events]


def test_a_trigger_is_told_of_the_events_bucket_prefix_and_suffix_that_it_names() -> None:
    uploads = [
        created("videos/a.mp4"),
        created("videos/a.MP4"),
        created("other/a.mp4"),
        created("videos/b.mp4", "ObjectCreated:CopyObject"),
        created("videos/c.mp4", bucket="another"),
    ]
    assert keys(told(lambda events, push: events.add_trigger(trigger(), push), *uploads)) == ["videos/a.mp4"]
    both = trigger(events=("oss:ObjectCreated:*",))
    found = keys(told(lambda events, push: events.add_trigger(both, push), *uploads))
    assert found == ["videos/a.mp4", "videos/b.mp4"]


def test_of_an_upload_in_parts_those_are_told_who_name_its_end() -> None:
    operations = ("InitiateMultipartUpload", "UploadPart", "CompleteMultipartUpload")
    uploads = [created("videos/a.mp4", f"ObjectCreated:{operation}") for operation in operations]
    ends = "oss:ObjectCreated:CompleteMultipartUpload"
    native = told(lambda events, push: events.add_trigger(trigger(events=(ends,)), push), *uploads)
    assert [event["events"][0]["eventName"] for event in native] == [ends.removeprefix("oss:")]
    bridged = told(lambda events, push: events.add_rule(rule({"type": [ends]}), push), *uploads)
    assert [event["type"] for event in bridged] == [ends]
    # Whoever asks for whatever creates objects is told of each step.
    steps = told(
        lambda events, push: events.add_trigger(trigger(events=("oss:ObjectCreated:*",)), push), *uploads
    )
    assert [event["events"][0]["eventName"] for event in steps] == [one.event for one in uploads]


def test_a_removed_trigger_is_told_nothing() -> None:
    def arrange(events: UploadEvents, push: Callable[[bytes], Awaitable[bool]]) -> None:
        events.add_trigger(trigger(), push)
        events.add_rule(rule({}), push)
        events.remove("submit", "mp4")
        events.remove("submit", "rule")

    assert told(arrange, created("videos/a.mp4")) == []


def test_a_rule_takes_several_suffixes() -> None:
    pattern = {
        "source": ["acs.oss"],
        "type": [PUT],
        "data": {"oss": {"object": {"key": [{"suffix": ".mp4"}, {"suffix": ".mov"}]}}},
    }
    uploads = [created(f"videos/a{suffix}") for suffix in (".mp4", ".mov", ".txt")]
    arrived = told(lambda events, push: events.add_rule(rule(pattern), push), *uploads)
    assert [event["data"]["oss"]["object"]["key"] for event in arrived] == ["videos/a.mp4", "videos/a.mov"]
    assert {event["type"] for event in arrived} == {PUT}


def test_events_come_twice_late_and_encoded_where_that_is_ordered() -> None:
    def arrange(events: UploadEvents, push: Callable[[bytes], Awaitable[bool]]) -> None:
        events.add_trigger(trigger(), push)
        events.order("media", UploadEventOrder(1.0, 0.02, encode_keys=True, seed=1))

    arrived = keys(told(arrange, *(created(f"videos/{number} 椅.mp4") for number in range(9))))
    sent = [f"videos/{number}%20%E6%A4%85.mp4" for number in range(9) for _ in range(2)]
    assert sorted(arrived) == sent
    assert arrived != sent


def test_an_order_that_cannot_be_met_is_refused() -> None:
    with pytest.raises(ValueError, match="rate"):
        UploadEventOrder(duplicate_rate=2)


def test_what_no_attempt_delivers_is_told() -> None:
    attempts: list[bytes] = []

    async def push(event: bytes) -> bool:
        attempts.append(event)
        raise PermissionError("The role may not invoke the function.")

    async def run() -> UploadEvents:
        events = UploadEvents(tenant, 0.0)
        events.add_trigger(trigger(), push)
        events.announce(created("videos/a.mp4"))
        await events.settled()
        return events

    with tenancy(region="cn-hangzhou") as tenant:
        (undelivered,) = asyncio.run(run()).undelivered
    assert len(attempts) == ATTEMPTS
    assert (undelivered.object, undelivered.reason) == (
        "oss://media/videos/a.mp4",
        "The role may not invoke the function.",
    )


@pytest.mark.parametrize(
    ("pattern", "passed"),
    [
        ({}, True),
        ({"a": ["x"]}, True),
        ({"a": ["y", "x"]}, True),
        ({"a": ["y"]}, False),
        ({"a": {"b": ["x"]}}, False),
        ({"n": {"b": [{"prefix": "ab"}]}}, True),
        ({"n": {"b": [{"suffix": "ab"}]}}, False),
        ({"n": {"b": [{"anything-but": ["abc"]}]}}, False),
        ({"n": {"b": [{"anything-but": {"prefix": "a"}}]}}, False),
        ({"c": [{"exists": False}]}, True),
        ({"c": ["x"]}, False),
        ({"a": [{"numeric": [">", 1]}]}, False),
        ({"a": "x"}, False),
    ],
)
def test_a_pattern_lets_pass_what_has_one_of_the_values_of_each_field(
    pattern: dict[str, Any], passed: bool
) -> None:
    assert passes(pattern, {"a": "x", "n": {"b": "abc"}}) is passed
