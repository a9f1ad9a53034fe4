"""Where the services keep their state: one SQLite database and one directory of files."""

from __future__ import annotations

import sqlite3
import tempfile
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any


class Database:
    """A SQLite database, in memory or in a directory, and a directory for object bodies.

    All services run in one event loop, so statements never overlap; every statement commits.
    """

    def __init__(self, directory: Path | None = None) -> None:
        self._temporary: tempfile.TemporaryDirectory[str] | None = None
        if directory is None:
            self._temporary = tempfile.TemporaryDirectory(prefix="localcloud-")
            self.directory = Path(self._temporary.name)
            target = ":memory:"
        else:
            directory.mkdir(parents=True, exist_ok=True)
            self.directory = directory
            target = str(directory / "state.sqlite3")
        self._connection = sqlite3.connect(target, isolation_level=None, check_same_thread=False)
        self._connection.row_factory = sqlite3.Row
        self._connection.execute("PRAGMA foreign_keys = ON")

    def create(self, schema: str) -> None:
        """Run a service's ``CREATE TABLE IF NOT EXISTS`` statements."""
        self._connection.executescript(schema)

    def execute(self, statement: str, parameters: Sequence[Any] = ()) -> int:
        """Run one writing statement; returns the number of rows that it changed."""
        return self._connection.execute(statement, parameters).rowcount

    def execute_many(self, statement: str, rows: Iterable[Sequence[Any]]) -> None:
        """Run one writing statement for each row, all or nothing."""
        self._connection.execute("BEGIN")
        try:
            self._connection.executemany(statement, rows)
        except BaseException:
            self._connection.execute("ROLLBACK")
            raise
        self._connection.execute("COMMIT")

    def one(self, statement: str, parameters: Sequence[Any] = ()) -> sqlite3.Row | None:
        """The first row of a query, or None."""
        row: sqlite3.Row | None = self._connection.execute(statement, parameters).fetchone()
        return row

    def all(self, statement: str, parameters: Sequence[Any] = ()) -> list[sqlite3.Row]:
        """Every row of a query."""
        return self._connection.execute(statement, parameters).fetchall()

    def close(self) -> None:
        """Close the database; a temporary directory goes with it."""
        self._connection.close()
        if self._temporary is not None:
            self._temporary.cleanup()
