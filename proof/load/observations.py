"""What is seen of a flood while it lasts: attempts, calls, log lines, memory."""

from __future__ import annotations

import asyncio
import json
from collections import Counter, defaultdict
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime, timezone
from typing import Any

from localcloud.calls import Call
from localcloud.fc.invocation import InvocationRecord, LiveInstance
from localcloud.fc.logs import LogLine
from localcloud.fc.runner import Invocation
from proof.load.disturbances import in_outage
from proof.load.figures import Sample

_FUNCTION_CALLS = ("imm", "oss")


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
    """Everything that is counted. Its methods are called in the cloud's event loop.

    ``attempts`` is how often an event is tried before it is handed to the failure destination.
    """

    def __init__(self, function: str, attempts: int) -> None:
        self._function = function
        self._allowed = attempts
        self._ended_tasks: list[Callable[[str], None]] = []
        self._over = False
        self.moved = asyncio.Event()
        self.attempts: list[Attempt] = []
        self.outcomes: Counter[str] = Counter()
        self.errors: Counter[str] = Counter()
        self.latencies: list[float] = []
        self.given_up = 0
        self.memory: defaultdict[str, list[Sample]] = defaultdict(list)
        self.handled: Counter[str] = Counter()
        self.calls: Counter[str] = Counter()
        self.broken: Counter[str] = Counter()
        self.outages = 0
        self.repeated: Counter[str] = Counter()
        self.windows: list[float] = []
        self.peak_memory = 0.0

    @property
    def ended(self) -> int:
        """How many deliveries have come to an end, good or bad."""
        return sum(self.outcomes.values()) + self.given_up

    @property
    def witness(self) -> str | None:
        """The first instance that handled something; None before that."""
        return self.attempts[0].instance_id if self.attempts else None

    def on_end(self, tell: Callable[[str], None]) -> None:
        """Tell somebody of each delivery that has come to an end, by its task's id."""
        self._ended_tasks.append(tell)

    def stop(self) -> None:
        """Count nothing any more: what follows is no part of it."""
        self._over = True

    def invocation_ended(self, invocation: Invocation, record: InvocationRecord) -> None:
        """An attempt has ended."""
        if self._over or record.function != self._function:
            return
        self.peak_memory = max(self.peak_memory, record.max_memory)
        self.handled[record.instance_id] += 1
        if not record.asynchronous:
            return
        status, error = _result(record)
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
        if error is not None:
            self.errors[error] += 1
            if record.attempt < self._allowed:
                return
            self.given_up += 1
        else:
            self.outcomes[status or "none"] += 1
            self.latencies.append((record.ended - _published(invocation.event)).total_seconds())
        self.moved.set()
        if self._ended_tasks:
            task_id = task_of(invocation.event)
            for tell in self._ended_tasks:
                tell(task_id)

    def call_ended(self, call: Call) -> None:
        """A service was called."""
        if not self._over and call.service in _FUNCTION_CALLS:
            self.calls[call.action] += 1
            if call.fault is not None and in_outage(call.resource):
                self.outages += 1
            elif call.fault is not None:
                self.broken[call.fault] += 1

    def line_written(self, line: LogLine) -> None:
        """A function has printed a line."""
        if self._over or line.function != self._function or not line.text.startswith("{"):
            return
        try:
            fields = json.loads(line.text)
        except ValueError:
            return
        self.repeated.update(fields.get("repeated") or {})
        window = fields.get("window_milliseconds")
        if window is not None:
            self.windows.append(float(window))

    def sample(self, instances: Sequence[LiveInstance]) -> None:
        """Note how much memory the instances hold now."""
        for instance in instances:
            handled = self.handled[instance.instance_id]
            if handled:
                self.memory[instance.instance_id].append(Sample(handled, instance.memory))


def task_of(event: bytes) -> str:
    """The id of the task that an event in the JSON format of an MNS topic trigger announces; "" if none."""
    try:
        task_id = json.loads(json.loads(json.loads(event)["Message"])["content"])["TaskId"]
    except (ValueError, KeyError, TypeError):
        return ""
    return task_id if isinstance(task_id, str) else ""


def _published(event: bytes) -> datetime:
    return datetime.fromtimestamp(json.loads(event)["PublishTime"] / 1000, timezone.utc)


def _result(record: InvocationRecord) -> tuple[str | None, str | None]:
    """The outcome's status, or the error's class; what kills a process leaves no class."""
    if record.error_type is None:
        return str(json.loads(record.body)["outcomes"][0]["status"]), None
    try:
        said: dict[str, Any] = json.loads(record.body)
    except ValueError:
        said = {}
    return None, str(said.get("errorType") or record.failure)
