"""MNS's management API, through the official SDK: topics, the subscriptions of queues, and queues."""

from __future__ import annotations

import json
from hashlib import md5
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

import pytest
from alibabacloud_mns_open20220119 import models

from localcloud.faults import Fault, FaultKind
from localcloud.refusals import RequestRefused
from tests.localcloud.mns_world import Endpoint, Mns, mns_started
from tests.localcloud.services import ACCOUNT, refused

QUEUE = f"acs:mns:cn-hangzhou:{ACCOUNT}:queues/tasks"
NAMESPACE = "{http://mns.aliyuncs.com/doc/v1/}"
BODY = '{"a": "视频 <&>"}'


def create(mns: Mns, name: str | None, **options: Any) -> None:
    mns.mns().create_topic(models.CreateTopicRequest(topic_name=name, **options))


def subscribe(mns: Mns, name: str = "q", **options: Any) -> None:
    given = {"topic_name": "labels", "push_type": "queue", "endpoint": QUEUE, **options}
    mns.mns().subscribe(models.SubscribeRequest(subscription_name=name, **given))


def subscriptions(mns: Mns, **options: Any) -> Any:
    request = models.ListSubscriptionByTopicRequest(topic_name="labels", **options)
    return mns.mns().list_subscription_by_topic(request).body.data


def test_a_topic_is_made_with_its_tags_shown_and_deleted(mns: Mns) -> None:
    # given a topic with attributes and a tag
    tags = [models.CreateTopicRequestTag(key="made-by", value="a test")]
    create(mns, "ended", max_message_size=2048, enable_logging=True, tag=tags)

    # then it is shown, counts as one in process too, and stays as it is
    mns.service.create_topic("ended")
    data = mns.topic("ended")
    assert (data.topic_name, data.max_message_size, data.logging_enabled) == ("ended", 2048, True)
    assert [(tag.tag_key, tag.tag_value) for tag in data.tags] == [("made-by", "a test")]
    assert (data.message_retention_period, data.message_count) == (86_400, 0)

    # and its tags go with it
    mns.delete_topic("ended")
    assert refused(lambda: mns.topic("ended")) == (404, "TopicNotExist")
    create(mns, "ended")
    assert (mns.topic("ended").tags, mns.topic("ended").max_message_size) == ([], 65_536)


def test_topics_queues_and_their_subscriptions_outlive_the_process(tmp_path: Path) -> None:
    with mns_started(directory=tmp_path) as mns:
        create(mns, "kept", max_message_size=2048)
        mns.mns().create_queue(models.CreateQueueRequest(queue_name="tasks"))
        subscribe(mns, message_tag="video")
        subscribe(mns, "gone")
        mns.mns().unsubscribe(models.UnsubscribeRequest(topic_name="labels", subscription_name="gone"))
        topic, subscription = mns.topic("kept").to_map(), subscriptions(mns).to_map()

    with mns_started(directory=tmp_path) as mns:
        assert mns.topic("kept").to_map() == topic
        assert subscriptions(mns).to_map() == subscription
        mns.publish(BODY, tag="video")
        assert len(queued(mns)) == 1


def test_a_topic_that_cannot_be_made(mns: Mns) -> None:
    for status, code, options in (
        (409, "TopicAlreadyExist", {"name": "labels"}),
        (400, "MissingTopicName", {"name": None}),
        (400, "TopicNameInvalid", {"name": "no/name"}),
        (400, "TopicNameInvalid", {"name": "a" * 256}),
        (400, "InvalidMaxMessageSize", {"name": "x", "max_message_size": 1023}),
        (400, "InvalidMaxMessageSize", {"name": "x", "max_message_size": 65537}),
        (400, "InvalidMaxMessageSize", {"name": "x", "max_message_size": "many"}),
        (400, "InvalidEnableLogging", {"name": "x", "enable_logging": "perhaps"}),
        (501, "NotImplemented", {"name": "x", "topic_type": "fifo"}),
    ):
        assert refused(create, mns, **options) == (status, code), options


def test_what_nobody_can_publish_or_receive_is_refused(mns: Mns) -> None:
    create(mns, "small", max_message_size=1024)
    mns.publish("a" * 65_536)
    mns.publish("a" * 1024, "small")
    for body, topic, tag in (
        *(("", "labels", None), ("a" * 1025, "small", None)),
        *(("视" * 21_846, "labels", None), ("a", "labels", ""), ("a", "labels", "t" * 17)),
    ):
        with pytest.raises(RequestRefused, match="InvalidArgument"):
            mns.publish(body, topic, tag)
    with pytest.raises(UnicodeDecodeError):
        mns.publish(b"\xff")
    with pytest.raises(RequestRefused, match="TopicNotExist"):
        mns.publish("hello", "unknown")
    with pytest.raises(RequestRefused, match="TopicNotExist"):
        mns.subscribe("tag", Endpoint(), topic="unknown")
    with pytest.raises(RequestRefused, match="TopicNameInvalid"):
        mns.service.create_topic("a b")


def test_a_queue_is_subscribed_listed_and_unsubscribed(mns: Mns) -> None:
    # given the same subscription twice, which changes nothing
    subscribe(mns, message_tag="video")
    subscribe(mns, message_tag="video", notify_content_format="XML", notify_strategy="BACKOFF_RETRY")

    (item,) = subscriptions(mns).page_data
    assert (item.subscription_name, item.endpoint, item.topic_owner) == ("q", QUEUE, ACCOUNT)
    assert (item.notify_content_format, item.notify_strategy) == ("XML", "BACKOFF_RETRY")
    assert item.filter_tag == "video"

    # when another is to have its name, or it is given up
    assert refused(lambda: subscribe(mns)) == (409, "SubscriptionAlreadyExist")
    mns.mns().unsubscribe(models.UnsubscribeRequest(topic_name="labels", subscription_name="q"))
    assert subscriptions(mns).total == 0


def test_a_subscription_that_cannot_be_made(mns: Mns) -> None:
    for status, code, options in (
        (400, "InvalidEndpoint", {"endpoint": "http://example.com", "push_type": "http"}),
        (400, "InvalidEndpoint", {"endpoint": "tasks"}),
        (400, "InvalidNotifyContentFormat", {"notify_content_format": "STREAM"}),
        (400, "InvalidNotifyStrategy", {"notify_strategy": "NEVER"}),
        (400, "InvalidMessageTag", {"message_tag": "a" * 17}),
        (400, "SubscriptionNameInvalid", {"name": "a b"}),
        (404, "TopicNotExist", {"topic_name": "unknown"}),
        (501, "NotImplemented", {"sts_role_arn": "acs:ram::1:role/x"}),
    ):
        assert refused(subscribe, mns, **options) == (status, code), options


def test_subscriptions_are_listed_in_pages_and_go_with_their_topic(mns: Mns) -> None:
    for number in range(12):
        mns.subscribe(f"one-{number:02}", Endpoint())
    mns.subscribe("other", Endpoint())

    first = subscriptions(mns, subscription_name="one", page_size=1)
    assert (first.total, first.page_size, first.pages, len(first.page_data)) == (12, 10, 2, 10)
    second = subscriptions(mns, subscription_name="one", page_num=2, page_size=10)
    assert [item.subscription_name for item in second.page_data] == ["one-10", "one-11"]

    mns.delete_topic()
    assert refused(lambda: subscriptions(mns)) == (404, "TopicNotExist")
    create(mns, "labels")
    assert subscriptions(mns).total == 0


def test_calls_are_recorded_and_faults_look_like_mnss_own_errors(mns: Mns) -> None:
    mns.local.faults.order(Fault(FaultKind.ERROR, service="mns", action="GetTopicAttributes"))

    assert refused(lambda: mns.topic("labels")) == (503, "ServiceUnavailable")
    mns.topic("labels")
    subscribe(mns)
    assert mns.calls("mns") == [
        ("GetTopicAttributes", "topics/labels", 503),
        ("GetTopicAttributes", "topics/labels", 200),
        ("Subscribe", "topics/labels/subscriptions/q", 200),
    ]


def test_a_queue_is_made_with_its_tags_shown_and_deleted(mns: Mns) -> None:
    request = models.GetQueueAttributesRequest(queue_name="tasks")
    tags = [models.CreateQueueRequestTag(key="made-by", value="a test")]
    mns.mns().create_queue(models.CreateQueueRequest(queue_name="tasks", tag=tags))

    # what arrives in it is counted
    assert mns.service.queues.send(QUEUE, "a message")
    data = mns.mns().get_queue_attributes(request).body.data
    assert (data.queue_name, data.active_messages) == ("tasks", 1)
    assert [(tag.tag_key, tag.tag_value) for tag in data.tags] == [("made-by", "a test")]
    again = models.CreateQueueRequest(queue_name="tasks")
    assert refused(lambda: mns.mns().create_queue(again)) == (409, "QueueAlreadyExist")

    mns.mns().delete_queue(models.DeleteQueueRequest(queue_name="tasks"))
    assert refused(lambda: mns.mns().get_queue_attributes(request)) == (404, "QueueNotExist")
    assert not mns.service.queues.send(QUEUE, "a message")


def test_queues_that_are_not_made_here(mns: Mns) -> None:
    for status, options in (
        (400, {"queue_name": "q" * 121}),
        # An attribute would have no effect here
        (501, {"queue_name": "q", "delay_seconds": 5}),
        (501, {"queue_name": "q", "visibility_timeout": 60}),
        (501, {"queue_name": "q", "enable_logging": True}),
    ):
        assert refused(mns.mns().create_queue, models.CreateQueueRequest(**options))[0] == status


# What is in a queue that a topic feeds


@pytest.fixture
def fed(mns: Mns) -> Mns:
    mns.service.queues.create("tasks")
    return mns


def queued(mns: Mns) -> list[str]:
    mns.settled()
    return mns.service.queues.bodies("tasks")


def read(body: str, content_format: str | None) -> dict[str, str | None]:
    if content_format == "JSON":
        fields: dict[str, str | None] = json.loads(body)
        return fields
    return {e.tag.removeprefix(NAMESPACE): e.text for e in ElementTree.fromstring(body)}


@pytest.mark.parametrize(("content_format", "tag"), [(None, None), ("XML", "video"), ("JSON", "video")])
def test_a_queue_receives_the_topics_fields_in_xml_unless_told_otherwise(
    fed: Mns, content_format: str | None, tag: str | None
) -> None:
    # given a queue that is subscribed to a topic
    subscribe(fed, notify_content_format=content_format)

    # when a message is published
    message_id = fed.publish(BODY, tag=tag)

    # then the queue has it with the fields of the help page "NotifyContentFormat" (27482)
    (body,) = queued(fed)
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


def test_simplified_is_the_published_body(fed: Mns) -> None:
    subscribe(fed, notify_content_format="SIMPLIFIED")
    fed.publish(BODY)
    assert queued(fed) == [BODY]


@pytest.mark.parametrize("queue", ["cn-hangzhou/unknown", "cn-beijing/tasks"])
def test_a_message_for_a_queue_that_is_not_there_is_given_up(fed: Mns, queue: str) -> None:
    place, name = queue.split("/")
    subscribe(fed, endpoint=f"acs:mns:{place}:{ACCOUNT}:queues/{name}")
    fed.publish(BODY)
    assert queued(fed) == []
    (given_up,) = fed.service.undelivered
    assert given_up.attempts == 4
    assert "there is no queue" in given_up.reason
