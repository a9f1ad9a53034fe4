"""Which package of a set needs which other, on a given system."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from packaging.requirements import Requirement
from packaging.utils import canonicalize_name


def needed_by(
    requirements: Mapping[str, Sequence[Requirement]], markers: Mapping[str, str]
) -> Mapping[str, frozenset[str]]:
    """The packages that each package needs, by their canonical names; others than those given do not count.

    ``markers`` is the environment in which markers are evaluated. What an extra brings is needed by the
    package that has the extra, where another asks for it.
    """
    extras: dict[str, set[str]] = {name: {""} for name in requirements}
    needed: dict[str, set[str]] = {name: set() for name in requirements}
    changed = True
    while changed:
        changed = False
        for name, stated in requirements.items():
            for requirement in stated:
                other = canonicalize_name(requirement.name)
                if other not in requirements or not _holds(requirement, markers, extras[name]):
                    continue
                if other not in needed[name] or not requirement.extras <= extras[other]:
                    needed[name].add(other)
                    extras[other] |= requirement.extras
                    changed = True
    return {name: frozenset(others - {name}) for name, others in needed.items()}


def _holds(requirement: Requirement, markers: Mapping[str, str], extras: set[str]) -> bool:
    marker = requirement.marker
    return marker is None or any(marker.evaluate({**markers, "extra": extra}) for extra in extras)
