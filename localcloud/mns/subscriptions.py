"""Who receives a topic's messages, and in which form."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import dataclass, replace
from functools import partial

from localcloud.mns.messages import Message, event, queue_body
from localcloud.mns.queues import Queues, is_queue
from localcloud.records import Records
from localcloud.tenant import Tenant

Push = Callable[[bytes], Awaitable[bool]]

FUNCTION_FORMATS = ("JSON", "STREAM")
QUEUE_FORMATS = ("XML", "JSON", "SIMPLIFIED")
STRATEGIES = ("BACKOFF_RETRY", "EXPONENTIAL_DECAY_RETRY")


@dataclass(frozen=True)
class Subscription:
    """A subscription to a topic: a function's, as an ``mns_topic`` trigger declares it, or a queue's.

    ``endpoint`` is an ARN; where it names a queue, the queue receives the messages. ``since`` is when the
    subscription was made, in seconds since 1970.
    """

    topic: str
    name: str
    content_format: str
    strategy: str
    filter_tag: str | None
    endpoint: str = ""
    since: int = 0

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
        form = queue_body if self.to_queue else event
        return form(message, self.name, self.content_format, account_id)

    def wants(self, message: Message) -> bool:
        """Whether the message is for this subscription."""
        return self.filter_tag in (None, message.tag)


class Subscriptions:
    """The subscriptions of every topic, and what hands an event to an endpoint.

    A ``Push`` says whether the endpoint has accepted the event. Subscriptions of queues are kept; those of
    functions are declared by a deployment.
    """

    def __init__(self, tenant: Tenant, queues: Queues) -> None:
        self._clock = tenant.clock
        self._queues = queues
        self._kept = Records(tenant.database, "MNS subscription", Subscription)
        self._registered: dict[tuple[str, str], tuple[Subscription, Push]] = {}
        for subscription in self._kept.all():
            self._register(subscription, self._to_queue(subscription))

    def add(self, subscription: Subscription, push: Push) -> None:
        """Add a function's subscription, in place of one of the same name."""
        self._register(self._made_now(subscription), push)

    def add_queue(self, subscription: Subscription) -> None:
        """Add a queue's subscription."""
        made = self._made_now(subscription)
        self._kept.put(f"{made.topic}/{made.name}", made)
        self._register(made, self._to_queue(made))

    def find(self, topic: str, name: str) -> Subscription | None:
        """A subscription by its name."""
        found = self._registered.get((topic, name))
        return None if found is None else found[0]

    def remove(self, topic: str, name: str) -> None:
        """Remove a subscription, if it is there."""
        self._registered.pop((topic, name), None)
        self._kept.remove(f"{topic}/{name}")

    def of(self, topic: str) -> list[tuple[Subscription, Push]]:
        """A topic's subscriptions, by name."""
        return [self._registered[key] for key in sorted(self._registered) if key[0] == topic]

    def _register(self, subscription: Subscription, push: Push) -> None:
        self._registered[subscription.topic, subscription.name] = (subscription, push)

    def _made_now(self, subscription: Subscription) -> Subscription:
        return replace(subscription, since=int(self._clock.now().timestamp()))

    def _to_queue(self, subscription: Subscription) -> Push:
        return partial(self._queues.push, subscription.endpoint)
