"""Where the services keep their state: one SQLite database and one directory of files."""

from __future__ import annotations

import sqlite3
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any


class StateUnusable(Exception):
    """The directory that is to hold the state cannot: it is damaged, in use or not writable."""

    def __init__(self, directory: Path, reason: str, remedy: str) -> None:
        super().__init__(f"The state in {directory} cannot be used: {reason}. {remedy}")


class StateInaccessible(Exception):
    """Something could not be written or read just now, because a disk is full, for example.

    What had been kept before is as it was.
    """

    def __init__(self, directory: Path, error: Exception) -> None:
        super().__init__(f"The local cloud cannot write or read its state in {directory}: {error}.")


class Database:
    """A SQLite database, in memory or in a directory, and a directory for object bodies.

    All services run in one event loop, so statements never overlap; every statement commits unless it is
    inside of a transaction. A directory belongs to one process at a time. Raises StateUnusable for a
    directory that cannot be used, and StateInaccessible wherever a statement fails for the disk's sake.
    """

    def __init__(self, directory: Path | None = None) -> None:
        self._temporary: tempfile.TemporaryDirectory[str] | None = None
        if directory is None:
            self._temporary = tempfile.TemporaryDirectory(prefix="localcloud-")
            self.directory = Path(self._temporary.name)
            target = ":memory:"
        else:
            self.directory = directory
            target = str(directory / "state.sqlite3")
        try:
            self.directory.mkdir(parents=True, exist_ok=True)
            self._connection = sqlite3.connect(
                target, timeout=0, isolation_level=None, check_same_thread=False
            )
            self._connection.row_factory = sqlite3.Row
            self._connection.execute("PRAGMA foreign_keys = ON")
            self._take_possession()
        except sqlite3.DatabaseError as error:
            raise _unusable(self.directory, error) from None
        except OSError as error:
            remedy = "Name a directory that can be written."
            raise StateUnusable(self.directory, str(error), remedy) from None

    @property
    def lasting(self) -> bool:
        """Whether what is kept is there for the next process."""
        return self._temporary is None

    def create(self, schema: str) -> None:
        """Run a service's ``CREATE TABLE IF NOT EXISTS`` statements."""
        try:
            self._connection.executescript(schema)
        except sqlite3.DatabaseError as error:
            raise _unusable(self.directory, error) from None

    def execute(self, statement: str, parameters: Sequence[Any] = ()) -> int:
        """Run one writing statement; returns the number of rows that it changed."""
        with self._accessing():
            return self._connection.execute(statement, parameters).rowcount

    @contextmanager
    def transaction(self) -> Iterator[None]:
        """Keep what is written inside of the block, all of it or nothing."""
        with self._accessing():
            self._connection.execute("BEGIN")
        try:
            yield
            with self._accessing():
                self._connection.execute("COMMIT")
        except BaseException:
            # A full disk may have rolled back by itself.
            if self._connection.in_transaction:
                self._connection.execute("ROLLBACK")
            raise

    def one(self, statement: str, parameters: Sequence[Any] = ()) -> sqlite3.Row | None:
        """The first row of a query, or None."""
        with self._accessing():
            row: sqlite3.Row | None = self._connection.execute(statement, parameters).fetchone()
        return row

    def all(self, statement: str, parameters: Sequence[Any] = ()) -> list[sqlite3.Row]:
        """Every row of a query."""
        with self._accessing():
            return self._connection.execute(statement, parameters).fetchall()

    def close(self) -> None:
        """Close the database; a temporary directory goes with it."""
        self._connection.close()
        if self._temporary is not None:
            self._temporary.cleanup()

    def _take_possession(self) -> None:
        """Lock the database until it is closed, and look for damage."""
        self._connection.execute("PRAGMA locking_mode = EXCLUSIVE")
        self._connection.execute("BEGIN EXCLUSIVE")
        self._connection.execute("COMMIT")
        found = self._connection.execute("PRAGMA quick_check(1)").fetchone()[0]
        if found != "ok":
            raise sqlite3.DatabaseError(" ".join(found.split()))

    @contextmanager
    def _accessing(self) -> Iterator[None]:
        try:
            yield
        except (sqlite3.IntegrityError, sqlite3.ProgrammingError):
            raise
        except sqlite3.DatabaseError as error:
            raise StateInaccessible(self.directory, error) from error


def _unusable(directory: Path, error: sqlite3.DatabaseError) -> StateUnusable:
    if "locked" in str(error):
        return StateUnusable(directory, "another process uses it", "End that one, or name another directory.")
    if isinstance(error, sqlite3.OperationalError):
        return StateUnusable(directory, str(error), "Make room there, or name another directory.")
    remedy = "Restore state.sqlite3 and objects/ from a copy, or name another directory."
    return StateUnusable(directory, f"state.sqlite3 is damaged ({error})", remedy)
