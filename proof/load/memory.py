"""The memory of instances over a flood, and whether it grows."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from statistics import fmean

from proof.load.figures import slope

# A leak of one kilobyte for each notification would be 1 MB for a thousand.
GROWTH_ALLOWED = 1.0
# Before that an instance still fills its caches and connection pools.
WARM_UP = 300
FEWEST_JUDGED = 1000


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
        growth=slope(judged) if enough else None,
    )
