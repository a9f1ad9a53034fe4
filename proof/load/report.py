"""What a part of the load test promises and tells: in words, and as JSON."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import asdict
from typing import TYPE_CHECKING, Any, NamedTuple, Protocol

if TYPE_CHECKING:
    from _typeshed import DataclassInstance

_WIDTH = 30

Tell = Callable[[str], None]


class Promise(NamedTuple):
    """One promise; ``found`` is what was observed, in figures."""

    text: str
    kept: bool
    found: str


class Result(Protocol):
    """What came of a part of the test; a dataclass, so that its fields are the JSON."""

    @property
    def title(self) -> str:
        """The headline."""
        ...

    def rows(self) -> Iterator[tuple[str, str]]:
        """Names and what was counted."""
        ...

    def promises(self) -> list[Promise]:
        """What had to be so, and whether it was."""
        ...


def lines(result: Result) -> Iterator[str]:
    """A result for people."""
    yield from ("", result.title)
    for name, value in result.rows():
        yield f"  {name:{_WIDTH}}{value}"
    yield ""
    for promise in result.promises():
        yield f"  {'kept  ' if promise.kept else 'BROKEN'}  {promise.text}: {promise.found}"


def as_json(result: Result) -> dict[str, Any]:
    """A result as JSON-serialisable values."""
    fields: DataclassInstance = result  # type: ignore[assignment]
    return {**asdict(fields), "promises": [promise._asdict() for promise in result.promises()]}


def counts(numbers: Mapping[str, int]) -> str:
    """How often each was counted, the most frequent first."""
    ordered = sorted(numbers.items(), key=lambda item: (-item[1], item[0]))
    return ", ".join(f"{name} {number:,}" for name, number in ordered if number) or "none"


def percentiles(numbers: Sequence[float]) -> dict[str, float]:
    """The middle and the upper end of some numbers, by nearest rank; all 0 where there are none."""
    ordered = sorted(numbers) or [0.0]
    shares = {"p50": 0.50, "p95": 0.95, "p99": 0.99, "max": 1.0}
    return {name: ordered[max(0, math.ceil(share * len(ordered)) - 1)] for name, share in shares.items()}
