"""Who receives a topic's messages."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from datetime import datetime
from typing import NamedTuple

from localcloud.mns.messages import Message

FORMATS = ("JSON", "STREAM")
STRATEGIES = ("BACKOFF_RETRY", "EXPONENTIAL_DECAY_RETRY")


@dataclass(frozen=True)
class Subscription:
    """A function's subscription to a topic, as an ``mns_topic`` trigger declares it.

    ``push`` hands an event to the endpoint and says whether the endpoint has accepted it.
    """

    topic: str
    name: str
    content_format: str
    strategy: str
    filter_tag: str | None
    push: Callable[[bytes], Awaitable[bool]]
    endpoint: str = ""

    def __post_init__(self) -> None:
        if self.content_format not in FORMATS:
            raise ValueError(
                f"{self.name}: a function takes {' or '.join(FORMATS)}, not {self.content_format}"
            )
        if self.strategy not in STRATEGIES:
            raise ValueError(f"{self.name}: the strategy is {' or '.join(STRATEGIES)}, not {self.strategy}")

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

    def names(self, topic: str) -> list[str]:
        """The names of a topic's subscriptions, in order."""
        return sorted(name for owner, name in self._registered if owner == topic)

    def wanting(self, message: Message) -> list[Subscription]:
        """The subscriptions that a message is for."""
        subscriptions = (registered.subscription for registered in self._registered.values())
        return [subscription for subscription in subscriptions if subscription.wants(message)]
