"""IMM projects, which every task belongs to."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from localcloud.database import Database

_SCHEMA = """
CREATE TABLE IF NOT EXISTS imm_projects (
    name TEXT PRIMARY KEY,
    created TEXT NOT NULL,
    settings TEXT NOT NULL,
    tags TEXT NOT NULL
) WITHOUT ROWID
"""

# Limits and their defaults, by the API reference of CreateProject; nothing here counts against them.
LIMITS = {
    "ProjectMaxDatasetCount": (1, 1_000_000_000, 1_000_000_000),
    "DatasetMaxBindCount": (1, 10, 10),
    "DatasetMaxFileCount": (1, 100_000_000, 100_000_000),
    "DatasetMaxEntityCount": (1, 10_000_000_000, 10_000_000_000),
    "DatasetMaxRelationCount": (1, 100_000_000_000, 100_000_000_000),
    "DatasetMaxTotalFileSize": (1, 90_000_000_000_000_000, 90_000_000_000_000_000),
}
DEFAULT_SETTINGS: Mapping[str, Any] = {
    "Description": "",
    "ServiceRole": "AliyunIMMDefaultRole",
    "TemplateId": "",
    **{name: default for name, (_, _, default) in LIMITS.items()},
}


@dataclass(frozen=True)
class Project:
    """A project; ``created`` is in the API's form, ``tags`` is a mapping of tag keys to values."""

    name: str
    created: str
    settings: Mapping[str, Any] = field(default_factory=lambda: DEFAULT_SETTINGS)
    tags: Mapping[str, str] = field(default_factory=dict)

    def as_response(self) -> dict[str, Any]:
        """The project in the form of IMM's answers."""
        return {
            "ProjectName": self.name,
            **self.settings,
            "CreateTime": self.created,
            "UpdateTime": self.created,
            "DatasetCount": 0,
            "FileCount": 0,
            "TotalFileSize": 0,
            "EngineConcurrency": 100,
            "ProjectQueriesPerSecond": 100,
            "Tags": [{"TagKey": key, "TagValue": value} for key, value in self.tags.items()],
        }


class Projects:
    """The projects of a cloud."""

    def __init__(self, database: Database) -> None:
        self._database = database
        database.create(_SCHEMA)

    def add(self, project: Project) -> bool:
        """Add a project; False, and nothing changes, if its name is taken."""
        added = self._database.execute(
            "INSERT OR IGNORE INTO imm_projects (name, created, settings, tags) VALUES (?, ?, ?, ?)",
            (
                project.name,
                project.created,
                json.dumps(dict(project.settings)),
                json.dumps(dict(project.tags)),
            ),
        )
        return added == 1

    def find(self, name: str) -> Project | None:
        """A project by its name."""
        row = self._database.one("SELECT * FROM imm_projects WHERE name = ?", (name,))
        return None if row is None else _project(row)

    def remove(self, name: str) -> bool:
        """Remove a project with its tasks; False if there is none."""
        return self._database.execute("DELETE FROM imm_projects WHERE name = ?", (name,)) == 1

    def following(self, name: str) -> list[Project]:
        """The projects whose names come after a name, in lexicographical order."""
        rows = self._database.all("SELECT * FROM imm_projects WHERE name > ? ORDER BY name", (name,))
        return [_project(row) for row in rows]


def _project(row: Any) -> Project:
    return Project(row["name"], row["created"], json.loads(row["settings"]), json.loads(row["tags"]))
