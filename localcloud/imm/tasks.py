"""Asynchronous tasks: what IMM knows of each of them, and which of them a question selects."""

from __future__ import annotations

import base64
import json
import secrets
import string
import time
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, NamedTuple

from localcloud.database import Database
from localcloud.imm.timestamps import nanoseconds
from localcloud.openapi import new_request_id
from localcloud.refusals import InvalidParameter

VIDEO_LABELS = "VideoLabelClassification"
RUNNING, SUCCEEDED, FAILED = "Running", "Succeeded", "Failed"
# The task types for which GetTask and ListTasks give the request back, by the reference of GetTask.
_WITH_REQUEST = frozenset(
    {
        "ArchiveFileInspection",
        "FaceClustering",
        "FacesSearching",
        "FileCompression",
        "FileUncompression",
        "ImageSplicing",
        "ImageToPDF",
        "LocationDateClustering",
        "MediaConvert",
        "PointCloudCompress",
        "StoryCreation",
        "VideoLabelClassification",
    }
)

_SCHEMA = """
CREATE TABLE IF NOT EXISTS imm_task_records (
    project TEXT NOT NULL,
    task_id TEXT NOT NULL,
    task_type TEXT NOT NULL,
    status TEXT NOT NULL,
    start_ns INTEGER NOT NULL,
    end_ns INTEGER,
    tags TEXT NOT NULL,
    record TEXT NOT NULL,
    work TEXT,
    PRIMARY KEY (project, task_id)
);
CREATE INDEX IF NOT EXISTS imm_task_records_by_start ON imm_task_records (project, start_ns);
"""
_SORT_COLUMNS = {"TaskId": "task_id", "StartTime": "start_ns", "EndTime": "coalesce(end_ns, 0)"}
SORTS = tuple(_SORT_COLUMNS)
_BASE62 = string.digits + string.ascii_uppercase + string.ascii_lowercase
_KSUID_EPOCH = 1_400_000_000


def new_event_id() -> str:
    """``25E-1uBJUMOshisffTNk8Nr3GIj…``: three hexadecimal digits and 27 base-62 digits (a KSUID)."""
    seconds = int(time.time()) - _KSUID_EPOCH
    number = seconds << 128 | secrets.randbits(128)
    digits = ""
    for _ in range(27):
        number, digit = divmod(number, 62)
        digits = _BASE62[digit] + digits
    return f"{secrets.randbelow(0x1000):03X}-{digits}"


@dataclass(frozen=True)
class TaskRecord:
    """A task as GetTask shows it, and its labels in IMM's own form.

    Times are RFC 3339 texts and are given back as they are; ``end_time`` is empty while the task runs.
    ``request`` holds the parameters of the request that created the task: its source and its topic.
    Raises ValueError for a field of a wrong kind.
    """

    project: str
    task_id: str
    start_time: str
    end_time: str = ""
    task_type: str = VIDEO_LABELS
    status: str = RUNNING
    code: str = ""
    message: str = ""
    user_data: str = ""
    tags: Mapping[str, str] = field(default_factory=dict)
    request: Mapping[str, Any] = field(default_factory=dict)
    labels: Sequence[Mapping[str, Any]] = ()
    event_id: str = field(default_factory=new_event_id)
    request_id: str = field(default_factory=new_request_id)

    def __post_init__(self) -> None:
        for name, value in vars(self).items():
            if name in ("tags", "request"):
                fine = isinstance(value, Mapping)
            elif name == "labels":
                fine = isinstance(value, Sequence) and all(isinstance(label, Mapping) for label in value)
            else:
                fine = isinstance(value, str)
            if not fine:
                raise ValueError(f"{value!r} cannot be the {name} of a task")

    @property
    def topic(self) -> str | None:
        """The topic that is told of the task's end, if any."""
        match self.request:
            case {"Notification": {"MNS": {"TopicName": str(topic)}}}:
                return topic
        return None

    def as_response(self) -> dict[str, Any]:
        """What every answer about the task has."""
        return {
            "Status": self.status,
            "Code": self.code,
            "Message": self.message,
            "StartTime": self.start_time,
            "EndTime": self.end_time,
            "UserData": self.user_data,
            "TaskType": self.task_type,
            "TaskId": self.task_id,
        }

    def as_information(self, with_request: bool) -> dict[str, Any]:
        """The task as GetTask and ListTasks show it, perhaps with the request that created it."""
        shown = self.as_response()
        if self.tags:
            shown["Tags"] = dict(self.tags)
        if with_request and self.task_type in _WITH_REQUEST:
            request = json.dumps(self.request, ensure_ascii=False, separators=(",", ":"), default=dict)
            shown["TaskRequestDefinition"] = request
        return shown


class Work(NamedTuple):
    """What is still to be done for a task: how long it takes, and the failure that was ordered for it."""

    seconds: float
    code: str = ""
    message: str = ""


class TimeRange(NamedTuple):
    """Both ends are included; None is open. Nanoseconds since 1970."""

    start: int | None = None
    end: int | None = None


ANY_TIME = TimeRange()


@dataclass(frozen=True)
class TaskQuery:
    """The tasks of a project that ListTasks is asked for, and their order."""

    project: str
    task_types: Collection[str] = ()
    status: str | None = None
    tag: tuple[str, str] | None = None
    started: TimeRange = ANY_TIME
    ended: TimeRange = ANY_TIME
    sort: str = "TaskId"
    descending: bool = False


class Tasks:
    """The tasks of a cloud. A task is kept for good; who asks says how old it may be."""

    def __init__(self, database: Database) -> None:
        self._database = database
        database.create(_SCHEMA)

    def put(self, record: TaskRecord, work: Work | None = None) -> None:
        """Add or replace a task; raises ValueError for a time that is none."""
        self._database.execute(
            "INSERT OR REPLACE INTO imm_task_records VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)",
            (
                record.project,
                record.task_id,
                record.task_type,
                record.status,
                _storable(nanoseconds(record.start_time)),
                _storable(nanoseconds(record.end_time)) if record.end_time else None,
                json.dumps(record.tags, default=dict),
                json.dumps(vars(record), default=dict),
                None if work is None else json.dumps(work),
            ),
        )

    def find(self, project: str, task_id: str, started_after: int = 0) -> TaskRecord | None:
        """A task by its id, unless it started too long ago."""
        row = self._database.one(
            "SELECT record FROM imm_task_records WHERE project = ? AND task_id = ? AND start_ns > ?",
            (project, task_id, started_after),
        )
        return None if row is None else _record(row)

    def newest(self, most: int) -> tuple[list[TaskRecord], int]:
        """At most so many tasks of all projects, the last to start first, and how many there are."""
        rows = self._database.all(
            "SELECT record, count(*) OVER () AS number FROM imm_task_records "
            "ORDER BY start_ns DESC, task_id LIMIT ?",
            (most,),
        )
        return [_record(row) for row in rows], rows[0]["number"] if rows else 0

    def unfinished(self) -> list[tuple[TaskRecord, Work]]:
        """The tasks that still have work to be done."""
        rows = self._database.all("SELECT record, work FROM imm_task_records WHERE work IS NOT NULL")
        return [(_record(row), Work(*json.loads(row["work"]))) for row in rows]

    def remove(self, project: str) -> None:
        """Remove every task of a project."""
        self._database.execute("DELETE FROM imm_task_records WHERE project = ?", (project,))

    def page(
        self, query: TaskQuery, started_after: int, size: int, token: str | None
    ) -> tuple[list[TaskRecord], str]:
        """One page of the tasks that a query selects, and the token of the next page (or an empty text)."""
        column = _SORT_COLUMNS[query.sort]
        conditions, values = _conditions(query, started_after)
        if token is not None:
            key, task_id = _read_token(token, query)
            conditions.append(f"({column}, task_id) {'<' if query.descending else '>'} (?, ?)")
            values += [key, task_id]
        direction = "DESC" if query.descending else "ASC"
        rows = self._database.all(
            f"SELECT record, {column} AS sort_key FROM imm_task_records WHERE {' AND '.join(conditions)} "
            f"ORDER BY {column} {direction}, task_id {direction} LIMIT ?",
            [*values, size + 1],
        )
        records = [_record(row) for row in rows[:size]]
        if len(rows) <= size:
            return records, ""
        return records, _write_token(query, rows[size - 1]["sort_key"], records[-1].task_id)


def _conditions(query: TaskQuery, started_after: int) -> tuple[list[str], list[Any]]:
    conditions = ["project = ?", "start_ns > ?"]
    values: list[Any] = [query.project, started_after]
    if query.task_types:
        conditions.append(f"task_type IN ({', '.join('?' * len(query.task_types))})")
        values += query.task_types
    if query.status is not None:
        conditions.append("status = ?")
        values.append(query.status)
    if query.tag is not None:
        conditions.append("EXISTS (SELECT 1 FROM json_each(tags) AS tag WHERE tag.key = ? AND tag.value = ?)")
        values += query.tag
    for column, limits in (("start_ns", query.started), ("end_ns", query.ended)):
        for operator, limit in ((">=", limits.start), ("<=", limits.end)):
            if limit is not None:
                conditions.append(f"{column} {operator} ?")
                values.append(_storable(limit))
    return conditions, values


def _storable(since_1970: int) -> int:
    """SQLite's integers end in the years 1677 and 2262; times beyond are only compared."""
    return max(-(2**63), min(since_1970, 2**63 - 1))


def _write_token(query: TaskQuery, key: str | int, task_id: str) -> str:
    content = json.dumps([query.sort, query.descending, key, task_id])
    return base64.urlsafe_b64encode(content.encode()).decode()


def _read_token(token: str, query: TaskQuery) -> tuple[str | int, str]:
    key_type = str if query.sort == "TaskId" else int
    try:
        content = json.loads(base64.urlsafe_b64decode(token))
    except ValueError:
        content = None
    match content:
        case [query.sort, query.descending, key, str(task_id)] if type(key) is key_type:
            return key, task_id
    raise InvalidParameter("NextToken", "It must be the NextToken of the page before, with equal order.")


def _record(row: Any) -> TaskRecord:
    return TaskRecord(**json.loads(row["record"]))
