"""What is in a queue that a topic feeds."""

from __future__ import annotations

import json
from collections.abc import Iterator
from hashlib import md5
from xml.etree import ElementTree

import pytest
from alibabacloud_mns_open20220119 import models

from tests.localcloud.mns_region import Region, region
from tests.localcloud.tenancy import ACCOUNT

QUEUE = f"acs:mns:cn-beijing:{ACCOUNT}:queues/tasks"
NAMESPACE = "{http://mns.aliyuncs.com/doc/v1/}"
BODY = '{"a": "视频 <&>"}'


@pytest.fixture
def mns() -> Iterator[Region]:
    with region() as started:
        started.service.queues.create("tasks")
        yield started


def subscribe(mns: Region, content_format: str | None = None, endpoint: str = QUEUE) -> None:
    request = models.SubscribeRequest(
        topic_name="labels",
        subscription_name="q",
        push_type="queue",
        endpoint=endpoint,
        notify_content_format=content_format,
    )
    mns.client.subscribe(request)


def queued(mns: Region) -> list[str]:
    mns.settled()
    return mns.service.queues.bodies("tasks")


def read(body: str, content_format: str | None) -> dict[str, str | None]:
    if content_format == "JSON":
        fields: dict[str, str | None] = json.loads(body)
        return fields
    return {e.tag.removeprefix(NAMESPACE): e.text for e in ElementTree.fromstring(body)}


@pytest.mark.parametrize("content_format", [None, "XML", "JSON"])
@pytest.mark.parametrize("tag", [None, "video"])
def test_a_queue_receives_the_topics_fields_in_xml_unless_told_otherwise(
    mns: Region, content_format: str | None, tag: str | None
) -> None:
    # given a queue that is subscribed to a topic
    subscribe(mns, content_format)

    # when a message is published
    message_id = mns.publish(BODY, tag=tag)

    # then the queue has it with the fields of the help page "NotifyContentFormat" (27482)
    (body,) = queued(mns)
    fields = read(body, content_format)
    assert (fields.pop("PublishTime") or "").isdigit()
    assert fields == {
        "TopicOwner": ACCOUNT,
        "TopicName": "labels",
        "Subscriber": ACCOUNT,
        "SubscriptionName": "q",
        "MessageId": message_id,
        "MessageMD5": md5(BODY.encode()).hexdigest().upper(),
        "Message": BODY,
        **({"MessageTag": tag} if tag else {}),
    }


def test_simplified_is_the_published_body(mns: Region) -> None:
    subscribe(mns, "SIMPLIFIED")
    mns.publish(BODY)
    assert queued(mns) == [BODY]


@pytest.mark.parametrize("queue", ["cn-beijing/unknown", "cn-hangzhou/tasks"])
def test_a_message_for_a_queue_that_is_not_there_is_given_up(mns: Region, queue: str) -> None:
    place, name = queue.split("/")
    subscribe(mns, endpoint=f"acs:mns:{place}:{ACCOUNT}:queues/{name}")
    mns.publish(BODY)
    assert queued(mns) == []
    (given_up,) = mns.service.undelivered
    assert given_up.attempts == 4
    assert "there is no queue" in given_up.reason
