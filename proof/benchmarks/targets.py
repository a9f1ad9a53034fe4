"""What the function is to reach, and whether a run reached it."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from proof.benchmarks.subjects import FUNCTION

ROUND_TRIPS, ROUND_TRIPS_UNCHANGED = 3, 2


@dataclass(frozen=True)
class Target:
    """A figure with its limit and the further goal; ``at_least`` turns both around."""

    name: str
    value: float
    limit: float
    stretch: float | None = None
    at_least: bool = False
    unit: str = ""

    @property
    def met(self) -> bool:
        """Whether the limit is kept."""
        return self._keeps(self.limit)

    @property
    def stretch_met(self) -> bool:
        """Whether the further goal is reached; false where there is none."""
        return self.stretch is not None and self._keeps(self.stretch)

    def _keeps(self, limit: float) -> bool:
        return self.value >= limit if self.at_least else self.value <= limit


def targets(measured: Mapping[str, Any]) -> Iterator[Target]:
    """The targets of one runtime, of what was measured there."""
    cold = measured["cold"]
    for kind, limit, stretch in (("ascii", 0.40, 0.33), ("chinese", 0.45, 0.36)):
        figures = cold[kind]
        spelt = SPELT[kind]
        cpu, wall = figures["cpu_milliseconds"], figures["wall_milliseconds"]
        yield Target(f"cold start, {spelt} labels, CPU time", cpu["ratio"], limit, stretch)
        yield Target(f"cold start, {spelt} labels, wall time", wall["ratio"], limit, stretch)
    for kind in ("ascii", "chinese"):
        ratio = cold[kind]["resident_megabytes"]["ratio"]
        yield Target(f"resident memory after it, {SPELT[kind]} labels", ratio, 0.65, 0.55)
    memory = measured["memory"]
    yield Target(
        f"resident memory after {memory['notifications']:,} notifications",
        memory["resident_megabytes"]["ratio"],
        0.65,
        0.55,
    )
    yield Target("layer, zip file", measured["sizes"]["layer_bytes"]["ratio"], 0.50, 0.35)
    warm = measured["warm"]
    for name, wall, trips in (
        ("warm notification", warm["wall_milliseconds"][FUNCTION], ROUND_TRIPS),
        ("one with nothing to change", warm["unchanged_wall_milliseconds"], ROUND_TRIPS_UNCHANGED),
    ):
        yield Target(f"{name} over {trips} round trips", waiting(warm, wall, trips), 1.10)
    own = warm["own_cpu_milliseconds"]["median"]
    yield Target("own CPU time of a warm notification", own, 1.0, 0.5, unit=" ms")
    batch = measured["batch"]
    yield Target("rate in a batch", batch["a_second"]["ratio"], 8, 12, at_least=True)


SPELT = {"ascii": "ASCII", "chinese": "Chinese"}


def waiting(warm: Mapping[str, Any], wall: Mapping[str, float], round_trips: int) -> float:
    """A notification's wall time in so many round trips, as the local cloud measured them."""
    return wall["median"] / (round_trips * float(warm["answer_milliseconds"]["median"]))
