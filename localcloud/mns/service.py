"""MNS over HTTP and in process: topics, their subscribers, and the messages on their way."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping

from localcloud.mns.actions import LONGEST_TAG, Actions
from localcloud.mns.attributes import Made, Topic
from localcloud.mns.delivery import Courier, Delivery, Undelivered
from localcloud.mns.messages import Message
from localcloud.mns.queues import Queues
from localcloud.mns.subscriptions import Push, Subscription, Subscriptions
from localcloud.openapi import OpenApi
from localcloud.refusals import RequestRefused
from localcloud.tenant import Tenant

__all__ = ["Delivery", "MessageService", "Subscription", "Undelivered"]


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
        time_scale: float = 1.0,
        delivery_spread_seconds: float = 0.01,
    ) -> None:
        self._clock = tenant.clock
        self._topics = Made(tenant, Topic)
        self.queues = Queues(tenant)
        self._subscriptions = Subscriptions(tenant, self.queues)
        self._duplicates: Counter[str] = Counter()
        self._courier = Courier(tenant.account_id, time_scale, delivery_spread_seconds)
        actions = Actions(
            tenant=tenant,
            topics=self._topics,
            subscriptions=self._subscriptions,
            queues=self.queues,
            message_count=lambda topic: self._courier.pending()[topic],
        )
        super().__init__(
            product="Mns-open",
            host=f"mns-open.{tenant.region}.aliyuncs.com",
            kinds={"topics": "TopicName", "subscriptions": "SubscriptionName", "queues": "QueueName"},
            tenant=tenant,
            apis=[actions.api],
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
