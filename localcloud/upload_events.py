"""Tells functions of uploads: through OSS's own trigger, and through EventBridge's rules for ``acs.oss``.

Each event is delivered at least once and in no certain order. Sources: the event template ``oss`` of fc3, and
the help pages "OSS triggers" (Function Compute) and "OSS events" (EventBridge).
Whether keys are percent-encoded in events is not documented; ``encode_keys`` sends them so.
"""

from __future__ import annotations

import asyncio
import json
import random
import secrets
from collections import deque
from collections.abc import Awaitable, Callable
from dataclasses import asdict, dataclass, replace
from typing import Any
from urllib.parse import quote

from localcloud.eventbridge.events import cloud_event, in_milliseconds, passes
from localcloud.fc.declaration import EventBridgeTrigger, OssTrigger
from localcloud.oss.service import ObjectCreated
from localcloud.tenant import Tenant

ATTEMPTS = 4
RETRY_SECONDS = 10.0
REMEMBERED = 10_000

Push = Callable[[bytes], Awaitable[bool]]


@dataclass(frozen=True)
class UploadEventOrder:
    """How the events of a bucket are sent from now on.

    ``duplicate_rate`` of them are sent twice, drawn by lot (the same ones with a ``seed``); each copy is up
    to ``spread_seconds`` late, so that they overtake each other. Raises ValueError for a rate that is none.
    """

    duplicate_rate: float = 0.0
    spread_seconds: float = 0.0
    encode_keys: bool = False
    seed: int | None = None

    def __post_init__(self) -> None:
        if not 0 <= self.duplicate_rate <= 1 or self.spread_seconds < 0:
            raise ValueError(f"These are not a rate from 0 to 1 and seconds: {asdict(self)}.")


@dataclass(frozen=True)
class UndeliveredUpload:
    """An event that no attempt handed to the function, and why the last one failed."""

    function: str
    trigger: str
    object: str
    reason: str


class UploadEvents:
    """The triggers that wait for uploads, and the events on their way to them."""

    def __init__(self, tenant: Tenant, time_scale: float) -> None:
        self._tenant = tenant
        self._time_scale = time_scale
        self._native: dict[tuple[str, str], tuple[OssTrigger, Push]] = {}
        self._rules: dict[tuple[str, str], tuple[EventBridgeTrigger, Push]] = {}
        self._orders: dict[str, tuple[UploadEventOrder, random.Random]] = {}
        self._pending: set[asyncio.Task[None]] = set()
        self.undelivered: deque[UndeliveredUpload] = deque(maxlen=REMEMBERED)

    def add_trigger(self, trigger: OssTrigger, push: Push) -> None:
        """Hand a function the uploads that its trigger asks for."""
        self._native[trigger.function, trigger.name] = (trigger, push)

    def of_bucket(self, bucket: str) -> list[OssTrigger]:
        """The triggers of a bucket."""
        return [trigger for trigger, _ in self._native.values() if trigger.bucket == bucket]

    def add_rule(self, rule: EventBridgeTrigger, push: Push) -> None:
        """Hand a function the uploads that its rule lets pass."""
        self._rules[rule.function, rule.name] = (rule, push)

    def remove(self, function: str, name: str) -> None:
        """Hand a function nothing more for a trigger or a rule."""
        self._native.pop((function, name), None)
        self._rules.pop((function, name), None)

    def order(self, bucket: str, order: UploadEventOrder) -> None:
        """Send a bucket's events otherwise."""
        self._orders[bucket] = (order, random.Random(order.seed))

    def announce(self, created: ObjectCreated) -> None:
        """Begin to tell everybody who waits for an object."""
        order, randomness = self._orders.get(created.bucket, (UploadEventOrder(), random.Random()))
        key = quote(created.key) if order.encode_keys else created.key
        copies = 1 + (randomness.random() < order.duplicate_rate)
        where = f"oss://{created.bucket}/{created.key}"
        waiting = [
            (name, push, self._native_event(created, key, trigger))
            for name, (trigger, push) in self._native.items()
            if trigger.wants(created.event, created.bucket, created.key)
        ]
        cloud_event = self._cloud_event(created, key)
        waiting += [
            (name, push, cloud_event)
            for name, (rule, push) in self._rules.items()
            if passes(rule.filter_pattern, cloud_event)
        ]
        for (function, trigger), push, event in waiting * copies:
            delay = randomness.uniform(0, order.spread_seconds)
            undelivered = UndeliveredUpload(function, trigger, where, "")
            task = asyncio.create_task(self._deliver(push, event, delay, undelivered))
            self._pending.add(task)
            task.add_done_callback(self._pending.discard)

    async def settled(self) -> None:
        """Wait until every event is handed over or given up."""
        while self._pending:
            await asyncio.wait(list(self._pending))

    async def stop(self) -> None:
        """Give up what is on its way."""
        for task in list(self._pending):
            task.cancel()
        await asyncio.gather(*self._pending, return_exceptions=True)

    async def _deliver(
        self, push: Push, event: dict[str, Any], delay: float, undelivered: UndeliveredUpload
    ) -> None:
        await asyncio.sleep(delay)
        payload = json.dumps(event, ensure_ascii=False, separators=(",", ":")).encode()
        reason = ""
        for attempt in range(ATTEMPTS):
            if attempt:
                await asyncio.sleep(RETRY_SECONDS * self._time_scale)
            try:
                if await push(payload):
                    return
                reason = "the function failed"
            except Exception as error:
                # A function that cannot be invoked has not taken the event, whatever the cause.
                reason = str(error)
        self.undelivered.append(replace(undelivered, reason=reason))

    def _native_event(self, created: ObjectCreated, key: str, trigger: OssTrigger) -> dict[str, Any]:
        event = {
            "eventName": created.event,
            "eventSource": "acs:oss",
            "eventTime": in_milliseconds(created.time),
            "eventVersion": "1.0",
            "oss": {**self._content(created, key), "ruleId": trigger.name},
            "region": self._tenant.region,
            **self._request(created),
        }
        return {"events": [event]}

    def _cloud_event(self, created: ObjectCreated, key: str) -> dict[str, Any]:
        return cloud_event(
            self._tenant,
            secrets.token_hex(12).upper(),
            f"oss:{created.event}",
            created.time,
            {
                "eventVersion": "1.0",
                "region": self._tenant.region,
                "oss": self._content(created, key),
                **self._request(created),
            },
            source="acs.oss",
            bus="default",
            subject=self._tenant.arn("oss", f"{created.bucket}/{key}"),
        )

    def _content(self, created: ObjectCreated, key: str) -> dict[str, Any]:
        return {
            "bucket": {
                "arn": self._tenant.arn("oss", created.bucket),
                "name": created.bucket,
                "ownerIdentity": self._tenant.account_id,
                "virtualBucket": "",
            },
            "object": {
                "deltaSize": created.size,
                "eTag": created.etag,
                "key": key,
                "size": created.size,
            },
            "ossSchemaVersion": "1.0",
        }

    def _request(self, created: ObjectCreated) -> dict[str, Any]:
        return {
            "requestParameters": {"sourceIPAddress": "127.0.0.1"},
            "responseElements": {"requestId": secrets.token_hex(12).upper()},
            "userIdentity": {"principalId": self._tenant.account_id},
        }
