"""Projects with their logstores, indexes, searches and alerts, which are kept; and logs, which are not."""

from __future__ import annotations

from collections import deque
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from localcloud.records import Records
from localcloud.refusals import RequestRefused
from localcloud.tenant import Tenant

REMEMBERED_LOGS = 200_000
# The kinds of things, as the codes of errors name them; an index has its logstore's name.
PROJECT, LOGSTORE, INDEX, SEARCH, ALERT = "Project", "LogStore", "IndexConfig", "SavedSearch", "Job"
_ALREADY = {INDEX: "Index"}


@dataclass(frozen=True)
class _Thing:
    """A project or something in it, as it was made."""

    name: str
    document: Mapping[str, Any]


class LogStores:
    """Everything of an account and region; logs end with the process, and the oldest are forgotten first."""

    def __init__(self, tenant: Tenant) -> None:
        self._things = Records(tenant.database, "SLS", _Thing)
        self._clock = tenant.clock
        # With the moment (seconds of the epoch) at which each was written.
        self._logs: dict[tuple[str, str], deque[tuple[float, Mapping[str, str]]]] = {}

    def find(self, project: str, kind: str, name: str) -> Mapping[str, Any] | None:
        """A thing of a project, or the project itself, whose name it has."""
        found = self._things.find(f"{project}/{kind}/{name}")
        return None if found is None else found.document

    def get(self, project: str, kind: str, name: str) -> Mapping[str, Any]:
        """The same; raises ``ProjectNotExist``, ``LogStoreNotExist`` and so on."""
        found = self.find(project, kind, name)
        if found is None:
            raise RequestRefused(404, f"{kind}NotExist", f"{kind} {name} does not exist")
        return found

    def names(self, project: str, kind: str) -> list[str]:
        """The names of a project's things of one kind."""
        return [thing.name for thing in self._things.all(f"{project}/{kind}/")]

    def add(self, project: str, kind: str, name: str, document: Mapping[str, Any]) -> None:
        """Have a thing; raises ``ProjectAlreadyExist``, ``LogStoreAlreadyExist`` and so on."""
        if not self._things.add(f"{project}/{kind}/{name}", _Thing(name, document)):
            kind = _ALREADY.get(kind, kind)
            raise RequestRefused(400, f"{kind}AlreadyExist", f"{kind} {name} already exist")

    def keep(self, project: str, kind: str, name: str, document: Mapping[str, Any]) -> None:
        """Have a thing, in place of one of its name."""
        self._things.put(f"{project}/{kind}/{name}", _Thing(name, document))

    def remove(self, project: str, kind: str, name: str) -> None:
        """Have a thing no more, nor what belongs to it; raises the same as ``get``."""
        self.get(project, kind, name)
        if kind == PROJECT:
            for each in (LOGSTORE, INDEX, SEARCH, ALERT):
                for inner in self.names(project, each):
                    self.remove(project, each, inner)
        elif kind == LOGSTORE:
            self._things.remove(f"{project}/{INDEX}/{name}")
            self._logs.pop((project, name), None)
        self._things.remove(f"{project}/{kind}/{name}")

    def write(self, project: str, logstore: str, log: Mapping[str, str]) -> None:
        """Write a log; without its logstore it is lost, as Function Compute's are."""
        if self.find(project, LOGSTORE, logstore) is not None:
            logs = self._logs.setdefault((project, logstore), deque(maxlen=REMEMBERED_LOGS))
            logs.append((self._clock.now().timestamp(), log))

    def logs(self, project: str, logstore: str, since: float) -> list[Mapping[str, str]]:
        """The logs of a logstore that were written from a moment on, the oldest first."""
        return [log for at, log in self._logs.get((project, logstore), ()) if at >= since]
