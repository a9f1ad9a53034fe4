"""What a shared library needs of the system that loads it, and what would not load is refused."""

from __future__ import annotations

import struct
from pathlib import Path

import pytest

from layers.errors import NotLoadable
from layers.glibc import Needs, check_libraries
from layers.target import RUNTIMES
from tests.layers.wheels import shared_library

PYTHON312 = RUNTIMES["python3.12"]
GLIBC = {"libc.so.6": ["GLIBC_2.2.5", "GLIBC_2.31"], "libm.so.6": ["GLIBC_2.29"]}


def checked(directory: Path, **libraries: bytes) -> Needs:
    for name, data in libraries.items():
        (directory / name.replace("_", ".")).write_bytes(data)
    return check_libraries(directory, PYTHON312)


def test_versions_compare_as_numbers_and_what_a_package_brings_is_not_asked_of_the_runtime(
    tmp_path: Path,
) -> None:
    inner = shared_library(
        {"libc.so.6": ["GLIBC_2.4", "GLIBC_2.31"], "libstdc++.so.6": ["GLIBCXX_3.4.29"]},
        needed=["libc.so.6", "libstdc++.so.6"],
    )
    outer = shared_library({"libc.so.6": ["GLIBC_2.3.4"]}, needed=["libc.so.6", "libinner.so.1"])
    needs = checked(tmp_path, lib_so=outer, libinner_so_1=inner)
    assert needs == Needs("2.31", "libinner.so.1", ("libc.so.6", "libstdc++.so.6"))


def without_dynamic_section() -> bytes:
    data = bytearray(shared_library(GLIBC))
    struct.pack_into("<H", data, 56, 1)
    return bytes(data)


@pytest.mark.parametrize(
    "data", [shared_library({}), without_dynamic_section(), shared_library({}, stripped=True)]
)
def test_a_library_that_needs_nothing(tmp_path: Path, data: bytes) -> None:
    assert checked(tmp_path, lib_so=data) == Needs()


def damaged(at: int, value: bytes) -> bytes:
    data = bytearray(shared_library(GLIBC))
    data[at : at + len(value)] = value
    return bytes(data)


@pytest.mark.parametrize(
    ("data", "said"),
    [
        (
            shared_library({"libc.so.6": ["GLIBC_2.17", "GLIBC_2.34"]}),
            "needs GLIBC_2.34, which is newer than",
        ),
        # From glibc 2.36 on; older loaders refuse it.
        (shared_library({"libc.so.6": ["GLIBC_ABI_DT_RELR"]}), "needs GLIBC_ABI_DT_RELR, which is newer"),
        (shared_library({"libc.so.6": ["GLIBC_PRIVATE"]}), "needs GLIBC_PRIVATE, which is newer"),
        (shared_library({}, machine=183), r"is for another processor than x86_64 \(EM_AARCH64\)"),
        (b"", "is no ELF file"),
        (b"\xcf\xfa\xed\xfe", "is no ELF file"),
        (b"\x7fELF", "is truncated or damaged"),
        (damaged(4, b"\x01"), "is no ELF file of 64 bits, little-endian"),
        (damaged(5, b"\x02"), "is no ELF file of 64 bits, little-endian"),
        (shared_library(GLIBC)[:100], "is truncated or damaged"),
        (shared_library(GLIBC)[:-70], "is truncated or damaged"),
        (shared_library({"libc.so.6": [""]}), "is truncated or damaged"),
        (shared_library({"libc.so.6": ["椅"]}), "is truncated or damaged"),
        # Where the table of versions lies can be found by the loader alone.
        (shared_library(GLIBC, stripped=True), "but no section has them"),
        # The dynamic section has another entry in the string table's place.
        (
            struct.pack("<Q", 6).join(
                shared_library({}, needed=["libc.so.6"], stripped=True).rsplit(struct.pack("<Q", 5), 1)
            ),
            "is truncated or damaged",
        ),
    ],
)
def test_what_does_not_load_or_cannot_be_read_is_refused(tmp_path: Path, data: bytes, said: str) -> None:
    with pytest.raises(NotLoadable, match=rf"^lib\.so .*{said}.*; Function Compute's python3\.12"):
        checked(tmp_path, lib_so=data)
