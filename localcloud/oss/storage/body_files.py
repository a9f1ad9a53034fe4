"""Bodies at rest: files, each of which is kept as a whole or not at all and never changes after that."""

from __future__ import annotations

import hashlib
import secrets
import shutil
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path
from types import TracebackType
from typing import BinaryIO

from localcloud.database import StateInaccessible
from localcloud.oss.storage.checksums import Checksums

_INCOMPLETE = ".part"
_CHUNK_BYTES = 1024 * 1024


class IncomingBody:
    """A body on its way in; used as a context, which removes it unless it was kept.

    Raises StateInaccessible where the file cannot be written.
    """

    def __init__(self, directory: Path) -> None:
        self.checksums = Checksums()
        self._name = secrets.token_hex(16)
        self._directory = directory
        self._part = directory / (self._name + _INCOMPLETE)
        with _accessing(directory):
            self._file = self._part.open("wb")

    def __enter__(self) -> IncomingBody:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        # What a full disk has not taken is gone with the file.
        with suppress(OSError):
            self._file.close()
        self._part.unlink(missing_ok=True)

    def write(self, chunk: bytes) -> None:
        """Take in the next chunk."""
        with _accessing(self._directory):
            self._file.write(chunk)
        self.checksums.update(chunk)

    def take(self, body: str) -> None:
        """Take in a copy of a body that is kept, without its checksums."""
        with _accessing(self._directory), (self._directory / body).open("rb") as file:
            shutil.copyfileobj(file, self._file)

    def keep(self) -> str:
        """Make the file a body and give its name."""
        with _accessing(self._directory):
            self._file.close()
            self._part.replace(self._directory / self._name)
        return self._name


class BodyFiles:
    """The bodies of a directory, by their names."""

    def __init__(self, directory: Path) -> None:
        self._directory = directory
        directory.mkdir(exist_ok=True)

    def receive(self) -> IncomingBody:
        """Begin a body."""
        return IncomingBody(self._directory)

    def join(self, bodies: Sequence[str]) -> str:
        """Make one body of several, which stay as they are; raises StateInaccessible.

        Gigabytes take a while: it may run in a thread beside the event loop.
        """
        with self.receive() as joined:
            for body in bodies:
                joined.take(body)
            return joined.keep()

    def md5(self, body: str) -> str:
        """The MD5 of a body in upper-case hexadecimal digits; raises StateInaccessible."""
        digest = hashlib.md5(usedforsecurity=False)
        with self.open(body) as file:
            while chunk := file.read(_CHUNK_BYTES):
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
