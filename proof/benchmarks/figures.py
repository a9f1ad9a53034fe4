"""Medians, spread and ratios of samples that were taken in turns."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from statistics import median, quantiles
from typing import Any

from proof.benchmarks.subjects import FUNCTION, REFERENCE


def spread(samples: Sequence[float]) -> dict[str, float]:
    """The median and both quartiles, and of how many samples."""
    if len(samples) == 1:
        low = high = samples[0]
    else:
        low, _, high = quantiles(samples, n=4, method="inclusive")
    return {
        "median": _rounded(median(samples)),
        "lower_quartile": _rounded(low),
        "upper_quartile": _rounded(high),
        "samples": len(samples),
    }


def spreads(samples: Mapping[str, Sequence[float]]) -> dict[str, dict[str, float]]:
    """The spread of each subject's samples."""
    return {name: spread(values) for name, values in samples.items()}


def ratio(figures: Mapping[str, Any], to: str = REFERENCE) -> float:
    """The function's figure by another subject's: of medians where they have a spread."""
    ours, theirs = (
        figure["median"] if isinstance(figure, Mapping) else figure
        for figure in (figures[FUNCTION], figures[to])
    )
    return float(ours / theirs)


def critical_path(calls: Sequence[tuple[float, float]]) -> int:
    """How many calls followed each other, of calls given by begin and end: those that overlap count once."""
    rounds, until = 0, float("-inf")
    for began, ended in sorted(calls):
        if began >= until:
            rounds += 1
            until = ended
        else:
            # A call that began while an earlier one was on its way waits for it no longer than to its end.
            until = min(until, ended)
    return rounds


def _rounded(number: float) -> float:
    return float(f"{number:.4g}")
