"""A batch of 10,000 notifications in one invocation, as EventBridge streams an MNS queue."""

from __future__ import annotations

import json
import random
from collections import Counter
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from cli.checkout import DEPLOYMENT, ROOT
from proof.load.bucket import Owner
from proof.load.observations import Observations
from proof.load.plan import FloodPlan
from proof.load.progress import Tell
from proof.load.region import Region, present
from proof.load.scenario import BUCKET, PROJECT, PlannedTask, Scenario, draw
from proof.load.verification import Condition, Verification, verify

NOTIFICATIONS = 10_000
TASKS_OF_AN_OBJECT = 5
# Beyond that a stream's retries would not help either.
MOST_INVOCATIONS = 4
_EVENT = ROOT / "examples" / "events" / "tasks" / "eventbridge-stream-of-objects.json"


@dataclass(frozen=True)
class Try:
    """One invocation with the whole batch; ``error`` is the error's class, None where all succeeded.

    ``right`` counts the objects that had the tags of their newest task after it.
    """

    seconds: float
    error: str | None
    outcomes: dict[str, int]
    right: int


@dataclass(frozen=True)
class LargeBatch:
    """What came of a batch: like EventBridge, the same batch is sent until it succeeds.

    ``event`` is its size, ``peak_memory`` what the instance held at most, ``memory_size`` what the function
    has, all in MB. ``cpu_seconds`` is the processor time of all tries, ``cpu`` the share of a processor and
    ``timeout`` the seconds that the function has.
    """

    notifications: int
    event: float
    memory_size: int
    timeout: int
    cpu: float
    cpu_seconds: float
    tries: tuple[Try, ...]
    peak_memory: float
    verification: Verification

    @property
    def succeeded(self) -> bool:
        """Whether every notification has an outcome, and every object the tags of its newest task."""
        wrong = sum(self.verification.conditions.values()) - self.verification.conditions[Condition.NEWEST]
        return self.tries[-1].error is None and wrong == 0


def send(notifications: int, seed: int, tell: Tell, deployment: Path = DEPLOYMENT) -> LargeBatch:
    """Send one batch, again where it fails."""
    plan = FloodPlan(
        notifications=notifications,
        objects=max(1, notifications // TASKS_OF_AN_OBJECT),
        instances=1,
        faults=0.0,
        duplicates=0.0,
        kills=0,
        second_look=0.0,
        seed=seed,
    )
    with Region(instances=1, deployment=deployment) as region, Owner(region.cloud) as owner:
        scenario = draw(plan, present())
        region.furnish(scenario)
        return _Batch(region, owner, scenario, seed).send(tell)


class _Batch:
    def __init__(self, region: Region, owner: Owner, scenario: Scenario, seed: int) -> None:
        self._region = region
        self._owner = owner
        self._scenario = scenario
        self._event = batch_event(scenario.tasks, seed)
        self._count = len(scenario.tasks)
        self._cpu_seconds = 0.0

    def send(self, tell: Tell) -> LargeBatch:
        observations = Observations(self._region.function, self._region.attempts)
        self._region.cloud.functions.watch(observations.invocation_ended)
        tries: list[Try] = []
        while len(tries) < MOST_INVOCATIONS and (not tries or tries[-1].error is not None):
            tries.append(self._invoke())
            tell(f"a batch of {self._count}: {tries[-1].error or 'every notification has an outcome'}")
        return LargeBatch(
            notifications=self._count,
            event=len(self._event) / (1024 * 1024),
            memory_size=self._region.declaration.memory_size,
            timeout=self._region.declaration.timeout,
            cpu=self._region.declaration.cpu,
            cpu_seconds=self._cpu_seconds,
            tries=tuple(tries),
            peak_memory=observations.peak_memory,
            verification=self._verify(),
        )

    def _invoke(self) -> Try:
        region = self._region
        functions = region.cloud.functions
        before = self._spent()
        result = region.cloud.run(functions.invoke(region.function, self._event))
        self._cpu_seconds += max(0.0, self._spent() - before)
        body: dict[str, Any] = json.loads(result.body)
        error = None if result.error_type is None else str(body.get("errorType") or result.failure)
        outcomes = Counter(str(outcome["status"]) for outcome in body.get("outcomes", ()))
        newest = self._verify().conditions[Condition.NEWEST]
        return Try(result.duration, error, dict(outcomes), newest)

    def _spent(self) -> float:
        """The processor time that the instance has had; none where there is none (any more)."""
        live = self._region.cloud.call(self._region.cloud.functions.instances, self._region.function)
        return sum(instance.cpu_seconds for instance in live)

    def _verify(self) -> Verification:
        return verify(self._scenario.objects, lambda key: self._owner.tags(BUCKET, key), ())


def batch_event(tasks: list[PlannedTask], seed: int, sample: Path = _EVENT) -> bytes:
    """The event that EventBridge makes of the tasks' notifications in an MNS queue, in no certain order."""
    (template,) = json.loads(sample.read_text("utf-8"))
    envelope = json.loads(template["data"]["messageBody"])
    content = json.loads(envelope["content"])
    order = random.Random(seed).sample(tasks, len(tasks))
    return json.dumps(
        [_item(template, envelope, content, task) for task in order],
        separators=(",", ":"),
        ensure_ascii=False,
    ).encode()


def _item(
    template: dict[str, Any], envelope: dict[str, Any], content: dict[str, Any], task: PlannedTask
) -> dict[str, Any]:
    told = {
        **content,
        "ProjectName": PROJECT,
        "TaskId": task.task_id,
        "UserData": "",
    }
    message = json.dumps({**envelope, "content": json.dumps(told, ensure_ascii=False)}, ensure_ascii=False)
    return {**template, "data": {**template["data"], "messageBody": message}}
