"""Log Service's own signature, version 1: ``Authorization: LOG <AccessKeyId>:<signature>``.

Help page sls/developer-reference/request-signatures, and the SDK's ``alibabacloud_gateway_sls``, which signs
with HMAC-SHA256. ``content-md5`` is the MD5 of the body as it is sent, in upper-case hexadecimal digits.
"""

from __future__ import annotations

import base64
import hashlib
import hmac
import re
from collections.abc import Mapping
from datetime import datetime, timedelta, timezone
from email.utils import parsedate_to_datetime
from urllib.parse import parse_qsl

from localcloud.accounts import Accounts, Identity
from localcloud.refusals import RequestRefused
from localcloud.sls.refusals import Unauthorized

TOLERANCE = timedelta(minutes=15)
_AUTHORIZATION = re.compile(r"LOG ([^:\s]+):(\S+)", re.ASCII)
_METHODS = {"hmac-sha256": hashlib.sha256, "hmac-sha1": hashlib.sha1}


def verify(
    method: str,
    path: str,
    query: bytes,
    headers: Mapping[str, str],
    body: bytes,
    accounts: Accounts,
    *,
    now: datetime | None = None,
) -> Identity:
    """The identity that signed a request; raises RequestRefused. ``now`` is the real time."""
    if headers.get("x-log-apiversion") != "0.6.0":
        raise RequestRefused(400, "InvalidAPIVersion", "x-log-apiversion must be 0.6.0")
    method_name = headers.get("x-log-signaturemethod", "")
    if method_name not in _METHODS:
        raise RequestRefused(400, "InvalidSignatureMethod", f"signature method {method_name!r} is unknown")
    match = _AUTHORIZATION.fullmatch(headers.get("authorization", ""))
    if match is None:
        raise RequestRefused(400, "InvalidAccessKeyId", "Authorization is not LOG <AccessKeyId>:<signature>")
    _check_date(headers.get("date", ""), now or datetime.now(timezone.utc))
    if body and hashlib.md5(body, usedforsecurity=False).hexdigest().upper() != headers.get("content-md5"):
        raise RequestRefused(400, "InvalidContentMD5", "content-md5 is not the MD5 of the body that arrived")
    identity = accounts.find(match[1])
    if identity is None:
        raise Unauthorized(f"AccessKeyId not found: {match[1]}")
    _check_token(headers.get("x-acs-security-token", ""), identity, accounts)
    signed = string_to_sign(method, path, query, headers).encode()
    expected = hmac.new(identity.access_key_secret.encode(), signed, _METHODS[method_name]).digest()
    if not hmac.compare_digest(base64.b64encode(expected).decode(), match[2]):
        raise RequestRefused(401, "SignatureNotMatch", f"signature {match[2]} not match")
    return identity


def string_to_sign(method: str, path: str, query: bytes, headers: Mapping[str, str]) -> str:
    """What is signed: method, digest, type, date, the headers of Log Service's own, path and query."""
    first = [method, *(headers.get(name, "") for name in ("content-md5", "content-type", "date"))]
    own = [
        f"{name}:{value}" for name, value in sorted(headers.items()) if name.startswith(("x-log-", "x-acs-"))
    ]
    pairs = sorted(parse_qsl(query.decode("latin-1"), keep_blank_values=True))
    parameters = "&".join(f"{name}={value}" for name, value in pairs)
    return "\n".join([*first, *own, path + (f"?{parameters}" if parameters else "")])


def _check_date(text: str, now: datetime) -> None:
    try:
        sent = parsedate_to_datetime(text)
    except ValueError:
        raise RequestRefused(400, "InvalidDateFormat", f"date {text!r} must follow RFC 822") from None
    if abs(now - sent) > TOLERANCE:
        raise RequestRefused(400, "RequestTimeExpired", f"request time {text} is expired")


def _check_token(token: str, identity: Identity, accounts: Accounts) -> None:
    if token != (identity.security_token or ""):
        raise Unauthorized(f"the security token is not that of AccessKeyId {identity.access_key_id}")
    if accounts.expired(identity):
        raise RequestRefused(401, "SecurityTokenExpired", "the security token is expired")
