"""Queues that a topic feeds: who may be subscribed, and what is in the queue then."""

from __future__ import annotations

import json
from collections.abc import Iterator
from xml.etree import ElementTree

import pytest

from tests.localcloud.mns_region import ACCOUNT, NAMESPACE, Region, Reply, document, region

QUEUE = f"acs:mns:cn-beijing:{ACCOUNT}:queues/tasks"
BODY = '{"a": "视频 <&>"}'


@pytest.fixture
def mns() -> Iterator[Region]:
    with region() as started:
        started.service.queues.create("tasks")
        yield started


def subscribe(mns: Region, name: str = "q", endpoint: str = QUEUE, **elements: str) -> Reply:
    inside = "".join(f"<{key}>{value}</{key}>" for key, value in {"Endpoint": endpoint, **elements}.items())
    return mns.send("PUT", f"/topics/labels/subscriptions/{name}", document("Subscription", inside))


def queued(mns: Region) -> list[str]:
    mns.settled()
    return mns.service.queues.bodies("tasks")


@pytest.mark.parametrize("elements", [{}, {"NotifyContentFormat": "XML"}])
def test_a_queue_receives_xml_unless_told_otherwise(mns: Region, elements: dict[str, str]) -> None:
    # given a queue that is subscribed to a topic
    assert subscribe(mns, **elements).status == 201

    # when a message is published
    published = mns.publish("labels", BODY, "<MessageTag>video</MessageTag>").fields

    # then the queue has it with the topic's fields
    (body,) = queued(mns)
    fields = {e.tag.removeprefix(NAMESPACE): e.text for e in ElementTree.fromstring(body)}
    assert (fields.pop("PublishTime") or "").isdigit()
    assert fields == {
        "TopicOwner": ACCOUNT,
        "TopicName": "labels",
        "Subscriber": ACCOUNT,
        "SubscriptionName": "q",
        "MessageId": published["MessageId"],
        "MessageMD5": published["MessageBodyMD5"],
        "Message": BODY,
        "MessageTag": "video",
    }


def test_json_has_the_same_fields(mns: Region) -> None:
    subscribe(mns, NotifyContentFormat="JSON")
    published = mns.publish("labels", BODY).fields
    (body,) = queued(mns)
    fields = json.loads(body)
    assert fields.pop("PublishTime").isdigit()
    assert fields == {
        "TopicOwner": ACCOUNT,
        "TopicName": "labels",
        "Subscriber": ACCOUNT,
        "SubscriptionName": "q",
        "MessageId": published["MessageId"],
        "MessageMD5": published["MessageBodyMD5"],
        "Message": BODY,
    }


def test_simplified_is_the_published_body(mns: Region) -> None:
    subscribe(mns, NotifyContentFormat="SIMPLIFIED")
    mns.publish("labels", BODY)
    assert queued(mns) == [BODY]


def test_a_subscription_is_described_and_cancelled(mns: Region) -> None:
    subscribe(mns, FilterTag="video")
    shown = mns.send("GET", "/topics/labels/subscriptions/q").fields
    assert (shown["Endpoint"], shown["NotifyContentFormat"]) == (QUEUE, "XML")
    assert (shown["NotifyStrategy"], shown["FilterTag"]) == ("BACKOFF_RETRY", "video")

    assert mns.send("DELETE", "/topics/labels/subscriptions/q").status == 204
    assert mns.send("GET", "/topics/labels/subscriptions/q").refusal == (404, "SubscriptionNotExist")
    mns.publish("labels", BODY, "<MessageTag>video</MessageTag>")
    assert queued(mns) == []


def test_the_same_subscription_again_changes_nothing_and_another_is_refused(mns: Region) -> None:
    assert subscribe(mns).status == 201
    assert subscribe(mns, NotifyContentFormat="XML").status == 204
    assert subscribe(mns, NotifyContentFormat="JSON").refusal == (409, "SubscriptionAlreadyExist")


@pytest.mark.parametrize(
    ("elements", "refusal"),
    [
        ({"endpoint": "http://example.com"}, (405, "MethodNotAllowed")),
        ({"endpoint": ""}, (405, "MethodNotAllowed")),
        ({"NotifyContentFormat": "STREAM"}, (400, "InvalidArgument")),
        ({"NotifyStrategy": "NEVER"}, (400, "InvalidArgument")),
        ({"FilterTag": "a" * 17}, (400, "InvalidArgument")),
        ({"Other": "a"}, (400, "InvalidArgument")),
    ],
)
def test_what_no_queue_can_receive_is_refused(
    mns: Region, elements: dict[str, str], refusal: tuple[int, str]
) -> None:
    assert subscribe(mns, **elements).refusal == refusal


@pytest.mark.parametrize("queue", ["unknown", "tasks"])
def test_a_message_for_a_queue_that_is_not_there_is_given_up(mns: Region, queue: str) -> None:
    region_of_another = "cn-hangzhou" if queue == "tasks" else "cn-beijing"
    subscribe(mns, endpoint=f"acs:mns:{region_of_another}:{ACCOUNT}:queues/{queue}")
    mns.publish("labels", BODY)
    assert queued(mns) == []
    (given_up,) = mns.service.undelivered
    assert given_up.attempts == 4
    assert "there is no queue" in given_up.reason
