"""What has been installed, by its own account, compared with what is locked."""

from __future__ import annotations

import csv
import posixpath
import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from email.message import Message
from email.parser import HeaderParser
from pathlib import Path, PurePosixPath

from packaging.requirements import InvalidRequirement, Requirement
from packaging.tags import Tag, parse_tag
from packaging.utils import canonicalize_name, parse_wheel_filename
from packaging.version import InvalidVersion, Version

from imm_label_tags.tags.pronunciation import PLACE
from layers.archive import files_of
from layers.errors import InstalledOtherwise, WheelUnknown
from layers.installer import Wheel
from layers.lock import Locked
from layers.target import Target

NOT_STATED = "not stated"
# Where a layer has what is made for the function from a package's data.
DATA = PLACE.parent.name
# uv keeps others away from a target directory with it.
_OF_UV = frozenset({".lock"})
_LICENCE = re.compile(r"(LICEN[CS]E|COPYING|NOTICE|AUTHORS)", re.IGNORECASE)


@dataclass(frozen=True)
class Distribution:
    """An installed package.

    ``name`` is the canonical one, and ``tags`` those of its wheel. ``installed`` are its files, and ``made``
    those that the builder has made from its data; both are relative to the directory that it was installed
    into.
    """

    name: str
    version: Version
    licence: str
    requires: tuple[Requirement, ...]
    tags: frozenset[Tag]
    installed: frozenset[str] = field(repr=False)
    made: frozenset[str] = field(default=frozenset(), repr=False)

    @property
    def files(self) -> frozenset[str]:
        """All of them; some may have been left out of the layer."""
        return self.installed | self.made

    @property
    def has_licence_text(self) -> bool:
        """Whether the package brings the text of its licence."""
        return any(is_licence(PurePosixPath(path)) for path in self.files)


def is_licence(path: PurePosixPath) -> bool:
    """Whether a file of a package's metadata or data is a licence or a notice that has to go with it."""
    return path.parts[0].endswith((".dist-info", DATA)) and (
        "licenses" in path.parts[1:-1] or _LICENCE.match(path.name) is not None
    )


def read_distributions(
    directory: Path, locked: Mapping[str, Locked], target: Target
) -> Sequence[Distribution]:
    """Every package in a directory, by name.

    Raises InstalledOtherwise unless exactly the locked set is there, and every file belongs to a package.
    """
    found = sorted(
        (_read(directory, folder, target) for folder in directory.glob("*.dist-info")),
        key=lambda one: (one.name, one.version),
    )
    missing = {name: one.version for name, one in locked.items()}
    for one in found:
        if missing.pop(one.name, None) != one.version:
            raise InstalledOtherwise(
                f"{one.name} {one.version} is not locked, or there twice", target.description
            )
    for name, version in missing.items():
        raise InstalledOtherwise(f"{name} {version} is missing", target.description)
    claimed = _OF_UV.union(*(one.files for one in found))
    for path in files_of(directory):
        if path.as_posix() not in claimed:
            raise InstalledOtherwise(f"{path} is in no package's RECORD", target.description)
    return found


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
        candidates = [
            wheel
            for wheel in wheels
            if wheel.sha256 in hashes and parse_wheel_filename(wheel.file)[3] & one.tags
        ]
        if len(candidates) != 1:
            raise WheelUnknown(f"{one.name} {one.version}", [wheel.file for wheel in candidates])
        found[one.name] = candidates[0]
    return found


def _read(directory: Path, folder: Path, target: Target) -> Distribution:
    try:
        metadata, wheel = (
            HeaderParser().parsestr((folder / name).read_text("utf-8")) for name in ("METADATA", "WHEEL")
        )
        with (folder / "RECORD").open(encoding="utf-8", newline="") as record:
            files = frozenset(posixpath.normpath(row[0]) for row in csv.reader(record) if row)
        return Distribution(
            # Lower case, so that the order in a report is the reader's.
            name=canonicalize_name(metadata["Name"]),
            version=Version(metadata["Version"]),
            licence=licence_of(metadata),
            requires=tuple(Requirement(text) for text in metadata.get_all("Requires-Dist", [])),
            tags=frozenset().union(*(parse_tag(text) for text in wheel.get_all("Tag", []))),
            installed=files,
        )
    except (OSError, UnicodeDecodeError, TypeError, InvalidRequirement, InvalidVersion) as error:
        raise InstalledOtherwise(f"{folder.relative_to(directory)}: {error}", target.description) from None


def licence_of(metadata: Message) -> str:
    """The licence that a package states: as SPDX expression, else in its own words, else as classifiers.

    packaging.python.org/en/latest/specifications/core-metadata has all three.
    """
    expression = str(metadata.get("License-Expression", "")).strip()
    words = str(metadata.get("License", "")).strip()
    classifiers = [
        str(value).rpartition(" :: ")[2]
        for value in metadata.get_all("Classifier", [])
        if str(value).startswith("License :: ")
    ]
    # Some put the whole text there.
    if len(words.splitlines()) > 1 or words.upper() == "UNKNOWN":
        words = ""
    return expression or words or ", ".join(classifiers) or NOT_STATED
