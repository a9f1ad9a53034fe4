"""The wheels that a package index offers, and from which of them each package was installed."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from packaging.tags import Tag
from packaging.utils import parse_wheel_filename

from layers.distributions import Distribution
from layers.errors import WheelUnknown
from layers.lock import Locked


@dataclass(frozen=True)
class Wheel:
    """A file that a package index offers."""

    file: str
    sha256: str

    @property
    def tags(self) -> frozenset[Tag]:
        """For which interpreters and systems it is."""
        return parse_wheel_filename(self.file)[3]


def wheels_of(
    packages: Iterable[Distribution],
    locked: Mapping[str, Locked],
    offered: Mapping[str, Sequence[Wheel]],
) -> Mapping[str, Wheel]:
    """For each package the one locked wheel that says of itself what the package says, by canonical names.

    ``offered`` are the wheels of each package that the index has, also those that are not locked. Raises
    WheelUnknown.
    """
    found = {}
    for one in packages:
        hashes, wheels = locked[one.name].hashes, offered.get(one.name, ())
        candidates = [wheel for wheel in wheels if wheel.sha256 in hashes and wheel.tags & one.tags]
        if len(candidates) != 1:
            raise WheelUnknown(f"{one.name} {one.version}", [wheel.file for wheel in candidates])
        found[one.name] = candidates[0]
    return found
