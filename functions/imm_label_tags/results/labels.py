"""The labels of a video, as IMM found them."""

from __future__ import annotations

import math
from typing import Any, NamedTuple

from imm_label_tags.text import text_of


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


def read_labels(body: Any) -> tuple[Label, ...]:
    """The labels in the SDK's model of a result, without those that have no name."""
    return tuple(_label(label) for label in body.labels if text_of(label.label_name).strip())


def _label(label: Any) -> Label:
    level = label.label_level
    return Label(
        name=label.label_name,
        confidence=fraction(label.label_confidence),
        level=level if isinstance(level, int) and 0 < level < 100 else 0,
        centric_score=fraction(label.centric_score),
        parent=text_of(label.parent_label_name),
        alias=text_of(label.label_alias),
        language=text_of(label.language),
    )


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
