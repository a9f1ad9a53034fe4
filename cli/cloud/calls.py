"""One call to a service, and what it means when the service refuses it."""

from __future__ import annotations

import os
from collections.abc import Callable
from dataclasses import dataclass
from enum import Enum
from functools import partial
from typing import Any, NamedTuple, TypeVar

import alibabacloud_oss_v2 as oss
from alibabacloud_tea_openapi.exceptions import AlibabaCloudException
from Tea.exceptions import TeaException

from cli.problems import Problem
from imm_label_tags.services.credentials import without_keys

T = TypeVar("T")

# OSS answers so (with AccessDenied) where a bucket is in another region than the endpoint.
_ELSEWHERE = "must be addressed using the specified endpoint"
_DENIED = ("AccessDenied", "Forbidden", "NoPermission", "Unauthorized", "UserNotAuthorized")
_KEYS = (
    "InvalidAccessKeyId",
    "InvalidSecurityToken",
    "SecurityTokenExpired",
    "SignatureDoesNotMatch",
    "SignatureNotMatch",
    "MissingSecurityToken",
)


class Obstacle(Enum):
    """Why a call did not succeed."""

    ABSENT = "absent"
    DENIED = "denied"
    KEYS = "keys"
    UNREACHABLE = "unreachable"
    REFUSED = "refused"


# These are not about one call: the next of its kind meets them too.
LASTING = (Obstacle.ABSENT, Obstacle.DENIED, Obstacle.KEYS)


@dataclass(frozen=True)
class Call:
    """A call: ``RAM``, ``CreateRole``, what it is about in the user's words, and the resource in RAM's.

    ``needs`` is the RAM action where its name is not the call's; ``listed_in`` the file of this project that
    has all permissions of the command.
    """

    service: str
    action: str
    subject: str
    resource: str
    needs: str = ""
    listed_in: str = "deploy/policies/setup.json"

    @property
    def permission(self) -> str:
        """The RAM action that the caller needs."""
        return self.needs or f"{self.service.lower()}:{self.action}"

    def __str__(self) -> str:
        return f"{self.service} {self.action} on {self.subject}"


class CallFailed(Problem):
    """A call was refused or not answered; ``said`` is the service's side, ``advice`` what to do."""

    def __init__(self, call: Call, obstacle: Obstacle, code: str, said: str, advice: str) -> None:
        # Whatever stands between here and the service may repeat what it was sent.
        said = without_keys(said, os.environ)
        super().__init__(f"{call} failed: {said} {advice}".rstrip())
        self.call = call
        self.obstacle = obstacle
        self.code = code
        self.said = f"{call} failed: {said}"
        self.advice = advice


def ask(call: Call, send: Callable[[], T]) -> T:
    """What the call gives; raises CallFailed."""
    try:
        return send()
    except AlibabaCloudException as error:
        data = error.data if isinstance(error.data, dict) else {}
        message = _text(data.get("Message")) or _text(error.message)
        failure = _failure(
            call, error.status_code or 0, _text(error.code), message, _text(getattr(error, "request_id", ""))
        )
    except oss.exceptions.BaseError as error:
        failure = _oss_failure(call, error)
    except Exception as error:
        inner = getattr(error, "inner_exception", None) or error
        failure = _log_failure(call, inner) if _from_log_service(inner) else _unreachable(call, inner)
    # Not inside the handlers above: the SDKs' errors hold the signed request with its token.
    raise failure


def found(call: Call, send: Callable[[], T]) -> T | None:
    """What the call gives, or None where the thing is not there; raises CallFailed for the rest."""
    try:
        return ask(call, send)
    except CallFailed as failure:
        if failure.obstacle is Obstacle.ABSENT:
            return None
        raise


class Subject(NamedTuple):
    """What a call is about: in the user's words, and as RAM names it, or the end of that name."""

    words: str
    resource: str


class Sdk:
    """One service through its official SDK; ``arns`` is how the names of its resources begin in RAM.

    A call is named as the service names it, after the SDK's method: ``get_role`` is GetRole.
    """

    def __init__(self, service: str, arns: str) -> None:
        self._service = service
        self._arns = arns

    def _ask(self, method: Callable[..., Any], *arguments: Any, on: Subject, needs: str = "") -> Any:
        """What a call gives; raises CallFailed."""
        return ask(self._call(method.__name__, on, needs), partial(method, *arguments))

    def _find(self, method: Callable[..., Any], *arguments: Any, on: Subject, needs: str = "") -> Any:
        """The same, or None where the thing is not there."""
        return found(self._call(method.__name__, on, needs), partial(method, *arguments))

    def _call(self, method: str, on: Subject, needs: str) -> Call:
        resource = on.resource if on.resource.startswith(("acs:", "*")) else self._arns + on.resource
        return Call(self._service, method.title().replace("_", ""), on.words, resource, needs)


def _oss_failure(call: Call, error: Any) -> CallFailed:
    inner = error
    while isinstance(inner, (oss.exceptions.OperationError, oss.exceptions.ResponseError)):
        inner = inner.unwrap()
    if isinstance(inner, oss.exceptions.ServiceError):
        return _failure(
            call, inner.status_code, inner.code or "", inner.message or "", inner.request_id or ""
        )
    return _unreachable(call, inner)


def _from_log_service(error: Any) -> bool:
    """Whether this is what Log Service's SDK makes of an answer that refuses the call."""
    return isinstance(error, TeaException) and isinstance(error.data, dict) and "httpCode" in error.data


def _log_failure(call: Call, error: Any) -> CallFailed:
    data = error.data
    code, message = _text(error.code), _text(error.message)
    if code == "Unauthorized" and "denied by" not in message:
        # One code for keys that are not known and for what they may not do.
        code = "InvalidAccessKeyId"
    return _failure(call, int(data["httpCode"]), code, message, _text(data.get("requestId")))


def _failure(call: Call, status: int, code: str, message: str, request_id: str) -> CallFailed:
    details = ", ".join(
        f"{name} {value}"
        for name, value in (("HTTP", status or ""), ("code", code), ("request id", request_id))
        if value
    )
    # What follows the first sentence of a signature error is the whole canonical request.
    said = f"{message.strip().splitlines()[0] if message.strip() else 'no message'} ({details})."
    obstacle = _obstacle(status, code)
    if _ELSEWHERE in message:
        advice = (
            "The bucket is in another region than the function: IMM and the function reach their own only."
        )
        return CallFailed(call, Obstacle.REFUSED, code, said, advice)
    advice = {
        Obstacle.ABSENT: "Check its name, the region and the account.",
        Obstacle.DENIED: (
            f"Allow the user or role of these keys the action {call.permission} on {call.resource}; "
            f"{call.listed_in} lists all that is needed."
        ),
        Obstacle.KEYS: (
            "Check ALIBABA_CLOUD_ACCESS_KEY_ID, ALIBABA_CLOUD_ACCESS_KEY_SECRET and, for temporary keys, "
            "ALIBABA_CLOUD_SECURITY_TOKEN: they are wrong, disabled or have expired."
        ),
        Obstacle.UNREACHABLE: "The service has a problem; try again.",
        Obstacle.REFUSED: "",
    }[obstacle]
    return CallFailed(call, obstacle, code, said, advice)


def _obstacle(status: int, code: str) -> Obstacle:
    if code.startswith(_KEYS):
        return Obstacle.KEYS
    if status == 403 or code.startswith(_DENIED):
        return Obstacle.DENIED
    if status >= 500:
        return Obstacle.UNREACHABLE
    absent = ("NotExist", "NotFound", "NoSuch")
    if any(word in code for word in absent) and not code.startswith("InvalidAction"):
        return Obstacle.ABSENT
    return Obstacle.REFUSED


def _unreachable(call: Call, error: Any) -> CallFailed:
    said = str(getattr(error, "message", None) or error).strip() or type(error).__name__
    advice = (
        "Check the network, and the endpoint that was given with an option or an environment variable, "
        "if any; the region must be one that has the service."
    )
    return CallFailed(call, Obstacle.UNREACHABLE, "", f"there was no usable answer ({said}).", advice)


def _text(value: object) -> str:
    # The SDK writes absent fields of errors as the text 'None'.
    return value if isinstance(value, str) and value != "None" else ""
