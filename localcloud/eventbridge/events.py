"""The form in which EventBridge hands events on, and which of them the pattern of a rule lets pass.

Events are CloudEvents 1.0 with members of Alibaba Cloud's own. Sources: help pages "Event overview", "OSS
events" and eventbridge/user-guide/event-patterns, awesome-fc/code-example ``python3-mns-queue-trigger``.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from localcloud.tenant import Tenant

_ABSENT = object()


def cloud_event(
    tenant: Tenant,
    event_id: str,
    event_type: str,
    moment: datetime,
    data: Mapping[str, Any],
    *,
    source: str,
    bus: str,
    subject: str,
) -> dict[str, Any]:
    """An event of a bus; ``subject`` is the ARN of what it is about."""
    return {
        "id": event_id,
        "source": source,
        "specversion": "1.0",
        "type": event_type,
        "datacontenttype": "application/json;charset=utf-8",
        "subject": subject,
        "time": in_milliseconds(moment),
        "aliyunaccountid": tenant.account_id,
        "aliyunpublishtime": in_milliseconds(moment),
        "aliyunoriginalaccountid": tenant.account_id,
        "aliyuneventbusname": bus,
        "aliyunregionid": tenant.region,
        "data": dict(data),
    }


def in_milliseconds(moment: datetime) -> str:
    """``2026-11-30T01:02:03.000Z``."""
    return moment.strftime("%Y-%m-%dT%H:%M:%S.%f")[:-3] + "Z"


def passes(pattern: Mapping[str, Any], event: object) -> bool:
    """Whether an event passes: each named field has one of its values; an empty pattern lets all pass.

    A value is a text as it is, or an operator such as ``{"prefix": "imm:"}``. An operator that is not known
    here lets nothing pass.
    """
    return all(
        _passes(wanted, event.get(name, _ABSENT) if isinstance(event, Mapping) else _ABSENT)
        for name, wanted in pattern.items()
    )


def _passes(wanted: Any, value: object) -> bool:
    if isinstance(wanted, Mapping):
        return passes(wanted, value)
    return isinstance(wanted, list) and any(_matches(one, value) for one in wanted)


def _matches(wanted: Any, value: object) -> bool:
    if not isinstance(wanted, Mapping):
        return bool(wanted == value)
    match wanted:
        case {"exists": bool(present)}:
            return (value is not _ABSENT) == present
        case {"prefix": str(text)}:
            return isinstance(value, str) and value.startswith(text)
        case {"suffix": str(text)}:
            return isinstance(value, str) and value.endswith(text)
        case {"anything-but": but}:
            return value is not _ABSENT and not _passes(but if isinstance(but, list) else [but], value)
    return False
