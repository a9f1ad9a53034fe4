"""Checks that a runtime can load every shared library of a layer."""

from __future__ import annotations

import re
from io import BytesIO
from pathlib import Path
from typing import NamedTuple

from elftools.common.exceptions import ELFError
from elftools.elf.dynamic import DynamicSegment
from elftools.elf.elffile import ELFFile
from elftools.elf.gnuversions import GNUVerNeedSection

from layers.archive import files_of
from layers.errors import NotLoadable
from layers.target import Target

_MAGIC = b"\x7fELF"
_X86_64 = "EM_X86_64"
_NUMBERED = re.compile(r"GLIBC_(\d+)\.(\d+)(?:\.\d+)?")


class Needs(NamedTuple):
    """What the shared libraries of a layer need from the runtime, all in all."""

    newest_glibc: str | None = None
    newest_in: str | None = None
    system_libraries: tuple[str, ...] = ()


class _Library(NamedTuple):
    """What a library needs: names like ``libc.so.6``, and symbol versions like ``GLIBC_2.17``.

    ``machine`` is the ELF specification's name of the processor, or its number where it has none.
    """

    machine: str | int
    needed: frozenset[str]
    versions: frozenset[str]


class _NotReadable(Exception):
    """The bytes are no shared library of 64 bits; the message says what is wrong."""


def check_libraries(directory: Path, target: Target) -> Needs:
    """Read every shared library; raises NotLoadable."""
    if target.glibc is None:
        return Needs()
    newest: tuple[tuple[int, int], str] = ((0, 0), "")
    needed: set[str] = set()
    brought: set[str] = set()
    for path in files_of(directory):
        data = (directory / path).read_bytes()
        if path.suffix != ".so" and not data.startswith(_MAGIC):
            continue
        try:
            library = _read(data)
        except _NotReadable as reason:
            raise NotLoadable(str(path), str(reason), target.description) from None
        if library.machine != _X86_64:
            problem = f"is for another processor than x86_64 ({library.machine})"
            raise NotLoadable(str(path), problem, target.description)
        for symbol in sorted(library.versions):
            version = _glibc_version(symbol)
            if version > target.glibc:
                problem = f"needs {symbol}, which is newer than the runtime's glibc"
                raise NotLoadable(str(path), problem, target.description)
            if version > newest[0]:
                newest = (version, str(path))
        needed |= library.needed
        brought.add(path.name)
    version, where = newest
    return Needs(
        newest_glibc="{}.{}".format(*version) if where else None,
        newest_in=where or None,
        system_libraries=tuple(sorted(needed - brought)),
    )


def _read(data: bytes) -> _Library:
    if not data.startswith(_MAGIC):
        raise _NotReadable("is no ELF file")
    try:
        return _library(ELFFile(BytesIO(data)))
    # The parser believes what a file says of itself; in a damaged one it stumbles in one of these ways.
    except (ELFError, AssertionError, LookupError, OverflowError, ValueError):
        raise _NotReadable("is truncated or damaged") from None


def _library(elf: ELFFile) -> _Library:
    if elf.elfclass != 64 or not elf.little_endian:
        raise _NotReadable("is no ELF file of 64 bits, little-endian")
    needed: set[str] = set()
    versions: set[str] = set()
    for segment in elf.iter_segments():
        if isinstance(segment, DynamicSegment):
            needed.update(tag.needed for tag in segment.iter_tags("DT_NEEDED"))  # type: ignore[attr-defined]
            versions |= _versions(elf, segment)
    if not all(name and name.isascii() for name in (*needed, *versions)):
        raise ELFError("a name ends nowhere, or is none")
    return _Library(elf["e_machine"], frozenset(needed), frozenset(versions))


def _versions(elf: ELFFile, dynamic: DynamicSegment) -> set[str]:
    """The symbol versions, from the section that the loader's own table is said to be in."""
    address, _ = dynamic.get_table_offset("DT_VERNEED")
    if address is None:
        return set()
    for section in elf.iter_sections():
        if isinstance(section, GNUVerNeedSection) and section["sh_addr"] == address:
            return {symbol.name for _, symbols in section.iter_versions() for symbol in symbols}
    raise _NotReadable("needs versions of symbols, but no section has them")


def _glibc_version(symbol: str) -> tuple[int, int]:
    """The glibc that a symbol version asks for; none is older than that of another library's symbol.

    Names without a number (GLIBC_ABI_DT_RELR, GLIBC_PRIVATE) are newer than any runtime or bound to one
    build of glibc.
    """
    if not symbol.startswith("GLIBC_"):
        return (0, 0)
    found = _NUMBERED.fullmatch(symbol)
    return (int(found[1]), int(found[2])) if found else (999, 0)
