"""The policies in ``deploy/policies/``, filled for one installation."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from cli.cloud.target import Media, Target, topic_in
from cli.manifest.fields import FieldUnreadable
from cli.manifest.function import DeclaredFunction
from imm_label_tags.failures.settings import FailedEvents
from localcloud.ram.templates import fill

_LOGGING = "log:PostLogStoreLogs"


class Documents:
    """The documents of a directory; every method raises UnusableTemplate."""

    def __init__(self, directory: Path) -> None:
        self._directory = directory

    def function_trust(self) -> str:
        """Who may act in a function's role: Function Compute."""
        return self._fill("function-trust", {})

    def function_policy(self, target: Target, media: Media) -> str:
        """What the function that tags may do."""
        documents = [
            self._logging("function", target.function, {**_names(target), **_of(media, project)})
            for project in media.projects
        ]
        return _merged(documents)

    def keeper_policy(self, target: Target, store: FailedEvents) -> str:
        """What the function that keeps failed events may do."""
        values = {"failed_bucket": store.bucket, "failed_prefix": store.prefix}
        return self._logging("keep-failed", target.keeper, {**_names(target), **values})

    def trigger_trust(self) -> str:
        """Who may act in the role that invokes the function: MNS."""
        return self._fill("trigger-trust", {})

    def trigger_policy(self, target: Target) -> str:
        """What MNS may do."""
        return self._fill("trigger", _names(target))

    def _logging(self, name: str, function: DeclaredFunction, values: dict[str, str]) -> str:
        """The same, without the permission to write a log of which it is not known where it is."""
        place = log_of(function)
        if place is not None:
            return self._fill(name, {**values, **place})
        content = json.loads(self._fill(name, {**values, "log_project": "none", "logstore": "none"}))
        statements = [one for one in content["Statement"] if one["Action"] != _LOGGING]
        return _compact({**content, "Statement": statements})

    def _fill(self, name: str, values: dict[str, str]) -> str:
        return _compact(json.loads(fill(self._directory / f"{name}.json", values)))


def log_of(function: DeclaredFunction) -> dict[str, str] | None:
    """Where a function's log is kept; None where there is none, or where only fc3 knows."""
    try:
        log = function.log
    except FieldUnreadable:
        return None
    return {"log_project": log.project, "logstore": log.logstore} if log.project and log.logstore else None


def _names(target: Target) -> dict[str, str]:
    failed_topic = topic_in(target.keeper.on_failure)
    return {
        "account": target.account_id,
        "region": target.region,
        "function": target.function.name,
        "failed_function": target.keeper.name,
        **({"failed_topic": failed_topic} if failed_topic else {}),
    }


def _of(media: Media, project: str) -> dict[str, str]:
    return {"bucket": media.bucket, "prefix": media.prefix, "project": project}


def _merged(documents: list[str]) -> str:
    """One document out of several that differ in their resources."""
    contents = [json.loads(document) for document in documents]
    merged: dict[str, Any] = contents[0]
    for number, statement in enumerate(merged["Statement"]):
        resources = dict.fromkeys(
            resource
            for content in contents
            for resource in _as_list(content["Statement"][number]["Resource"])
        )
        if len(resources) > 1:
            statement["Resource"] = list(resources)
    return _compact(merged)


def _as_list(value: Any) -> list[Any]:
    return value if isinstance(value, list) else [value]


def _compact(content: Any) -> str:
    # RAM counts a policy's characters.
    return json.dumps(content, ensure_ascii=False, separators=(",", ":"))
