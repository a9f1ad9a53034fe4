"""What is seen of a flood while it lasts: attempts, calls, memory."""

from __future__ import annotations

import asyncio
import json
from collections import Counter, defaultdict
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from statistics import linear_regression

from localcloud.calls import Call
from localcloud.fc.invocation import Invocation, InvocationRecord, LiveInstance
from proof.load.disturbances import in_outage
from proof.load.region import Region, task_of

# Before that an instance still fills its caches and connection pools.
_WARM_UP = 300
_FEWEST_JUDGED = 1000


@dataclass(frozen=True)
class Attempt:
    """One run of the function for one event; ``error`` is the error's class, None for an outcome."""

    request_id: str
    number: int
    instance_id: str
    seconds: float
    cold_start: bool
    error: str | None


class Observations:
    """Everything that is counted of the function that tags, in the cloud's event loop, until ``stop``.

    ``moved`` is set, and ``on_end`` called with the task's id, for each delivery that has come to an end.
    """

    def __init__(self, region: Region, on_end: Callable[[str], None] = lambda task_id: None) -> None:
        self._function = region.tagging.name
        self._most_attempts = 1 + region.tagging.async_invoke.max_retry_attempts
        self._on_end = on_end
        self._over = False
        self._memory: defaultdict[str, list[tuple[float, float]]] = defaultdict(list)
        self._handled: Counter[str] = Counter()
        self.moved = asyncio.Event()
        self.attempts: list[Attempt] = []
        self.outcomes: Counter[str] = Counter()
        self.errors: Counter[str] = Counter()
        self.latencies: list[float] = []
        self.given_up = 0
        self.calls: Counter[str] = Counter()
        self.broken: Counter[str] = Counter()
        self.outages = 0
        self.peak_memory = 0.0
        region.cloud.functions.watch(self.invocation_ended)
        region.cloud.calls.watch(self.call_ended)

    @property
    def ended(self) -> int:
        """How many deliveries have come to an end, good or bad."""
        return sum(self.outcomes.values()) + self.given_up

    @property
    def witness(self) -> str | None:
        """The first instance that handled something; None before that."""
        return self.attempts[0].instance_id if self.attempts else None

    def stop(self) -> None:
        """Count nothing any more: what follows is no part of it."""
        self._over = True

    def invocation_ended(self, invocation: Invocation, record: InvocationRecord) -> None:
        """An attempt has ended."""
        if self._over or record.function != self._function:
            return
        self.peak_memory = max(self.peak_memory, record.max_memory)
        self._handled[record.instance_id] += 1
        if not record.asynchronous:
            return
        error = _error(record)
        self.attempts.append(
            Attempt(
                record.request_id,
                record.attempt,
                record.instance_id,
                record.duration,
                record.cold_start,
                error,
            )
        )
        if error is None:
            self.outcomes[json.loads(record.body)["outcomes"][0]["status"]] += 1
            published = json.loads(invocation.event)["PublishTime"] / 1000
            self.latencies.append(record.ended.timestamp() - published)
        else:
            self.errors[error] += 1
            if record.attempt < self._most_attempts:
                return
            self.given_up += 1
        self.moved.set()
        self._on_end(task_of(invocation.event))

    def call_ended(self, call: Call) -> None:
        """A service was called."""
        if self._over or call.service not in ("imm", "oss"):
            return
        self.calls[call.action] += 1
        if call.fault is not None:
            in_vain = in_outage(call.resource)
            self.outages += in_vain
            self.broken[call.fault] += not in_vain

    def sample(self, instances: Sequence[LiveInstance]) -> None:
        """Note how much memory the instances hold now."""
        for instance in instances:
            if handled := self._handled[instance.instance_id]:
                self._memory[instance.instance_id].append((handled / 1000, instance.memory))

    def growth(self) -> list[float]:
        """The MB that 1,000 notifications add to each instance that lived long enough to tell."""
        found = []
        for samples in self._memory.values():
            judged = [sample for sample in samples if sample[0] * 1000 >= _WARM_UP]
            if len(judged) > 2 and judged[-1][0] * 1000 - _WARM_UP >= _FEWEST_JUDGED:
                found.append(linear_regression(*zip(*judged, strict=True)).slope)
        return found


def _error(record: InvocationRecord) -> str | None:
    """The error's class; None for an outcome. What kills a process leaves no class."""
    if record.error_type is None:
        return None
    try:
        return str(json.loads(record.body)["errorType"])
    except (ValueError, KeyError, TypeError):
        return str(record.failure)
