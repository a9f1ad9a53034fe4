"""MNS topics with their subscriptions, and queues, through alibabacloud-mns-open20220119."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import partial
from typing import Any

from alibabacloud_mns_open20220119 import models
from alibabacloud_mns_open20220119.client import Client

from cli.cloud.access import Access
from cli.cloud.calls import Call, ask, found

LARGEST_MESSAGE = 65_536
_PAGE = 50


@dataclass(frozen=True)
class Topic:
    """A topic as it is, or as it is to be made."""

    name: str
    tags: Mapping[str, str] = field(default_factory=dict)
    maximum_message_size: int = LARGEST_MESSAGE
    logging: bool = False


@dataclass(frozen=True)
class Subscription:
    """Who gets a topic's messages, and in which form."""

    name: str
    endpoint: str
    content_format: str
    strategy: str


class Topics:
    """The topics of a region; every method raises CallFailed."""

    def __init__(self, access: Access, account_id: str) -> None:
        self._client = Client(access.openapi("mns"))
        self._prefix = f"acs:mns:{access.region}:{account_id}:/topics/"

    def find(self, name: str) -> Topic | None:
        """A topic, if there is one of this name."""
        request = models.GetTopicAttributesRequest(topic_name=name)
        call = self._call("GetTopicAttributes", name)
        answer = found(call, lambda: self._client.get_topic_attributes(request))
        if answer is None:
            return None
        data = answer.body.data
        return Topic(
            name=name,
            tags={tag.tag_key: tag.tag_value or "" for tag in data.tags or []},
            maximum_message_size=data.max_message_size or LARGEST_MESSAGE,
            logging=bool(data.logging_enabled),
        )

    def create(self, topic: Topic) -> None:
        """Make a topic."""
        tags = [models.CreateTopicRequestTag(key=key, value=value) for key, value in topic.tags.items()]
        request = models.CreateTopicRequest(
            topic_name=topic.name,
            max_message_size=topic.maximum_message_size,
            enable_logging=topic.logging,
            tag=tags,
        )
        ask(self._call("CreateTopic", topic.name), lambda: self._client.create_topic(request))

    def delete(self, name: str) -> None:
        """Remove a topic with its subscriptions; one that is gone already is none either."""
        request = models.DeleteTopicRequest(topic_name=name)
        found(self._call("DeleteTopic", name), lambda: self._client.delete_topic(request))

    def subscriptions(self, topic: str) -> list[Subscription]:
        """Everybody who gets a topic's messages; none where there is no such topic."""
        call = self._call("ListSubscriptionByTopic", topic, "/subscriptions")
        subscriptions: list[Subscription] = []
        number = 1
        while True:
            request = models.ListSubscriptionByTopicRequest(
                topic_name=topic, page_num=number, page_size=_PAGE
            )
            answer = found(call, partial(self._client.list_subscription_by_topic, request))
            data = answer.body.data if answer is not None else None
            page = (data.page_data if data is not None else None) or []
            subscriptions += [_subscription(item) for item in page]
            if len(page) < _PAGE:
                return subscriptions
            number += 1

    def _call(self, action: str, topic: str, rest: str = "") -> Call:
        return Call("MNS", action, f"topic {topic}", f"{self._prefix}{topic}{rest}")


class Queues:
    """The queues of a region; every method raises CallFailed."""

    def __init__(self, access: Access, account_id: str) -> None:
        self._client = Client(access.openapi("mns"))
        self._prefix = f"acs:mns:{access.region}:{account_id}:/queues/"

    def tags_of(self, name: str) -> Mapping[str, str] | None:
        """The tags of a queue; None where there is none of this name."""
        request = models.GetQueueAttributesRequest(queue_name=name)
        call = self._call("GetQueueAttributes", name)
        answer = found(call, lambda: self._client.get_queue_attributes(request))
        if answer is None:
            return None
        return {tag.tag_key: tag.tag_value or "" for tag in answer.body.data.tags or []}

    def create(self, name: str, tags: Mapping[str, str]) -> None:
        """Make a queue with MNS's defaults."""
        pairs = [models.CreateQueueRequestTag(key=key, value=value) for key, value in tags.items()]
        request = models.CreateQueueRequest(queue_name=name, tag=pairs)
        ask(self._call("CreateQueue", name), lambda: self._client.create_queue(request))

    def delete(self, name: str) -> None:
        """Remove a queue with its messages; one that is gone already is none either."""
        request = models.DeleteQueueRequest(queue_name=name)
        found(self._call("DeleteQueue", name), lambda: self._client.delete_queue(request))

    def _call(self, action: str, queue: str) -> Call:
        return Call("MNS", action, f"queue {queue}", f"{self._prefix}{queue}")


def _subscription(item: Any) -> Subscription:
    return Subscription(
        item.subscription_name,
        item.endpoint or "",
        item.notify_content_format or "",
        item.notify_strategy or "",
    )
