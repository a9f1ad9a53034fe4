"""The policies in ``deploy/policies/``, filled for one installation.

Every function raises UnusableTemplate.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from typing import Any

from cli import checkout
from cli.cloud.target import Media, Target, topic_in
from cli.installation.observability import log_of
from cli.installation.templates import fill
from cli.manifest.function import DeclaredFunction, DeclaredTrigger, role_name
from imm_label_tags.results.target import ObjectPrefix
from imm_label_tags.submission.settings import PROJECT

# What a function may have no use for, or what nobody knows: a statement about it is left out.
_OPTIONAL = ("archive_bucket", "archive_prefix", "log_project", "logstore")


@dataclass(frozen=True)
class Invocation:
    """A service that invokes a function through triggers, and the documents of the roles in which it does.

    ``made_by_fc3`` is the role that `s deploy` makes for a trigger that names none.
    """

    service: str
    principal: str
    function: DeclaredFunction
    triggers: tuple[DeclaredTrigger, ...]
    made_by_fc3: str
    trust: str
    policy: Callable[[], str]

    @property
    def roles(self) -> tuple[str, ...]:
        """The names of the roles, as far as the triggers name any."""
        return tuple(dict.fromkeys(filter(None, (role_name(one.invocation_role) for one in self.triggers))))


def invocations(target: Target) -> Iterator[Invocation]:
    """Who invokes the functions: MNS the one that tags, OSS the one that submits."""
    yield Invocation(
        service="MNS",
        principal="mns.aliyuncs.com",
        function=target.function,
        triggers=target.triggers,
        made_by_fc3="AliyunMNSNotificationRole",
        trust=_fill("trigger-trust", {}),
        policy=lambda: _fill("trigger", _names(target)),
    )
    if target.submitter is not None:
        yield Invocation(
            service="OSS",
            principal="oss.aliyuncs.com",
            function=target.submitter,
            triggers=target.uploads,
            made_by_fc3="AliyunOSSEventNotificationRole",
            trust=_fill("uploads-trigger-trust", {}),
            policy=lambda: _fill("uploads-trigger", _names(target)),
        )


def function_trust() -> str:
    """Who may act in a function's role: Function Compute."""
    return _fill("function-trust", {})


def function_policy(target: Target, media: Media, archive: ObjectPrefix | None) -> str:
    """What the function that tags may do; ``archive`` is where it keeps whole results, if anywhere."""
    values = {**_names(target), **(log_of(target.function) or {})}
    if archive is not None:
        values |= {"archive_bucket": archive.bucket, "archive_prefix": archive.prefix}
    return _merged(_fill("function", {**values, **_of(media, project)}) for project in media.projects)


def keeper_policy(target: Target, store: ObjectPrefix) -> str:
    """What the function that keeps failed events may do."""
    values = {"failed_bucket": store.bucket, "failed_prefix": store.prefix}
    return _fill("keep-failed", {**_names(target), **values, **(log_of(target.keeper) or {})})


def submitter_policy(target: Target, media: Media) -> str:
    """What the function that submits videos may do: of the buckets of its triggers, else of ``media``."""
    assert target.submitter is not None, "only a file that has it needs its policy"
    project = target.submitter.setting(PROJECT)
    places = [Media(one.bucket.name, one.uploads.prefix) for one in target.uploads] or [media]
    values = {**_names(target), **(log_of(target.submitter) or {})}
    return _merged(_fill("submit-video", {**values, **_of(place, project)}) for place in places)


def _fill(name: str, values: dict[str, str]) -> str:
    path = checkout.POLICIES / f"{name}.json"
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
        **({"uploads_function": target.submitter.name} if target.submitter else {}),
        **({"failed_topic": failed_topic} if failed_topic else {}),
    }


def _of(media: Media, project: str) -> dict[str, str]:
    return {"bucket": media.bucket, "prefix": media.prefix, "project": project}


def _merged(documents: Iterable[str]) -> str:
    """One document out of several that differ in their resources."""
    contents = [json.loads(document) for document in documents]
    merged: dict[str, Any] = contents[0]
    for number, statement in enumerate(merged["Statement"]):
        resources = dict.fromkeys(
            resource for content in contents for resource in as_list(content["Statement"][number]["Resource"])
        )
        if len(resources) > 1:
            statement["Resource"] = list(resources)
    return _compact(merged)


def as_list(value: Any) -> list[Any]:
    """What a policy has in a place where one or several may stand."""
    return value if isinstance(value, list) else [value]


def _compact(content: Any) -> str:
    # RAM counts a policy's characters.
    return json.dumps(content, ensure_ascii=False, separators=(",", ":"))
