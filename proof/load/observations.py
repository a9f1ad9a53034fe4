"""What is seen of a flood while it lasts: attempts, calls, memory."""

from __future__ import annotations

import asyncio
import json
from collections import Counter, defaultdict
from collections.abc import Callable, Mapping, Sequence
from statistics import linear_regression

from localcloud.calls import Call
from localcloud.fc.invocation import Invocation, InvocationRecord, LiveInstance
from proof.load.disturbances import in_outage
from proof.load.region import Region, task_of

# Before that an instance still fills its caches and connection pools.
_WARM_UP = 300
_FEWEST_JUDGED = 1000


class Observations:
    """What is seen of the function that tags, in the cloud's event loop, until ``stop``.

    ``records`` are its asynchronous invocations, of which ``ended`` were the last for their event. For each
    of these ``moved`` is set, and ``on_end`` called with the task's id. ``latencies`` are seconds from
    publishing to an outcome. ``memory`` has for each instance how many thousand notifications it had handled,
    and the MB that it held then.
    """

    def __init__(self, region: Region, on_end: Callable[[str], None] = lambda task_id: None) -> None:
        self._function = region.tagging.name
        self._most_attempts = 1 + region.tagging.async_invoke.max_retry_attempts
        self._on_end = on_end
        self._over = False
        self.memory: defaultdict[str, list[tuple[float, float]]] = defaultdict(list)
        self._handled: Counter[str] = Counter()
        self.moved = asyncio.Event()
        self.records: list[InvocationRecord] = []
        self.ended = 0
        self.latencies: list[float] = []
        self.calls: Counter[str] = Counter()
        self.broken: Counter[str] = Counter()
        self.outages = 0
        self.peak_memory = 0.0
        region.cloud.functions.watch(self.invocation_ended)
        region.cloud.calls.watch(self.call_ended)

    @property
    def witness(self) -> str | None:
        """The first instance that handled something; None before that."""
        return self.records[0].instance_id if self.records else None

    @property
    def outcomes(self) -> dict[str, int]:
        """How often each outcome was counted."""
        bodies = [json.loads(record.body) for record in self.records if record.error_type is None]
        return dict(Counter(str(body["outcomes"][0]["status"]) for body in bodies))

    @property
    def errors(self) -> dict[str, int]:
        """How many attempts ended with each error."""
        return dict(Counter(error for record in self.records if (error := error_of(record))))

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
        self.records.append(record)
        if record.error_type is None:
            published = json.loads(invocation.event)["PublishTime"] / 1000
            self.latencies.append(record.ended.timestamp() - published)
        elif record.attempt < self._most_attempts:
            return
        self.ended += 1
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
                self.memory[instance.instance_id].append((handled / 1000, instance.memory))


def growth(memory: Mapping[str, Sequence[tuple[float, float]]]) -> list[float]:
    """The MB that 1,000 notifications add to each instance that lived long enough to tell."""
    found = []
    for samples in memory.values():
        judged = [sample for sample in samples if sample[0] * 1000 >= _WARM_UP]
        if len(judged) > 2 and judged[-1][0] * 1000 - _WARM_UP >= _FEWEST_JUDGED:
            found.append(linear_regression(*zip(*judged, strict=True)).slope)
    return found


def error_of(record: InvocationRecord) -> str | None:
    """The class of an invocation's error; None for an outcome. What kills a process leaves no class."""
    if record.error_type is None:
        return None
    try:
        return str(json.loads(record.body)["errorType"])
    except (ValueError, KeyError, TypeError):
        return str(record.failure)
