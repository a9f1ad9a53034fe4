"""Events that exhausted their retries: where they lie, and what becomes of them after the faults."""

from __future__ import annotations

import asyncio
import json
from collections import Counter, defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from localcloud.mns.service import Subscription
from proof.load.bucket import Owner
from proof.load.observations import task_of
from proof.load.region import KEPT_BUCKET, KEPT_PREFIX, Region

_ROUNDS = 3


@dataclass(frozen=True)
class KeptEvent:
    """An event in the failure destination; ``event`` is the original one, byte for byte.

    ``place`` is ``bucket``, where keep_failed puts it, or ``topic``, where it lies otherwise.
    """

    place: str
    request_id: str
    task_id: str
    error: str
    event: bytes


@dataclass(frozen=True)
class Replay:
    """What came of handing kept events to the function again."""

    outcomes: Counter[str] = field(default_factory=Counter)
    still_failing: tuple[KeptEvent, ...] = ()

    @property
    def replayed(self) -> int:
        """How many events have an outcome now."""
        return sum(self.outcomes.values())


class FailedTopics:
    """Listens to the topics that the functions of a deployment have as failure destinations."""

    def __init__(self, region: Region) -> None:
        self.records: list[bytes] = []
        for topic in region.failed_topics:
            subscription = Subscription(topic, "load", "STREAM", "BACKOFF_RETRY", None)
            region.cloud.call(region.cloud.messages.subscribe, subscription, self._keep)

    async def _keep(self, record: bytes) -> bool:
        self.records.append(record)
        return True


def kept_events(owner: Owner, topics: FailedTopics) -> list[KeptEvent]:
    """Every event that is kept, in the bucket or at a topic, each once."""
    documents = [owner.read(KEPT_BUCKET, key) for key in owner.keys(KEPT_BUCKET, f"{KEPT_PREFIX}/")]
    events = [read_record(record, "topic") for record in topics.records]
    events += [read_record(document, "bucket") for document in documents]
    return list({event.request_id: event for event in events}.values())


def read_record(document: bytes, place: str) -> KeptEvent:
    """The event in a record of Function Compute, also where that record's own delivery failed once more."""
    record: dict[str, Any] = json.loads(document)
    inner = _inner_record(record["requestPayload"])
    while inner is not None:
        record = inner
        inner = _inner_record(record["requestPayload"])
    event = record["requestPayload"].encode()
    return KeptEvent(
        place=place,
        request_id=record["requestContext"]["requestId"],
        task_id=task_of(event),
        error=_error(record),
        event=event,
    )


async def replay(
    region: Region, kept: Sequence[KeptEvent], concurrency: int, apart: Mapping[str, str]
) -> Replay:
    """Hand each event to the function again and wait for its outcome; what fails, up to three times.

    Tasks that ``apart`` gives the same object, by their ids, are not replayed at the same time.
    """
    outcomes: Counter[str] = Counter()
    room = asyncio.Semaphore(concurrency)
    alone: defaultdict[str, asyncio.Lock] = defaultdict(asyncio.Lock)

    async def hand_over(kept_event: KeptEvent) -> bool:
        async with alone[apart.get(kept_event.task_id, kept_event.request_id)], room:
            result = await region.cloud.functions.invoke(region.function, kept_event.event)
        if result.error_type is None:
            outcomes[json.loads(result.body)["outcomes"][0]["status"]] += 1
        return result.error_type is None

    remaining = list(kept)
    for _ in range(_ROUNDS):
        done = await asyncio.gather(*(hand_over(kept_event) for kept_event in remaining))
        remaining = [event for event, succeeded in zip(remaining, done, strict=True) if not succeeded]
    return Replay(outcomes, tuple(remaining))


def _inner_record(payload: str) -> dict[str, Any] | None:
    try:
        value = json.loads(payload)
    except ValueError:
        return None
    return value if isinstance(value, dict) and {"requestContext", "requestPayload"} <= value.keys() else None


def _error(record: dict[str, Any]) -> str:
    try:
        return str(json.loads(record["responsePayload"])["errorType"])
    except (ValueError, KeyError, TypeError):
        return str(record["requestContext"].get("condition", ""))
