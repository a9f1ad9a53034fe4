"""Percentiles of what was measured, and whether an instance's memory grows over a flood."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from statistics import fmean, linear_regression

# A leak of one kilobyte for each notification would be 1 MB for a thousand.
GROWTH_ALLOWED = 1.0
# Before that an instance still fills its caches and connection pools.
WARM_UP = 300
FEWEST_JUDGED = 1000


@dataclass(frozen=True)
class Percentiles:
    """The middle and the upper end of some numbers, in the unit that they have."""

    count: int
    p50: float
    p95: float
    p99: float
    largest: float

    @classmethod
    def of(cls, numbers: Sequence[float]) -> Percentiles:
        """By nearest rank: each is one of the numbers; all 0 where there are none."""
        ordered = sorted(numbers)
        if not ordered:
            return cls(0, 0.0, 0.0, 0.0, 0.0)
        p50, p95, p99, largest = (
            ordered[max(0, math.ceil(share * len(ordered)) - 1)] for share in (0.50, 0.95, 0.99, 1.0)
        )
        return cls(len(ordered), p50, p95, p99, largest)


@dataclass(frozen=True)
class Sample:
    """How many notifications an instance had handled, and the memory that it held then (RSS, MB)."""

    handled: int
    memory: float


@dataclass(frozen=True)
class MemoryTrend:
    """An instance's memory in MB: at its first, middle and last sample, and what 1,000 notifications add.

    ``growth`` counts from the end of the warm-up; it is None where too few notifications came after that.
    """

    instance_id: str
    handled: int
    start: float
    middle: float
    end: float
    growth: float | None

    @property
    def grows(self) -> bool:
        """Whether the memory grows more than measuring it explains."""
        return self.growth is not None and self.growth > GROWTH_ALLOWED


def trend(instance_id: str, samples: Sequence[Sample]) -> MemoryTrend:
    """What an instance's samples (at least one, in their order) say."""
    judged = [(sample.handled / 1000, sample.memory) for sample in samples if sample.handled >= WARM_UP]
    last = samples[-1]
    enough = last.handled - WARM_UP >= FEWEST_JUDGED and len(judged) > 2
    return MemoryTrend(
        instance_id=instance_id,
        handled=last.handled,
        start=samples[0].memory,
        middle=samples[len(samples) // 2].memory,
        end=fmean(sample.memory for sample in samples[-3:]),
        growth=linear_regression(*zip(*judged, strict=True)).slope if enough else None,
    )
