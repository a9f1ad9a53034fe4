"""Who signed a request, by version 4 of OSS's signature, in the Authorization header or in a signed URL.

Sources: help.aliyun.com, OSS "Include a V4 signature in the Authorization header" and "Include V4 signatures
in URLs", the pages of the EC numbers 0002-000000xx, 0002-000002xx and 0002-000005xx.
"""

from __future__ import annotations

import hashlib
import hmac
import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta, timezone
from types import MappingProxyType
from urllib.parse import quote

from localcloud.accounts import Accounts, Identity
from localcloud.oss.protocol.documents import shown
from localcloud.oss.protocol.errors import OssError
from localcloud.oss.protocol.request import OssRequest
from localcloud.signatures_v1 import read_date, same

SCHEME = "OSS4-HMAC-SHA256"
TERMINATOR = "aliyun_v4_request"
LONGEST_URL_LIFETIME = timedelta(days=7)
MAX_SKEW = timedelta(minutes=15)

_PRODUCT = "oss"
_UNSIGNED_PAYLOAD = "UNSIGNED-PAYLOAD"
_TIME = re.compile(r"[0-9]{8}T[0-9]{6}Z")
_OTHER_SCHEMES_IN_QUERY = ("OSSAccessKeyId", "Signature", "X-Amz-Signature")


@dataclass(frozen=True)
class _Claim:
    """What a request says about its signature; ``lifetime`` is that of a signed URL.

    ``signed_time`` is the time as the client wrote it, which is how it is signed.
    """

    access_key_id: str
    scope: str
    additional_headers: tuple[str, ...]
    signature: str
    time: datetime
    signed_time: str
    token: str | None
    lifetime: timedelta | None = None


def verify(request: OssRequest, accounts: Accounts, region: str, now: datetime) -> Identity:
    """The identity that signed a request; raises OssError where none did, or not rightly so.

    ``now`` is the real time, since clients sign with it.
    """
    in_query = _signs_in_query(request)
    if request.has_header("authorization") and in_query:
        message = "A request is signed in its headers or in its URL, not in both."
        raise invalid_authorization(message, "", request)
    if is_anonymous(request):
        raise anonymous(request)
    claim = _claim_in_query(request, region) if in_query else _claim_in_header(request, region)
    _check_time(claim, now)
    identity = identified(claim.access_key_id, claim.token, accounts)
    canonical = canonical_request(request, claim.additional_headers)
    digest = hashlib.sha256(canonical).hexdigest()
    to_sign = "\n".join([SCHEME, claim.signed_time, claim.scope, digest]).encode()
    if not same(sign(identity.access_key_secret, claim.scope, to_sign), claim.signature):
        shown_too = {"CanonicalRequest": canonical.decode("utf-8", "replace")}
        raise mismatch(claim.access_key_id, claim.signature, to_sign, "0002-00000201", shown_too)
    return identity


def is_anonymous(request: OssRequest) -> bool:
    """Whether a request says nothing of who sends it."""
    return not request.has_header("authorization") and not _signs_in_query(request)


def canonical_request(request: OssRequest, additional_headers: tuple[str, ...]) -> bytes:
    """The form of a request that is signed."""
    query = sorted(
        (_encoded(name), _encoded(value)) for name, value in request.query if name != "x-oss-signature"
    )
    headers = sorted(
        (name, value.strip())
        for name, value in request.headers
        if _is_always_signed(name) or name in additional_headers
    )
    return b"\n".join(
        [
            request.method.encode(),
            quote(resource(request), safe="/").encode(),
            "&".join(f"{name}={value}" if value else name for name, value in query).encode(),
            b"".join(name.encode() + b":" + value + b"\n" for name, value in headers),
            ";".join(additional_headers).encode("utf-8", "surrogateescape"),
            (request.header("x-oss-content-sha256") or _UNSIGNED_PAYLOAD).encode(),
        ]
    )


def resource(request: OssRequest) -> bytes:
    """``/``, ``/bucket/`` or ``/bucket/key``, as it is signed, whichever way the request names the bucket."""
    return b"/" + (request.bucket.encode() + b"/" + request.raw_key if request.bucket else b"")


def sign(secret: str, scope: str, to_sign: bytes) -> str:
    """The signature of a string: HMAC-SHA256 with a key that only a day, region and product have."""
    key = f"aliyun_v4{secret}".encode()
    for part in scope.split("/"):
        key = hmac.digest(key, part.encode(), "sha256")
    return hmac.digest(key, to_sign, "sha256").hex()


def read_credential(credential: str, request: OssRequest) -> list[str]:
    """The id, date, region and product that a credential names; raises OssError."""
    parts = credential.split("/")
    if len(parts) != 5 or parts[4] != TERMINATOR or not parts[0]:
        raise invalid_authorization("The Credential parameter is invalid.", "0002-00000213", request)
    return parts[:4]


def read_time(text: str) -> datetime:
    """The time of an ``x-oss-date``; raises OssError."""
    try:
        if not _TIME.fullmatch(text):
            raise ValueError(text)
        return datetime.strptime(text, "%Y%m%dT%H%M%SZ").replace(tzinfo=timezone.utc)
    except ValueError:
        raise invalid_date(text) from None


def read_http_date(text: str) -> datetime:
    """The time of a ``Date``; raises OssError."""
    time = read_date(text)
    if time is None:
        raise invalid_date(text)
    return time


def check_skew(time: datetime, now: datetime) -> None:
    """Raise OssError for a request that was signed too long ago, or too far ahead."""
    if abs(now - time) > MAX_SKEW:
        message = "The difference between the request time and the current time is too large."
        elements = {
            "MaxAllowedSkewMilliseconds": str(MAX_SKEW // timedelta(milliseconds=1)),
            "RequestTime": shown(time),
            "ServerTime": shown(now),
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
        if not same(identity.security_token, token):
            message = "The security token you provided is invalid."
            raise OssError(403, "InvalidSecurityToken", message, "0002-00000006", elements)
        if accounts.expired(identity):
            message = "The security token you provided has expired."
            raise OssError(403, "SecurityTokenExpired", message, "0002-00000007", elements)
    return identity


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


def anonymous(request: OssRequest) -> OssError:
    """The refusal of a request that nobody has signed."""
    message, ec = "You have no right to access this object because of bucket acl.", "0003-00000001"
    if not request.bucket:
        message, ec = "Anonymous access is forbidden for this operation.", "0003-00001201"
    elif not request.raw_key:
        message, ec = "Anonymous user has no right to access this bucket.", "0003-00000905"
    return OssError(403, "AccessDenied", message, ec)


def invalid_authorization(message: str, ec: str, request: OssRequest) -> OssError:
    """The refusal of a claim that is not well-formed, or not of this region."""
    return OssError(400, "InvalidArgument", message, ec, {"Authorization": request.header("authorization")})


def invalid_date(text: str) -> OssError:
    """The refusal of a request that has no date, or none that can be read."""
    ec = "0002-00000502" if text else "0002-00000503"
    return OssError(403, "AccessDenied", "OSS authentication requires a valid Date.", ec)


def _signs_in_query(request: OssRequest) -> bool:
    return request.has("x-oss-signature-version") or any(map(request.has, _OTHER_SCHEMES_IN_QUERY))


def _claim_in_header(request: OssRequest, region: str) -> _Claim:
    scheme, _, rest = request.header("authorization").partition(" ")
    _check_scheme(scheme, request)
    fields = _fields(rest, request)
    # The SDK for Go and ossutil 1 send the time as Date only.
    http_date = "" if request.has_header("x-oss-date") else request.header("date")
    signed_time = http_date or request.header("x-oss-date")
    time = (read_http_date if http_date else read_time)(signed_time)
    scope = _scope(fields["Credential"], time, region, request, "Authorization header", _OF_HEADER)
    if request.header("x-oss-content-sha256") != _UNSIGNED_PAYLOAD:
        message = "The x-oss-content-sha256 header must be UNSIGNED-PAYLOAD."
        raise invalid_authorization(message, "0002-00000214", request)
    additional = _additional(fields.get("AdditionalHeaders", ""))
    return _Claim(*scope, additional, fields["Signature"], time, signed_time, _token(request))


def _claim_in_query(request: OssRequest, region: str) -> _Claim:
    version = request.parameter("x-oss-signature-version")
    _check_scheme(version or "URL without x-oss-signature-version", request)
    required = ("x-oss-credential", "x-oss-date", "x-oss-expires", "x-oss-signature")
    missing = [name for name in required if not request.parameter(name)]
    if missing:
        message = f"Query string authentication requires the {', '.join(missing)} parameters."
        ec = "0002-00000219" if missing == ["x-oss-signature"] else ""
        raise OssError(403, "AccessDenied", message, ec)
    credential, signed_time, expires, signature = map(request.parameter, required)
    time = read_time(signed_time)
    scope = _scope(credential, time, region, request, "x-oss-credential", _OF_QUERY)
    additional = _additional(request.parameter("x-oss-additional-headers"))
    token = request.parameter("x-oss-security-token") or _token(request)
    return _Claim(*scope, additional, signature, time, signed_time, token, _lifetime(expires))


# The EC numbers of a wrong date, product and region.
_OF_HEADER = ("0002-00000212", "0002-00000227", "0002-00000226")
_OF_QUERY = ("0002-00000223", "", "")


def _check_scheme(scheme: str, request: OssRequest) -> None:
    if scheme != SCHEME:
        message = f"Signatures of the kind {scheme!r} are not accepted here: sign with version 4 ({SCHEME})."
        raise invalid_authorization(message, "", request)


def _scope(
    credential: str, time: datetime, region: str, request: OssRequest, where: str, ecs: tuple[str, ...]
) -> tuple[str, str]:
    """The access key of a credential and the scope of its signature; raises OssError for another scope."""
    access_key_id, *scope = read_credential(credential, request)
    date, given_region, product = scope
    expected = (
        ("date", date, time.strftime("%Y%m%d")),
        ("product", product, _PRODUCT),
        ("region", given_region, region),
    )
    for (name, given, right), ec in zip(expected, ecs, strict=True):
        if given != right:
            raise invalid_authorization(f"Invalid signing {name} in {where}.", ec, request)
    return access_key_id, "/".join([*scope, TERMINATOR])


def _fields(text: str, request: OssRequest) -> dict[str, str]:
    message = "Authorization header is invalid."
    fields: dict[str, str] = {}
    for part in text.split(","):
        name, equals, value = part.strip().partition("=")
        if not equals:
            raise invalid_authorization(message, "0002-00000203", request)
        if name not in ("Credential", "AdditionalHeaders", "Signature") or name in fields:
            raise invalid_authorization(message, "0002-00000204", request)
        fields[name] = value
    if not fields.get("Credential") or not fields.get("Signature"):
        raise invalid_authorization(message, "0002-00000202", request)
    return fields


def _token(request: OssRequest) -> str | None:
    name = "x-oss-security-token"
    return request.header(name) if request.has_header(name) else None


def _additional(names: str) -> tuple[str, ...]:
    # Those that are signed in any case are not additional, whatever the client lists.
    listed = {name.strip().lower() for name in names.split(";")} - {""}
    return tuple(sorted(name for name in listed if not _is_always_signed(name)))


def _is_always_signed(header: str) -> bool:
    return header.startswith("x-oss-") or header in ("content-md5", "content-type")


def _lifetime(text: str) -> timedelta:
    seconds = int(text) if re.fullmatch(r"[0-9]{1,9}", text) else 0
    lifetime = timedelta(seconds=seconds)
    if not timedelta() < lifetime <= LONGEST_URL_LIFETIME:
        message = "x-oss-expires must be a number of seconds between 1 and 604800."
        raise OssError(403, "AccessDenied", message, "0002-00000070")
    return lifetime


def _check_time(claim: _Claim, now: datetime) -> None:
    if claim.lifetime is None:
        check_skew(claim.time, now)
    elif now + MAX_SKEW < claim.time:
        message = "The signed URL is not valid yet: its x-oss-date is more than 15 minutes ahead."
        raise OssError(403, "AccessDenied", message, "0002-00000235")
    elif now > claim.time + claim.lifetime:
        elements = {"Expires": shown(claim.time + claim.lifetime), "ServerTime": shown(now)}
        raise OssError(403, "AccessDenied", "Request has expired.", "0002-00000069", elements)


def _encoded(text: str) -> str:
    return quote(text.encode("utf-8", "surrogateescape"), safe="")
