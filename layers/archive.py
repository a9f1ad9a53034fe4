"""Directories and zip files whose bytes depend on their contents alone."""

from __future__ import annotations

import hashlib
import os
import shutil
import stat
import zipfile
from collections.abc import Iterator
from datetime import datetime, timezone
from pathlib import Path, PurePosixPath

from layers.errors import SymbolicLink

# The first moment that a zip file can express.
_DATE = (1980, 1, 1, 0, 0, 0)
_SECONDS = datetime(*_DATE, tzinfo=timezone.utc).timestamp()
_FILE, _DIRECTORY = 0o644, 0o755
_UNIX = 3
# The highest one takes four times as long for one hundredth less.
_LEVEL = 6
_AS_DIRECTORY = 0x10


def files_of(directory: Path) -> Iterator[PurePosixPath]:
    """Every file below a directory, relative to it, in an order that depends on names alone.

    Raises SymbolicLink.
    """
    found = []
    for folder, folders, names in os.walk(directory):
        for name in (*folders, *names):
            if Path(folder, name).is_symlink():
                raise SymbolicLink(Path(folder, name))
        found += [Path(folder, name).relative_to(directory).as_posix() for name in names]
    return map(PurePosixPath, sorted(found))


def settle(directory: Path) -> None:
    """Give everything below a directory, and itself, the same time and permissions on every machine."""
    for folder, _, names in os.walk(directory, topdown=False):
        for path, mode in (*((Path(folder, name), _FILE) for name in names), (Path(folder), _DIRECTORY)):
            path.chmod(mode)
            os.utime(path, (_SECONDS, _SECONDS))


def write_zip(directory: Path, path: Path) -> None:
    """Write all that is below a directory into a zip file: entries by name, none with a time of its own."""
    files = [file.as_posix() for file in files_of(directory)]
    folders = {f"{parent}/" for file in files for parent in Path(file).parents if parent.name}
    with zipfile.ZipFile(path, "w") as archive:
        for name in sorted([*files, *folders]):
            entry = zipfile.ZipInfo(name, _DATE)
            entry.create_system = _UNIX
            if name in folders:
                entry.external_attr = (stat.S_IFDIR | _DIRECTORY) << 16 | _AS_DIRECTORY
                archive.writestr(entry, b"")
            else:
                entry.external_attr = (stat.S_IFREG | _FILE) << 16
                data = (directory / name).read_bytes()
                archive.writestr(entry, data, zipfile.ZIP_DEFLATED, _LEVEL)


def contents_digest(directory: Path) -> str:
    """One digest over the names and contents of all files: equal where two zlibs compress differently."""
    digest = hashlib.sha256()
    for path in files_of(directory):
        digest.update(f"{path.as_posix()}\0{file_digest(directory / path)}\n".encode())
    return digest.hexdigest()


def file_digest(path: Path) -> str:
    """The SHA-256 of a file."""
    return hashlib.sha256(path.read_bytes()).hexdigest()


def replace(old: Path, new: Path) -> None:
    """Put a new directory or file in the place of an old one, which may not exist."""
    if old.is_dir():
        shutil.rmtree(old)
    new.replace(old)
