"""Queues: what topics push into them, and the streams of EventBridge take out.

Their messages end with the process, and nobody else sends or takes any.
"""

from __future__ import annotations

import asyncio
import re
from collections import deque
from dataclasses import dataclass, field
from datetime import datetime

from localcloud.mns.attributes import Made, Queue
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


class Messages:
    """The messages of a queue that nobody has taken yet, the oldest first.

    It is the same as long as the process runs: whoever waits for messages gets those of a queue that was
    deleted and made again. While ``open`` is False there is no queue.
    """

    def __init__(self) -> None:
        self.waiting: deque[QueueMessage] = deque()
        self.open = False
        self._arrived = asyncio.Event()

    def put(self, message: QueueMessage) -> None:
        """Put a message behind all others."""
        self.waiting.append(message)
        self._arrived.set()

    async def arrived(self) -> None:
        """Wait until there is a message to take."""
        while not self.waiting:
            self._arrived.clear()
            await self._arrived.wait()


class Queues(Made[Queue]):
    """The queues of a region: those that somebody made, and those that a stream reads."""

    def __init__(self, tenant: Tenant) -> None:
        super().__init__(tenant, Queue)
        self._home = (tenant.region, tenant.account_id)
        self._messages: dict[str, Messages] = {}
        for queue in self.all():
            self.create(queue.name)

    def create(self, name: str) -> Messages:
        """Have a queue of this name; one that exists stays as it is."""
        messages = self._messages.setdefault(name, Messages())
        messages.open = True
        return messages

    def add(self, made: Queue) -> None:
        """Make a queue; raises a RequestRefused."""
        super().add(made)
        self.create(made.name)

    def remove(self, name: str) -> None:
        """Remove a queue with its messages; raises a RequestRefused."""
        super().remove(name)
        messages = self.create(name)
        messages.waiting.clear()
        messages.open = False

    def name_of(self, arn: str) -> str | None:
        """The queue of this region that an ARN names, whether there is one or not."""
        match = _ARN.fullmatch(arn)
        return match[3] if match and (match[1], match[2]) == self._home else None

    def bodies(self, name: str) -> list[str]:
        """The bodies of a queue's messages, the oldest first; none if there is no such queue."""
        found = self._messages.get(name)
        return [] if found is None else [message.body for message in found.waiting]

    def send(self, arn: str, body: str) -> bool:
        """Put a message into the queue that an ARN names; False if this region has no such queue."""
        messages = self._messages.get(self.name_of(arn) or "")
        if messages is None or not messages.open:
            return False
        messages.put(QueueMessage(body, self._clock.now()))
        return True

    async def push(self, arn: str, content: bytes) -> bool:
        """The same for a topic's courier; raises LookupError if this region has no such queue."""
        if not self.send(arn, content.decode()):
            raise LookupError(f"there is no queue {arn}")
        return True


def is_queue(endpoint: str) -> bool:
    """Whether a subscription's endpoint is a queue."""
    return _ARN.fullmatch(endpoint) is not None
