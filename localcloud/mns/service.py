"""MNS: topics, their subscriptions and queues by its management API, and in process the messages to them.

The API is behind the OpenAPI gateway, product Mns-open. Sources: alibabacloud.com/help/en/mns, API reference,
api-mns-open-2022-01-19-createtopic and its neighbours, and the official SDK alibabacloud-mns-open20220119. A
function subscribes by its trigger, so that Subscribe has queues only.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import replace
from typing import Any

from localcloud.mns.attributes import (
    LARGEST_MESSAGE,
    RETENTION_SECONDS,
    Made,
    Queue,
    Topic,
    already_exists,
    check_name,
)
from localcloud.mns.delivery import Courier, Delivery, Undelivered
from localcloud.mns.messages import Message
from localcloud.mns.queues import Queues, is_queue
from localcloud.mns.subscriptions import QUEUE_FORMATS, STRATEGIES, Push, Subscription, Subscriptions
from localcloud.openapi import Answer, Api, Call, Need, OpenApi
from localcloud.refusals import RequestRefused
from localcloud.tenant import Tenant

__all__ = ["Delivery", "MessageService", "Subscription", "Undelivered"]


VERSION = "2022-01-19"
_SMALLEST_LIMIT = 1_024
_SMALLEST_PAGE, _LARGEST_PAGE, _HUGE = 10, 50, 1_000_000_000
LONGEST_TAG = 16
_TAG = re.compile(r"Tag\.(\d+)\.(Key|Value)", re.ASCII)
# Parameters that the real API has, and that would be ignored here.
_NOT_SERVED = (
    *("EnableSSE", "KmsKeyId", "SseAlgorithm", "SseType", "TopicType", "EndpointType", "EndpointValue"),
    *("DlqPolicy", "StsRoleArn", "TenantRateLimitPolicy", "QueueType", "DelaySeconds", "PollingWaitSeconds"),
    *("MaximumMessageSize", "MessageRetentionPeriod", "VisibilityTimeout"),
)
_CREATED: Answer = {"Code": 201, "Message": "operation success", "Success": True}


class MessageService(OpenApi):
    """The MNS of a region, with its management API.

    ``time_scale`` multiplies the waits between the attempts to deliver a message. Each delivery begins up
    to ``delivery_spread_seconds`` late, so that messages overtake each other.
    """

    name = "mns"

    def __init__(
        self,
        tenant: Tenant,
        *,
        time_scale: float,
        delivery_spread_seconds: float,
    ) -> None:
        self._clock = tenant.clock
        self._topics = Made(tenant, Topic)
        self.queues = Queues(tenant)
        self._subscriptions = Subscriptions(tenant, self.queues)
        self._duplicates: Counter[str] = Counter()
        self._courier = Courier(tenant.account_id, time_scale, delivery_spread_seconds)
        actions = {
            "CreateTopic": self._create_topic,
            "DeleteTopic": self._delete_topic,
            "GetTopicAttributes": self._get_topic_attributes,
            "Subscribe": self._subscribe,
            "Unsubscribe": self._unsubscribe,
            "ListSubscriptionByTopic": self._list_subscriptions,
            "CreateQueue": self._create_queue,
            "DeleteQueue": self._delete_queue,
            "GetQueueAttributes": self._get_queue_attributes,
        }
        super().__init__(
            product="Mns-open",
            host=f"mns-open.{tenant.region}.aliyuncs.com",
            kinds={"topics": "TopicName", "subscriptions": "SubscriptionName", "queues": "QueueName"},
            tenant=tenant,
            apis=[Api(VERSION, {name: _wrapped(one) for name, one in actions.items()}, self._needs)],
        )

    @property
    def deliveries(self) -> list[Delivery]:
        """Every attempt to deliver a message, the oldest first."""
        return list(self._courier.deliveries)

    @property
    def undelivered(self) -> list[Undelivered]:
        """The messages that were given up."""
        return list(self._courier.undelivered)

    async def stop(self) -> None:
        """Give up the messages that are on their way; ``undelivered`` lists them."""
        await self._courier.stop()

    async def settled(self) -> None:
        """Wait until every message is accepted or given up."""
        await self._courier.settled()

    def create_topic(self, name: str) -> None:
        """Have a topic of this name; one that exists stays as it is. Raises for an impossible name."""
        if not self.has(name):
            self._topics.add(Topic(name=name))

    def has(self, topic: str) -> bool:
        """Whether there is such a topic."""
        return self._topics.has(topic)

    def subscribe(self, subscription: Subscription, push: Push) -> None:
        """Add a function's subscription, in place of one of its name; a RequestRefused without a topic.

        ``push`` hands an event to the function and says whether it was accepted.
        """
        self._topics.get(subscription.topic)
        self._subscriptions.add(subscription, push)

    def subscription(self, topic: str, name: str) -> Subscription | None:
        """A topic's subscription by its name, if there is one."""
        return self._subscriptions.find(topic, name)

    def unsubscribe(self, topic: str, name: str) -> None:
        """End a subscription; messages that are on their way to it still arrive."""
        self._subscriptions.remove(topic, name)

    async def publish(
        self,
        topic: str,
        body: bytes,
        *,
        tag: str | None = None,
        attributes: Mapping[str, str] | None = None,
    ) -> str:
        """Publish a message, as MNS's PublishMessage does, and give its id before it is delivered.

        Raises a RequestRefused without the topic, or for a body or a tag that is empty or too large, and
        ValueError for a body that is no UTF-8: MNS's bodies are texts.
        """
        text, largest = body.decode(), self._topics.get(topic).maximum_message_size
        for element, length, most in (
            ("MessageBody", len(body), largest),
            ("MessageTag", 1 if tag is None else len(tag), LONGEST_TAG),
        ):
            if not 1 <= length <= most:
                problem = f"The value of {element} should between 1 and {most} seconds/bytes."
                raise RequestRefused(400, "InvalidArgument", problem)
        published = int(self._clock.now().timestamp() * 1000)
        message = Message(topic, text, published, tag, attributes or {})
        copies = 1 + self._duplicates.pop(topic, 0)
        wanting = [receiver for receiver in self._subscriptions.of(topic) if receiver[0].wants(message)]
        self._courier.send(message, wanting, copies)
        return message.message_id

    def duplicate_next(self, topic: str, extra: int) -> None:
        """Let the topic's next message be delivered so many more times to each subscriber."""
        self._duplicates[topic] += extra

    def _needs(self, call: Call) -> Iterator[Need]:
        """An action has its own name, and its resource is the path of MNS's HTTP API (help page 27447)."""
        call.refuse(_NOT_SERVED, call.action)
        if "Queue" in call.action:
            queue = self._tenant.arn("mns", f"/queues/{call.text('QueueName')}")
            yield Need(f"mns:{call.action}", queue)
            return
        resource = self._tenant.arn("mns", f"/topics/{call.text('TopicName')}")
        if "ubscri" in call.action:
            resource += "/subscriptions"
            if call.action != "ListSubscriptionByTopic":
                resource += f"/{call.text('SubscriptionName')}"
        yield Need(f"mns:{call.action}", resource)

    def _create_topic(self, call: Call) -> Answer:
        size = call.integer("MaxMessageSize", _SMALLEST_LIMIT, LARGEST_MESSAGE) or LARGEST_MESSAGE
        # Whether a second creation with the same attributes passes is not documented.
        self._topics.add(
            Topic(
                name=call.text("TopicName"),
                maximum_message_size=size,
                logging_enabled=call.flag("EnableLogging"),
                tags=_tags(call),
            )
        )
        return _CREATED

    def _delete_topic(self, call: Call) -> Answer:
        topic = self._topic(call)
        for subscription, _ in self._subscriptions.of(topic.name):
            self._subscriptions.remove(topic.name, subscription.name)
        self._topics.remove(topic.name)
        return {}

    def _get_topic_attributes(self, call: Call) -> Answer:
        topic = self._topic(call)
        host = f"{self._tenant.account_id}.mns.{self._tenant.region}"
        return {
            "TopicName": topic.name,
            "TopicType": "normal",
            "CreateTime": topic.created,
            "LastModifyTime": topic.created,
            "MaxMessageSize": topic.maximum_message_size,
            "MessageRetentionPeriod": RETENTION_SECONDS,
            "MessageCount": self._courier.pending()[topic.name],
            "LoggingEnabled": topic.logging_enabled,
            "EnableSSE": False,
            "EncryptionEnabled": False,
            "TopicUrl": f"http://{host}.aliyuncs.com/topics/{topic.name}",
            "TopicInnerUrl": f"http://{host}-internal.aliyuncs.com/topics/{topic.name}",
            "Tags": _shown_tags(topic),
        }

    def _subscribe(self, call: Call) -> Answer:
        topic = self._topic(call).name
        name, endpoint = call.text("SubscriptionName"), call.text("Endpoint")
        check_name("Subscription", name)
        if call.text("PushType") != "queue" or not is_queue(endpoint):
            raise call.invalid(
                "Endpoint",
                "The local cloud pushes to queues, as acs:mns:<region>:<account>:queues/<queue> with the "
                "PushType queue; a function subscribes by its trigger.",
            )
        tag = call.optional("MessageTag")
        if tag is not None and len(tag) > LONGEST_TAG:
            raise call.invalid("MessageTag", f"It must have at most {LONGEST_TAG} characters.")

        wanted = Subscription(
            topic,
            name,
            call.choice("NotifyContentFormat", *QUEUE_FORMATS) or "XML",
            call.choice("NotifyStrategy", *STRATEGIES) or "BACKOFF_RETRY",
            tag,
            endpoint,
        )
        existing = self._subscriptions.find(topic, name)
        if existing is None:
            self._subscriptions.add_queue(wanted)
        elif replace(existing, since=0) != wanted:
            raise already_exists("Subscription")
        return {}

    def _unsubscribe(self, call: Call) -> Answer:
        # Whether MNS refuses a name that there is not is not documented; nothing depends on it.
        self._subscriptions.remove(self._topic(call).name, call.text("SubscriptionName"))
        return {}

    def _list_subscriptions(self, call: Call) -> Answer:
        part = call.optional("SubscriptionName") or ""
        found = self._subscriptions.of(self._topic(call).name)
        shown = [self._shown(subscription) for subscription, _ in found if part in subscription.name]
        return _page(shown, call)

    def _create_queue(self, call: Call) -> Answer:
        call.refuse(("EnableLogging",), call.action)
        self.queues.add(Queue(name=call.text("QueueName"), tags=_tags(call)))
        return _CREATED

    def _delete_queue(self, call: Call) -> Answer:
        self.queues.remove(call.text("QueueName"))
        return {}

    def _get_queue_attributes(self, call: Call) -> Answer:
        queue = self.queues.get(call.text("QueueName"))
        return {
            "QueueName": queue.name,
            "QueueType": "normal",
            "CreateTime": queue.created,
            "LastModifyTime": queue.created,
            "ActiveMessages": len(self.queues.bodies(queue.name)),
            "InactiveMessages": 0,
            "DelayMessages": 0,
            "MaximumMessageSize": LARGEST_MESSAGE,
            "EnableSSE": False,
            "EncryptionEnabled": False,
            "Tags": _shown_tags(queue),
        }

    def _topic(self, call: Call) -> Topic:
        return self._topics.get(call.text("TopicName"))

    def _shown(self, subscription: Subscription) -> Answer:
        return {
            "SubscriptionName": subscription.name,
            "TopicName": subscription.topic,
            "TopicOwner": self._tenant.account_id,
            "Endpoint": subscription.endpoint,
            "FilterTag": subscription.filter_tag or "",
            "NotifyStrategy": subscription.strategy,
            "NotifyContentFormat": subscription.content_format,
            "CreateTime": subscription.since,
            "LastModifyTime": subscription.since,
        }


def _shown_tags(made: Queue) -> list[Answer]:
    return [{"TagKey": key, "TagValue": value} for key, value in made.tags.items()]


def _wrapped(action: Callable[[Call], Answer]) -> Callable[[Call], Answer]:
    def answer(call: Call) -> Answer:
        success = {"Message": "operation success", "Status": "Success", "Success": True}
        return {"Code": 200, "Data": action(call), **success}

    return answer


def _tags(call: Call) -> dict[str, str]:
    """The resource tags ``Tag.1.Key``, ``Tag.1.Value`` and so on."""
    given: dict[str, dict[str, str]] = {}
    for name, text in call.values.items():
        if (match := _TAG.fullmatch(name)) is not None:
            given.setdefault(match[1], {})[match[2]] = text
    return {pair["Key"]: pair.get("Value", "") for pair in given.values() if pair.get("Key")}


def _page(items: Sequence[Any], call: Call) -> Answer:
    """Numbers outside of their bounds are moved to them, as documented of pages."""
    size = min(max(call.integer("PageSize", 0, _HUGE) or 0, _SMALLEST_PAGE), _LARGEST_PAGE)
    number = max(call.integer("PageNum", 0, _HUGE) or 0, 1)
    page = list(items[(number - 1) * size : number * size])
    return {
        "PageData": page,
        "PageNum": number,
        "PageSize": size,
        "Pages": -(-len(items) // size),
        "Size": len(page),
        "Total": len(items),
    }
