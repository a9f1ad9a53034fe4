"""What becomes of log project, logstore, index, saved searches and alerts in ``setup`` and ``teardown``."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Mapping
from functools import partial

from cli.cloud.calls import CallFailed, Obstacle
from cli.cloud.target import Target
from cli.installation import marks, observability
from cli.installation.log_service import RETENTION_DAYS, Kind, LogService
from cli.installation.observability import completed, log_of, unlike
from cli.installation.plan import State, Step, made, removed

# Log Service needs a while before it knows a project or a logstore that was made just now.
PATIENCE_SECONDS = 60.0
_PAUSE_SECONDS = 2.0


class LogSteps:
    """The steps for every logstore that ``s.yaml`` names."""

    def __init__(self, logs: LogService, target: Target) -> None:
        self._logs = logs
        self._target = target

    def set_up(self, *, alerts: bool) -> Iterator[Step]:
        """What is missing is made; raises CallFailed."""
        target, told = self._target, set[tuple[str, ...]]()
        for function in target.functions:
            log = log_of(function)
            if log is None:
                yield Step(
                    f"log of {function.resource}",
                    State.NOT_CHECKED,
                    "s.yaml does not name its project and logstore: the role gets no permission to write it",
                )
                continue
            place = (log["log_project"], log["logstore"])
            if place in told:
                continue
            fresh = not any(project == place[0] for project, _ in told)
            told.add(place)
            yield from self._place(*place, log, project_too=fresh, alerts=alerts)

    def _place(
        self, project: str, logstore: str, log: Mapping[str, str], *, project_too: bool, alerts: bool
    ) -> Iterator[Step]:
        logs = self._logs
        there = logs.project(project) is not None
        if project_too:
            make = partial(logs.create_project, project, marks.LOG_DESCRIPTION)
            yield made(f"log project {project}", there, "has the functions' logs", make)
        there = there and logs.has_logstore(project, logstore)
        purpose = f"keeps them for {RETENTION_DAYS} days"
        create = _patiently(partial(logs.create_logstore, project, logstore))
        yield made(f"logstore {logstore}", there, "" if there else purpose, create)
        yield self._index(project, logstore, there)
        for kind in (Kind.SEARCH, Kind.ALERT) if alerts else (Kind.SEARCH,):
            for name, document in observability.documents(kind, self._target, log).items():
                create = _patiently(partial(logs.create, kind, project, document))
                found = there and logs.has(kind, project, name)
                yield made(f"{kind.value} {name}", found, document["displayName"], create)

    def _index(self, project: str, logstore: str, there: bool) -> Step:
        what, wanted = f"index of {logstore}", observability.index()
        found = self._logs.index(project, logstore) if there else None
        if found is None:
            make = _patiently(partial(self._logs.create_index, project, logstore, wanted))
            return Step(what, State.CREATE, "makes the functions' lines searchable by field", make)
        whole, added = completed(found, wanted)
        others = unlike(found, wanted)
        if others:
            detail = (
                f"it has {', '.join(others)} as plain text: change that to JSON in the console, or the saved "
                "searches find nothing"
            )
            if not added:
                return Step(what, State.LEFT, detail)
        if added:
            act = partial(self._logs.update_index, project, logstore, whole)
            detail = f"adds {', '.join(added)}" + (f"; {detail}" if others else "")
            return Step(what, State.CREATE, detail, act)
        return Step(what, State.PRESENT)

    def tear_down(self) -> Iterator[Step]:
        """What ``setup`` made goes, with the logs in it; raises CallFailed."""
        places: dict[str, set[str]] = {}
        for function in self._target.functions:
            log = log_of(function)
            if log is not None:
                places.setdefault(log["log_project"], set()).add(log["logstore"])
        for project, logstores in places.items():
            yield self._removal(project, logstores)

    def _removal(self, name: str, ours: set[str]) -> Step:
        what, project = f"log project {name}", self._logs.project(name)
        if project is None:
            return Step(what, State.ABSENT)
        kept = "setup did not make it; what it made in there stays, too"
        if project.description == marks.LOG_DESCRIPTION:
            # Log Service keeps the history of alerts in a logstore of its own.
            others = [
                one
                for one in self._logs.logstores(name)
                if one not in ours and not one.startswith("internal-")
            ]
            kept = f"somebody has made the logstore {', '.join(others)} in it" if others else ""
        return removed(what, kept, partial(self._logs.delete_project, name), "with all logs in it")


def _patiently(act: Callable[[], None]) -> Callable[[], None]:
    """Do something as soon as that is known in which it is to be made."""

    def do() -> None:
        end = time.monotonic() + PATIENCE_SECONDS
        while True:
            try:
                return act()
            except CallFailed as failure:
                if failure.obstacle is not Obstacle.ABSENT or time.monotonic() >= end:
                    raise
            time.sleep(_PAUSE_SECONDS)

    return do
