"""Topics: their names and attributes."""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from localcloud.database import Database
from localcloud.mns.refusals import TopicNameInvalid, TopicNameLengthError

LARGEST_MESSAGE = 65_536
RETENTION_SECONDS = 86_400
_LONGEST_NAME = 255
_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9-]*", re.ASCII)
_SCHEMA = """
CREATE TABLE IF NOT EXISTS mns_topics (
    name TEXT PRIMARY KEY,
    maximum_message_size INTEGER NOT NULL,
    logging_enabled INTEGER NOT NULL,
    created INTEGER NOT NULL,
    modified INTEGER NOT NULL
) WITHOUT ROWID
"""


@dataclass(frozen=True)
class Attributes:
    """What the owner of a topic decides about it (help page "CreateTopic", 27495)."""

    maximum_message_size: int = LARGEST_MESSAGE
    logging_enabled: bool = False


@dataclass(frozen=True)
class Topic:
    """A topic; times are seconds since 1970."""

    name: str
    attributes: Attributes
    created: int
    modified: int


class Topics:
    """The topics of a cloud."""

    def __init__(self, database: Database) -> None:
        self._database = database
        database.create(_SCHEMA)

    def add(self, name: str, attributes: Attributes, now: datetime) -> bool:
        """Add a topic; False, and nothing changes, if its name is taken. Raises for an impossible name."""
        check_name(name)
        seconds = int(now.timestamp())
        added = self._database.execute(
            "INSERT OR IGNORE INTO mns_topics VALUES (?, ?, ?, ?, ?)",
            (name, attributes.maximum_message_size, attributes.logging_enabled, seconds, seconds),
        )
        return added == 1

    def change(self, name: str, attributes: Attributes, now: datetime) -> None:
        """Change a topic's attributes."""
        self._database.execute(
            "UPDATE mns_topics SET maximum_message_size = ?, logging_enabled = ?, modified = ? "
            "WHERE name = ?",
            (attributes.maximum_message_size, attributes.logging_enabled, int(now.timestamp()), name),
        )

    def find(self, name: str) -> Topic | None:
        """A topic by its name."""
        row = self._database.one("SELECT * FROM mns_topics WHERE name = ?", (name,))
        return None if row is None else _topic(row)

    def remove(self, name: str) -> None:
        """Remove a topic."""
        self._database.execute("DELETE FROM mns_topics WHERE name = ?", (name,))

    def all(self) -> list[Topic]:
        """Every topic, by name."""
        return [_topic(row) for row in self._database.all("SELECT * FROM mns_topics ORDER BY name")]


def check_name(name: str) -> None:
    """Raise TopicNameLengthError or TopicNameInvalid for a name that no topic can have."""
    if len(name) > _LONGEST_NAME:
        raise TopicNameLengthError
    if not _NAME.fullmatch(name):
        raise TopicNameInvalid


def _topic(row: Any) -> Topic:
    attributes = Attributes(row["maximum_message_size"], bool(row["logging_enabled"]))
    return Topic(row["name"], attributes, row["created"], row["modified"])
