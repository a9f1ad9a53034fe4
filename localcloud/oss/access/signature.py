"""Who signed a request, by version 4 of OSS's signature.

Sources: help.aliyun.com, OSS "Include a V4 signature in the Authorization header" and "Include V4 signatures
in URLs", the pages of the EC numbers 0002-000000xx, 0002-000002xx and 0002-000005xx.
"""

from __future__ import annotations

import hashlib
import hmac
from collections.abc import Mapping
from datetime import datetime, timedelta
from types import MappingProxyType
from urllib.parse import quote

from localcloud.accounts import Accounts, Identity
from localcloud.oss.access.claims import (
    SCHEME,
    TERMINATOR,
    Claim,
    invalid_authorization,
    is_signed,
    read_claim,
)
from localcloud.oss.protocol.errors import OssError
from localcloud.oss.protocol.request import OssRequest

MAX_SKEW = timedelta(minutes=15)

_PRODUCT = "oss"
_UNSIGNED_PAYLOAD = "UNSIGNED-PAYLOAD"


def verify(request: OssRequest, accounts: Accounts, region: str, now: datetime) -> Identity:
    """The identity that signed a request; raises OssError where none did, or not rightly so.

    ``now`` is the real time, since clients sign with it.
    """
    claim = read_claim(request)
    _check_scope(claim, region, request)
    _check_time(claim, now)
    identity = identified(claim.access_key_id, claim.token, accounts)
    _check_signature(claim, identity, request)
    return identity


def canonical_request(request: OssRequest, additional_headers: tuple[str, ...]) -> bytes:
    """The form of a request that is signed."""
    path = b"/" + (request.bucket.encode() + b"/" + request.raw_key if request.bucket else b"")
    query = sorted(
        (_encoded(name), _encoded(value)) for name, value in request.query if name != "x-oss-signature"
    )
    headers = sorted(
        (name, value.strip()) for name, value in request.headers if is_signed(name, additional_headers)
    )
    payload = request.header("x-oss-content-sha256") or _UNSIGNED_PAYLOAD
    return b"\n".join(
        [
            request.method.encode(),
            quote(path, safe="/").encode(),
            "&".join(f"{name}={value}" if value else name for name, value in query).encode(),
            b"".join(name.encode() + b":" + value + b"\n" for name, value in headers),
            ";".join(additional_headers).encode("utf-8", "surrogateescape"),
            payload.encode(),
        ]
    )


def sign(secret: str, date: str, region: str, product: str, string_to_sign: bytes) -> str:
    """The signature of a string: HMAC-SHA256 with a key that only this day, region and product have."""
    key = f"aliyun_v4{secret}".encode()
    for part in (date, region, product, TERMINATOR):
        key = hmac.new(key, part.encode(), hashlib.sha256).digest()
    return hmac.new(key, string_to_sign, hashlib.sha256).hexdigest()


def _check_scope(claim: Claim, region: str, request: OssRequest) -> None:
    in_header = claim.lifetime is None
    where = "Authorization header" if in_header else "x-oss-credential"
    if claim.product != _PRODUCT:
        ec = "0002-00000227" if in_header else ""
        raise invalid_authorization(f"Invalid signing product in {where}.", ec, request)
    if claim.region != region:
        ec = "0002-00000226" if in_header else ""
        raise invalid_authorization(f"Invalid signing region in {where}.", ec, request)


def _check_time(claim: Claim, now: datetime) -> None:
    if claim.lifetime is None:
        check_skew(claim.time, now)
    elif now + MAX_SKEW < claim.time:
        message = "The signed URL is not valid yet: its x-oss-date is more than 15 minutes ahead."
        raise OssError(403, "AccessDenied", message, "0002-00000235")
    elif now > claim.time + claim.lifetime:
        elements = {"Expires": _shown(claim.time + claim.lifetime), "ServerTime": _shown(now)}
        raise OssError(403, "AccessDenied", "Request has expired.", "0002-00000069", elements)


def check_skew(time: datetime, now: datetime) -> None:
    """Raise OssError for a request that was signed too long ago, or too far ahead."""
    if abs(now - time) > MAX_SKEW:
        message = "The difference between the request time and the current time is too large."
        elements = {
            "MaxAllowedSkewMilliseconds": str(MAX_SKEW // timedelta(milliseconds=1)),
            "RequestTime": _shown(time),
            "ServerTime": _shown(now),
        }
        raise OssError(403, "RequestTimeTooSkewed", message, "0002-00000504", elements)


def identified(access_key_id: str, token: str | None, accounts: Accounts) -> Identity:
    """The identity of an access key, whose token must be the right one; raises OssError."""
    identity = accounts.find(access_key_id)
    elements = {"OSSAccessKeyId": access_key_id}
    unknown = "The OSS Access Key Id you provided does not exist in our records."
    if identity is None or (identity.security_token is None and token is not None):
        # A token makes OSS look among the temporary keys only.
        ec = "0002-00000902" if token is None else "0002-00000002"
        raise OssError(403, "InvalidAccessKeyId", unknown, ec, elements)
    if identity.security_token is not None:
        if token is None:
            message = f"{unknown} The Security Token may be lost to specify that it is a STS Access Id."
            raise OssError(403, "InvalidAccessKeyId", message, "0002-00000003", elements)
        if not _same(identity.security_token, token):
            message = "The security token you provided is invalid."
            raise OssError(403, "InvalidSecurityToken", message, "0002-00000006", elements)
        if accounts.expired(identity):
            message = "The security token you provided has expired."
            raise OssError(403, "SecurityTokenExpired", message, "0002-00000007", elements)
    return identity


def _check_signature(claim: Claim, identity: Identity, request: OssRequest) -> None:
    canonical = canonical_request(request, claim.additional_headers)
    digest = hashlib.sha256(canonical).hexdigest()
    to_sign = "\n".join([SCHEME, claim.signed_time, claim.scope, digest]).encode()
    expected = sign(identity.access_key_secret, claim.date, claim.region, claim.product, to_sign)
    if _same(expected, claim.signature):
        return
    shown = {"CanonicalRequest": canonical.decode("utf-8", "replace")}
    raise mismatch(claim.access_key_id, claim.signature, to_sign, "0002-00000201", shown)


def mismatch(
    access_key_id: str,
    signature: str,
    to_sign: bytes,
    ec: str = "",
    more: Mapping[str, str] = MappingProxyType({}),
) -> OssError:
    """The refusal of a signature that is not that of what had to be signed."""
    message = (
        "The request signature we calculated does not match the signature you provided. "
        "Check your key and signing method."
    )
    elements = {
        "OSSAccessKeyId": access_key_id,
        "SignatureProvided": signature,
        "StringToSign": to_sign.decode("utf-8", "replace"),
        "StringToSignBytes": to_sign.hex(" ").upper(),
        **more,
    }
    return OssError(403, "SignatureDoesNotMatch", message, ec, elements)


def _same(expected: str, given: str) -> bool:
    return hmac.compare_digest(expected.encode(), given.encode("utf-8", "surrogateescape"))


def _encoded(text: str) -> str:
    return quote(text.encode("utf-8", "surrogateescape"), safe="")


def _shown(time: datetime) -> str:
    return time.strftime("%Y-%m-%dT%H:%M:%S.000Z")
