"""How a call of a function ended, and the errors that the platform itself reports."""

from __future__ import annotations

import json
from dataclasses import dataclass
from enum import Enum


class Failure(str, Enum):
    """Why a function failed, as the request metrics name it.

    Help page sls/function-compute-3-0-log-field-details, field errorType.
    """

    UNHANDLED = "FunctionUnhandledError"
    TIMEOUT = "FunctionTimeoutError"
    OUT_OF_MEMORY = "FunctionOOMError"


@dataclass(frozen=True)
class Outcome:
    """What a handler or a hook gave; ``memory`` is the instance's peak in MB."""

    body: bytes
    failure: Failure | None
    seconds: float
    memory: float


def timed_out(seconds: int, memory: float) -> str:
    """The message for a handler that exceeds its timeout.

    The help page fc/function-time-out-after shortens it to "Function time out after"; this is how callers
    have seen it whole.
    """
    return f"Function timed out after {seconds} seconds (maxMemoryUsage: {memory:.2f}MB)"


def initializer_timed_out(seconds: int, memory: float) -> str:
    """The message for an initializer that exceeds its timeout; its wording is not documented."""
    return f"Function initialization timed out after {seconds} seconds (maxMemoryUsage: {memory:.2f}MB)"


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
