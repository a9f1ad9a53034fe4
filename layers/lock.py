"""The lock file: which package, in which version, with which hashes, for which target."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

from packaging.requirements import InvalidRequirement, Requirement
from packaging.utils import canonicalize_name
from packaging.version import Version

from layers.errors import RequirementNotLocked
from layers.target import Target

_HASH = re.compile(r"\s--hash=sha256:([0-9a-f]{64})(?=\s|$)")


@dataclass(frozen=True)
class Locked:
    """One package of the lock file; ``line`` is all that the file says of it, in one line."""

    version: Version
    line: str

    @property
    def hashes(self) -> frozenset[str]:
        """The SHA-256 of every file that may be installed, in hexadecimal digits."""
        return frozenset(_HASH.findall(self.line))


def locked_for(target: Target, path: Path) -> Mapping[str, Locked]:
    """Every package that the target takes, by its canonical name.

    Raises RequirementNotLocked.
    """
    locked: dict[str, Locked] = {}
    for requirement, entry in entries(path):
        if requirement.marker is not None and not requirement.marker.evaluate(dict(target.markers)):
            continue
        name = canonicalize_name(requirement.name)
        if name in locked:
            raise RequirementNotLocked(path, str(requirement), f"locks {name} again for {target.name}")
        locked[name] = entry
    return locked


def entries(path: Path) -> Iterator[tuple[Requirement, Locked]]:
    """Everything that a lock file has, for whatever target.

    Raises RequirementNotLocked.
    """
    for line in _logical_lines(path.read_text("utf-8")):
        requirement, version = _parse(path, line)
        yield requirement, Locked(version, line)


def _logical_lines(text: str) -> Iterator[str]:
    """Lines without comments, those that end in a backslash joined with the next."""
    for line in re.sub(r"\\\r?\n", " ", text).splitlines():
        code = re.sub(r"(^|\s)#.*", "", line).strip()
        if code:
            yield code


def _parse(path: Path, line: str) -> tuple[Requirement, Version]:
    written = _HASH.sub("", line).strip()
    try:
        requirement = Requirement(written)
    except InvalidRequirement:
        raise RequirementNotLocked(path, written, "is no requirement with sha256 hashes") from None
    specifiers = list(requirement.specifier)
    if len(specifiers) != 1 or specifiers[0].operator != "==" or "*" in specifiers[0].version:
        raise RequirementNotLocked(path, written, "does not name one version with ==")
    if written == line:
        raise RequirementNotLocked(path, written, "has no sha256 hash")
    return requirement, Version(specifiers[0].version)
