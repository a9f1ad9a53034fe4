"""Queues: what topics push into them, and the streams of EventBridge take out.

They have no API of their own here, and their messages end with the process.
"""

from __future__ import annotations

import asyncio
import re
from collections import deque
from dataclasses import dataclass, field
from datetime import datetime

from localcloud.mns.messages import new_message_id
from localcloud.tenant import Tenant

# The endpoint of a subscription lacks the slash that the ARN of a dead-letter queue has.
_ARN = re.compile(r"acs:mns:([a-z0-9-]+):(\d+):/?queues/([A-Za-z0-9][A-Za-z0-9-]{0,119})")


@dataclass(frozen=True)
class QueueMessage:
    """A message of a queue."""

    body: str
    sent: datetime
    message_id: str = field(default_factory=new_message_id)


class Queue:
    """A queue and the messages that nobody has taken yet, the oldest first."""

    def __init__(self) -> None:
        self.messages: deque[QueueMessage] = deque()
        self._arrived = asyncio.Event()

    def put(self, message: QueueMessage) -> None:
        """Put a message behind all others."""
        self.messages.append(message)
        self._arrived.set()

    async def arrived(self) -> None:
        """Wait until there is a message to take."""
        while not self.messages:
            self._arrived.clear()
            await self._arrived.wait()


class Queues:
    """The queues of a region."""

    def __init__(self, tenant: Tenant) -> None:
        self._home = (tenant.region, tenant.account_id)
        self._clock = tenant.clock
        self._queues: dict[str, Queue] = {}

    def create(self, name: str) -> Queue:
        """Have a queue of this name; one that exists stays as it is."""
        return self._queues.setdefault(name, Queue())

    def name_of(self, arn: str) -> str | None:
        """The queue of this region that an ARN names, whether there is one or not."""
        match = _ARN.fullmatch(arn)
        return match[3] if match and (match[1], match[2]) == self._home else None

    def bodies(self, name: str) -> list[str]:
        """The bodies of a queue's messages, the oldest first; none if there is no such queue."""
        queue = self._queues.get(name)
        return [] if queue is None else [message.body for message in queue.messages]

    def send(self, arn: str, body: str) -> bool:
        """Put a message into the queue that an ARN names; False if this region has no such queue."""
        queue = self._queues.get(self.name_of(arn) or "")
        if queue is None:
            return False
        queue.put(QueueMessage(body, self._clock.now()))
        return True


def is_queue(endpoint: str) -> bool:
    """Whether a subscription's endpoint is a queue."""
    return _ARN.fullmatch(endpoint) is not None
