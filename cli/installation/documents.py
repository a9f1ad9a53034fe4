"""The policies in ``deploy/policies/``, filled for one installation."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from cli.cloud.target import Media, Target, topic_in
from cli.installation.observability import log_of
from imm_label_tags.results.target import ObjectPrefix
from localcloud.ram.templates import fill

# What a function may have no use for, or what nobody knows: a statement about it is left out.
_OPTIONAL = ("archive_bucket", "archive_prefix", "log_project", "logstore")


class Documents:
    """The documents of a directory; every method raises UnusableTemplate."""

    def __init__(self, directory: Path) -> None:
        self._directory = directory

    def function_trust(self) -> str:
        """Who may act in a function's role: Function Compute."""
        return self._fill("function-trust", {})

    def function_policy(self, target: Target, media: Media, archive: ObjectPrefix | None) -> str:
        """What the function that tags may do; ``archive`` is where it keeps whole results, if anywhere."""
        values = {**_names(target), **(log_of(target.function) or {})}
        if archive is not None:
            values |= {"archive_bucket": archive.bucket, "archive_prefix": archive.prefix}
        documents = [self._fill("function", {**values, **_of(media, project)}) for project in media.projects]
        return _merged(documents)

    def keeper_policy(self, target: Target, store: ObjectPrefix) -> str:
        """What the function that keeps failed events may do."""
        values = {"failed_bucket": store.bucket, "failed_prefix": store.prefix}
        return self._fill("keep-failed", {**_names(target), **values, **(log_of(target.keeper) or {})})

    def trigger_trust(self) -> str:
        """Who may act in the role that invokes the function: MNS."""
        return self._fill("trigger-trust", {})

    def trigger_policy(self, target: Target) -> str:
        """What MNS may do."""
        return self._fill("trigger", _names(target))

    def _fill(self, name: str, values: dict[str, str]) -> str:
        path = self._directory / f"{name}.json"
        absent = [f"${{{one}}}" for one in _OPTIONAL if one not in values]
        content = json.loads(fill(path, {**dict.fromkeys(_OPTIONAL, "none"), **values}))
        template = json.loads(path.read_text("utf-8"))
        content["Statement"] = [
            filled
            for filled, statement in zip(content["Statement"], template["Statement"], strict=True)
            if not any(one in json.dumps(statement) for one in absent)
        ]
        return _compact(content)


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
