"""The message that tells a topic of a task's end.

The envelope and its ``content``, an escaped JSON text, are those of the help page "Asynchronous
notification format" (2743997); the fields are those that its MediaConvert sample has for every task.
"""

from __future__ import annotations

import json
from datetime import datetime
from typing import Any

from localcloud.imm.tasks import TaskRecord
from localcloud.imm.timestamps import in_milliseconds, nanoseconds


def notification(record: TaskRecord, region: str, account_id: str, now: datetime) -> bytes:
    """The message about a finished task."""
    event_type = f"imm:Task:{record.task_type}"
    return _json(
        {
            "id": record.event_id,
            "source": "acs.imm",
            "type": event_type,
            "subject": f"acs:imm:{region}:{account_id}:{record.project}/{event_type}",
            "time": str(int(now.timestamp() * 1000)),
            "content": _json(_content(record)),
        }
    ).encode()


def _content(record: TaskRecord) -> dict[str, str]:
    return {
        "ProjectName": record.project,
        "DatasetName": "",
        "RequestId": record.request_id,
        "StartTime": in_milliseconds(nanoseconds(record.start_time)),
        "EndTime": in_milliseconds(nanoseconds(record.end_time)) if record.end_time else "",
        "UserData": record.user_data,
        "TaskType": record.task_type,
        "TaskId": record.task_id,
        "Status": record.status,
        "Code": record.code,
        "Message": record.message,
        "EventSourceId": "",
    }


def _json(value: Any) -> str:
    return json.dumps(value, ensure_ascii=False, separators=(",", ":"))
