"""The labels of a video, as IMM found them."""

from __future__ import annotations

import math
from typing import NamedTuple


class Label(NamedTuple):
    """One label (struct Label of IMM's API reference).

    ``confidence`` and ``centric_score`` are 0 to 1; ``level`` is 1 (general) to 3 (specific), 0 where IMM
    gives none.
    """

    name: str
    confidence: float
    level: int = 0
    centric_score: float = 0.0
    parent: str = ""
    alias: str = ""
    language: str = ""

    @property
    def rank(self) -> tuple[float, int, float]:
        """What decides between labels, the better being greater."""
        return (self.confidence, self.level, self.centric_score)


def fraction(value: object) -> float:
    """A number from 0 to 1 as IMM sends it: a float, an integer or text; 0 where it is none of these."""
    try:
        number = float(value)  # type: ignore[arg-type]
    except (TypeError, ValueError, OverflowError):
        return 0.0
    return min(max(number, 0.0), 1.0) if not math.isnan(number) else 0.0


def distinct(labels: tuple[Label, ...]) -> list[Label]:
    """Each label once, with its best occurrence."""
    best: dict[str, Label] = {}
    for label in labels:
        known = best.get(label.name)
        if known is None or _total(label) > _total(known):
            best[label.name] = label
    return list(best.values())


def _total(label: Label) -> tuple[float, int, float, str, str, str]:
    return (*label.rank, label.parent, label.alias, label.language)
