"""What the rules look at: one function of one file, and what surrounds it."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from localcloud.fc.declaration import FunctionDeclaration
from terminal.deployment_check.findings import Finding

# The entry module of the function that keeps failed events, and the resource that declares it.
KEEPER = "keep_failed"


@dataclass(frozen=True)
class Surroundings:
    """The directory of the built layers, and whether the file is deployed right after the check."""

    layers: Path
    deploying: bool


@dataclass(frozen=True)
class Subject:
    """A function: its resolved props, and what they declare.

    ``where`` is the path that leads to the props. What stands at a path in ``spoilt`` is reported already,
    and ``props`` and ``declared`` have something harmless in its place. ``functions`` are all of the file,
    this one among them.
    """

    where: str
    props: Mapping[str, Any]
    declared: FunctionDeclaration
    spoilt: frozenset[str]
    surroundings: Surroundings
    functions: Sequence[Subject] = field(default=(), repr=False, compare=False)

    @property
    def keeps(self) -> bool:
        """Whether the function keeps what others could not handle; any other one tags objects."""
        module = self.declared.handler.rpartition(".")[0].rpartition("/")[2]
        return KEEPER in (module, self.declared.resource)

    def path(self, *keys: str) -> str:
        """The path of a value in the props."""
        return ".".join((self.where, *keys))

    def sound(self, *keys: str) -> bool:
        """Whether the values of some props are what the file says."""
        return not any(below(where, self.path(key)) for key in keys for where in self.spoilt)

    def trigger_path(self, name: str) -> str:
        """The path of a trigger."""
        names = [trigger.name for trigger in self.declared.triggers]
        return self.path(f"triggers[{names.index(name)}]")


Rule = Callable[[Subject], Iterator[Finding]]


def below(where: str, above: str) -> bool:
    """Whether a path is another one, or leads to a part of what is there."""
    return where == above or where.startswith((f"{above}.", f"{above}["))
