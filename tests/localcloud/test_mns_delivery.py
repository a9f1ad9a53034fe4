"""How messages reach functions: the event's form, tags, order, duplicates, retries, and giving up."""

from __future__ import annotations

import asyncio
import json
import time
from hashlib import md5
from itertools import pairwise

import pytest

from localcloud.mns.delivery import Delivery, retry_delays
from tests.localcloud.mns_world import Endpoint, Mns, mns_started
from tests.localcloud.services import ACCOUNT


def test_a_json_subscription_receives_mnss_fields_around_the_body(mns: Mns) -> None:
    # given a subscription in JSON format
    endpoint = Endpoint()
    mns.subscribe("test-fc-subscribe", endpoint, content_format="JSON")

    # when a message is published
    message_id = mns.publish('hello "视频" topic')
    mns.settled()

    # then the event has the fields of Function Compute's sample
    (event,) = endpoint.events
    fields = json.loads(event)
    assert list(fields) == [
        "TopicOwner",
        "Message",
        "Subscriber",
        "PublishTime",
        "SubscriptionName",
        "MessageMD5",
        "TopicName",
        "MessageId",
    ]
    published = fields.pop("PublishTime")
    assert isinstance(published, int)
    assert abs(published - mns.local.clock.now().timestamp() * 1000) < 3600 * 1000
    assert fields == {
        "TopicOwner": ACCOUNT,
        "Message": 'hello "视频" topic',
        "Subscriber": ACCOUNT,
        "SubscriptionName": "test-fc-subscribe",
        "MessageMD5": md5('hello "视频" topic'.encode()).hexdigest().upper(),
        "TopicName": "labels",
        "MessageId": message_id,
    }


def test_attributes_stand_as_in_function_computes_samples(mns: Mns) -> None:
    # given both formats
    plain, stream = Endpoint(), Endpoint()
    mns.subscribe("json", plain, content_format="JSON")
    mns.subscribe("stream", stream, content_format="STREAM")

    # when a message without attributes is published, and one with the attribute of the samples
    mns.publish("hello 视频")
    mns.settled()
    mns.publish("hello topic", attributes={"Extend": '{"key":"value"}'})
    mns.settled()

    # then STREAM has the bare body of the first
    assert stream.events.pop(0) == "hello 视频".encode()
    # and of the other JSON has its content at the top, and STREAM has it beside the body
    fields = json.loads(plain.events[1])
    assert next(iter(fields.items())) == ("key", "value")
    assert fields["Message"] == "hello topic"
    assert json.loads(stream.events[0]) == {"body": "hello topic", "attrs": {"Extend": '{"key":"value"}'}}


def test_an_attribute_never_takes_the_place_of_a_field(mns: Mns) -> None:
    endpoint = Endpoint()
    mns.subscribe("json", endpoint, content_format="JSON")

    attributes = {"Message": "forged", "colour": "red", "Extend": "[1]"}
    mns.publish("true", attributes=attributes)
    mns.publish("true", attributes={**attributes, "Extend": "no JSON"})
    mns.publish("true", attributes={**attributes, "Extend": r'{"half": "\ud83d"}'})
    mns.settled()

    for event in endpoint.events:
        fields = json.loads(event)
        assert (fields["Message"], fields["colour"]) == ("true", "red")
        assert fields["Extend"] in ("[1]", "no JSON", r'{"half": "\ud83d"}')
    assert len(endpoint.events) == 3


def test_a_tag_chooses_the_subscriptions(mns: Mns) -> None:
    # given a subscription for a tag and one for all messages
    tagged, every = Endpoint(), Endpoint()
    mns.subscribe("tagged", tagged, filter_tag="video")
    mns.subscribe("every", every)

    # when messages with and without tags are published
    mns.publish("1", tag="video")
    mns.publish("2", tag="image")
    mns.publish("3")
    mns.settled()

    assert tagged.events == [b"1"]
    assert sorted(every.events) == [b"1", b"2", b"3"]


def test_only_the_subscriptions_of_the_topic_receive_a_message_the_latest_of_each_name(mns: Mns) -> None:
    other, old, new = Endpoint(), Endpoint(), Endpoint()
    mns.local.call(mns.service.create_topic, "other")
    mns.subscribe("tag", other, topic="other")
    mns.subscribe("tag", old)
    mns.subscribe("tag", new)

    mns.publish("hello")
    mns.settled()
    # and none of the subscriptions that it had before it was deleted
    mns.delete_topic()
    mns.local.call(mns.service.create_topic, "labels")
    mns.publish("hello again")
    mns.settled()

    assert (other.events, old.events, new.events) == ([], [], [b"hello"])


def test_messages_overtake_each_other_within_the_spread() -> None:
    # given a subscription
    endpoint = Endpoint()
    with mns_started(delivery_spread_seconds=0.2) as mns:
        mns.subscribe("tag", endpoint)

        # when many messages are published in order
        bodies = [f"{number:03d}".encode() for number in range(50)]

        async def publish_all() -> None:
            for body in bodies:
                await mns.service.publish("labels", body)

        mns.local.run(publish_all())
        mns.settled()

    # then all arrive, in another order
    assert sorted(endpoint.events) == bodies
    assert endpoint.events != bodies


def test_publishing_does_not_wait_for_the_delivery(mns: Mns) -> None:
    # given an endpoint that does not answer
    answer = asyncio.Event()

    class Slow(Endpoint):
        async def push(self, event: bytes) -> bool:
            await answer.wait()
            return await super().push(event)

    endpoint = Slow()
    mns.subscribe("tag", endpoint)

    # then publishing has its message id all the same, and the topic counts the message
    message_id = mns.publish("hello")
    assert len(message_id) == 32
    assert mns.topic("labels").message_count == 1
    assert endpoint.events == []

    # and the delivery ends once the endpoint answers
    mns.local.call(answer.set)
    mns.settled()
    assert endpoint.events == [b"hello"]
    assert mns.topic("labels").message_count == 0


def test_the_next_message_can_be_delivered_several_times(mns: Mns) -> None:
    # given an order for two extra deliveries
    first, second = Endpoint(), Endpoint()
    mns.subscribe("first", first)
    mns.subscribe("second", second)
    mns.service.duplicate_next("labels", 1)
    mns.service.duplicate_next("labels", 1)

    # when two messages are published
    mns.publish("a")
    mns.publish("b")
    mns.settled()

    # then the first reaches every subscriber three times, as one message, and the second once
    assert sorted(first.events) == sorted(second.events) == [b"a", b"a", b"a", b"b"]
    assert len({delivery.message_id for delivery in mns.service.deliveries}) == 2


@pytest.mark.parametrize("breaks", [False, True])
def test_an_event_that_is_not_accepted_comes_again(mns: Mns, breaks: bool) -> None:
    # given an endpoint that refuses or breaks twice
    endpoint = Endpoint(refusals=2, breaks=breaks)
    mns.subscribe("tag", endpoint)

    message_id = mns.publish("hello")
    mns.settled()

    assert endpoint.events == [b"hello"] * 3
    assert mns.service.deliveries == [
        Delivery(message_id, "tag", 1, accepted=False),
        Delivery(message_id, "tag", 2, accepted=False),
        Delivery(message_id, "tag", 3, accepted=True),
    ]
    assert mns.service.undelivered == []


@pytest.mark.parametrize(("strategy", "attempts"), [("BACKOFF_RETRY", 4), ("EXPONENTIAL_DECAY_RETRY", 177)])
def test_a_message_that_is_never_accepted_is_given_up_and_listed(
    mns: Mns, strategy: str, attempts: int
) -> None:
    # given one endpoint that never accepts, and one that does
    stubborn, willing = Endpoint(refusals=None), Endpoint()
    mns.subscribe("stubborn", stubborn, strategy=strategy)
    mns.subscribe("willing", willing)

    message_id = mns.publish("hello")
    mns.settled()

    # then it was tried as often as the strategy says, and is not lost silently
    assert len(stubborn.events) == attempts
    assert willing.events == [b"hello"]
    (given_up,) = mns.service.undelivered
    assert (given_up.message.message_id, given_up.message.body) == (message_id, "hello")
    assert (given_up.subscription, given_up.attempts) == ("stubborn", attempts)
    assert given_up.reason == "every retry failed"


def test_what_is_on_its_way_when_the_service_stops_is_listed() -> None:
    # given a delivery that waits for its retry, one that has not begun, and one that comes too late
    with mns_started(time_scale=1.0) as mns:
        endpoint = Endpoint(refusals=None)
        mns.subscribe("tag", endpoint)
        mns.publish("first")

        async def publish_and_stop() -> None:
            while not endpoint.events:
                await asyncio.sleep(0.001)
            await mns.service.publish("labels", b"second")
            await mns.service.stop()
            await mns.service.publish("labels", b"third")

        # when the service stops
        mns.local.run(publish_and_stop())

    # then all are listed
    found = {(given_up.message.body, given_up.attempts) for given_up in mns.service.undelivered}
    assert found == {("first", 1), ("second", 0), ("third", 0)}
    assert {given_up.reason for given_up in mns.service.undelivered} == {"the service was stopped"}


def test_backoff_is_three_retries_ten_to_twenty_seconds_apart() -> None:
    delays = list(retry_delays("BACKOFF_RETRY"))

    assert len(delays) == 3
    assert all(10 <= delay <= 20 for delay in delays)
    assert len(set(delays)) == 3


def test_exponential_decay_is_176_retries_in_one_day() -> None:
    delays = list(retry_delays("EXPONENTIAL_DECAY_RETRY"))

    assert delays[:10] == [1, 2, 4, 8, 16, 32, 64, 128, 256, 512]
    assert delays[9:] == [512] * 167
    assert len(delays) == 176
    assert sum(delays) == pytest.approx(24 * 3600, rel=0.01)


def test_the_waits_are_scaled() -> None:
    # given a service whose ten seconds last ten milliseconds
    times: list[float] = []

    class Stubborn(Endpoint):
        async def push(self, event: bytes) -> bool:
            times.append(time.monotonic())
            return await super().push(event)

    with mns_started(time_scale=0.001) as mns:
        mns.subscribe("tag", Stubborn(refusals=None))

        # when a message is never accepted
        mns.publish("hello")
        mns.settled()

    # then the retries are apart, and over long before the real ones would be
    assert len(times) == 4
    assert all(later - earlier >= 0.01 for earlier, later in pairwise(times))


def test_a_subscription_is_of_a_format_and_strategy_that_functions_have(mns: Mns) -> None:
    with pytest.raises(ValueError, match="JSON or STREAM, not XML"):
        mns.subscribe("tag", Endpoint(), content_format="XML")
    with pytest.raises(ValueError, match="EXPONENTIAL_DECAY_RETRY, not NEVER"):
        mns.subscribe("tag", Endpoint(), strategy="NEVER")
