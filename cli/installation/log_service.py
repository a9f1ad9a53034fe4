"""Log Service through alibabacloud-sls20201230: one project with what is in it."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from enum import Enum
from functools import partial
from typing import Any

from alibabacloud_sls20201230 import models
from alibabacloud_sls20201230.client import Client
from darabonba.runtime import RuntimeOptions

from cli.cloud.access import Access
from cli.cloud.calls import Sdk, Subject, ask

RETENTION_DAYS = 30
_SHARDS = 2
_MOST_LINES = 100
_MOST_NAMES = 500
LISTED_IN = "deploy/policies/logs.json"


class Kind(str, Enum):
    """A document of a project beside its index, in the user's words."""

    SEARCH = "saved search"
    ALERT = "alert"


@dataclass(frozen=True)
class LogProject:
    """A project as it is."""

    name: str
    description: str


class LogService(Sdk):
    """Log Service in a region; every method raises CallFailed."""

    def __init__(self, access: Access, account_id: str) -> None:
        super().__init__("Log", f"acs:log:{access.region}:{account_id}:")
        self._client = Client(access.sls())

    def project(self, name: str) -> LogProject | None:
        """A project, if there is one of this name; names are shared by all accounts of a region."""
        answer = self._find(self._client.get_project, name, models.GetProjectRequest(), on=_in(name))
        return None if answer is None else LogProject(name, answer.body.description or "")

    def create_project(self, name: str, description: str) -> None:
        """Make a project."""
        request = models.CreateProjectRequest(project_name=name, description=description)
        subject = _in(name)._replace(resource="project/*")
        self._ask(self._client.create_project, request, on=subject)

    def delete_project(self, name: str) -> None:
        """Remove a project with everything in it; one that is gone already is no failure."""
        self._find(self._client.delete_project, name, models.DeleteProjectRequest(), on=_in(name))

    def logstores(self, project: str) -> list[str]:
        """The names of a project's logstores; none where there is no such project."""
        request = models.ListLogStoresRequest(offset=0, size=_MOST_NAMES)
        answer = self._find(self._client.list_log_stores, project, request, on=_in(project, "logstore/*"))
        return [] if answer is None else list(answer.body.logstores or [])

    def has_logstore(self, project: str, logstore: str) -> bool:
        """Whether there is such a logstore."""
        subject = _in(project, f"logstore/{logstore}")
        return self._find(self._client.get_log_store, project, logstore, on=subject) is not None

    def create_logstore(self, project: str, logstore: str) -> None:
        """Make a logstore that can be analysed, not only searched."""
        request = models.CreateLogStoreRequest(
            logstore_name=logstore, mode="standard", ttl=RETENTION_DAYS, shard_count=_SHARDS
        )
        self._ask(self._client.create_log_store, project, request, on=_in(project, "logstore/*"))

    def index(self, project: str, logstore: str) -> dict[str, Any] | None:
        """A logstore's index as CreateIndex takes it, if it has one."""
        subject = _in(project, f"logstore/{logstore}")
        answer = self._find(self._client.get_index, project, logstore, on=subject)
        return None if answer is None else models.Index().from_map(answer.body.to_map()).to_map()

    def create_index(self, project: str, logstore: str, index: Mapping[str, Any]) -> None:
        """Make a logstore's index."""
        request = models.CreateIndexRequest(body=models.Index().from_map(dict(index)))
        subject = _in(project, f"logstore/{logstore}")
        self._ask(self._client.create_index, project, logstore, request, on=subject)

    def update_index(self, project: str, logstore: str, index: Mapping[str, Any]) -> None:
        """Put another index in the place of a logstore's."""
        request = models.UpdateIndexRequest(body=models.Index().from_map(dict(index)))
        subject = _in(project, f"logstore/{logstore}")
        self._ask(self._client.update_index, project, logstore, request, on=subject)

    def has(self, kind: Kind, project: str, name: str) -> bool:
        """Whether there is such a saved search or alert."""
        get = self._client.get_saved_search if kind is Kind.SEARCH else self._client.get_alert
        return self._find(get, project, name, on=_document(kind, project, name)) is not None

    def create(self, kind: Kind, project: str, document: Mapping[str, Any]) -> None:
        """Make a saved search or an alert."""
        subject = _document(kind, project, "*")
        if kind is Kind.SEARCH:
            search = models.CreateSavedSearchRequest().from_map(dict(document))
            self._ask(self._client.create_saved_search, project, search, on=subject)
        else:
            alert = models.CreateAlertRequest().from_map(dict(document))
            self._ask(self._client.create_alert, project, alert, on=subject)

    def search(
        self, project: str, logstore: str, query: str, begin: int, end: int
    ) -> Iterator[Mapping[str, str]]:
        """The logs that a search finds, the oldest first, of the seconds from ``begin`` up to ``end``."""
        subject = _in(project, f"logstore/{logstore}")
        call = replace(self._call("get_logs_v2", subject, "log:GetLogStoreLogs"), listed_in=LISTED_IN)
        offset = 0
        while True:
            request = models.GetLogsV2Request(
                from_=begin, to=end, query=query, line=_MOST_LINES, offset=offset, reverse=False
            )
            answer = ask(call, partial(self._searched, project, logstore, request))
            logs = answer.body.data or []
            if answer.body.meta.progress == "Incomplete":
                # The help page says to ask again until it is complete.
                continue
            yield from logs
            offset += len(logs)
            if len(logs) < _MOST_LINES:
                return

    def _searched(self, project: str, logstore: str, request: Any) -> Any:
        headers, runtime = models.GetLogsV2Headers(), RuntimeOptions()
        return self._client.get_logs_v2with_options(project, logstore, request, headers, runtime)


def _in(project: str, place: str = "") -> Subject:
    """A project, or what is at a place in it."""
    return Subject(f"log project {project}", f"project/{project}" + (f"/{place}" if place else ""))


def _document(kind: Kind, project: str, name: str) -> Subject:
    subject = _in(project, f"savedsearch/{name}")
    # Alerts are no resources in RAM.
    return subject if kind is Kind.SEARCH else subject._replace(resource="*")
