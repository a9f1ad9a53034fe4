"""The resource tags of topics, which CreateTopic of the OpenAPI takes and GetTopicAttributes shows."""

from __future__ import annotations

from collections.abc import Mapping

from localcloud.database import Database

_SCHEMA = """
CREATE TABLE IF NOT EXISTS mns_topic_tags (
    topic TEXT NOT NULL REFERENCES mns_topics (name) ON DELETE CASCADE,
    key TEXT NOT NULL,
    value TEXT NOT NULL,
    PRIMARY KEY (topic, key)
) WITHOUT ROWID
"""


class TopicTags:
    """The tags of every topic; they go with their topic."""

    def __init__(self, database: Database) -> None:
        self._database = database
        database.create(_SCHEMA)

    def put(self, topic: str, tags: Mapping[str, str]) -> None:
        """Give an existing topic these tags."""
        self._database.execute_many(
            "INSERT OR REPLACE INTO mns_topic_tags VALUES (?, ?, ?)",
            [(topic, key, value) for key, value in tags.items()],
        )

    def of(self, topic: str) -> dict[str, str]:
        """A topic's tags."""
        rows = self._database.all("SELECT * FROM mns_topic_tags WHERE topic = ? ORDER BY key", (topic,))
        return {row["key"]: row["value"] for row in rows}
