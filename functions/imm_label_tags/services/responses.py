"""What the calls of both services have in common: timing and the classes of errors."""

from __future__ import annotations

import math
import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import NamedTuple

from imm_label_tags.errors import (
    AccessDenied,
    AnswerTooLarge,
    ServiceRejected,
    ServiceUnavailable,
    TaggingError,
    Throttled,
)
from imm_label_tags.services.answer_room import NoRoom, TooLarge

_NO_PERMISSION = frozenset(
    {"AccessDenied", "Forbidden", "Forbidden.RAM", "Forbidden.NoPermission", "NoPermission"}
)
# FC's help says of python3.10 that its context has the keys, and of python3.12 that the environment has them,
# but not whether that is renewed in an instance that lives on.
EXPIRED_KEYS = (
    "The keys of this invocation had expired. A retry may help: on python3.10 every invocation brings new "
    "keys; on python3.12 they are the instance's, and that a running instance gets new ones is not "
    "documented. If it lasts, deploy again, which starts new instances."
)
WRONG_TIME = "The clock of this instance was wrong. A retry may help: another instance may answer it."
# These are the same until the invocation ends, and another invocation need not meet them.
_OF_THIS_INVOCATION = {
    "SecurityTokenExpired": EXPIRED_KEYS,
    "InvalidSecurityToken.Expired": EXPIRED_KEYS,
    "RequestTimeTooSkewed": WRONG_TIME,
    "InvalidTimeStamp.Expired": WRONG_TIME,
}


class UnreadableAnswer(Exception):
    """An answer that is a success by its status, but does not hold what it should: what it holds instead."""


def text(value: object) -> str:
    """A text of an answer, "" where there is none: the SDK writes absent fields of errors as 'None'."""
    return value if isinstance(value, str) and value != "None" else ""


class Operation(NamedTuple):
    """A remote call: its service and action, the RAM permission that it needs, and on which resource."""

    service: str
    action: str
    permission: str
    resource: str

    def __str__(self) -> str:
        return f"{self.service} {self.action}"


class ErrorResponse(NamedTuple):
    """What a service answered instead of a result.

    ``status`` is 0 where there was no HTTP answer; ``after_seconds`` is how long the service asks to wait.
    """

    status: int
    code: str
    message: str
    ec: str = ""
    request_id: str = ""
    throttled: bool = False
    after_seconds: float = 0.0


class CallTimes:
    """Milliseconds and number of each remote call of one notification, by action.

    ``window`` is the time from the answer with an object's tags until the answer to their write, in which
    another writer's change would be lost; None where nothing was written.
    """

    def __init__(self) -> None:
        self.milliseconds: dict[str, float] = {}
        self.calls: dict[str, int] = {}
        self.window: float | None = None

    @contextmanager
    def measure(self, action: str) -> Iterator[None]:
        """Measure one call, however it ends."""
        started = time.perf_counter()
        self.calls[action] = self.calls.get(action, 0) + 1
        try:
            yield
        finally:
            spent = (time.perf_counter() - started) * 1000
            self.milliseconds[action] = round(self.milliseconds.get(action, 0.0) + spent, 1)


def to_error(operation: Operation, response: ErrorResponse, subject: str) -> TaggingError:
    """The error class of a response. ``subject`` is the task or object that the call was about."""
    details = ", ".join(
        f"{name} {value}"
        for name, value in (
            ("HTTP", response.status or ""),
            ("code", response.code),
            ("EC", response.ec),
            ("request id", response.request_id),
        )
        if value
    )
    said = f"{response.message.strip() or 'no message'} ({details or 'no details'})"
    if response.throttled or response.status == 429:
        return Throttled(
            f"{operation} for {subject} was throttled: {said}. A retry helps.",
            after_seconds=response.after_seconds,
        )
    if response.status == 0 or response.status >= 500 or response.status == 408:
        return ServiceUnavailable(
            f"{operation} for {subject} failed: {said}. A retry may help.",
            after_seconds=response.after_seconds,
        )
    if response.status == 403 and response.code in _NO_PERMISSION:
        return AccessDenied(
            f"{operation} for {subject} was denied: {said}. Allow the function's role the action "
            f"{operation.permission} on the resource {operation.resource}, and look for a bucket policy "
            "that denies it; before that a retry does not help.",
            action=operation.permission,
            resource=operation.resource,
        )
    if response.code in _OF_THIS_INVOCATION:
        return ServiceUnavailable(
            f"{operation} for {subject} was refused: {said}. {_OF_THIS_INVOCATION[response.code]}",
            after_seconds=math.inf,
        )
    return ServiceRejected(
        f"{operation} for {subject} was refused: {said}. {_advice(response)}",
        code=response.code,
        ec=response.ec,
        request_id=response.request_id,
    )


def malformed_response(operation: Operation, subject: str, what: str) -> ServiceUnavailable:
    """The error for an answer that is no answer."""
    return ServiceUnavailable(f"{operation} for {subject} was answered with {what}. A retry may help.")


def without_room(operation: Operation, subject: str, why: TooLarge | NoRoom) -> TaggingError:
    """The error for an answer that memory has no room for."""
    said = f"{operation} for {subject} was answered with {why}."
    if isinstance(why, TooLarge):
        return AnswerTooLarge(
            f"{said} The function's memory has no room for it: raise memorySize and replay the event; before "
            "that a retry does not help."
        )
    return ServiceUnavailable(f"{said} A retry helps.")


def _advice(response: ErrorResponse) -> str:
    if 300 <= response.status < 400:
        return (
            "This is another service's address: check the setting of the endpoint, and the region; before "
            "that a retry does not help."
        )
    return "A retry does not help."
