"""From which wheel each package was installed, and what it says that it requires."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from email.parser import HeaderParser
from pathlib import Path

from packaging.requirements import InvalidRequirement, Requirement
from packaging.tags import Tag, parse_tag
from packaging.utils import canonicalize_name, parse_wheel_filename

from layers.errors import MetadataUnreadable, WheelUnknown
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


@dataclass(frozen=True)
class Origin:
    """The wheel of an installed package, and the requirements that the package states."""

    wheel: Wheel
    requires: tuple[Requirement, ...]


def read_origins(
    directory: Path, locked: Mapping[str, Locked], offered: Mapping[str, Sequence[Wheel]]
) -> Mapping[str, Origin]:
    """The origin of every package in a directory, by its canonical name; nothing may be dropped from it yet.

    ``offered`` are the wheels of each package that the index has, also those that are not locked. Raises
    WheelUnknown and MetadataUnreadable.
    """
    origins: dict[str, Origin] = {}
    for folder in sorted(directory.glob("*.dist-info")):
        try:
            metadata = HeaderParser().parsestr((folder / "METADATA").read_text("utf-8"))
            built = HeaderParser().parsestr((folder / "WHEEL").read_text("utf-8"))
            requires = tuple(Requirement(text) for text in metadata.get_all("Requires-Dist", []))
        except (OSError, UnicodeDecodeError, InvalidRequirement) as error:
            raise MetadataUnreadable(folder.relative_to(directory).as_posix(), str(error)) from None
        name = canonicalize_name(metadata["Name"])
        tags = frozenset().union(*(parse_tag(text) for text in built.get_all("Tag", [])))
        origins[name] = Origin(_wheel(name, locked[name], tags, offered.get(name, ())), requires)
    return origins


def _wheel(name: str, locked: Locked, tags: frozenset[Tag], offered: Sequence[Wheel]) -> Wheel:
    """The one locked wheel that says of itself what the installed package says."""
    candidates = [wheel for wheel in offered if wheel.sha256 in locked.hashes and wheel.tags & tags]
    if len(candidates) != 1:
        raise WheelUnknown(f"{name} {locked.version}", [wheel.file for wheel in candidates])
    return candidates[0]
