"""Log Service's own signature, version 1: ``Authorization: LOG <AccessKeyId>:<signature>``.

Help page sls/developer-reference/request-signatures, and the SDK's ``alibabacloud_gateway_sls``, which signs
with HMAC-SHA256. ``content-md5`` is the MD5 of the body as it is sent, in upper-case hexadecimal digits.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from datetime import datetime, timedelta, timezone
from urllib.parse import parse_qsl

from localcloud import signatures_v1
from localcloud.accounts import Accounts, Identity
from localcloud.refusals import RequestRefused

TOLERANCE = timedelta(minutes=15)
_DIGESTS = {"hmac-sha256": "sha256", "hmac-sha1": "sha1"}


def verify(
    method: str, path: str, query: bytes, headers: Mapping[str, str], body: bytes, accounts: Accounts
) -> Identity:
    """The identity that signed a request, by the real time; raises RequestRefused."""
    if headers.get("x-log-apiversion") != "0.6.0":
        raise RequestRefused(400, "InvalidAPIVersion", "x-log-apiversion must be 0.6.0")
    method_name = headers.get("x-log-signaturemethod", "")
    if method_name not in _DIGESTS:
        raise RequestRefused(400, "InvalidSignatureMethod", f"signature method {method_name!r} is unknown")
    claimed = signatures_v1.claimed("LOG", headers.get("authorization", ""))
    if claimed is None:
        raise RequestRefused(400, "InvalidAccessKeyId", "Authorization is not LOG <AccessKeyId>:<signature>")
    _check_date(headers.get("date", ""))
    if body and hashlib.md5(body, usedforsecurity=False).hexdigest().upper() != headers.get("content-md5"):
        raise RequestRefused(400, "InvalidContentMD5", "content-md5 is not the MD5 of the body that arrived")
    access_key_id, signature = claimed
    identity = accounts.find(access_key_id)
    if identity is None:
        raise unauthorized(f"AccessKeyId not found: {access_key_id}")
    _check_token(headers.get("x-acs-security-token", ""), identity, accounts)
    head = [method, *(headers.get(name, "") for name in ("content-md5", "content-type", "date"))]
    own = [(name, value) for name, value in headers.items() if name.startswith(("x-log-", "x-acs-"))]
    pairs = sorted(parse_qsl(query.decode("latin-1"), keep_blank_values=True))
    parameters = "&".join(f"{name}={value}" for name, value in pairs)
    resource = path + (f"?{parameters}" if parameters else "")
    to_sign = signatures_v1.string_to_sign(head, own, resource).encode()
    expected = signatures_v1.sign(identity.access_key_secret, to_sign, _DIGESTS[method_name])
    if not signatures_v1.same(expected, signature):
        raise RequestRefused(401, "SignatureNotMatch", f"signature {signature} not match")
    return identity


def _check_date(text: str) -> None:
    sent = signatures_v1.read_date(text)
    if sent is None:
        raise RequestRefused(400, "InvalidDateFormat", f"date {text!r} must follow RFC 822")
    if abs(datetime.now(timezone.utc) - sent) > TOLERANCE:
        raise RequestRefused(400, "RequestTimeExpired", f"request time {text} is expired")


def _check_token(token: str, identity: Identity, accounts: Accounts) -> None:
    if token != (identity.security_token or ""):
        raise unauthorized(f"the security token is not that of AccessKeyId {identity.access_key_id}")
    if accounts.expired(identity):
        raise RequestRefused(401, "SecurityTokenExpired", "the security token is expired")


def unauthorized(message: str) -> RequestRefused:
    """A caller who is not known, or whom RAM's policies do not let do it."""
    return RequestRefused(401, "Unauthorized", message)
