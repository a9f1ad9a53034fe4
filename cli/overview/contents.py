"""What a local cloud holds and what has happened in it, the newest first, as the page lists it."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from typing import Any

from cli.failed.store import is_record
from cli.manifest.function import KEEPING_HANDLER
from cli.narration import utc_seconds
from imm_label_tags.errors import InvalidFailureRecord, InvalidSetting
from imm_label_tags.failures.failed_event import FailedEvent
from imm_label_tags.failures.keeper import VARIABLE
from imm_label_tags.results.target import ObjectPrefix
from localcloud.cloud import LocalCloud
from localcloud.fc.declaration import FunctionDeclaration
from localcloud.fc.invocation import InvocationRecord
from localcloud.imm.tasks import TaskRecord
from localcloud.oss.storage.objects import ObjectInfo

# Of each list; the page tells how many there are.
MOST = 200


class Contents:
    """Reads one cloud. What is kept of failed events never changes, so each is read once."""

    def __init__(self, cloud: LocalCloud) -> None:
        self._cloud = cloud
        self._kept: dict[tuple[str, str, str], dict[str, Any]] = {}

    def lists(self) -> dict[str, Any]:
        """Each list as ``{"count": …, "items": […]}``."""
        everything = sorted(self._cloud.objects.listing(), key=lambda info: info.last_modified, reverse=True)
        place = self._place()
        kept = [info for info in everything if _is_kept(info, place)]
        objects = [info for info in everything if not _is_kept(info, place)]
        invocations = self._cloud.functions.invocations()[::-1]
        tasks, count = self._cloud.media.newest_tasks(MOST)
        return {
            "objects": _list(len(objects), map(_object, objects[:MOST])),
            "tasks": _list(count, map(_task, tasks)),
            "invocations": _list(len(invocations), map(_invocation, invocations[:MOST])),
            "kept": _list(len(kept), map(self._record, kept[:MOST])),
        }

    def log(self, function: str, request_id: str) -> list[str]:
        """The lines that a function logged for a request."""
        return [line.text for line in self._cloud.functions.logs(function, request_id)]

    def handled_by(self, handler: str) -> FunctionDeclaration | None:
        """The function that is deployed with a handler, if there is one."""
        functions = self._cloud.functions.deployment.functions.values()
        return next((function for function in functions if function.handler == handler), None)

    def _place(self) -> ObjectPrefix | None:
        keeper = self.handled_by(KEEPING_HANDLER)
        uri = keeper.environment.get(VARIABLE, "") if keeper else ""
        try:
            return ObjectPrefix.from_setting(VARIABLE, uri)
        except InvalidSetting:
            return None

    def _record(self, info: ObjectInfo) -> dict[str, Any]:
        version = (info.bucket, info.key, info.etag)
        if version not in self._kept:
            self._kept[version] = self._read(info)
        return self._kept[version]

    def _read(self, info: ObjectInfo) -> dict[str, Any]:
        content = self._cloud.objects.read(info.bucket, info.key) or b""
        uri = f"oss://{info.bucket}/{info.key}"
        try:
            failed = FailedEvent.read(content)
        except InvalidFailureRecord as error:
            return {"uri": uri, "time": utc_seconds(info.last_modified), "error": "", "message": str(error)}
        moment = failed.failed_at or info.last_modified
        return {"uri": uri, "time": utc_seconds(moment), "error": failed.error, "message": failed.message}


def _is_kept(info: ObjectInfo, place: ObjectPrefix | None) -> bool:
    if place is None or info.bucket != place.bucket or not info.key.startswith(f"{place.prefix}/"):
        return False
    return is_record(info.key.removeprefix(f"{place.prefix}/"))


def _list(count: int, items: Iterable[Mapping[str, Any]]) -> dict[str, Any]:
    return {"count": count, "items": list(items)}


def _object(info: ObjectInfo) -> dict[str, Any]:
    return {
        "uri": f"oss://{info.bucket}/{info.key}",
        "size": info.size,
        "time": utc_seconds(info.last_modified),
        "tags": [[tag.key, tag.value] for tag in info.tags],
    }


def _task(record: TaskRecord) -> dict[str, Any]:
    return {
        "id": record.task_id,
        "project": record.project,
        "status": record.status,
        "time": record.start_time,
        "object": str(record.request.get("SourceURI", "")),
        "labels": len(record.labels),
        "message": ": ".join(filter(None, (record.code, record.message))),
    }


def _invocation(record: InvocationRecord) -> dict[str, Any]:
    return {
        "function": record.function,
        "request": record.request_id,
        "attempt": record.attempt,
        "time": utc_seconds(record.ended),
        "milliseconds": round(record.duration * 1000),
        "cold": record.cold_start,
        "error": record.error_type or "",
        "ends": _ends(record.body),
    }


def _ends(body: bytes) -> list[str]:
    """How it ended: outcomes, that an event is kept, or the class of the error."""
    try:
        content = json.loads(body)
    except (ValueError, RecursionError):
        return []
    match content:
        case {"outcomes": list(outcomes)}:
            return [str(each.get("status")) for each in outcomes if isinstance(each, dict)]
        case {"kept": str()}:
            return ["kept"]
        case {"errorType": str(error)}:
            return [error]
    return []
