"""Topics: their names, attributes and resource tags."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime

from localcloud.database import Database
from localcloud.mns.refusals import AlreadyExists, NameInvalid, TopicNotExist

LARGEST_MESSAGE = 65_536
RETENTION_SECONDS = 86_400
_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9-]{0,254}", re.ASCII)
_SCHEMA = """
CREATE TABLE IF NOT EXISTS mns_topics_with_tags (
    name TEXT PRIMARY KEY,
    maximum_message_size INTEGER NOT NULL,
    logging_enabled INTEGER NOT NULL,
    created INTEGER NOT NULL,
    tags TEXT NOT NULL
) WITHOUT ROWID
"""


@dataclass(frozen=True)
class Topic:
    """A topic, and what its owner decides about it; ``created`` is in seconds since 1970."""

    name: str
    maximum_message_size: int = LARGEST_MESSAGE
    logging_enabled: bool = False
    created: int = 0
    tags: Mapping[str, str] = field(default_factory=dict)


class Topics:
    """The topics of a cloud."""

    def __init__(self, database: Database) -> None:
        self._database = database
        database.create(_SCHEMA)

    def add(self, topic: Topic, now: datetime) -> None:
        """Add a topic; raises NameInvalid or AlreadyExists."""
        check_name("Topic", topic.name)
        added = self._database.execute(
            "INSERT OR IGNORE INTO mns_topics_with_tags VALUES (?, ?, ?, ?, ?)",
            (
                topic.name,
                topic.maximum_message_size,
                topic.logging_enabled,
                int(now.timestamp()),
                json.dumps(dict(topic.tags)),
            ),
        )
        if not added:
            raise AlreadyExists("Topic")

    def find(self, name: str) -> Topic | None:
        """A topic by its name."""
        row = self._database.one("SELECT * FROM mns_topics_with_tags WHERE name = ?", (name,))
        if row is None:
            return None
        name, size, logging, created, tags = row
        return Topic(name, size, bool(logging), created, json.loads(tags))

    def get(self, name: str) -> Topic:
        """A topic by its name; raises TopicNotExist."""
        topic = self.find(name)
        if topic is None:
            raise TopicNotExist(name)
        return topic

    def remove(self, name: str) -> None:
        """Remove a topic."""
        self._database.execute("DELETE FROM mns_topics_with_tags WHERE name = ?", (name,))


def check_name(kind: str, name: str) -> None:
    """Raise NameInvalid for a name that no topic and no subscription can have."""
    if not _NAME.fullmatch(name):
        raise NameInvalid(kind)
