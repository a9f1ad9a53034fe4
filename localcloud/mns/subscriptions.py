"""Who receives a topic's messages."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from datetime import datetime
from typing import NamedTuple

from localcloud.mns.messages import Message, event, queue_body
from localcloud.mns.queues import is_queue

FUNCTION_FORMATS = ("JSON", "STREAM")
QUEUE_FORMATS = ("XML", "JSON", "SIMPLIFIED")
STRATEGIES = ("BACKOFF_RETRY", "EXPONENTIAL_DECAY_RETRY")


@dataclass(frozen=True)
class Subscription:
    """A subscription to a topic: a function's, as an ``mns_topic`` trigger declares it, or a queue's.

    ``push`` hands an event to the endpoint and says whether the endpoint has accepted it. ``endpoint`` is an
    ARN; where it names a queue, the queue receives the messages.
    """

    topic: str
    name: str
    content_format: str
    strategy: str
    filter_tag: str | None
    push: Callable[[bytes], Awaitable[bool]]
    endpoint: str = ""

    def __post_init__(self) -> None:
        taker, formats = ("queue", QUEUE_FORMATS) if self.to_queue else ("function", FUNCTION_FORMATS)
        if self.content_format not in formats:
            raise ValueError(
                f"{self.name}: a {taker} takes {' or '.join(formats)}, not {self.content_format}"
            )
        if self.strategy not in STRATEGIES:
            raise ValueError(f"{self.name}: the strategy is {' or '.join(STRATEGIES)}, not {self.strategy}")

    @property
    def to_queue(self) -> bool:
        """Whether the endpoint is a queue."""
        return is_queue(self.endpoint)

    def content(self, message: Message, account_id: str) -> bytes:
        """What the endpoint receives for a message."""
        if self.to_queue:
            return queue_body(message, self.name, self.content_format, account_id).encode()
        return event(message, self.name, self.content_format, account_id)

    def wants(self, message: Message) -> bool:
        """Whether the message is for this subscription."""
        return message.topic == self.topic and self.filter_tag in (None, message.tag)


class Registered(NamedTuple):
    """A subscription, and when it was made in seconds since 1970."""

    subscription: Subscription
    since: int


class Subscriptions:
    """The subscriptions of every topic. They last as long as the process: a deployment declares them."""

    def __init__(self) -> None:
        self._registered: dict[tuple[str, str], Registered] = {}

    def add(self, subscription: Subscription, now: datetime) -> None:
        """Add a subscription, in place of one of the same name."""
        registered = Registered(subscription, int(now.timestamp()))
        self._registered[subscription.topic, subscription.name] = registered

    def find(self, topic: str, name: str) -> Registered | None:
        """A subscription by its name."""
        return self._registered.get((topic, name))

    def remove(self, topic: str) -> None:
        """Remove a topic's subscriptions."""
        self._registered = {key: value for key, value in self._registered.items() if key[0] != topic}

    def remove_one(self, topic: str, name: str) -> None:
        """Remove one subscription, if it is there."""
        self._registered.pop((topic, name), None)

    def of(self, topic: str) -> list[Registered]:
        """A topic's subscriptions, by name."""
        return [found for (owner, _), found in sorted(self._registered.items()) if owner == topic]

    def wanting(self, message: Message) -> list[Subscription]:
        """The subscriptions that a message is for."""
        subscriptions = (registered.subscription for registered in self._registered.values())
        return [subscription for subscription in subscriptions if subscription.wants(message)]
