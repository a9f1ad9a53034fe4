"""What a shared library needs of the system that loads it."""

from __future__ import annotations

import struct
import sys
from pathlib import Path

import pytest

from layers.glibc import NotReadable, SharedLibrary, is_elf, read_library
from tests.layers.wheels import shared_library

GLIBC = {"libc.so.6": ["GLIBC_2.2.5", "GLIBC_2.34"], "libm.so.6": ["GLIBC_2.29"]}


def write(tmp_path: Path, data: bytes) -> Path:
    path = tmp_path / "library.so"
    path.write_bytes(data)
    return path


def test_libraries_and_symbol_versions(tmp_path: Path) -> None:
    path = write(tmp_path, shared_library(GLIBC, needed=["libc.so.6", "libm.so.6"]))
    assert is_elf(path)
    assert read_library(path) == SharedLibrary(
        machine="EM_X86_64",
        needed=("libc.so.6", "libm.so.6"),
        versions=frozenset({"GLIBC_2.2.5", "GLIBC_2.34", "GLIBC_2.29"}),
    )


def test_a_library_that_needs_nothing(tmp_path: Path) -> None:
    assert read_library(write(tmp_path, shared_library({}))) == SharedLibrary("EM_X86_64", (), frozenset())


def test_a_library_without_dynamic_section(tmp_path: Path) -> None:
    data = bytearray(shared_library(GLIBC))
    struct.pack_into("<H", data, 56, 1)
    assert read_library(write(tmp_path, bytes(data))) == SharedLibrary("EM_X86_64", (), frozenset())


def test_the_interpreter_that_runs_this() -> None:
    """A real file, where this machine has such files."""
    path = Path(sys.executable).resolve()
    if is_elf(path):
        assert any(name.startswith("libc.") for name in read_library(path).needed)


def damaged(at: int, value: bytes) -> bytes:
    data = bytearray(shared_library(GLIBC))
    data[at : at + len(value)] = value
    return bytes(data)


@pytest.mark.parametrize(
    ("data", "what"),
    [
        (b"", "no ELF file"),
        (b"MZ is another system", "no ELF file"),
        (b"\x7fELF", "truncated or damaged"),
        (damaged(4, b"\x01"), "of 64 bits, little-endian"),
        (damaged(5, b"\x02"), "of 64 bits, little-endian"),
        (shared_library(GLIBC)[:100], "truncated or damaged"),
        (shared_library(GLIBC)[:-70], "truncated or damaged"),
        (shared_library({"libc.so.6": [""]}), "truncated or damaged"),
        (shared_library({"libc.so.6": ["椅"]}), "truncated or damaged"),
        # Where the table of versions lies can be found by the loader alone.
        (shared_library(GLIBC, stripped=True), "no section has them"),
        # The dynamic section has another entry in the string table's place.
        (
            struct.pack("<Q", 6).join(
                shared_library({}, needed=["libc.so.6"], stripped=True).rsplit(struct.pack("<Q", 5), 1)
            ),
            "truncated or damaged",
        ),
    ],
)
def test_what_cannot_be_read_is_said(tmp_path: Path, data: bytes, what: str) -> None:
    with pytest.raises(NotReadable, match=what):
        read_library(write(tmp_path, data))
