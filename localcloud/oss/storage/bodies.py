"""Bodies at rest: files, each of which is kept as a whole or not at all and never changes after that."""

from __future__ import annotations

import hashlib
import secrets
import shutil
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from functools import partial
from pathlib import Path
from typing import BinaryIO, NamedTuple

from localcloud.database import StateInaccessible
from localcloud.oss.storage.checksums import Checksums

_INCOMPLETE = ".part"
_CHUNK_BYTES = 1024 * 1024


class Body(NamedTuple):
    """A body that is kept: its file, size and checksums. ``etag`` is its MD5 if it came in one piece."""

    file: str
    size: int
    etag: str
    crc64: str


class IncomingBody:
    """A body on its way into a file; raises StateInaccessible where that cannot be written."""

    def __init__(self, part: Path, file: BinaryIO) -> None:
        self.checksums = Checksums()
        self._part = part
        self._file = file

    def write(self, chunk: bytes) -> None:
        """Take in the next chunk."""
        with _accessing(self._part.parent):
            self._file.write(chunk)
        self.checksums.update(chunk)

    def keep(self) -> Body:
        """Make the file a body."""
        with _accessing(self._part.parent):
            self._file.close()
            self._part.replace(self._part.with_suffix(""))
        sums = self.checksums
        return Body(self._part.stem, sums.size, sums.md5, sums.crc64)


class BodyFiles:
    """The bodies of a directory, by the names of their files."""

    def __init__(self, directory: Path) -> None:
        self._directory = directory
        directory.mkdir(exist_ok=True)

    @contextmanager
    def receive(self) -> Iterator[IncomingBody]:
        """Begin a body, which is gone at the end unless it was kept; raises StateInaccessible."""
        part = self._directory / (secrets.token_hex(16) + _INCOMPLETE)
        with _accessing(self._directory):
            file = part.open("wb")
        try:
            yield IncomingBody(part, file)
        finally:
            # What a full disk has not taken is gone with the file.
            with suppress(OSError):
                file.close()
            part.unlink(missing_ok=True)

    def join(self, bodies: Sequence[str]) -> str:
        """Make one file of several, which stay as they are; raises StateInaccessible.

        Gigabytes take a while: it may run in a thread beside the event loop.
        """
        name = secrets.token_hex(16)
        part = self._directory / (name + _INCOMPLETE)
        try:
            with _accessing(self._directory):
                with part.open("wb") as joined:
                    for body in bodies:
                        with (self._directory / body).open("rb") as file:
                            shutil.copyfileobj(file, joined)
                part.replace(self._directory / name)
        finally:
            part.unlink(missing_ok=True)
        return name

    def md5(self, body: str) -> str:
        """The MD5 of a body in upper-case hexadecimal digits; raises StateInaccessible."""
        digest = hashlib.md5(usedforsecurity=False)
        with self.open(body) as file, _accessing(self._directory):
            for chunk in iter(partial(file.read, _CHUNK_BYTES), b""):
                digest.update(chunk)
        return digest.hexdigest().upper()

    def open(self, body: str) -> BinaryIO:
        """A body's bytes; raises StateInaccessible."""
        with _accessing(self._directory):
            return (self._directory / body).open("rb")

    def remove(self, body: str) -> None:
        """Remove a body; one that cannot be is swept at the next start."""
        with suppress(OSError):
            (self._directory / body).unlink()

    def sweep(self, kept: set[str]) -> None:
        """Remove all others: a process that was killed may leave what never became anything."""
        for path in self._directory.iterdir():
            if path.name not in kept:
                path.unlink()


@contextmanager
def _accessing(directory: Path) -> Iterator[None]:
    try:
        yield
    except OSError as error:
        raise StateInaccessible(directory, error) from error
