"""Log Service through alibabacloud-sls20201230: one project with what is in it."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from functools import partial
from typing import Any

from alibabacloud_sls20201230 import models
from alibabacloud_sls20201230.client import Client
from darabonba.runtime import RuntimeOptions

from cli.cloud.access import Access
from cli.cloud.calls import Call, ask, found

RETENTION_DAYS = 30
_SHARDS = 2
_MOST_LINES = 100
_MOST_NAMES = 500
LISTED_IN = "deploy/policies/logs.json"


@dataclass(frozen=True)
class LogProject:
    """A project as it is."""

    name: str
    description: str


class LogService:
    """Log Service in a region; every method raises CallFailed."""

    def __init__(self, access: Access, account_id: str) -> None:
        self._client = Client(access.sls())
        self._account = f"acs:log:{access.region}:{account_id}:"

    def project(self, name: str) -> LogProject | None:
        """A project, if there is one of this name; names are shared by all accounts of a region."""
        call = self._call("GetProject", name)
        answer = found(call, lambda: self._client.get_project(name, models.GetProjectRequest()))
        return None if answer is None else LogProject(name, answer.body.description or "")

    def create_project(self, name: str, description: str) -> None:
        """Make a project."""
        request = models.CreateProjectRequest(project_name=name, description=description)
        ask(self._call("CreateProject", name, "project/*"), lambda: self._client.create_project(request))

    def delete_project(self, name: str) -> None:
        """Remove a project with everything in it; one that is gone already is none either."""
        request = models.DeleteProjectRequest()
        found(self._call("DeleteProject", name), lambda: self._client.delete_project(name, request))

    def logstores(self, project: str) -> list[str]:
        """The names of a project's logstores; none where there is no such project."""
        request = models.ListLogStoresRequest(offset=0, size=_MOST_NAMES)
        call = self._call("ListLogStores", project, f"project/{project}/logstore/*")
        answer = found(call, lambda: self._client.list_log_stores(project, request))
        return [] if answer is None else list(answer.body.logstores or [])

    def has_logstore(self, project: str, logstore: str) -> bool:
        """Whether there is such a logstore."""
        call = self._call("GetLogStore", project, f"project/{project}/logstore/{logstore}")
        return found(call, lambda: self._client.get_log_store(project, logstore)) is not None

    def create_logstore(self, project: str, logstore: str) -> None:
        """Make a logstore that can be analysed, not only searched."""
        request = models.CreateLogStoreRequest(
            logstore_name=logstore, mode="standard", ttl=RETENTION_DAYS, shard_count=_SHARDS
        )
        call = self._call("CreateLogStore", project, f"project/{project}/logstore/*")
        ask(call, lambda: self._client.create_log_store(project, request))

    def index(self, project: str, logstore: str) -> dict[str, Any] | None:
        """A logstore's index as CreateIndex takes it, if it has one."""
        call = self._call("GetIndex", project, f"project/{project}/logstore/{logstore}")
        answer = found(call, lambda: self._client.get_index(project, logstore))
        return None if answer is None else models.Index().from_map(answer.body.to_map()).to_map()

    def create_index(self, project: str, logstore: str, index: Mapping[str, Any]) -> None:
        """Make a logstore's index."""
        request = models.CreateIndexRequest(body=models.Index().from_map(dict(index)))
        call = self._call("CreateIndex", project, f"project/{project}/logstore/{logstore}")
        ask(call, lambda: self._client.create_index(project, logstore, request))

    def update_index(self, project: str, logstore: str, index: Mapping[str, Any]) -> None:
        """Put another index in the place of a logstore's."""
        request = models.UpdateIndexRequest(body=models.Index().from_map(dict(index)))
        call = self._call("UpdateIndex", project, f"project/{project}/logstore/{logstore}")
        ask(call, lambda: self._client.update_index(project, logstore, request))

    def has_search(self, project: str, name: str) -> bool:
        """Whether there is such a saved search."""
        call = self._call("GetSavedSearch", project, f"project/{project}/savedsearch/{name}")
        return found(call, lambda: self._client.get_saved_search(project, name)) is not None

    def create_search(self, project: str, document: Mapping[str, Any]) -> None:
        """Make a saved search."""
        request = models.CreateSavedSearchRequest().from_map(dict(document))
        call = self._call("CreateSavedSearch", project, f"project/{project}/savedsearch/*")
        ask(call, lambda: self._client.create_saved_search(project, request))

    def has_alert(self, project: str, name: str) -> bool:
        """Whether there is such an alert."""
        call = self._call("GetAlert", project, "")
        return found(call, lambda: self._client.get_alert(project, name)) is not None

    def create_alert(self, project: str, document: Mapping[str, Any]) -> None:
        """Make an alert."""
        request = models.CreateAlertRequest().from_map(dict(document))
        ask(self._call("CreateAlert", project, ""), lambda: self._client.create_alert(project, request))

    def search(
        self, project: str, logstore: str, query: str, begin: int, end: int
    ) -> Iterator[Mapping[str, str]]:
        """The logs that a search finds, the oldest first, of the seconds from ``begin`` up to ``end``."""
        place = f"project/{project}/logstore/{logstore}"
        call = replace(self._call("GetLogsV2", project, place, "log:GetLogStoreLogs"), listed_in=LISTED_IN)
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
        headers = models.GetLogsV2Headers()
        runtime = RuntimeOptions()
        return self._client.get_logs_v2with_options(project, logstore, request, headers, runtime)

    def _call(self, action: str, project: str, place: str | None = None, needs: str = "") -> Call:
        # Alerts are no resources in RAM.
        resource = "*" if place == "" else self._account + (place or f"project/{project}")
        return Call("Log", action, f"log project {project}", resource, needs)
