"""MNS's request signature: who signed a request, and whether it is what was signed."""

from __future__ import annotations

import base64
import hashlib
import hmac
import re
from collections.abc import Mapping
from datetime import datetime, timedelta, timezone
from email.utils import parsedate_to_datetime

from localcloud.accounts import Accounts, Identity
from localcloud.mns.refusals import (
    InvalidDigest,
    InvalidHeader,
    InvalidSecurityToken,
    MissingHeader,
    SecurityTokenExpired,
    SignatureDoesNotMatch,
    TimeExpired,
    UnknownAccessKey,
)

VERSION = "2015-06-06"
TOLERANCE = timedelta(minutes=15)
_AUTHORIZATION = re.compile(r"MNS ([^:\s]+):([A-Za-z0-9+/=]+)", re.ASCII)


def verify(
    method: str,
    target: str,
    headers: Mapping[str, str],
    body: bytes,
    accounts: Accounts,
    *,
    now: datetime | None = None,
) -> Identity:
    """The identity that signed a request; raises a RequestRefused.

    ``target`` is the path with its query as in the request line; names of headers are in lower case. The
    rules are those of the help pages "Common parameters" (27485) and "Sign requests" (27487).
    """
    authorization = headers.get("authorization")
    if not authorization:
        raise MissingHeader("MissingAuthorizationHeader", "Authorization")
    match = _AUTHORIZATION.fullmatch(authorization)
    if match is None:
        raise InvalidHeader("InvalidAuthorizationHeader", "Authorization")
    access_key_id, signature = match.groups()
    date = headers.get("x-mns-date") or headers.get("date")
    if not date:
        raise MissingHeader("MissingDateHeader", "Date")
    if not headers.get("x-mns-version"):
        raise MissingHeader("MissingVersionHeader", "x-mns-version")
    if headers["x-mns-version"] != VERSION:
        raise InvalidHeader("InvalidVersionHeader", "x-mns-version")
    if abs((now or datetime.now(timezone.utc)) - _moment(date)) > TOLERANCE:
        raise TimeExpired
    identity = _identity(access_key_id, headers.get("security-token", ""), accounts)
    string_to_sign = _string_to_sign(method, target, headers, date)
    expected = hmac.new(identity.access_key_secret.encode(), string_to_sign.encode(), hashlib.sha1).digest()
    if not hmac.compare_digest(base64.b64encode(expected).decode(), signature):
        raise SignatureDoesNotMatch(string_to_sign)
    _check_digest(headers.get("content-md5"), body)
    return identity


def _moment(date: str) -> datetime:
    try:
        moment = parsedate_to_datetime(date)
    except (TypeError, ValueError):
        raise InvalidHeader("InvalidDateHeader", "Date") from None
    if moment.tzinfo is None or not date.endswith("GMT"):
        raise InvalidHeader("InvalidDateHeader", "Date")
    return moment


def _identity(access_key_id: str, token: str, accounts: Accounts) -> Identity:
    identity = accounts.find(access_key_id)
    if identity is None:
        raise UnknownAccessKey
    if token != (identity.security_token or ""):
        raise InvalidSecurityToken
    if accounts.expired(identity):
        raise SecurityTokenExpired
    return identity


def _string_to_sign(method: str, target: str, headers: Mapping[str, str], date: str) -> str:
    own = sorted((name, value.strip()) for name, value in headers.items() if name.startswith("x-mns-"))
    lines = [method, headers.get("content-md5", ""), headers.get("content-type", ""), date]
    lines += [f"{name}:{value}" for name, value in own]
    return "\n".join([*lines, target])


def _check_digest(content_md5: str | None, body: bytes) -> None:
    """RFC 1864 encodes the digest itself; the official SDKs encode its hexadecimal form. Both pass."""
    if content_md5 is None:
        return
    digest = hashlib.md5(body)
    forms = (digest.digest(), digest.hexdigest().encode())
    if content_md5 not in {base64.b64encode(form).decode() for form in forms}:
        raise InvalidDigest
