"""What has been installed, by its own account, compared with what is locked."""

from __future__ import annotations

import csv
import posixpath
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from email.message import Message
from email.parser import HeaderParser
from pathlib import Path, PurePosixPath

from packaging.requirements import InvalidRequirement, Requirement
from packaging.tags import Tag, parse_tag
from packaging.utils import canonicalize_name
from packaging.version import InvalidVersion, Version

from layers.contents import files_of, is_licence
from layers.errors import MetadataUnreadable, MissingPackage, UnclaimedFile, UnexpectedPackage
from layers.lock import Locked
from layers.target import Target

NOT_STATED = "not stated"
# uv keeps others away from a target directory with it.
_OF_UV = frozenset({".lock"})


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


def read_distributions(directory: Path) -> Sequence[Distribution]:
    """Every package in a directory, by name.

    Raises MetadataUnreadable, and UnclaimedFile where a file belongs to none.
    """
    found = sorted(
        (_read(directory, folder) for folder in directory.glob("*.dist-info")),
        key=lambda one: (one.name, one.version),
    )
    claimed = _OF_UV.union(*(one.files for one in found))
    for path in files_of(directory):
        if path.as_posix() not in claimed:
            raise UnclaimedFile(path.as_posix())
    return found


def check_against(locked: Mapping[str, Locked], installed: Iterable[Distribution], target: Target) -> None:
    """Raise UnexpectedPackage or MissingPackage unless exactly the locked set is there."""
    missing = {name: one.version for name, one in locked.items()}
    for one in installed:
        if missing.pop(one.name, None) != one.version:
            raise UnexpectedPackage(f"{one.name} {one.version}", target.description)
    for name, version in missing.items():
        raise MissingPackage(f"{name} {version}", target.description)


def _read(directory: Path, folder: Path) -> Distribution:
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
        raise MetadataUnreadable(folder.relative_to(directory).as_posix(), str(error)) from None


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
