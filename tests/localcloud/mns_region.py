"""An MNS on loopback for tests, with the official SDK as the client of its management API."""

from __future__ import annotations

import random
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

from alibabacloud_mns_open20220119 import models
from alibabacloud_mns_open20220119.client import Client

from localcloud.accounts import Accounts, Identity
from localcloud.clock import Clock
from localcloud.mns.service import MessageService, Subscription
from tests.localcloud.imm_region import without_proxies
from tests.localcloud.serving import Serving, serve
from tests.localcloud.tenancy import OWNER, sdk, tenancy


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


def client_of(address: str, identity: Identity = OWNER) -> Client:
    """The official SDK with somebody's keys."""
    return Client(sdk(address, identity))


@dataclass(frozen=True)
class Region:
    """MNS with all that a test sees of it."""

    service: MessageService
    serving: Serving
    accounts: Accounts
    clock: Clock

    @property
    def client(self) -> Client:
        return client_of(self.serving.address)

    def topic(self, name: str) -> models.GetTopicAttributesResponseBodyData:
        """A topic as the API shows it."""
        request = models.GetTopicAttributesRequest(topic_name=name)
        return self.client.get_topic_attributes(request).body.data

    def delete_topic(self, name: str = "labels") -> None:
        self.client.delete_topic(models.DeleteTopicRequest(topic_name=name))

    def publish(
        self,
        body: str | bytes,
        topic: str = "labels",
        tag: str | None = None,
        attributes: Mapping[str, str] | None = None,
    ) -> str:
        """Publish a message and give its id."""
        content = body.encode() if isinstance(body, str) else body
        return self.serving.run(self.service.publish(topic, content, tag=tag, attributes=attributes))

    def subscribe(
        self,
        name: str,
        endpoint: Endpoint,
        *,
        topic: str = "labels",
        content_format: str = "STREAM",
        strategy: str = "BACKOFF_RETRY",
        filter_tag: str | None = None,
        arn: str = "",
    ) -> None:
        subscription = Subscription(topic, name, content_format, strategy, filter_tag, arn)
        self.service.subscribe(subscription, endpoint.push)

    def settled(self) -> None:
        self.serving.run(self.service.settled())


@contextmanager
def region(
    directory: Path | None = None, time_scale: float = 0.0, seed: int | None = None, spread: float = 0.01
) -> Iterator[Region]:
    """An MNS with one topic, in which retries are made at once unless told otherwise."""
    with tenancy(directory) as tenant:
        service = MessageService(
            tenant,
            time_scale=time_scale,
            delivery_spread_seconds=spread,
            randomness=None if seed is None else random.Random(seed),
        )
        service.create_topic("labels")
        with without_proxies(), serve(service) as serving:
            yield Region(service, serving, tenant.accounts, tenant.clock)
