"""The policies in ``policies/``, filled for one installation."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from localcloud.ram.templates import fill
from terminal.installation.target import Media, Target


class Documents:
    """The documents of a directory; every method raises UnusableTemplate."""

    def __init__(self, directory: Path) -> None:
        self._directory = directory

    def function_trust(self) -> str:
        """Who may act in the function's role: Function Compute."""
        return self._fill("function-trust", {})

    def function_policy(self, target: Target, media: Media) -> str:
        """What the function may do."""
        documents = [
            self._fill("function", {**_values(target, media), "project": project})
            for project in media.projects
        ]
        return _merged(documents)

    def trigger_trust(self) -> str:
        """Who may act in the role that invokes the function: MNS."""
        return self._fill("trigger-trust", {})

    def trigger_policy(self, target: Target) -> str:
        """What MNS may do."""
        return self._fill("trigger", _values(target, Media()))

    def _fill(self, name: str, values: dict[str, str]) -> str:
        return _compact(json.loads(fill(self._directory / f"{name}.json", values)))


def _values(target: Target, media: Media) -> dict[str, str]:
    function = target.function
    return {
        "account": target.account_id,
        "region": target.region,
        "bucket": media.bucket,
        "prefix": media.prefix,
        "function": function.name,
        "role": target.role,
        "log_project": function.log.project,
        "logstore": function.log.logstore,
        **dict(zip(("failed_topic",), target.failed_topics, strict=False)),
    }


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
