"""What the rules look at: one function of one file, and what surrounds it."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from enum import Enum
from pathlib import Path

from cli.deployment_check.findings import Finding, NotChecked
from cli.manifest.fields import known
from cli.manifest.function import (
    KEEPING_HANDLER,
    SUBMITTING_HANDLER,
    TAGGING_HANDLER,
    DeclaredFunction,
)


class Kind(str, Enum):
    """What a function of this project does, as its handler says."""

    TAGS = TAGGING_HANDLER
    KEEPS = KEEPING_HANDLER
    SUBMITS = SUBMITTING_HANDLER


@dataclass(frozen=True)
class Surroundings:
    """The directory of the built layers, and whether the file is deployed right after the check."""

    layers: Path
    deploying: bool


@dataclass(frozen=True)
class Subject:
    """A function of ours as it is declared.

    What was found wrong before the rules look at it cannot be read any more, so that it is told once. A rule
    may read any field; where one cannot be read, the rule ends. ``functions`` are all of ours in the file,
    this one among them; ``others`` are the names of those in it that are not ours.
    """

    declared: DeclaredFunction
    kind: Kind
    surroundings: Surroundings
    functions: Sequence[Subject] = field(default=(), repr=False, compare=False)
    others: Sequence[str] = field(default=(), repr=False, compare=False)

    @property
    def name(self) -> str:
        """The function's name; empty where it cannot be read."""
        return known(self.declared, "name", "")

    def of(self, *kinds: Kind) -> Iterator[Subject]:
        """The functions of some kinds in the file."""
        return (one for one in self.functions if one.kind in kinds)

    def path(self, *keys: str) -> str:
        """The path of a value in the props."""
        return ".".join((self.declared.where, *keys))


Rule = Callable[[Subject], Iterator["Finding | NotChecked"]]
