"""The signature that Function Compute had before version 2023-03-30; tempBucketToken still has it.

Sources: help.aliyun.com, Function Compute 2.0 "Signature authentication" and "Error codes"; the npm package
@alicloud/fc2, ``lib/helper.js``.
"""

from __future__ import annotations

import base64
import hashlib
import hmac
import re
from collections.abc import Mapping
from datetime import datetime, timedelta, timezone
from email.utils import parsedate_to_datetime

from localcloud.accounts import Accounts, Identity
from localcloud.refusals import RequestRefused

TOLERANCE = timedelta(minutes=15)

_AUTHORIZATION = re.compile(r"FC ([^:\s]+):(\S+)")


def _mismatch() -> RequestRefused:
    return RequestRefused(
        403,
        "SignatureNotMatch",
        "The request signature we calculated does not match the signature you provided. "
        "Check your access key and signing method.",
    )


def verify(method: str, path: str, headers: Mapping[str, str], accounts: Accounts, now: datetime) -> Identity:
    """The identity that signed a request without a query; raises a RequestRefused.

    ``headers`` have lower-case names; ``now`` is the real time.
    """
    authorization = headers.get("authorization", "")
    date = headers.get("date", "")
    for name, value in (("Authorization", authorization), ("Date", date)):
        if not value:
            raise RequestRefused(
                400, "MissingRequiredHeader", f"required HTTP header {name} was not specified"
            )
    match = _AUTHORIZATION.fullmatch(authorization)
    if match is None:
        raise _mismatch()
    access_key_id, signature = match.groups()
    identity = accounts.find(access_key_id)
    token = headers.get("x-fc-security-token", "")
    if identity is None or token != (identity.security_token or "") or accounts.expired(identity):
        raise RequestRefused(403, "InvalidAccessKeyID", f"invalid access key ID '{access_key_id}'")
    expected = sign(identity.access_key_secret, string_to_sign(method, path, headers))
    if not hmac.compare_digest(expected.encode(), signature.encode("utf-8", "surrogateescape")):
        raise _mismatch()
    sent = _time(date)
    if sent is None or abs(now - sent) > TOLERANCE:
        message = "the difference between the request time and the current time is too large"
        raise RequestRefused(403, "RequestTimeTooSkewed", message)
    return identity


def string_to_sign(method: str, path: str, headers: Mapping[str, str]) -> str:
    """The form of a request that is signed."""
    own = sorted(name for name in headers if name.startswith("x-fc-"))
    return "\n".join(
        [
            method,
            headers.get("content-md5", ""),
            headers.get("content-type", ""),
            headers.get("date", ""),
            *(f"{name}:{headers[name]}" for name in own),
            path,
        ]
    )


def sign(secret: str, text: str) -> str:
    """The signature of a text."""
    return base64.b64encode(hmac.new(secret.encode(), text.encode(), hashlib.sha256).digest()).decode()


def _time(date: str) -> datetime | None:
    try:
        time = parsedate_to_datetime(date)
    except (TypeError, ValueError):
        return None
    return time if time.tzinfo is not None else time.replace(tzinfo=timezone.utc)
