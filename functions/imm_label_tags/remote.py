"""What the calls of both services have in common: patience, timing and the classes of errors."""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

from imm_label_tags.errors import (
    AccessDenied,
    ServiceRejected,
    ServiceUnavailable,
    TaggingError,
    Throttled,
)

# Worst case of one call: 3 x (2 + 5) s and two pauses of at most 2 s. The longest chain has five calls one
# after the other (no UserData in the message, and a rewrite after InvalidTag): s.yaml's timeout is above it.
CONNECT_SECONDS = 2
READ_SECONDS = 5
ATTEMPTS = 3
MAX_PAUSE_SECONDS = 2

_NO_PERMISSION = frozenset(
    {"AccessDenied", "Forbidden", "Forbidden.RAM", "Forbidden.NoPermission", "NoPermission"}
)


@dataclass(frozen=True)
class Operation:
    """A remote call: its service and action, the RAM permission that it needs, and on which resource."""

    service: str
    action: str
    permission: str
    resource: str

    def __str__(self) -> str:
        return f"{self.service} {self.action}"


@dataclass(frozen=True)
class Refusal:
    """What a service answered instead of a result; ``status`` is 0 where there was no HTTP answer."""

    status: int
    code: str
    message: str
    ec: str = ""
    request_id: str = ""
    throttled: bool = False


class CallTimes:
    """Milliseconds of each remote call of one notification, by action; repeated actions are added up."""

    def __init__(self) -> None:
        self.milliseconds: dict[str, float] = {}

    @contextmanager
    def measure(self, action: str) -> Iterator[None]:
        """Measure one call, however it ends."""
        started = time.perf_counter()
        try:
            yield
        finally:
            spent = (time.perf_counter() - started) * 1000
            self.milliseconds[action] = round(self.milliseconds.get(action, 0.0) + spent, 1)


def error_of(operation: Operation, refusal: Refusal, subject: str) -> TaggingError:
    """The error class of a refusal. ``subject`` is the task or object that the call was about."""
    details = ", ".join(
        f"{name} {value}"
        for name, value in (
            ("HTTP", refusal.status or ""),
            ("code", refusal.code),
            ("EC", refusal.ec),
            ("request id", refusal.request_id),
        )
        if value
    )
    said = f"{refusal.message.strip() or 'no message'} ({details or 'no details'})"
    if refusal.throttled or refusal.status == 429:
        return Throttled(f"{operation} for {subject} was throttled: {said}. A retry helps.")
    if refusal.status == 0 or refusal.status >= 500 or refusal.status == 408:
        return ServiceUnavailable(f"{operation} for {subject} failed: {said}. A retry may help.")
    if refusal.status == 403 and refusal.code in _NO_PERMISSION:
        return AccessDenied(
            f"{operation} for {subject} was denied: {said}. Allow the function's role the action "
            f"{operation.permission} on the resource {operation.resource}, and look for a bucket policy "
            "that denies it.",
            action=operation.permission,
            resource=operation.resource,
        )
    return ServiceRejected(
        f"{operation} for {subject} was refused: {said}. A retry does not help.",
        code=refusal.code,
        ec=refusal.ec,
        request_id=refusal.request_id,
    )


def unreadable(operation: Operation, subject: str, what: str) -> ServiceUnavailable:
    """The error for an answer that is no answer."""
    return ServiceUnavailable(f"{operation} for {subject} was answered with {what}. A retry may help.")
