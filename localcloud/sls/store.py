"""Projects with their logstores, indexes, searches and alerts, which are kept; and logs, which are not."""

from __future__ import annotations

import json
from collections import deque
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from localcloud.clock import Clock
from localcloud.database import Database
from localcloud.sls.refusals import AlreadyThere, NotThere

REMEMBERED_LOGS = 200_000
_SCHEMA = """
CREATE TABLE IF NOT EXISTS sls_things (
    project TEXT NOT NULL, kind TEXT NOT NULL, name TEXT NOT NULL, document TEXT NOT NULL,
    PRIMARY KEY (project, kind, name)
)
"""
# The kinds of things, as the codes of errors name them; an index has its logstore's name.
PROJECT, LOGSTORE, INDEX, SEARCH, ALERT = "Project", "LogStore", "IndexConfig", "SavedSearch", "Job"
_ALREADY = {INDEX: "Index"}


@dataclass(frozen=True)
class Written:
    """A log and the moment (seconds of the epoch) at which it was written."""

    at: float
    fields: Mapping[str, str]


class LogStores:
    """Everything of an account and region; logs end with the process, and the oldest are forgotten first."""

    def __init__(self, database: Database, clock: Clock) -> None:
        self._database = database
        self._clock = clock
        self._logs: dict[tuple[str, str], deque[Written]] = {}
        database.create(_SCHEMA)
        # Asked for with every line that a function writes.
        self._logstores = {
            (row["project"], row["name"])
            for row in database.all("SELECT project, name FROM sls_things WHERE kind = ?", (LOGSTORE,))
        }

    def has(self, project: str, logstore: str) -> bool:
        """Whether there is such a logstore."""
        return (project, logstore) in self._logstores

    def find(self, project: str, kind: str, name: str) -> dict[str, Any] | None:
        """A thing of a project, or the project itself, whose name it has."""
        row = self._database.one(
            "SELECT document FROM sls_things WHERE project = ? AND kind = ? AND name = ?",
            (project, kind, name),
        )
        return None if row is None else json.loads(row["document"])

    def get(self, project: str, kind: str, name: str) -> dict[str, Any]:
        """The same; raises NotThere."""
        found = self.find(project, kind, name)
        if found is None:
            raise NotThere(kind, name)
        return found

    def names(self, project: str, kind: str) -> list[str]:
        """The names of a project's things of one kind."""
        statement = "SELECT name FROM sls_things WHERE project = ? AND kind = ? ORDER BY name"
        return [row["name"] for row in self._database.all(statement, (project, kind))]

    def add(self, project: str, kind: str, name: str, document: Mapping[str, Any]) -> None:
        """Have a thing; raises AlreadyThere."""
        if self.find(project, kind, name) is not None:
            raise AlreadyThere(_ALREADY.get(kind, kind), name)
        self.keep(project, kind, name, document)

    def keep(self, project: str, kind: str, name: str, document: Mapping[str, Any]) -> None:
        """Have a thing, in place of one of its name."""
        text = json.dumps(document, ensure_ascii=False)
        row = (project, kind, name, text)
        self._database.execute("INSERT OR REPLACE INTO sls_things VALUES (?, ?, ?, ?)", row)
        if kind == LOGSTORE:
            self._logstores.add((project, name))

    def remove(self, project: str, kind: str, name: str) -> None:
        """Have a thing no more, nor what belongs to it; raises NotThere."""
        self.get(project, kind, name)
        if kind == PROJECT:
            gone = [each for each in self._logstores if each[0] == project]
            self._database.execute("DELETE FROM sls_things WHERE project = ?", (project,))
        else:
            gone = [(project, name)] if kind == LOGSTORE else []
            kinds = (kind, INDEX) if kind == LOGSTORE else (kind, kind)
            self._database.execute(
                "DELETE FROM sls_things WHERE project = ? AND kind IN (?, ?) AND name = ?",
                (project, *kinds, name),
            )
        for each in gone:
            self._logstores.discard(each)
            self._logs.pop(each, None)

    def write(self, project: str, logstore: str, log: Mapping[str, str]) -> None:
        """Write a log; without its logstore it is lost, as Function Compute's are."""
        if self.has(project, logstore):
            logs = self._logs.setdefault((project, logstore), deque(maxlen=REMEMBERED_LOGS))
            logs.append(Written(self._clock.now().timestamp(), log))

    def logs(self, project: str, logstore: str, since: float) -> list[Mapping[str, str]]:
        """The logs of a logstore that were written from a moment on, the oldest first."""
        written = self._logs.get((project, logstore), ())
        return [one.fields for one in written if one.at >= since]
