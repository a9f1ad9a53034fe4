"""Records that outlive the process: dataclasses of one kind, each by its name, as JSON in the database."""

from __future__ import annotations

import json
from dataclasses import asdict
from typing import TYPE_CHECKING, Generic, TypeVar

from localcloud.database import Database

if TYPE_CHECKING:
    from _typeshed import DataclassInstance

R = TypeVar("R", bound="DataclassInstance")

_SCHEMA = """
CREATE TABLE IF NOT EXISTS records (
    kind TEXT NOT NULL,
    name TEXT NOT NULL,
    document TEXT NOT NULL,
    PRIMARY KEY (kind, name)
) WITHOUT ROWID
"""


class Records(Generic[R]):
    """The records of a kind. Their fields are what JSON has; lists, not tuples.

    With ``ignore_case`` two names that differ in the case of letters alone are one.
    """

    def __init__(self, database: Database, kind: str, record: type[R], *, ignore_case: bool = False) -> None:
        self._database = database
        self._kind = kind
        self._record = record
        self._ignore_case = ignore_case
        database.create(_SCHEMA)

    def __len__(self) -> int:
        """How many there are."""
        row = self._database.one("SELECT count(*) FROM records WHERE kind = ?", (self._kind,))
        return int(row[0]) if row else 0

    def add(self, name: str, record: R) -> bool:
        """Have a record; False, and nothing changes, if its name is taken."""
        return self._write("INSERT OR IGNORE", name, record)

    def put(self, name: str, record: R) -> None:
        """Have a record, in place of one of its name."""
        self._write("INSERT OR REPLACE", name, record)

    def find(self, name: str) -> R | None:
        """A record by its name."""
        statement = "SELECT document FROM records WHERE kind = ? AND name = ?"
        row = self._database.one(statement, (self._kind, self._key(name)))
        return None if row is None else self._record(**json.loads(row["document"]))

    def all(self, prefix: str = "") -> list[R]:
        """The records whose names begin with a prefix, by name."""
        rows = self._database.all(
            "SELECT document FROM records WHERE kind = ? AND substr(name, 1, ?) = ? ORDER BY name",
            (self._kind, len(prefix), self._key(prefix)),
        )
        return [self._record(**json.loads(row["document"])) for row in rows]

    def remove(self, name: str) -> bool:
        """Remove a record; False if there is none."""
        statement = "DELETE FROM records WHERE kind = ? AND name = ?"
        return self._database.execute(statement, (self._kind, self._key(name))) == 1

    def _write(self, statement: str, name: str, record: R) -> bool:
        document = json.dumps(asdict(record))
        row = (self._kind, self._key(name), document)
        return self._database.execute(f"{statement} INTO records VALUES (?, ?, ?)", row) == 1

    def _key(self, name: str) -> str:
        return name.lower() if self._ignore_case else name
