"""Percentiles and slopes."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from statistics import fmean


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


def slope(points: Sequence[tuple[float, float]]) -> float:
    """The slope of the line that fits best (least squares); 0 where there is no spread."""
    if not points:
        return 0.0
    middle_x = fmean(x for x, _ in points)
    middle_y = fmean(y for _, y in points)
    spread = sum((x - middle_x) ** 2 for x, _ in points)
    if spread == 0:
        return 0.0
    return sum((x - middle_x) * (y - middle_y) for x, y in points) / spread
