"""IMM projects, which every task belongs to."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

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
    """A project; ``created`` is in the API's form, ``settings`` by its parameters, ``tags`` by their keys."""

    name: str
    created: str
    settings: Mapping[str, Any] = field(default_factory=lambda: dict(DEFAULT_SETTINGS))
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
