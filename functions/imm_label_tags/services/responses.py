"""What the calls of both services have in common: one attempt, and the classes of its errors."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import TYPE_CHECKING, NamedTuple, TypeVar

from imm_label_tags.errors import (
    AccessDenied,
    AnswerTooLarge,
    ServiceRejected,
    ServiceUnavailable,
    TaggingError,
    Throttled,
)
from imm_label_tags.retries import Timeouts
from imm_label_tags.services.answer_room import NoRoom, TooLarge

if TYPE_CHECKING:
    from imm_label_tags.services.connections import Answer, Connections, Exchange
    from imm_label_tags.services.credentials import RoleCredentials

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

_Answer = TypeVar("_Answer")


class UnreadableAnswer(Exception):
    """An answer that is a success by its status, but does not hold what it should: what it holds instead."""


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


class ServiceCalls:
    """Makes calls to one service, one attempt each.

    What came back is known by the connections, since an SDK's own errors may not tell it.
    """

    def __init__(self, credentials: RoleCredentials, connections: Connections) -> None:
        self._redact = credentials.redact
        self._connections = connections

    def attempt(
        self,
        operation: Operation,
        subject: str,
        timeouts: Timeouts,
        make: Callable[[Exchange], _Answer],
    ) -> _Answer:
        """What ``make`` makes of an exchange, which it hands to the SDK.

        Raises the errors of ``to_error`` and of ``_translate``, and ServiceUnavailable where there is no
        answer or none that can be read.
        """
        failure: Exception
        with self._connections.exchange(timeouts) as exchange:
            try:
                return make(exchange)
            except Exception as error:
                failure = self._failure(_innermost(error), exchange, operation, subject)
        # Not inside the handler above: the SDK's error holds the signed request with its token.
        raise failure

    def _failure(self, error: Exception, exchange: Exchange, operation: Operation, subject: str) -> Exception:
        about = f"{operation} for {subject}"
        if isinstance(error, TooLarge):
            return AnswerTooLarge(
                f"{about} was answered with {error}. The function's memory has no room for it: raise "
                "memorySize and replay the event; before that a retry does not help."
            )
        if isinstance(error, NoRoom):
            return ServiceUnavailable(f"{about} was answered with {error}. A retry helps.")
        if isinstance(error, UnreadableAnswer):
            return ServiceUnavailable(f"{about} was answered with {error}. A retry may help.")
        said = self._redact(str(getattr(error, "message", "") or error)).rstrip(".") or type(error).__name__
        if exchange.answer is None:
            self._connections.drop()
            return ServiceUnavailable(f"{about} got no answer: {said}. A retry may help.")
        translated = None
        if exchange.body is not None:
            translated = self._translate(error, exchange.answer, operation, subject)
        return translated or ServiceUnavailable(
            f"{about} was answered with a body that cannot be read ({said}). A retry may help."
        )

    def _translate(
        self, error: Exception, answer: Answer, operation: Operation, subject: str
    ) -> Exception | None:
        """The error for an SDK's error about a whole answer; None where the SDK could not read it."""
        raise NotImplementedError


def _innermost(error: Exception) -> Exception:
    """What an SDK's errors are around."""
    while True:
        unwrap = getattr(error, "unwrap", None)
        inner = unwrap() if unwrap else getattr(error, "inner_exception", None)
        if not isinstance(inner, Exception):
            return error
        error = inner


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


def _advice(response: ErrorResponse) -> str:
    if 300 <= response.status < 400:
        return (
            "This is another service's address: check the setting of the endpoint, and the region; before "
            "that a retry does not help."
        )
    return "A retry does not help."
