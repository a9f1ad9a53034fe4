"""Checks that a runtime can load every shared library of a layer."""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path, PurePosixPath

from layers.contents import files_of
from layers.elf import X86_64, NotReadable, SharedLibrary, is_elf, read_library
from layers.errors import GlibcTooNew, LibraryUnreadable, WrongArchitecture
from layers.target import Target

_NUMBERED = re.compile(r"GLIBC_(\d+)\.(\d+)(?:\.\d+)?")


@dataclass(frozen=True)
class Needs:
    """What the shared libraries of a layer need from the runtime, all in all."""

    newest_glibc: str | None = None
    newest_in: str | None = None
    system_libraries: tuple[str, ...] = ()


def check_libraries(directory: Path, target: Target) -> Needs:
    """Read every shared library; raises WrongArchitecture, GlibcTooNew or LibraryUnreadable by name."""
    if target.glibc is None:
        return Needs()
    newest: tuple[tuple[int, int], str] = ((0, 0), "")
    needed: set[str] = set()
    brought: set[str] = set()
    for path in files_of(directory):
        if path.suffix != ".so" and not is_elf(directory / path):
            continue
        library = _read(directory, path)
        for symbol in sorted(library.versions):
            version = _glibc_version(symbol)
            if version > target.glibc:
                raise GlibcTooNew(str(path), symbol, target.description)
            if version > newest[0]:
                newest = (version, str(path))
        needed.update(library.needed)
        brought.add(path.name)
    version, where = newest
    return Needs(
        newest_glibc="{}.{}".format(*version) if where else None,
        newest_in=where or None,
        system_libraries=tuple(sorted(needed - brought)),
    )


def _read(directory: Path, path: PurePosixPath) -> SharedLibrary:
    try:
        library = read_library(directory / path)
    except NotReadable as reason:
        raise LibraryUnreadable(str(path), str(reason)) from None
    if library.machine != X86_64:
        raise WrongArchitecture(str(path), library.machine)
    return library


def _glibc_version(symbol: str) -> tuple[int, int]:
    """The glibc that a symbol version asks for; none is older than that of another library's symbol.

    Names without a number (GLIBC_ABI_DT_RELR, GLIBC_PRIVATE) are newer than any runtime or bound to one
    build of glibc.
    """
    if not symbol.startswith("GLIBC_"):
        return (0, 0)
    found = _NUMBERED.fullmatch(symbol)
    return (int(found[1]), int(found[2])) if found else (999, 0)
