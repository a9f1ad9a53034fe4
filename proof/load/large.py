"""What is very large: a task that found up to 10,000 labels, and 10,000 notifications in one invocation.

IMM's ceilings are not documented, so an answer has a bound of ours. What is within it has to fit into an
instance's memory, and what is above it has to end in an error that says so. A batch is what EventBridge
streams from an MNS queue.
"""

from __future__ import annotations

import json
import random
import tempfile
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta, timezone
from pathlib import Path
from typing import Any

from cli.checkout import DEPLOYMENT, ROOT
from localcloud.faults import Fault, FaultKind
from proof.load.observations import Observations, error_of
from proof.load.region import Region, label, running_region
from proof.load.report import Promise, Tell, counts
from proof.load.scenario import PROJECT, FloodPlan, PlannedObject, PlannedTask, draw
from proof.load.verification import Condition, Verification, verify

# Labels, and clips of each: the last with clips and the last without are above the bound, each after the most
# that is within.
STEPS = (
    *((10, 2_000), (100, 2_000), (200, 2_000), (10_000, 2_000)),
    *((10_000, 0), (80_000, 0), (800_000, 0)),
)
NOTIFICATIONS = 10_000
_TASKS_OF_AN_OBJECT = 5
# Beyond that a stream's retries would not help either.
_MOST_INVOCATIONS = 4
_EVENT = ROOT / "examples" / "events" / "tasks" / "eventbridge-stream-of-objects.json"
# Function Compute's word for an instance that took more memory than it has.
_OUT_OF_MEMORY = "FunctionOOMError"
_BEST = (("Chair", 99), ("椅子", 98), ("沙发", 97))
_MEGABYTE = 1024 * 1024


@dataclass(frozen=True)
class Step:
    """What came of one task: ``body`` is the size of IMM's answer, ``peak_memory`` the instance's, in MB.

    ``error`` is that of the last attempt, None where the object was tagged; ``right`` whether the object has
    the tags that it must have, or after an error just its own; ``kept`` whether a failed event was kept.
    """

    labels: int
    clips: int
    body: float
    attempts: int
    seconds: float
    peak_memory: float
    error: str | None
    right: bool
    kept: bool

    @property
    def end(self) -> str:
        """What became of the notification."""
        return "tagged" if self.error is None else f"{self.error}, {'kept' if self.kept else 'lost'}"


@dataclass(frozen=True)
class LargeAnswers:
    """Every step; ``memory_size`` is the function's, in MB."""

    memory_size: int
    steps: Sequence[Step]

    @property
    def title(self) -> str:
        """The headline."""
        return f"Tasks with very many labels, in {self.memory_size} MB"

    def rows(self) -> Iterator[tuple[str, str]]:
        """One for each answer of IMM."""
        for step in self.steps:
            yield (
                f"{step.labels:,} labels, {step.clips:,} clips",
                f"{step.body:5.1f} MB of answer, {step.peak_memory:3.0f} MB of memory, {step.seconds:4.1f} s "
                f"at the last of {step.attempts} attempts: {step.end}",
            )

    def promises(self) -> list[Promise]:
        """What very large answers of IMM must not break."""
        steps = self.steps
        peak = max(step.peak_memory for step in steps)
        return [
            Promise(
                "an answer that an instance begins to read fits into its memory",
                not any(step.error == _OUT_OF_MEMORY for step in steps),
                f"at most {peak:.0f} of {self.memory_size} MB",
            ),
            Promise(
                "a task with very many labels tags its object, or its event is kept",
                all(step.error is None or step.kept for step in steps),
                counts(Counter(step.end for step in steps)),
            ),
            Promise(
                "an object has exactly the tags that it must have, or exactly those that it had",
                all(step.right for step in steps),
                f"{sum(step.right for step in steps)} of {len(steps)}",
            ),
        ]


def read_large_answers(
    steps: Sequence[tuple[int, int]], tell: Tell, deployment: Path = DEPLOYMENT
) -> LargeAnswers:
    """Have the function told of a task for each step: so many labels, and so many clips of each."""
    with running_region(deployment, instances=1) as region:
        taken = []
        for labels, clips in steps:
            taken.append(_step(region, labels, clips))
            tell(f"{labels} labels of {clips} clips: {taken[-1].end}")
        return LargeAnswers(region.tagging.memory_size, taken)


def _step(region: Region, labels: int, clips: int) -> Step:
    key = f"videos/{labels}-labels-{clips}-clips.mp4"
    start = datetime.now(timezone.utc) + timedelta(minutes=1)
    task = PlannedTask(f"VideoLabelClassification-{labels}-{clips}", key, start, _BEST)
    target = PlannedObject(key, (("team", "a"), ("archived", "")), (), (task,))
    region.furnish([target])
    with tempfile.TemporaryDirectory() as directory:
        answer = Path(directory) / "answer.json"
        with answer.open("wb") as file:
            file.writelines(_answer(task, labels, clips))
        observations = _told(region, task, answer)
        body = answer.stat().st_size / _MEGABYTE
    last = observations.records[-1]
    error = error_of(last)
    found = region.tags(key)
    return Step(
        labels=labels,
        clips=clips,
        body=body,
        attempts=len(observations.records),
        seconds=last.duration,
        peak_memory=observations.peak_memory,
        error=error,
        right=found == (target.tags_after(task) if error is None else target.first_tags),
        kept=task.task_id in {event.task_id for event in region.kept_events()},
    )


def _told(region: Region, task: PlannedTask, answer: Path) -> Observations:
    """Have the function told of the task, and wait until that has come to an end."""
    cloud, observations = region.cloud, Observations(region)
    fault = Fault(
        FaultKind.ANSWER,
        "imm",
        "GetVideoLabelClassificationResult",
        f"*{task.task_id}",
        times=None,
        status=200,
        headers={"content-type": "application/json;charset=utf-8"},
        file=str(answer),
    )
    cloud.call(cloud.faults.order, fault)
    cloud.run(cloud.media.notify(PROJECT, task.task_id))
    cloud.run(cloud.settled())
    cloud.call(cloud.faults.clear)
    observations.stop()
    return observations


def _answer(task: PlannedTask, labels: int, clips: int) -> Iterator[bytes]:
    """IMM's answer, piece by piece: the best labels first, and as many that are too uncertain for a tag."""
    moment = f"{task.start:%Y-%m-%dT%H:%M:%S.%f}000Z"
    fields = {
        "RequestId": "606EA307-4344-430D-4C81-000000000001",
        "Status": "Succeeded",
        "Code": "",
        "Message": "",
        "StartTime": moment,
        "EndTime": moment,
        "UserData": "",
        "TaskType": "VideoLabelClassification",
        "TaskId": task.task_id,
        "ProjectName": PROJECT,
    }
    yield json.dumps(fields).encode()[:-1] + b',"Labels":['
    ranges = json.dumps(
        [{"TimeRange": [1000 * number, 1000 * number + 900]} for number in range(clips)],
        separators=(",", ":"),
    )
    for number in range(labels):
        found = _BEST[number] if number < len(_BEST) else (f"label {number}", 40)
        head = json.dumps({**label(*found), "Clips": None}, separators=(",", ":")).removesuffix("null}")
        yield f"{',' if number else ''}{head}{ranges}}}".encode()
    yield b"]}"


@dataclass(frozen=True)
class Try:
    """One invocation with the whole batch; ``error`` is the error's class, None where all succeeded.

    ``right`` counts the objects that had the tags of their newest task after it.
    """

    seconds: float
    error: str | None
    outcomes: Mapping[str, int]
    right: int


@dataclass(frozen=True)
class LargeBatch:
    """What came of a batch: like EventBridge, the same batch is sent until it succeeds.

    ``event`` is its size, ``peak_memory`` what the instance held at most, ``memory_size`` what the function
    has, all in MB. ``cpu_seconds`` is the processor time of all tries, ``cpu`` the share of a processor and
    ``timeout`` the seconds that the function has.
    """

    notifications: int
    objects: int
    event: float
    memory_size: int
    timeout: int
    cpu: float
    cpu_seconds: float
    tries: Sequence[Try]
    peak_memory: float

    @property
    def title(self) -> str:
        """The headline."""
        return f"A batch of {self.notifications:,} notifications in one invocation"

    def rows(self) -> Iterator[tuple[str, str]]:
        """What it took, and one row for each invocation."""
        yield "event", f"{self.event:.1f} MB"
        yield "memory", f"{self.peak_memory:.0f} of {self.memory_size} MB"
        yield (
            "processor time",
            f"{self.cpu_seconds:.0f} s, at least {self.cpu_seconds / self.cpu:.0f} s with the function's "
            f"{self.cpu:g} CPU",
        )
        for number, one in enumerate(self.tries, 1):
            yield (
                f"invocation {number}",
                f"{one.seconds:.0f} of {self.timeout} s, {one.error or counts(one.outcomes)}; "
                f"{one.right:,} objects right then",
            )

    def promises(self) -> list[Promise]:
        """What a very large batch must not break."""
        last = self.tries[-1]
        return [
            Promise(
                f"a batch of {self.notifications} notifications ends with an outcome for each",
                last.error is None
                and sum(last.outcomes.values()) == self.notifications
                and last.right == self.objects,
                f"{len(self.tries)} invocations, {last.right} objects right",
            ),
            Promise(
                f"it stays within the function's {self.memory_size} MB",
                self.peak_memory <= self.memory_size,
                f"{self.peak_memory:.0f} MB",
            ),
        ]


def send_batch(notifications: int, seed: int, tell: Tell) -> LargeBatch:
    """Send one batch, again where it fails."""
    objects = draw(FloodPlan(notifications, max(1, notifications // _TASKS_OF_AN_OBJECT), 1, seed=seed))
    event = batch_event([task for target in objects for task in target.tasks], seed)
    with running_region(instances=1) as region:
        region.furnish(objects)
        observations, cpu_seconds = Observations(region), 0.0
        functions, function = region.cloud.functions, region.tagging
        tries: list[Try] = []
        while len(tries) < _MOST_INVOCATIONS and (not tries or tries[-1].error is not None):
            before = _spent(region)
            result = region.cloud.run(functions.invoke(function.name, event))
            cpu_seconds += max(0.0, _spent(region) - before)
            body: dict[str, Any] = json.loads(result.body)
            error = None if result.error_type is None else str(body.get("errorType") or result.failure)
            outcomes = dict(Counter(str(outcome["status"]) for outcome in body.get("outcomes", ())))
            seen: Verification = verify(objects, region.tags, ())
            tries.append(Try(result.duration, error, outcomes, seen.conditions[Condition.NEWEST.value]))
            tell(f"a batch of {notifications}: {error or 'every notification has an outcome'}")
        return LargeBatch(
            notifications=notifications,
            objects=len(objects),
            event=len(event) / _MEGABYTE,
            memory_size=function.memory_size,
            timeout=function.timeout,
            cpu=function.cpu,
            cpu_seconds=cpu_seconds,
            tries=tries,
            peak_memory=observations.peak_memory,
        )


def _spent(region: Region) -> float:
    """The processor time that the instance has had; none where there is none (any more)."""
    live = region.cloud.call(region.cloud.functions.instances, region.tagging.name)
    return sum(instance.cpu_seconds for instance in live)


def batch_event(tasks: Sequence[PlannedTask], seed: int) -> bytes:
    """The event that EventBridge makes of the tasks' notifications in an MNS queue, in no certain order."""
    (template,) = json.loads(_EVENT.read_text("utf-8"))
    envelope = json.loads(template["data"]["messageBody"])
    content = {**json.loads(envelope["content"]), "ProjectName": PROJECT, "UserData": ""}
    items = []
    for task in random.Random(seed).sample(tasks, len(tasks)):
        told = json.dumps({**content, "TaskId": task.task_id}, ensure_ascii=False)
        message = json.dumps({**envelope, "content": told}, ensure_ascii=False)
        items.append({**template, "data": {**template["data"], "messageBody": message}})
    return json.dumps(items, separators=(",", ":"), ensure_ascii=False).encode()
