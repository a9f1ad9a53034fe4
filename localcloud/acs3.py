"""Signature version 3 of Alibaba Cloud's OpenAPI: who signed a request, and whether it is what was signed."""

from __future__ import annotations

import hashlib
import hmac
import re
from collections.abc import Mapping
from datetime import datetime, timedelta, timezone
from urllib.parse import parse_qsl, quote

from localcloud.accounts import Accounts, Identity
from localcloud.refusals import RequestRefused

ALGORITHM = "ACS3-HMAC-SHA256"
TOLERANCE = timedelta(minutes=15)
_AUTHORIZATION = re.compile(r"(\S+) Credential=([^,\s]+),SignedHeaders=([^,\s]+),Signature=([0-9a-f]+)")


def verify(
    method: str,
    path: str,
    raw_query: bytes,
    headers: Mapping[str, str],
    body: bytes,
    accounts: Accounts,
    *,
    now: datetime | None = None,
) -> Identity:
    """The identity that signed a request; raises RequestRefused.

    ``path`` and ``raw_query`` are those of the request line, still percent-encoded. ``now`` is the real
    time, not that of the services. The rules are those of the help page "V3 request structure and
    signature" (alibabacloud.com/help/en/sdk/product-overview/v3-request-structure-and-signature).
    """
    present = _lower_case(headers)
    access_key_id, signed, signature = _authorization(present)
    sent = _date(_mandatory(present, "x-acs-date"))
    nonce = _mandatory(present, "x-acs-signature-nonce")
    digest = _mandatory(present, "x-acs-content-sha256")
    now = now or datetime.now(timezone.utc)
    if abs(now - sent) > TOLERANCE:
        raise _refused("InvalidTimeStamp.Expired", "Specified time stamp or date value is expired.")
    identity = _identity(access_key_id, present.get("x-acs-security-token", ""), accounts)
    lines = "".join(f"{name}:{present.get(name, '')}\n" for name in signed)
    query = _canonical_query(raw_query)
    canonical_request = "\n".join([method, path or "/", query, lines, ";".join(signed), digest])
    string_to_sign = f"{ALGORITHM}\n{hashlib.sha256(canonical_request.encode()).hexdigest()}"
    expected = hmac.digest(identity.access_key_secret.encode(), string_to_sign.encode(), "sha256").hex()
    if not hmac.compare_digest(expected, signature):
        raise _does_not_match(
            f"server string to sign is:{string_to_sign}, server canonical request is:{canonical_request}"
        )
    if hashlib.sha256(body).hexdigest() != digest:
        raise _does_not_match("x-acs-content-sha256 is not the SHA-256 of the body that arrived")
    until = max(now, sent) + TOLERANCE
    if not accounts.nonces.claim(f"{identity.access_key_id}/{nonce}", now, until):
        raise _refused("SignatureNonceUsed", "Specified signature nonce was used already.")
    return identity


def _lower_case(headers: Mapping[str, str]) -> dict[str, str]:
    values: dict[str, list[str]] = {}
    for name, value in headers.items():
        values.setdefault(name.lower(), []).append(value.strip())
    return {name: ",".join(sorted(several)) for name, several in values.items()}


def _mandatory(headers: Mapping[str, str], name: str) -> str:
    value = headers.get(name, "")
    if not value:
        raise _refused("MissingParameter", f"{name} is mandatory for this action.")
    return value


def _authorization(headers: Mapping[str, str]) -> tuple[str, list[str], str]:
    """The access key id, the names of the signed headers in their order, and the signature."""
    text = headers.get("authorization", "")
    if not text:
        raise _refused("MissingAuthorization", "Authorization is mandatory for this action.")
    match = _AUTHORIZATION.fullmatch(text)
    if match is None:
        raise _incomplete(
            f"Authorization is not of the form '{ALGORITHM} Credential=…,SignedHeaders=…,Signature=…'."
        )
    algorithm, access_key_id, signed_headers, signature = match.groups()
    if algorithm != ALGORITHM:
        problem = f"The signature algorithm {algorithm} is not supported here; sign with {ALGORITHM}."
        raise _refused("InvalidSignatureMethod", problem)
    names = signed_headers.split(";")
    unsigned = sorted(
        name for name in headers if (name == "host" or name.startswith("x-acs-")) and name not in names
    )
    if unsigned:
        raise _incomplete(f"these headers are not signed: {', '.join(unsigned)}.")
    return access_key_id, sorted(names), signature


def _date(text: str) -> datetime:
    try:
        return datetime.strptime(text, "%Y-%m-%dT%H:%M:%SZ").replace(tzinfo=timezone.utc)
    except ValueError:
        problem = "x-acs-date must be a UTC time like 2018-01-01T12:00:00Z."
        message = f"Specified time stamp or date value is not well formatted: {problem}"
        raise _refused("InvalidTimeStamp.Format", message) from None


def _identity(access_key_id: str, token: str, accounts: Accounts) -> Identity:
    identity = accounts.find(access_key_id)
    if identity is None:
        raise RequestRefused(404, "InvalidAccessKeyId.NotFound", "Specified access key is not found.")
    if token == (identity.security_token or ""):
        if accounts.expired(identity):
            raise _refused("InvalidSecurityToken.Expired", "Specified SecurityToken is expired.")
        return identity
    if not token:
        raise _refused("MissingSecurityToken", "SecurityToken is mandatory for this action.")
    message = "Specified SecurityToken mismatch with the AccessKey."
    raise _refused("InvalidSecurityToken.MismatchWithAccessKey", message)


def _canonical_query(raw_query: bytes) -> str:
    pairs = parse_qsl(raw_query.decode("latin-1"), keep_blank_values=True, errors="surrogateescape")
    return "&".join(f"{_encoded(name)}={_encoded(value)}" for name, value in sorted(pairs))


def _encoded(text: str) -> str:
    return quote(text, safe="~", errors="surrogateescape")


def _refused(code: str, message: str) -> RequestRefused:
    return RequestRefused(400, code, message)


def _incomplete(problem: str) -> RequestRefused:
    message = f"The request signature does not conform to Aliyun standards: {problem}"
    return _refused("IncompleteSignature", message)


def _does_not_match(detail: str) -> RequestRefused:
    message = f"Specified signature is not matched with our calculation. {detail}"
    return _refused("SignatureDoesNotMatch", message)
