"""The form in which EventBridge hands events on: CloudEvents 1.0 with members of Alibaba Cloud's own.

Sources: help pages "Event overview" and "OSS events" (EventBridge), awesome-fc/code-example
``python3-mns-queue-trigger``.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from localcloud.tenant import Tenant


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
