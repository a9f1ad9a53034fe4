"""What a flood is made of, drawn from its seed, and the tags that each object must end with.

Nothing here comes from the function's own code: what it should write is worked out a second time.
"""

from __future__ import annotations

import random
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta, timezone

BUCKET = "media"
PROJECT = "immtest"
# Objects under these prefixes cannot be reached until the flood is over.
UNAVAILABLE = "outage/unavailable/"
DENIED = "outage/denied/"

PROVENANCE = "imm"
LABEL_PREFIX = "imm_"
_MOST_TAGS = 10
_MOST_LABELS = 9
_LEAST_CONFIDENCE = 50

_MOST_FOREIGN = 5
_SHARE_OF_OUTAGES = 0.002
_SHARE_OF_LEFTOVERS = 0.1
_SHARE_OF_EQUAL_STARTS = 0.05
_FOREIGN_KEYS = (
    *("team", "owner", "retention", "cost-center", "env", "project:x", "a.b/c", "z", "IMM", "im"),
    *("imm-other", "immortal", "imm.x", "Imm_chair", "_imm"),
)
_FOREIGN_VALUES = ("", "", "a", "30 days", "2024-01-01", "x=y", "+1", "-", "://", "0.95", "IMM_", "a" * 256)
# Labels and the names of their tags, written by hand, so that a mistake in the function's naming shows.
NAMES: Mapping[str, str] = {
    "椅子": "yi-zi",
    "家具": "jia-ju",
    "沙发": "sha-fa",
    "夜景": "ye-jing",
    "烟花": "yan-hua",
    "人群": "ren-qun",
    "篮球": "lan-qiu",
    "海滩": "hai-tan",
    "食物": "shi-wu",
    "动漫": "dong-man",
    "汽车": "qi-che",
    "战斗机": "zhan-dou-ji",
    "交通工具": "jiao-tong-gong-ju",
    "天空": "tian-kong",
    "森林": "sen-lin",
    "婚礼": "hun-li",
    "医院": "yi-yuan",
    "猫": "mao",
    "狗": "gou",
    "日落": "ri-luo",
    "Vlog": "vlog",
    "Night market": "night-market",
    "Chair": "chair",
    "BEACH": "beach",
    "4K": "4k",
    "C++": "c++",
    "v1.0": "v1.0",
    "black/white": "black/white",
    "16:9": "16:9",
}

Tag = tuple[str, str]


@dataclass(frozen=True)
class FloodPlan:
    """The numbers of one flood.

    ``notifications`` counts deliveries: of the ``distinct`` tasks' notifications, the share ``duplicates`` is
    delivered twice. ``faults`` is the share of the function's remote calls that go wrong, ``kills`` how many
    instances are killed in the middle of their work. ``second_look`` (seconds, 0 for none) is the function's
    setting SECOND_LOOK_SECONDS. ``overlapping`` lets two tasks of one object be on their way at the same
    time; ``long_waits`` has services that do not answer at all, each of which costs the function its whole
    patience with a call.
    """

    notifications: int
    objects: int
    instances: int
    faults: float = 0.0
    duplicates: float = 0.0
    kills: int = 0
    second_look: float = 0.0
    seed: int = 0
    overlapping: bool = True
    long_waits: bool = True

    @property
    def distinct(self) -> int:
        """How many tasks there are; every one has its own notification."""
        return round(self.notifications / (1 + self.duplicates))

    @property
    def backlog(self) -> int:
        """How many deliveries may be on their way at the same time."""
        return 4 * self.instances


@dataclass(frozen=True)
class PlannedTask:
    """A task that has ended; ``labels`` are texts with their confidence in hundredths, all different."""

    task_id: str
    key: str
    start: datetime
    labels: tuple[tuple[str, int], ...]

    @property
    def provenance(self) -> str:
        """The value of the provenance tag. It orders an object's tasks too: the newest has the greatest."""
        start = self.start
        return f"{start:%Y-%m-%dT%H:%M:%S}.{start.microsecond // 1000:03d}Z/{self.task_id}"


@dataclass(frozen=True)
class PlannedObject:
    """An object with tags of its owner's, tags that an earlier installation left, and its tasks."""

    key: str
    foreign: tuple[Tag, ...]
    leftovers: tuple[Tag, ...]
    tasks: tuple[PlannedTask, ...] = ()

    @property
    def first_tags(self) -> tuple[Tag, ...]:
        """The tags before any task."""
        return self.foreign + self.leftovers

    def tags_after(self, task: PlannedTask) -> tuple[Tag, ...]:
        """The tags that the object has once a task's labels stand on it: all of them, in their order."""
        best = sorted(task.labels, key=lambda label: -label[1])
        room = min(_MOST_LABELS, _MOST_TAGS - len(self.foreign) - 1)
        kept = [(word, hundredths) for word, hundredths in best if hundredths >= _LEAST_CONFIDENCE][:room]
        labels = tuple((LABEL_PREFIX + NAMES[word], f"0.{hundredths:02d}") for word, hundredths in kept)
        return (*self.foreign, (PROVENANCE, task.provenance), *labels)

    def newest_first(self) -> list[PlannedTask]:
        """The tasks, the newest first."""
        return sorted(self.tasks, key=lambda task: task.provenance, reverse=True)


def draw(plan: FloodPlan) -> list[PlannedObject]:
    """The objects of a plan, with their tasks: equal plans at equal moments give equal ones.

    Every task starts after the present, in which its object is written, as it would for an object of its own.
    """
    randomness = random.Random(plan.seed)
    now = datetime.now(timezone.utc)
    each, more = divmod(plan.distinct, plan.objects)
    objects = []
    for number in range(plan.objects):
        key = _key(number, plan.objects)
        keys = randomness.sample(_FOREIGN_KEYS, randomness.randint(0, _MOST_FOREIGN))
        foreign = tuple((name, randomness.choice(_FOREIGN_VALUES)) for name in keys)
        left = randomness.random() < _SHARE_OF_LEFTOVERS
        leftovers = ((LABEL_PREFIX + "left-over", "0.51"),) if left else ()
        tasks = tuple(_tasks(randomness, number, key, each + (number < more), now))
        objects.append(PlannedObject(key, foreign, leftovers, tasks))
    return objects


def _key(number: int, objects: int) -> str:
    outages = max(1, round(objects * _SHARE_OF_OUTAGES / 2))
    from_the_end = objects - 1 - number
    prefix = UNAVAILABLE if from_the_end < outages else DENIED if from_the_end < 2 * outages else "videos/"
    return prefix + (f"宜家 {number}+&=%.mp4" if number % 7 == 0 else f"{number:06d}.mp4")


def _tasks(
    randomness: random.Random, number: int, key: str, count: int, now: datetime
) -> Iterator[PlannedTask]:
    start = now
    for position in range(count):
        if not position or randomness.random() >= _SHARE_OF_EQUAL_STARTS:
            start = now + timedelta(minutes=1 + position, microseconds=randomness.randrange(1_000_000))
        words = randomness.sample(sorted(NAMES), randomness.randint(0, 14))
        yield PlannedTask(
            f"VideoLabelClassification-{randomness.getrandbits(128):032x}-{number:06d}-{position:04d}",
            key,
            start,
            tuple(zip(words, randomness.sample(range(30, 100), len(words)), strict=True)),
        )


def foreign_tags(tags: Sequence[Tag]) -> tuple[Tag, ...]:
    """Those of some tags that are not ours."""
    return tuple(tag for tag in tags if tag[0] != PROVENANCE and not tag[0].startswith(LABEL_PREFIX))
