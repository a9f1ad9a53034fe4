"""Invocations as callers, tests and the terminal see them."""

from __future__ import annotations

import secrets
import time
from dataclasses import asdict, dataclass
from datetime import datetime
from typing import Any

from localcloud.fc.outcome import Failure

# HandledInvocationError exists in Node.js only: help page developer-reference/api-invokefunction.
UNHANDLED_ERROR = "UnhandledInvocationError"


@dataclass(frozen=True)
class InvocationResult:
    """The answer to a synchronous invocation.

    ``status`` is 200 also where the function failed; then ``error_type`` is what X-Fc-Error-Type says,
    and ``failure`` what the request metrics say. ``duration`` is in seconds, ``memory`` in MB.
    """

    request_id: str
    status: int
    body: bytes
    error_type: str | None
    failure: Failure | None
    log_tail: bytes
    duration: float
    memory: float
    cold_start: bool
    instance_id: str
    code_checksum: str = ""


@dataclass(frozen=True)
class InvocationRecord:
    """One attempt to run a function; ``body`` is its answer or its error."""

    function: str
    request_id: str
    instance_id: str
    attempt: int
    cold_start: bool
    status: int
    error_type: str | None
    failure: str | None
    duration: float
    max_memory: float
    asynchronous: bool
    ended: datetime
    body: bytes

    def as_dict(self) -> dict[str, Any]:
        """The record as JSON-serialisable values."""
        body = self.body.decode("utf-8", "replace")
        return {**asdict(self), "ended": self.ended.isoformat(), "body": body}


@dataclass(frozen=True)
class LiveInstance:
    """An instance that lives now: the memory that its process holds (MB) and its processor time so far."""

    instance_id: str
    busy: bool
    memory: float
    cpu_seconds: float

    def as_dict(self) -> dict[str, Any]:
        """The instance as JSON-serialisable values."""
        return asdict(self)


def new_request_id() -> str:
    """A request id in the form that FC 3.0 gives."""
    return f"1-{int(time.time()):08x}-{secrets.token_hex(12)}"
