"""MNS's management API behind the OpenAPI gateway, product Mns-open: topics, subscriptions and queues.

Sources: alibabacloud.com/help/en/mns/developer-reference, api-mns-open-2022-01-19-createtopic and its
neighbours, and the official SDK alibabacloud-mns-open20220119. A function subscribes by its trigger, so that
Subscribe has queues only.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Sequence
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
from localcloud.mns.queues import Queues, is_queue
from localcloud.mns.subscriptions import QUEUE_FORMATS, STRATEGIES, Subscription, Subscriptions
from localcloud.openapi import Answer, Api, Call, Need
from localcloud.tenant import Tenant

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


class Actions:
    """The actions over the topics and subscriptions of a cloud.

    ``message_count`` knows how many deliveries of a topic's messages are not yet decided.
    """

    def __init__(
        self,
        *,
        tenant: Tenant,
        topics: Made[Topic],
        subscriptions: Subscriptions,
        queues: Queues,
        message_count: Callable[[str], int],
    ) -> None:
        self._arn, self._queue_arn = tenant.arn("mns", "/topics"), tenant.arn("mns", "/queues")
        self._account_id = tenant.account_id
        self._host = f"{tenant.account_id}.mns.{tenant.region}"
        self._topics = topics
        self._subscriptions = subscriptions
        self._queues = queues
        self._message_count = message_count
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
        self.api = Api(VERSION, {name: _wrapped(action) for name, action in actions.items()}, self._needs)

    def _needs(self, call: Call) -> Iterator[Need]:
        """An action has its own name, and its resource is the path of MNS's HTTP API (help page 27447)."""
        call.refuse(_NOT_SERVED, call.action)
        if "Queue" in call.action:
            yield Need(f"mns:{call.action}", f"{self._queue_arn}/{call.text('QueueName')}")
            return
        resource = f"{self._arn}/{call.text('TopicName')}"
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
        return {
            "TopicName": topic.name,
            "TopicType": "normal",
            "CreateTime": topic.created,
            "LastModifyTime": topic.created,
            "MaxMessageSize": topic.maximum_message_size,
            "MessageRetentionPeriod": RETENTION_SECONDS,
            "MessageCount": self._message_count(topic.name),
            "LoggingEnabled": topic.logging_enabled,
            "EnableSSE": False,
            "EncryptionEnabled": False,
            "TopicUrl": f"http://{self._host}.aliyuncs.com/topics/{topic.name}",
            "TopicInnerUrl": f"http://{self._host}-internal.aliyuncs.com/topics/{topic.name}",
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
        self._queues.add(Queue(name=call.text("QueueName"), tags=_tags(call)))
        return _CREATED

    def _delete_queue(self, call: Call) -> Answer:
        self._queues.remove(call.text("QueueName"))
        return {}

    def _get_queue_attributes(self, call: Call) -> Answer:
        queue = self._queues.get(call.text("QueueName"))
        return {
            "QueueName": queue.name,
            "QueueType": "normal",
            "CreateTime": queue.created,
            "LastModifyTime": queue.created,
            "ActiveMessages": len(self._queues.bodies(queue.name)),
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
            "TopicOwner": self._account_id,
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
