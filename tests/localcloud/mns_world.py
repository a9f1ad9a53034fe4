"""MNS with the topic ``labels``, as the official SDK and the functions that receive messages see it."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

from alibabacloud_mns_open20220119 import models

from localcloud.mns.service import MessageService, Subscription
from tests.localcloud.services import Services, started


@dataclass
class Endpoint:
    """A function's endpoint: keeps the events, and accepts or refuses them as it is told.

    It refuses (or breaks at) so many events before it accepts one; None is for ever.
    """

    refusals: int | None = 0
    breaks: bool = False
    events: list[bytes] = field(default_factory=list)

    async def push(self, event: bytes) -> bool:
        self.events.append(event)
        if self.refusals is not None and len(self.events) > self.refusals:
            return True
        if self.breaks:
            raise ConnectionResetError("the endpoint broke")
        return False


@dataclass(frozen=True)
class Mns(Services):
    """A cloud with the topic."""

    @property
    def service(self) -> MessageService:
        return self.local.messages

    def topic(self, name: str) -> models.GetTopicAttributesResponseBodyData:
        """A topic as the API shows it."""
        request = models.GetTopicAttributesRequest(topic_name=name)
        return self.mns().get_topic_attributes(request).body.data

    def delete_topic(self, name: str = "labels") -> None:
        self.mns().delete_topic(models.DeleteTopicRequest(topic_name=name))

    def publish(
        self,
        body: str | bytes,
        topic: str = "labels",
        tag: str | None = None,
        attributes: Mapping[str, str] | None = None,
    ) -> str:
        """Publish a message and give its id."""
        content = body.encode() if isinstance(body, str) else body
        return self.local.run(self.service.publish(topic, content, tag=tag, attributes=attributes))

    def subscribe(
        self,
        name: str,
        endpoint: Endpoint,
        *,
        topic: str = "labels",
        content_format: str = "STREAM",
        strategy: str = "BACKOFF_RETRY",
        filter_tag: str | None = None,
    ) -> None:
        subscription = Subscription(topic, name, content_format, strategy, filter_tag)
        self.local.call(self.service.subscribe, subscription, endpoint.push)

    def settled(self) -> None:
        self.local.run(self.service.settled())


@contextmanager
def mns_started(**options: Any) -> Iterator[Mns]:
    """A cloud with the topic, in which retries are made at once unless told otherwise."""
    with started(**{"time_scale": 0.0, **options}) as local:
        local.call(local.messages.create_topic, "labels")
        yield Mns(local)
