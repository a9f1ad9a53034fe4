"""Queues: what topics push into them, and the streams of EventBridge take out.

Their messages end with the process, and nobody else sends or takes any.
"""

from __future__ import annotations

import asyncio
import json
import re
from collections import deque
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime

from localcloud.mns.messages import new_message_id
from localcloud.mns.refusals import AlreadyExists, NameInvalid, QueueNotExist
from localcloud.tenant import Tenant

# The endpoint of a subscription lacks the slash that the ARN of a dead-letter queue has.
_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9-]{0,119}", re.ASCII)
_SCHEMA = """
CREATE TABLE IF NOT EXISTS mns_queues (
    name TEXT PRIMARY KEY,
    created INTEGER NOT NULL,
    tags TEXT NOT NULL
) WITHOUT ROWID
"""
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


@dataclass(frozen=True)
class QueueAttributes:
    """A queue that somebody made through the API; ``created`` is in seconds since 1970."""

    name: str
    created: int
    tags: Mapping[str, str]


class Queues:
    """The queues of a region: those that somebody made, and those that a stream reads."""

    def __init__(self, tenant: Tenant) -> None:
        self._home = (tenant.region, tenant.account_id)
        self._clock = tenant.clock
        self._database = tenant.database
        self._database.create(_SCHEMA)
        self._queues: dict[str, Queue] = {}
        for (name,) in self._database.all("SELECT name FROM mns_queues"):
            self._queues[name] = Queue()

    def create(self, name: str) -> Queue:
        """Have a queue of this name; one that exists stays as it is."""
        return self._queues.setdefault(name, Queue())

    def add(self, name: str, tags: Mapping[str, str]) -> None:
        """Make a queue; raises NameInvalid or AlreadyExists."""
        if not _NAME.fullmatch(name):
            raise NameInvalid("Queue", 120)
        created = int(self._clock.now().timestamp())
        added = self._database.execute(
            "INSERT OR IGNORE INTO mns_queues VALUES (?, ?, ?)", (name, created, json.dumps(dict(tags)))
        )
        if not added:
            raise AlreadyExists("Queue")
        self.create(name)

    def get(self, name: str) -> QueueAttributes:
        """A queue that somebody made; raises QueueNotExist."""
        row = self._database.one("SELECT * FROM mns_queues WHERE name = ?", (name,))
        if row is None:
            raise QueueNotExist(name)
        return QueueAttributes(row[0], row[1], json.loads(row[2]))

    def remove(self, name: str) -> None:
        """Remove a queue with its messages; raises QueueNotExist."""
        self.get(name)
        self._database.execute("DELETE FROM mns_queues WHERE name = ?", (name,))
        self._queues.pop(name, None)

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
