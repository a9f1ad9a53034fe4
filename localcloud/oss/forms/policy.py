"""The policy of a form: until when, and with which fields, it may be sent.

Sources: help.aliyun.com, PostObject ("Appendix: Policy"), "POST V4 signature" and the pages of the EC numbers
0006-000002xx.
"""

from __future__ import annotations

import base64
import binascii
import json
import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timezone
from typing import Any

from localcloud.oss.protocol import errors

_TIME = re.compile(r"\d{4}-\d{2}-\d{2}T\d{2}:\d{2}:\d{2}(\.\d{1,9})?Z")
_OF_SIGNATURE = ("x-oss-signature-version", "x-oss-credential", "x-oss-date", "x-oss-security-token")
# Whether it has no expiration, and no conditions.
_EC_OF_ABSENT = {
    (True, True): "0006-00000209",
    (True, False): "0006-00000208",
    (False, True): "0006-00000207",
}


@dataclass(frozen=True)
class PostPolicy:
    """A policy that was read; ``conditions`` are as they were written, each a list or an object."""

    expiration: datetime
    conditions: tuple[Any, ...]

    def check(self, fields: Mapping[str, str], now: datetime) -> None:
        """Raise OssError unless a form with these fields may be sent now; ``bucket`` is one of them."""
        if now > self.expiration:
            raise _against("Policy expired.")
        named = set()
        for condition in self.conditions:
            operator, name, value = _parts(condition)
            if operator == "content-length-range":
                continue
            named.add(name)
            if not _holds(operator, fields.get(name, ""), value):
                raise _against(f"Policy Condition failed: {json.dumps(condition)}", "0006-00000227")
        extra = [name for name in _OF_SIGNATURE if name in fields and name not in named]
        if extra and _OF_SIGNATURE[0] in fields:
            raise _against(f"Extra input fields: {extra[0]}", "0006-00000228")

    def check_size(self, size: int) -> None:
        """Raise OssError for a file that is shorter or longer than the policy has it."""
        for condition in self.conditions:
            operator, least, greatest = _parts(condition)
            if operator == "content-length-range" and size > greatest:
                raise errors.ENTITY_TOO_LARGE(MaxSizeAllowed=greatest)
            if operator == "content-length-range" and size < least:
                raise errors.FORM_TOO_SMALL(MinSizeAllowed=least, ProposedSize=size)


def read_post_policy(encoded: str) -> PostPolicy:
    """The policy of the form's field of that name; raises OssError."""
    try:
        document = json.loads(base64.b64decode(encoded, validate=True))
    except (binascii.Error, ValueError) as error:
        raise _invalid(f"Invalid JSON: {error}") from None
    if not isinstance(document, dict):
        raise _invalid("it is not a JSON object")
    expiration, conditions = document.get("expiration"), document.get("conditions")
    ec = _EC_OF_ABSENT.get((expiration is None, conditions is None))
    if ec:
        raise _invalid("Policy must have expiration and conditions", ec)
    if not isinstance(expiration, str) or not _TIME.fullmatch(expiration):
        raise _invalid("Invalid 'expiration' value")
    if not isinstance(conditions, list) or not conditions:
        raise _invalid("Invalid 'conditions' value: must be a List")
    for condition in conditions:
        _parts(condition)
    try:
        until = datetime.strptime(expiration[:19], "%Y-%m-%dT%H:%M:%S").replace(tzinfo=timezone.utc)
    except ValueError:
        raise _invalid("Invalid 'expiration' value") from None
    return PostPolicy(until, tuple(conditions))


def _holds(operator: str, given: str, value: Any) -> bool:
    if operator == "starts-with":
        return given.startswith(value)
    if operator == "eq":
        return bool(given == value)
    return (given in value) == (operator == "in")


def _parts(condition: Any) -> tuple[str, Any, Any]:
    """The operator, the field's name in lower case and what it is compared with; or a range's two ends."""
    match condition:
        case {**members} if len(members) == 1 and all(isinstance(one, str) for one in members.values()):
            ((name, value),) = members.items()
            return "eq", str(name).lower(), value
        case {}:
            problem = "Simple-Conditions must have exactly one property specified."
            raise _invalid(f"Invalid Simple-Condition: {problem}")
        case ["content-length-range", int(least), int(greatest)]:
            return "content-length-range", least, greatest
        case ["eq" | "starts-with" as operator, str(name), str(value)]:
            return operator, name.removeprefix("$").lower(), value
        case ["in" | "not-in" as operator, str(name), [*values]]:
            return operator, name.removeprefix("$").lower(), values
        case [*_]:
            raise _invalid(f"Invalid condition: {json.dumps(condition)}", "0006-00000216")
    raise _invalid("a condition must be a map or a list", "0006-00000222")


def _against(problem: str, ec: str = "") -> errors.OssError:
    return errors.OssError(403, "AccessDenied", f"Invalid according to Policy: {problem}", ec)


def _invalid(problem: str, ec: str = "") -> errors.OssError:
    return errors.OssError(400, "InvalidPolicyDocument", f"Invalid Policy: {problem}", ec)
