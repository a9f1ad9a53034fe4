"""Reads from a shared library what it asks the dynamic loader for: other libraries, versions of symbols."""

from __future__ import annotations

import struct
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple

# Numbers of the ELF specification (refspecs.linuxfoundation.org, gABI and LSB symbol versioning).
X86_64 = 62
_MAGIC = b"\x7fELF"
_CLASS_64, _LITTLE_ENDIAN = 2, 1
_PT_LOAD, _PT_DYNAMIC = 1, 2
_DT_NEEDED, _DT_STRTAB, _DT_VERNEED, _DT_VERNEEDNUM = 1, 5, 0x6FFFFFFE, 0x6FFFFFFF


class NotReadable(Exception):
    """The bytes are no shared library of 64 bits; the message says what is wrong."""


@dataclass(frozen=True)
class SharedLibrary:
    """What a library needs: names like ``libc.so.6``, and symbol versions like ``GLIBC_2.17``."""

    machine: int
    needed: tuple[str, ...]
    versions: frozenset[str]


class _Segment(NamedTuple):
    kind: int
    offset: int
    address: int
    size: int


def is_elf(path: Path) -> bool:
    """Whether a file is a program or a library of Linux."""
    with path.open("rb") as file:
        return file.read(len(_MAGIC)) == _MAGIC


def read_library(path: Path) -> SharedLibrary:
    """Read a library; raises NotReadable."""
    try:
        return _Reader(path.read_bytes()).library()
    except (struct.error, ValueError, IndexError, UnicodeDecodeError):
        raise NotReadable("the ELF file is truncated or damaged") from None


class _Reader:
    """Walks the program headers, as the loader does: section headers may have been stripped."""

    def __init__(self, data: bytes) -> None:
        self._data = data
        if data[:4] != _MAGIC:
            raise NotReadable("it is no ELF file")
        if data[4] != _CLASS_64 or data[5] != _LITTLE_ENDIAN:
            raise NotReadable("it is no ELF file of 64 bits, little-endian")
        self._segments = self._read_segments()

    def library(self) -> SharedLibrary:
        dynamic = self._dynamic()
        values = dict(reversed(dynamic))
        if dynamic and _DT_STRTAB not in values:
            raise NotReadable("its dynamic section names no string table")
        strings = self._offset(values[_DT_STRTAB]) if dynamic else 0
        versions: set[str] = set()
        if _DT_VERNEED in values:
            at = self._offset(values[_DT_VERNEED])
            versions = self._versions(at, values.get(_DT_VERNEEDNUM, 0), strings)
        return SharedLibrary(
            machine=self._unpack("<H", 18)[0],
            needed=tuple(self._text(strings + value) for tag, value in dynamic if tag == _DT_NEEDED),
            versions=frozenset(versions),
        )

    def _read_segments(self) -> list[_Segment]:
        (table,) = self._unpack("<Q", 32)
        size, count = self._unpack("<HH", 54)
        segments = []
        for index in range(count):
            kind, _, offset, address, _, length = self._unpack("<IIQQQQ", table + index * size)
            segments.append(_Segment(kind, offset, address, length))
        return segments

    def _dynamic(self) -> list[tuple[int, int]]:
        entries = []
        for segment in self._segments:
            if segment.kind == _PT_DYNAMIC:
                for at in range(segment.offset, segment.offset + segment.size, 16):
                    tag, value = self._unpack("<QQ", at)
                    if tag == 0:
                        break
                    entries.append((tag, value))
        return entries

    def _versions(self, at: int, count: int, strings: int) -> set[str]:
        found = set()
        for _ in range(count):
            _, entries, _, first, following = self._unpack("<HHIII", at)
            entry = at + first
            for _ in range(entries):
                _, _, _, name, step = self._unpack("<IHHII", entry)
                found.add(self._text(strings + name))
                entry += step
            at += following
        return found

    def _offset(self, address: int) -> int:
        """Where in the file a part lies that is loaded at an address."""
        for segment in self._segments:
            if segment.kind == _PT_LOAD and segment.address <= address < segment.address + segment.size:
                return address - segment.address + segment.offset
        raise NotReadable("a part of it lies outside of what is loaded")

    def _text(self, at: int) -> str:
        return self._data[at : self._data.index(b"\0", at)].decode("utf-8")

    def _unpack(self, form: str, at: int) -> tuple[int, ...]:
        return struct.unpack_from(form, self._data, at)
