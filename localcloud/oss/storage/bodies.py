"""Bodies at rest, each of which is kept as a whole or not at all and never changes after that.

They are files, but for the smallest where the state ends with the process: a hundred thousand files that
stand for videos take minutes to remove.
"""

from __future__ import annotations

import hashlib
import io
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
_SMALL_BYTES = 1024


class Body(NamedTuple):
    """A body that is kept: its file, size and checksums. ``etag`` is its MD5 if it came in one piece."""

    file: str
    size: int
    etag: str
    crc64: str


class IncomingBody:
    """A body on its way in; raises StateInaccessible where its file cannot be written.

    With ``small`` it goes into that unless it grows too large, else into a file.
    """

    def __init__(self, part: Path, small: dict[str, bytes] | None) -> None:
        self.checksums = Checksums()
        self._part = part
        self._small = small
        self._begun = b""
        self._file = None if small is not None else self._opened()

    def write(self, chunk: bytes) -> None:
        """Take in the next chunk."""
        self.checksums.update(chunk)
        if self._file is None and self.checksums.size <= _SMALL_BYTES:
            self._begun += chunk
            return
        if self._file is None:
            self._file, chunk = self._opened(), self._begun + chunk
        with _accessing(self._part.parent):
            self._file.write(chunk)

    def keep(self) -> Body:
        """Make it a body."""
        if self._file is not None:
            with _accessing(self._part.parent):
                self._file.close()
                self._part.replace(self._part.with_suffix(""))
        elif self._small is not None:
            self._small[self._part.stem] = self._begun
        sums = self.checksums
        return Body(self._part.stem, sums.size, sums.md5, sums.crc64)

    def end(self) -> None:
        """Remove what was not kept."""
        if self._file is not None:
            # What a full disk has not taken is gone with the file.
            with suppress(OSError):
                self._file.close()
            self._part.unlink(missing_ok=True)

    def _opened(self) -> BinaryIO:
        with _accessing(self._part.parent):
            return self._part.open("wb")


class BodyFiles:
    """The bodies of a directory, by their names; ``lasting`` ones are all files."""

    def __init__(self, directory: Path, *, lasting: bool) -> None:
        self._directory = directory
        self._small: dict[str, bytes] | None = None if lasting else {}
        directory.mkdir(exist_ok=True)

    @contextmanager
    def receive(self) -> Iterator[IncomingBody]:
        """Begin a body, which is gone at the end unless it was kept; raises StateInaccessible."""
        incoming = IncomingBody(self._directory / (secrets.token_hex(16) + _INCOMPLETE), self._small)
        try:
            yield incoming
        finally:
            incoming.end()

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
                        with self.open(body) as file:
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
        # At once, since a joining thread may ask while the event loop removes.
        small = self._small.get(body) if self._small else None
        if small is not None:
            return io.BytesIO(small)
        with _accessing(self._directory):
            return (self._directory / body).open("rb")

    def remove(self, body: str) -> None:
        """Remove a body; one that cannot be is swept at the next start."""
        if self._small and self._small.pop(body, None) is not None:
            return
        with suppress(OSError):
            (self._directory / body).unlink()

    def names(self) -> set[str]:
        """What there is: every body, and the files of those that are on their way in."""
        return {path.name for path in self._directory.iterdir()} | (self._small or {}).keys()

    def sweep(self, kept: set[str]) -> None:
        """Remove all others: a process that was killed may leave what never became anything."""
        for name in self.names() - kept:
            (self._directory / name).unlink()


@contextmanager
def _accessing(directory: Path) -> Iterator[None]:
    try:
        yield
    except OSError as error:
        raise StateInaccessible(directory, error) from error
