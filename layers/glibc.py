"""Checks that a runtime can load every shared library of a layer."""

from __future__ import annotations

import re
from dataclasses import dataclass
from io import BytesIO
from pathlib import Path

from elftools.common.exceptions import ELFError
from elftools.elf.dynamic import DynamicSegment
from elftools.elf.elffile import ELFFile
from elftools.elf.gnuversions import GNUVerNeedSection

from layers.contents import files_of
from layers.errors import GlibcTooNew, LibraryUnreadable, WrongArchitecture
from layers.target import Target

_MAGIC = b"\x7fELF"
_X86_64 = "EM_X86_64"
_NUMBERED = re.compile(r"GLIBC_(\d+)\.(\d+)(?:\.\d+)?")


@dataclass(frozen=True)
class Needs:
    """What the shared libraries of a layer need from the runtime, all in all."""

    newest_glibc: str | None = None
    newest_in: str | None = None
    system_libraries: tuple[str, ...] = ()


@dataclass(frozen=True)
class SharedLibrary:
    """What a library needs: names like ``libc.so.6``, and symbol versions like ``GLIBC_2.17``.

    ``machine`` is the ELF specification's name of the processor, or its number where it has none.
    """

    machine: str | int
    needed: tuple[str, ...]
    versions: frozenset[str]


class NotReadable(Exception):
    """The bytes are no shared library of 64 bits; the message says what is wrong."""


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
        try:
            library = read_library(directory / path)
        except NotReadable as reason:
            raise LibraryUnreadable(str(path), str(reason)) from None
        if library.machine != _X86_64:
            raise WrongArchitecture(str(path), library.machine)
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


def is_elf(path: Path) -> bool:
    """Whether a file is a program or a library of Linux."""
    with path.open("rb") as file:
        return file.read(len(_MAGIC)) == _MAGIC


def read_library(path: Path) -> SharedLibrary:
    """Read a library; raises NotReadable."""
    data = path.read_bytes()
    if not data.startswith(_MAGIC):
        raise NotReadable("it is no ELF file")
    try:
        return _library(ELFFile(BytesIO(data)))
    # The parser believes what a file says of itself; in a damaged one it stumbles in one of these ways.
    except (ELFError, AssertionError, LookupError, OverflowError, ValueError):
        raise NotReadable("the ELF file is truncated or damaged") from None


def _library(elf: ELFFile) -> SharedLibrary:
    if elf.elfclass != 64 or not elf.little_endian:
        raise NotReadable("it is no ELF file of 64 bits, little-endian")
    needed: list[str] = []
    versions: set[str] = set()
    for segment in elf.iter_segments():
        if isinstance(segment, DynamicSegment):
            needed += [tag.needed for tag in segment.iter_tags("DT_NEEDED")]  # type: ignore[attr-defined]
            versions |= _versions(elf, segment)
    if not all(name and name.isascii() for name in (*needed, *versions)):
        raise ELFError("a name ends nowhere, or is none")
    return SharedLibrary(elf["e_machine"], tuple(needed), frozenset(versions))


def _versions(elf: ELFFile, dynamic: DynamicSegment) -> set[str]:
    """The symbol versions, from the section that the loader's own table is said to be in."""
    address, _ = dynamic.get_table_offset("DT_VERNEED")
    if address is None:
        return set()
    for section in elf.iter_sections():
        if isinstance(section, GNUVerNeedSection) and section["sh_addr"] == address:
            return {symbol.name for _, symbols in section.iter_versions() for symbol in symbols}
    raise NotReadable("it needs versions of symbols, but no section has them")


def _glibc_version(symbol: str) -> tuple[int, int]:
    """The glibc that a symbol version asks for; none is older than that of another library's symbol.

    Names without a number (GLIBC_ABI_DT_RELR, GLIBC_PRIVATE) are newer than any runtime or bound to one
    build of glibc.
    """
    if not symbol.startswith("GLIBC_"):
        return (0, 0)
    found = _NUMBERED.fullmatch(symbol)
    return (int(found[1]), int(found[2])) if found else (999, 0)
