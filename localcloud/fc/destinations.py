"""What asynchronous invocations leave: the record for a destination, and the events that got lost.

The record's form is that of FC 2.0's samples (awesome-fc/async-invocation-dlq), with a function's ARN as
FC 3.0 writes it. ``timestamp`` is the time of the invocation in milliseconds, a number as those samples
have it; an older sample of the help page fc/result-callback has ISO text there. ``requestPayload`` is the
event as text, or its base64 where it is not UTF-8.
"""

from __future__ import annotations

import base64
import json
import re
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Protocol

from localcloud.fc.invocation import InvocationResult
from localcloud.tenant import Tenant

# The state of an asynchronous task whose event got too old (struct AsyncTask); for records undocumented.
EXPIRED = "Expired"

_FUNCTION_ARN = re.compile(r"acs:fc:([a-z0-9-]*):(\d*):functions/([A-Za-z0-9_-]+)(?:/LATEST)?")


class DestinationSender(Protocol):
    """Delivers records to destinations outside of Function Compute."""

    async def send(self, arn: str, record: bytes) -> None:
        """Deliver a record, or raise."""


@dataclass(frozen=True)
class AsyncEvent:
    """An event that was accepted for asynchronous invocation."""

    request_id: str
    function: str
    payload: bytes
    accepted: datetime


@dataclass(frozen=True)
class LostEvent:
    """An event that did not succeed and that no destination got."""

    event: AsyncEvent
    attempts: int
    reason: str
    last_result: InvocationResult | None

    def as_dict(self) -> dict[str, Any]:
        """The loss as JSON-serialisable values."""
        result = self.last_result
        return {
            "request_id": self.event.request_id,
            "function": self.event.function,
            "accepted": self.event.accepted.isoformat(),
            "payload": _text(self.event.payload),
            "attempts": self.attempts,
            "reason": self.reason,
            "error": None if result is None else _text(result.body),
        }


def destination_record(
    event: AsyncEvent,
    *,
    function_arn: str,
    attempts: int,
    result: InvocationResult | None,
    expired: bool = False,
) -> bytes:
    """The record of how an event ended; ``result`` is that of its last attempt, if there was one."""
    error = (result.error_type or "") if result is not None else ""
    record = {
        "timestamp": int(event.accepted.timestamp() * 1000),
        "requestContext": {
            "requestId": event.request_id,
            "functionArn": function_arn,
            "condition": EXPIRED if expired else error,
            "approximateInvokeCount": attempts,
        },
        "requestPayload": _text(event.payload),
        "responseContext": {
            "statusCode": result.status if result is not None else 0,
            "functionError": error,
        },
        "responsePayload": _text(result.body) if result is not None else "",
    }
    return json.dumps(record, ensure_ascii=False, separators=(",", ":")).encode()


def destination_function(arn: str, tenant: Tenant) -> str | None:
    """The function that an ARN names, if it names one of this region and account."""
    match = _FUNCTION_ARN.fullmatch(arn)
    if match is None or match[1] not in ("", tenant.region) or match[2] not in ("", tenant.account_id):
        return None
    return match[3]


def topic_of(arn: str) -> str | None:
    """The topic that a destination ``acs:mns:<region>:<account>:/topics/<topic>/messages`` names."""
    match = re.fullmatch(r"acs:mns:[^:]*:[^:]*:/topics/([^/]+)/messages", arn)
    return match[1] if match else None


def is_function(arn: str) -> bool:
    """Whether an ARN is one of Function Compute."""
    return arn.startswith("acs:fc:")


def _text(payload: bytes) -> str:
    try:
        return payload.decode()
    except UnicodeDecodeError:
        return base64.b64encode(payload).decode()
