"""A task that found very much: up to 10,000 labels of 2,000 clips each, read by an instance as deployed.

IMM's ceilings are not documented, so an answer has a bound of ours. What is within it has to fit into an
instance's memory, and what is above it has to end in an error that says so.
"""

from __future__ import annotations

import json
import tempfile
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path

from cli.checkout import DEPLOYMENT
from localcloud.faults import Fault, FaultKind
from proof.load.bucket import Owner
from proof.load.kept import FailedTopics, kept_events
from proof.load.observations import Observations
from proof.load.progress import Tell
from proof.load.region import Region, present
from proof.load.scenario import BUCKET, PROJECT, PlannedObject, PlannedTask, Scenario

# Labels, and clips of each: the last but one of each ladder is just within the bound.
LADDERS = (
    ((10, 2_000), (100, 2_000), (200, 2_000), (10_000, 2_000)),
    ((10_000, 0), (80_000, 0), (800_000, 0)),
)
_BEST = (("Chair", 99), ("椅子", 98), ("沙发", 97))
_ACTION = "GetVideoLabelClassificationResult"
_MEGABYTE = 1024 * 1024

Ladder = Sequence[tuple[int, int]]


@dataclass(frozen=True)
class LargeResult:
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
    def lost(self) -> bool:
        """Whether the notification is gone without an outcome."""
        return self.error is not None and not self.kept


@dataclass(frozen=True)
class LargeResults:
    """Every step that was taken, ladder by ladder; ``memory_size`` is the function's, in MB."""

    memory_size: int
    steps: tuple[LargeResult, ...]


def climb(ladders: Sequence[Ladder], tell: Tell, deployment: Path = DEPLOYMENT) -> LargeResults:
    """Take the steps of each ladder until one fails, and then only its last."""
    with Region(instances=1, deployment=deployment) as region, Owner(region.cloud) as owner:
        climber = _Climber(region, owner)
        taken = [result for ladder in ladders for result in climber.climb(ladder, tell)]
        return LargeResults(region.declaration.memory_size, tuple(taken))


class _Climber:
    def __init__(self, region: Region, owner: Owner) -> None:
        self._region = region
        self._cloud = region.cloud
        self._owner = owner
        self._topics = FailedTopics(region)

    def climb(self, ladder: Ladder, tell: Tell) -> Iterator[LargeResult]:
        failed = False
        for step in ladder:
            if failed and step != ladder[-1]:
                continue
            result = self.step(*step)
            failed = result.error is not None
            tell(f"{result.labels} labels of {result.clips} clips: {result.error or 'tagged'}")
            yield result

    def step(self, labels: int, clips: int) -> LargeResult:
        target = _target(labels, clips)
        (task,) = target.tasks
        self._region.furnish(Scenario((target,)))
        with tempfile.TemporaryDirectory() as directory:
            answer = Path(directory) / "answer.json"
            with answer.open("wb") as file:
                file.writelines(_answer(task, labels, clips))
            observations = self._tell_of(task, answer)
            body = answer.stat().st_size / _MEGABYTE
        last = observations.attempts[-1]
        found = self._owner.tags(BUCKET, target.key)
        return LargeResult(
            labels=labels,
            clips=clips,
            body=body,
            attempts=len(observations.attempts),
            seconds=last.seconds,
            peak_memory=observations.peak_memory,
            error=last.error,
            right=found == target.tags_after(task) or (last.error is not None and found == target.first_tags),
            kept=task.task_id in {event.task_id for event in kept_events(self._owner, self._topics)},
        )

    def _tell_of(self, task: PlannedTask, answer: Path) -> Observations:
        """Have the function told of the task, and wait until that has come to an end."""
        observations = Observations(self._region.function, self._region.attempts)
        cloud = self._cloud
        cloud.functions.watch(observations.invocation_ended)
        fault = Fault(
            FaultKind.ANSWER,
            "imm",
            _ACTION,
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


def _target(labels: int, clips: int) -> PlannedObject:
    key = f"videos/{labels}-labels-{clips}-clips.mp4"
    task = PlannedTask(
        task_id=f"VideoLabelClassification-{labels}-{clips}",
        key=key,
        start=present() + timedelta(minutes=1),
        labels=_BEST,
    )
    return PlannedObject(key, (("team", "a"), ("archived", "")), (), (task,))


def _answer(task: PlannedTask, labels: int, clips: int) -> Iterator[bytes]:
    """IMM's answer, piece by piece: the best labels first, and as many that are too uncertain for a tag."""
    fields = {
        "RequestId": "606EA307-4344-430D-4C81-000000000001",
        "Status": "Succeeded",
        "Code": "",
        "Message": "",
        "StartTime": f"{task.start:%Y-%m-%dT%H:%M:%S.%f}000Z",
        "EndTime": f"{task.start:%Y-%m-%dT%H:%M:%S.%f}000Z",
        "UserData": "",
        "TaskType": "VideoLabelClassification",
        "TaskId": task.task_id,
        "ProjectName": PROJECT,
    }
    yield json.dumps(fields, separators=(",", ":")).encode()[:-1] + b',"Labels":['
    ranges = ",".join(
        f'{{"TimeRange":[{1000 * number},{1000 * number + 900}]}}' for number in range(clips)
    ).encode()
    for number in range(labels):
        name, hundredths = _BEST[number] if number < len(_BEST) else (f"label {number}", 40)
        label = {
            "Language": "zh-Hans",
            "LabelName": name,
            "LabelLevel": 2,
            "LabelConfidence": hundredths / 100,
            "ParentLabelName": "",
            "CentricScore": 0.5,
        }
        head = json.dumps(label, separators=(",", ":")).encode()[:-1]
        yield (b"," if number else b"") + head + b',"Clips":[' + ranges + b"]}"
    yield b"]}"
