"""Hands the messages of an MNS queue to a function, one a call or in batches, as a trigger declares it.

Sources: fc3's ``docs/zh/yaml/triggers.md``, awesome-fc/code-example ``python3-mns-queue-trigger`` (for the
event), and the help pages ``developer-reference/api-fc-2023-03-30-struct-runoptions`` and its neighbours.
Whether the items of a batch of MNS messages are objects or JSON text is not documented; here they are
objects. Nor is it what IsBase64Decode does to a body that is no base64; here that stays as it is.
"""

from __future__ import annotations

import asyncio
import base64
import json
import secrets
from collections.abc import Awaitable, Callable
from typing import Any

from localcloud.eventbridge.events import cloud_event
from localcloud.fc.declaration import EventBridgeTrigger, MnsQueueSource
from localcloud.mns.delivery import retry_delays
from localcloud.mns.queues import Messages, QueueMessage
from localcloud.tenant import Tenant

STREAMING = "event-streaming"

Invoke = Callable[[bytes], Awaitable[bool]]


class QueueStream:
    """Takes a queue's messages and calls a function with them.

    ``invoke`` says whether the call succeeded; ``bury`` is given the messages that exhausted their retries,
    which only a trigger with a dead-letter queue has.
    """

    def __init__(
        self,
        *,
        tenant: Tenant,
        trigger: EventBridgeTrigger,
        source: MnsQueueSource,
        queue: Messages,
        invoke: Invoke,
        bury: Callable[[str], object],
        time_scale: float,
    ) -> None:
        self._tenant = tenant
        self._trigger = trigger
        self._source = source
        self._queue = queue
        self._invoke = invoke
        self._bury = bury
        self._time_scale = time_scale
        self._task: asyncio.Task[None] | None = None
        self._held_up = False
        self._idle = asyncio.Event()
        self._idle.set()

    def start(self) -> None:
        """Begin to take messages."""
        self._task = asyncio.create_task(self._run())

    async def stop(self) -> None:
        """Take no more messages; those in the queue, or in a call that has not ended, are there again."""
        if self._task is not None:
            self._task.cancel()
            await asyncio.gather(self._task, return_exceptions=True)

    async def settled(self) -> None:
        """Wait until the queue is empty and no call under way, or until what failed holds up the stream."""
        while not self._held_up and (self._queue.waiting or not self._idle.is_set()):
            await self._idle.wait()
            await asyncio.sleep(0)

    async def _run(self) -> None:
        while True:
            await self._queue.arrived()
            self._idle.clear()
            batch = await self._batch()
            try:
                # A queue that is deleted while the window is open takes its messages with it.
                if batch:
                    await self._deliver(batch)
            except asyncio.CancelledError:
                # The trigger ends before the call does: whoever reads the queue next finds the messages.
                self._queue.waiting.extendleft(reversed(batch))
                raise
            self._idle.set()

    async def _batch(self) -> list[QueueMessage]:
        """The messages of one call: as many as come in the window, or one."""
        messages = self._queue.waiting
        if self._trigger.mode != STREAMING:
            return [messages.popleft()]
        size = self._trigger.batch_messages
        waited = asyncio.get_running_loop().time() + self._trigger.batch_seconds * self._time_scale
        while len(messages) < size and (left := waited - asyncio.get_running_loop().time()) > 0:
            await asyncio.sleep(min(left, 0.01))
        return [messages.popleft() for _ in range(min(size, len(messages)))]

    async def _deliver(self, batch: list[QueueMessage]) -> None:
        items = [self._item(message) for message in batch]
        event = _json(items if self._trigger.mode == STREAMING else items[0])
        strategy = self._trigger.push_retry_strategy or "BACKOFF_RETRY"
        while True:
            for seconds in (*retry_delays(strategy), None):
                if await self._invoke(event):
                    self._held_up = False
                    return
                if seconds is not None:
                    await asyncio.sleep(seconds * self._time_scale)
            if self._trigger.errors_tolerance == "ALL":
                break
            # With NONE nothing passes the messages that failed: they are tried until they succeed.
            self._held_up = True
            self._idle.set()
        if self._trigger.dead_letter_queue is not None:
            for item in items:
                self._bury(_json(item).decode())

    def _item(self, message: QueueMessage) -> dict[str, Any]:
        body = _decoded(message.body) if self._source.base64_decode else message.body
        data = {
            "requestId": secrets.token_hex(12).upper(),
            "messageId": message.message_id,
            "messageBody": body,
        }
        if self._trigger.event_schema == "RawData":
            return data
        bus = f"MNS-{self._trigger.name}"
        return cloud_event(
            self._tenant,
            message.message_id,
            "mns:Queue:SendMessage",
            message.sent,
            data,
            source=bus,
            bus=bus,
            subject=self._tenant.arn("mns", f"queues/{self._source.name}"),
        )


def _decoded(body: str) -> str:
    try:
        return base64.b64decode(body, validate=True).decode("utf-8")
    except ValueError:
        return body


def _json(value: Any) -> bytes:
    return json.dumps(value, ensure_ascii=False, separators=(",", ":")).encode()
