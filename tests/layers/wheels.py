"""Small wheels, source distributions and shared libraries, made on the spot."""

from __future__ import annotations

import base64
import hashlib
import io
import struct
import tarfile
import zipfile
from collections.abc import Mapping, Sequence
from pathlib import Path

Files = Mapping[str, str | bytes]


def wheel(
    house: Path, name: str, version: str, files: Files, *, tag: str = "py3-none-any", metadata: str = ""
) -> str:
    """Put a wheel into a directory; returns its hash as a lock file has it."""
    path = house / f"{name}-{version}-{tag}.whl"
    information = f"{name}-{version}.dist-info"
    contents = {place: _bytes(content) for place, content in files.items()}
    contents[f"{information}/METADATA"] = _metadata(name, version, metadata)
    contents[f"{information}/WHEEL"] = (
        f"Wheel-Version: 1.0\nGenerator: test\nRoot-Is-Purelib: false\nTag: {tag}\n".encode()
    )
    record = "".join(f"{place},{_record_hash(data)},{len(data)}\n" for place, data in contents.items())
    contents[f"{information}/RECORD"] = f"{record}{information}/RECORD,,\n".encode()
    with zipfile.ZipFile(path, "w") as archive:
        for place, data in contents.items():
            archive.writestr(place, data)
    return _hash(path)


def source_distribution(house: Path, name: str, version: str) -> str:
    """Put a source distribution into a directory; returns its hash as a lock file has it."""
    path = house / f"{name}-{version}.tar.gz"
    contents = {
        "PKG-INFO": _metadata(name, version, ""),
        "setup.py": b"from setuptools import setup\nsetup()\n",
    }
    with tarfile.open(path, "w:gz") as archive:
        for place, data in contents.items():
            entry = tarfile.TarInfo(f"{name}-{version}/{place}")
            entry.size = len(data)
            archive.addfile(entry, io.BytesIO(data))
    return _hash(path)


def shared_library(
    versions: Mapping[str, Sequence[str]],
    *,
    needed: Sequence[str] = (),
    machine: int = 62,
    stripped: bool = False,
) -> bytes:
    """A shared library without code, which needs versions of symbols by library.

    Loaded at an address that is not its place in the file, as linkers do. A ``stripped`` one has no sections:
    the loader reads the program header alone.
    """
    header, entry, section, load_at = 64, 56, 64, 0x10000
    strings = b"\0"
    places: dict[str, int] = {}
    for text in [*needed, *versions, *(one for some in versions.values() for one in some)]:
        places[text] = len(strings)
        strings += text.encode() + b"\0"
    needs = b""
    libraries = list(versions.items())
    for index, (library, symbols) in enumerate(libraries):
        size = 16 + 16 * len(symbols)
        following = size if index < len(libraries) - 1 else 0
        needs += struct.pack("<HHIII", 1, len(symbols), places[library], 16, following)
        for at, symbol in enumerate(symbols):
            step = 16 if at < len(symbols) - 1 else 0
            needs += struct.pack("<IHHII", 0, 0, at + 2, places[symbol], step)
    strings_at = header + 2 * entry
    needs_at = strings_at + len(strings)
    dynamic = [(1, places[library]) for library in needed] + [(5, load_at + strings_at)]
    if libraries:
        dynamic += [(0x6FFFFFFE, load_at + needs_at), (0x6FFFFFFF, len(libraries))]
    table = b"".join(struct.pack("<QQ", *pair) for pair in [*dynamic, (0, 0)])
    table_at = needs_at + len(needs)
    end = table_at + len(table)
    sections = [
        (0, 0, 0, 0, 0),
        (3, strings_at, len(strings), 0, 0),
        (0x6FFFFFFE, needs_at, len(needs), 1, len(libraries)),
    ]
    counts = (0, 0, 0) if stripped else (section, len(sections), 1)
    identity = b"\x7fELF\x02\x01\x01".ljust(16, b"\0")
    start = struct.pack(
        "<HHIQQQIHHHHHH", 3, machine, 1, 0, header, 0 if stripped else end, 0, header, entry, 2, *counts
    )
    segments = struct.pack("<IIQQQQQQ", 1, 5, 0, load_at, load_at, end, end, 4096)
    segments += struct.pack(
        "<IIQQQQQQ", 2, 6, table_at, load_at + table_at, load_at + table_at, len(table), len(table), 8
    )
    named = b"".join(
        struct.pack("<IIQQQQIIQQ", 0, kind, 0, load_at + at, at, size, link, info, 1, 0)
        for kind, at, size, link, info in sections
    )
    return identity + start + segments + strings + needs + table + (b"" if stripped else named)


def _metadata(name: str, version: str, more: str) -> bytes:
    return f"Metadata-Version: 2.4\nName: {name}\nVersion: {version}\n{more}".encode()


def _record_hash(data: bytes) -> str:
    digest = base64.urlsafe_b64encode(hashlib.sha256(data).digest()).rstrip(b"=").decode()
    return f"sha256={digest}"


def _hash(path: Path) -> str:
    return "--hash=sha256:" + hashlib.sha256(path.read_bytes()).hexdigest()


def _bytes(content: str | bytes) -> bytes:
    return content.encode() if isinstance(content, str) else content
