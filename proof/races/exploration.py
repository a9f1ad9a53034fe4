"""Goes through every order in which steps can be taken, one run after the other.

Depth first and by running again: the next run makes the same choices up to the last one that has another way
left, and takes that.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from typing import TypeVar

from proof.races.scheduler import Choose, Step

_Result = TypeVar("_Result")


class NotDeterministic(Exception):
    """The same choices led to another run."""


class Path:
    """The choices of one run: ``begun`` are made again, then the first way is taken each time."""

    def __init__(self, begun: Sequence[tuple[int, tuple[Step, ...]]] = ()) -> None:
        self._begun = begun
        self._made: list[tuple[int, tuple[Step, ...]]] = []

    def choose(self, steps: Sequence[Step]) -> int:
        """Choose one of the steps; raises NotDeterministic where others were there the last time."""
        here = len(self._made)
        way, known = self._begun[here] if here < len(self._begun) else (0, tuple(steps))
        if known != tuple(steps):
            raise NotDeterministic(f"{[str(step) for step in known]} became {[str(step) for step in steps]}")
        self._made.append((way, known))
        return way

    def following(self) -> Path | None:
        """The path of the next run; None after the last one."""
        made = list(self._made)
        while made:
            way, steps = made.pop()
            if way + 1 < len(steps):
                return Path([*made, (way + 1, steps)])
        return None


def explore(play: Callable[[Choose], _Result]) -> Iterator[_Result]:
    """The results of all runs, each of a different order of steps."""
    path: Path | None = Path()
    while path is not None:
        yield play(path.choose)
        path = path.following()
