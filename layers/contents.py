"""Which files are needed at run time: of an installed package, and of the function's own code."""

from __future__ import annotations

import os
import re
from collections.abc import Iterator
from pathlib import Path, PurePosixPath

from imm_label_tags.tags.pronunciation import PLACE
from layers.errors import SymbolicLink

# Where a layer has what is made for the function from a package's data.
DATA = PLACE.parent.name

_TESTS = frozenset({"tests", "test", "SelfTest"})
_CACHE = "__pycache__"
# Scripts start an interpreter that Function Compute does not have there; uv's lock guards a finished work.
_AT_THE_TOP = frozenset({"bin", ".lock"})
# What a compiler, a type checker or another Python reads.
_UNNEEDED = frozenset({".c", ".cc", ".cpp", ".h", ".hpp", ".pxd", ".pxi", ".pyc", ".pyi", ".pyo", ".pyx"})
_OF_METADATA = frozenset({"METADATA", "entry_points.txt"})
_LICENCE = re.compile(r"(LICEN[CS]E|COPYING|NOTICE|AUTHORS)", re.IGNORECASE)


def files_of(directory: Path) -> Iterator[PurePosixPath]:
    """Every file below a directory, relative to it, in an order that depends on names alone.

    Raises SymbolicLink.
    """
    return (PurePosixPath(path) for path in sorted(_walk(directory, "")))


def in_layer(path: PurePosixPath) -> bool:
    """Whether the function may need a file of an installed package, or the law wants it.

    Whole modules stay, whether the function imports them or not. Of the metadata, RECORD and INSTALLER would
    be wrong once files are gone.
    """
    if path.parts[0] in _AT_THE_TOP:
        return False
    if path.parts[0].endswith(".dist-info"):
        return path.name in _OF_METADATA or is_licence(path)
    return (
        _TESTS.isdisjoint(path.parts[:-1])
        and _CACHE not in path.parts
        and path.suffix not in _UNNEEDED
        and path.name != "py.typed"
    )


def in_code(path: PurePosixPath) -> bool:
    """Whether a file of the code root is deployed: all but tests, caches, and what a dot hides."""
    return (
        not any(part.startswith(".") for part in path.parts)
        and _TESTS.isdisjoint(path.parts[:-1])
        and _CACHE not in path.parts
        and path.suffix not in (".pyc", ".pyo")
    )


def is_licence(path: PurePosixPath) -> bool:
    """Whether a file of a package's metadata or data is a licence or a notice that has to go with it."""
    return path.parts[0].endswith((".dist-info", DATA)) and (
        "licenses" in path.parts[1:-1] or _LICENCE.match(path.name) is not None
    )


def _walk(directory: Path, prefix: str) -> Iterator[str]:
    with os.scandir(directory) as entries:
        for entry in entries:
            if entry.is_symlink():
                raise SymbolicLink(Path(entry.path))
            if entry.is_dir():
                yield from _walk(Path(entry.path), f"{prefix}{entry.name}/")
            else:
                yield prefix + entry.name
