"""MNS topics with their subscriptions, and queues, through alibabacloud-mns-open20220119."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from alibabacloud_mns_open20220119 import models
from alibabacloud_mns_open20220119.client import Client

from cli.cloud.access import Access
from cli.cloud.calls import Sdk, Subject

LARGEST_MESSAGE = 65_536
_PAGE = 50


@dataclass(frozen=True)
class Topic:
    """A topic as it is, or as it is to be made."""

    name: str
    tags: Mapping[str, str] = field(default_factory=dict)
    maximum_message_size: int = LARGEST_MESSAGE
    logging: bool = False


class Messaging(Sdk):
    """MNS in a region; every method raises CallFailed. What is to be removed and is gone is no failure."""

    def __init__(self, access: Access, account_id: str) -> None:
        super().__init__("MNS", f"acs:mns:{access.region}:{account_id}:")
        self._client = Client(access.openapi("mns"))

    def topic(self, name: str) -> Topic | None:
        """A topic, if there is one of this name."""
        request = models.GetTopicAttributesRequest(topic_name=name)
        answer = self._find(self._client.get_topic_attributes, request, on=_topic(name))
        if answer is None:
            return None
        data = answer.body.data
        return Topic(
            name=name,
            tags={tag.tag_key: tag.tag_value or "" for tag in data.tags or []},
            maximum_message_size=data.max_message_size or LARGEST_MESSAGE,
            logging=bool(data.logging_enabled),
        )

    def create_topic(self, topic: Topic) -> None:
        """Make a topic."""
        request = models.CreateTopicRequest(
            topic_name=topic.name,
            max_message_size=topic.maximum_message_size,
            enable_logging=topic.logging,
            tag=[models.CreateTopicRequestTag(key=key, value=value) for key, value in topic.tags.items()],
        )
        self._ask(self._client.create_topic, request, on=_topic(topic.name))

    def delete_topic(self, name: str) -> None:
        """Remove a topic with its subscriptions."""
        self._find(self._client.delete_topic, models.DeleteTopicRequest(topic_name=name), on=_topic(name))

    def subscriptions(self, topic: str) -> int:
        """How many get a topic's messages; none where there is no such topic."""
        request = models.ListSubscriptionByTopicRequest(topic_name=topic, page_num=0, page_size=_PAGE)
        count, page = 0, _PAGE
        while page == _PAGE:
            request.page_num += 1
            subject = _topic(topic)._replace(resource=f"/topics/{topic}/subscriptions")
            answer = self._find(self._client.list_subscription_by_topic, request, on=subject)
            data = answer.body.data if answer is not None else None
            page = len((data.page_data if data is not None else None) or [])
            count += page
        return count

    def tags_of_queue(self, name: str) -> Mapping[str, str] | None:
        """The tags of a queue; None where there is none of this name."""
        request = models.GetQueueAttributesRequest(queue_name=name)
        answer = self._find(self._client.get_queue_attributes, request, on=_queue(name))
        if answer is None:
            return None
        return {tag.tag_key: tag.tag_value or "" for tag in answer.body.data.tags or []}

    def create_queue(self, name: str, tags: Mapping[str, str]) -> None:
        """Make a queue with MNS's defaults."""
        pairs = [models.CreateQueueRequestTag(key=key, value=value) for key, value in tags.items()]
        request = models.CreateQueueRequest(queue_name=name, tag=pairs)
        self._ask(self._client.create_queue, request, on=_queue(name))

    def delete_queue(self, name: str) -> None:
        """Remove a queue with its messages."""
        self._find(self._client.delete_queue, models.DeleteQueueRequest(queue_name=name), on=_queue(name))


def _topic(name: str) -> Subject:
    return Subject(f"topic {name}", f"/topics/{name}")


def _queue(name: str) -> Subject:
    return Subject(f"queue {name}", f"/queues/{name}")
