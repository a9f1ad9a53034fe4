"""Invocations: what is asked of a function, how that ended, and the errors that the platform reports."""

from __future__ import annotations

import json
import secrets
import time
from dataclasses import asdict, dataclass
from datetime import datetime
from enum import Enum
from typing import Any

from localcloud.fc.declaration import FunctionDeclaration

# HandledInvocationError exists in Node.js only: help page developer-reference/api-invokefunction.
UNHANDLED_ERROR = "UnhandledInvocationError"


class Failure(str, Enum):
    """Why a function failed, as the request metrics name it.

    Help page sls/function-compute-3-0-log-field-details, field errorType.
    """

    UNHANDLED = "FunctionUnhandledError"
    TIMEOUT = "FunctionTimeoutError"
    OUT_OF_MEMORY = "FunctionOOMError"


@dataclass(frozen=True)
class Invocation:
    """One attempt to run a function for an event; ``declaration`` is the version that serves it."""

    declaration: FunctionDeclaration
    request_id: str
    event: bytes
    attempt: int = 1
    asynchronous: bool = False


@dataclass(frozen=True)
class Outcome:
    """What a handler or a hook gave; ``memory`` is the instance's peak in MB."""

    body: bytes
    failure: Failure | None
    seconds: float
    memory: float


@dataclass(frozen=True)
class InvocationRecord:
    """How an attempt to run a function ended; ``body`` is its answer or its error.

    ``status`` is 200 also where the function failed; then ``error_type`` is what X-Fc-Error-Type says, and
    ``failure`` what the request metrics say. ``duration`` is in seconds, ``max_memory`` in MB.
    """

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


def new_request_id() -> str:
    """A request id in the form that FC 3.0 gives."""
    return f"1-{int(time.time()):08x}-{secrets.token_hex(12)}"


def timed_out(seconds: int, memory: float, *, initializing: bool) -> str:
    """The message for a handler or an initializer that exceeds its timeout.

    The help page fc/function-time-out-after shortens it to "Function time out after"; this is how callers
    have seen it whole. An initializer's is not documented.
    """
    what = "Function initialization" if initializing else "Function"
    return f"{what} timed out after {seconds} seconds (maxMemoryUsage: {memory:.2f}MB)"


def exited(seconds: float, memory: float) -> str:
    """The message for a process that ended before it answered, by itself or for lack of memory.

    Help pages fc/error-handling-nodejs and
    fc-3-0/process-exited-unexpectedly-before-completing-request-message; the latter names insufficient
    memory as one cause.
    """
    return (
        "Process exited unexpectedly before completing request "
        f"(duration: {seconds * 1000:.0f}ms, maxMemoryUsage: {memory:.2f}MB)"
    )


def error_body(message: str) -> bytes:
    """The body of an error that did not come from the function's own code."""
    return json.dumps({"errorMessage": message}, separators=(",", ":")).encode()
