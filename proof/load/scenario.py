"""The objects and tasks of a flood, drawn from its seed, and the tags that each object must end with.

Nothing here comes from the function's own code: what it should write is worked out a second time.
"""

from __future__ import annotations

import random
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from proof.load.plan import FloodPlan
from proof.load.vocabulary import NAMES

BUCKET = "media"
PROJECT = "immtest"
# Objects under these prefixes cannot be reached until the flood is over.
UNAVAILABLE = "outage/unavailable/"
DENIED = "outage/denied/"

PROVENANCE = "imm"
LABEL_PREFIX = "imm_"
MOST_TAGS = 10
MOST_LABELS = 9
LEAST_CONFIDENCE = 50

MOST_FOREIGN = 5
_SHARE_OF_OUTAGES = 0.002
_SHARE_OF_LEFTOVERS = 0.1
_SHARE_OF_EQUAL_STARTS = 0.05
_FOREIGN_KEYS = (
    *("team", "owner", "retention", "cost-center", "env", "project:x", "a.b/c", "z", "IMM", "im"),
    *("imm-other", "immortal", "imm.x", "Imm_chair", "_imm"),
)
_FOREIGN_VALUES = ("", "", "a", "30 days", "2024-01-01", "x=y", "+1", "-", "://", "0.95", "IMM_", "a" * 256)

Tag = tuple[str, str]


@dataclass(frozen=True)
class PlannedTask:
    """A task that has ended; ``labels`` are texts with their confidence in hundredths, all different."""

    task_id: str
    key: str
    start: datetime
    labels: tuple[tuple[str, int], ...]

    @property
    def age(self) -> tuple[datetime, str]:
        """What orders the tasks of an object, the newest being the greatest."""
        return (self.start.replace(microsecond=self.start.microsecond // 1000 * 1000), self.task_id)

    @property
    def provenance(self) -> str:
        """The value of the provenance tag."""
        start = self.start
        return f"{start:%Y-%m-%dT%H:%M:%S}.{start.microsecond // 1000:03d}Z/{self.task_id}"


@dataclass(frozen=True)
class PlannedObject:
    """An object with tags of its owner's, tags that an earlier installation left, and its tasks."""

    key: str
    foreign: tuple[Tag, ...]
    leftovers: tuple[Tag, ...]
    tasks: tuple[PlannedTask, ...] = field(default=())

    @property
    def uri(self) -> str:
        """The object's URI."""
        return f"oss://{BUCKET}/{self.key}"

    @property
    def first_tags(self) -> tuple[Tag, ...]:
        """The tags before any task."""
        return self.foreign + self.leftovers

    def tags_after(self, task: PlannedTask) -> tuple[Tag, ...]:
        """The tags that the object has once a task's labels stand on it: all of them, in their order."""
        best = sorted(task.labels, key=lambda label: -label[1])
        room = min(MOST_LABELS, MOST_TAGS - len(self.foreign) - 1)
        kept = [(word, hundredths) for word, hundredths in best if hundredths >= LEAST_CONFIDENCE][:room]
        labels = tuple((LABEL_PREFIX + NAMES[word], f"0.{hundredths:02d}") for word, hundredths in kept)
        return (*self.foreign, (PROVENANCE, task.provenance), *labels)

    def newest_first(self) -> list[PlannedTask]:
        """The tasks, the newest first."""
        return sorted(self.tasks, key=lambda task: task.age, reverse=True)


@dataclass(frozen=True)
class Scenario:
    """Everything that a flood is about."""

    objects: tuple[PlannedObject, ...]

    @property
    def tasks(self) -> list[PlannedTask]:
        """Every task."""
        return [task for target in self.objects for task in target.tasks]


def draw(plan: FloodPlan, now: datetime) -> Scenario:
    """The scenario of a plan: equal plans and moments give equal scenarios.

    ``now`` is when the objects are written; every task starts later, as it would for an object of its own.
    """
    randomness = random.Random(plan.seed)
    shares = _shares(plan)
    return Scenario(
        tuple(
            _object(randomness, number, plan.objects, shares[number], now) for number in range(plan.objects)
        )
    )


def _shares(plan: FloodPlan) -> Sequence[int]:
    """How many tasks each object has: as evenly as they can be divided."""
    each, more = divmod(plan.distinct, plan.objects)
    return [each + (number < more) for number in range(plan.objects)]


def _object(
    randomness: random.Random, number: int, objects: int, task_count: int, now: datetime
) -> PlannedObject:
    key = _key(number, objects)
    foreign_keys = randomness.sample(_FOREIGN_KEYS, randomness.randint(0, MOST_FOREIGN))
    foreign = tuple((name, randomness.choice(_FOREIGN_VALUES)) for name in foreign_keys)
    leftovers = ((LABEL_PREFIX + "left-over", "0.51"),) if randomness.random() < _SHARE_OF_LEFTOVERS else ()
    return PlannedObject(key, foreign, leftovers, tuple(_tasks(randomness, number, key, task_count, now)))


def _key(number: int, objects: int) -> str:
    outages = max(1, round(objects * _SHARE_OF_OUTAGES / 2))
    from_the_end = objects - 1 - number
    prefix = UNAVAILABLE if from_the_end < outages else DENIED if from_the_end < 2 * outages else "videos/"
    return prefix + (f"宜家 {number}+&=%.mp4" if number % 7 == 0 else f"{number:06d}.mp4")


def _tasks(randomness: random.Random, number: int, key: str, count: int, now: datetime) -> list[PlannedTask]:
    tasks: list[PlannedTask] = []
    for position in range(count):
        start = now + timedelta(minutes=1 + position, microseconds=randomness.randrange(1_000_000))
        if tasks and randomness.random() < _SHARE_OF_EQUAL_STARTS:
            start = tasks[-1].start
        tasks.append(
            PlannedTask(
                task_id=f"VideoLabelClassification-{randomness.getrandbits(128):032x}-{number:06d}-{position:04d}",
                key=key,
                start=start,
                labels=_labels(randomness),
            )
        )
    return tasks


def _labels(randomness: random.Random) -> tuple[tuple[str, int], ...]:
    words = randomness.sample(sorted(NAMES), randomness.randint(0, 14))
    return tuple(zip(words, randomness.sample(range(30, 100), len(words)), strict=True))


def foreign_tags(tags: Sequence[Tag]) -> tuple[Tag, ...]:
    """Those of some tags that are not ours."""
    return tuple(tag for tag in tags if tag[0] != PROVENANCE and not tag[0].startswith(LABEL_PREFIX))


def in_imm_form(labels: Sequence[tuple[str, int]]) -> list[Mapping[str, object]]:
    """Labels as IMM gives them."""
    return [
        {
            "Language": "zh-Hans",
            "LabelName": word,
            "LabelLevel": 2,
            "LabelConfidence": hundredths / 100,
            "ParentLabelName": "",
            "CentricScore": 0.5,
            "Clips": [{"TimeRange": [0, 4000]}],
        }
        for word, hundredths in labels
    ]
