"""What a request says of its signature, in the Authorization header or in the query of a signed URL.

Sources: help.aliyun.com, OSS "Include a V4 signature in the Authorization header" and "Include V4 signatures
in URLs", the pages of the EC numbers 0002-000000xx, 0002-000002xx and 0002-000005xx.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import datetime, timedelta, timezone
from email.utils import parsedate_to_datetime

from localcloud.oss.protocol.errors import OssError
from localcloud.oss.protocol.request import OssRequest

SCHEME = "OSS4-HMAC-SHA256"
TERMINATOR = "aliyun_v4_request"
LONGEST_URL_LIFETIME = timedelta(days=7)

_UNSIGNED_PAYLOAD = "UNSIGNED-PAYLOAD"
_NO_DATE = "OSS authentication requires a valid Date."
_TIME = re.compile(r"[0-9]{8}T[0-9]{6}Z")
_OTHER_SCHEMES_IN_QUERY = ("OSSAccessKeyId", "Signature", "X-Amz-Signature")


@dataclass(frozen=True)
class Claim:
    """What a request says about its signature; ``lifetime`` is that of a signed URL.

    ``signed_time`` is the time as the client wrote it, which is how it is signed.
    """

    access_key_id: str
    date: str
    region: str
    product: str
    additional_headers: tuple[str, ...]
    signature: str
    time: datetime
    signed_time: str
    token: str | None
    lifetime: timedelta | None = None

    @property
    def scope(self) -> str:
        """The scope that the signing key is derived for."""
        return f"{self.date}/{self.region}/{self.product}/{TERMINATOR}"


def read_claim(request: OssRequest) -> Claim:
    """The claim of a request; raises OssError where it has none, or not a well-formed one."""
    authorization = request.header("authorization")
    in_query = _signs_in_query(request)
    if authorization is not None and in_query:
        raise invalid_authorization(
            "A request is signed in its headers or in its URL, not in both.", "", request
        )
    if in_query:
        return _claim_in_query(request)
    if authorization is None:
        raise anonymous(request)
    return _claim_in_header(request, authorization)


def _signs_in_query(request: OssRequest) -> bool:
    return request.has("x-oss-signature-version") or any(map(request.has, _OTHER_SCHEMES_IN_QUERY))


def _claim_in_header(request: OssRequest, authorization: str) -> Claim:
    scheme, _, rest = authorization.partition(" ")
    if scheme != SCHEME:
        raise _unsupported(scheme, request)
    fields = _fields(rest, request)
    access_key_id, date, region, product = read_credential(fields["Credential"], request)
    time, signed_time = _time_of_headers(request)
    if date != time.strftime("%Y%m%d"):
        raise invalid_authorization("Invalid signing date in Authorization header.", "0002-00000212", request)
    if request.header("x-oss-content-sha256") != _UNSIGNED_PAYLOAD:
        message = "The x-oss-content-sha256 header must be UNSIGNED-PAYLOAD."
        raise invalid_authorization(message, "0002-00000214", request)
    return Claim(
        access_key_id=access_key_id,
        date=date,
        region=region,
        product=product,
        additional_headers=_additional(fields.get("AdditionalHeaders")),
        signature=fields["Signature"],
        time=time,
        signed_time=signed_time,
        token=request.header("x-oss-security-token"),
    )


def _claim_in_query(request: OssRequest) -> Claim:
    version = request.parameter("x-oss-signature-version")
    if version != SCHEME:
        raise _unsupported(version or "URL without x-oss-signature-version", request)
    required = ("x-oss-credential", "x-oss-date", "x-oss-expires", "x-oss-signature")
    credential, time_text, expires, signature = (request.parameter(name) or "" for name in required)
    if not (credential and time_text and expires and signature):
        missing = [name for name in required if not request.parameter(name)]
        message = f"Query string authentication requires the {', '.join(missing)} parameters."
        ec = "0002-00000219" if missing == ["x-oss-signature"] else ""
        raise OssError(403, "AccessDenied", message, ec)
    access_key_id, date, region, product = read_credential(credential, request)
    time = read_time(time_text)
    if date != time.strftime("%Y%m%d"):
        raise invalid_authorization("Invalid signing date in x-oss-credential.", "0002-00000223", request)
    return Claim(
        access_key_id=access_key_id,
        date=date,
        region=region,
        product=product,
        additional_headers=_additional(request.parameter("x-oss-additional-headers")),
        signature=signature,
        time=time,
        signed_time=time_text,
        token=request.parameter("x-oss-security-token") or request.header("x-oss-security-token"),
        lifetime=_lifetime(expires),
    )


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


def read_credential(credential: str, request: OssRequest) -> list[str]:
    """The id, date, region and product that a credential names; raises OssError."""
    parts = credential.split("/")
    if len(parts) != 5 or parts[4] != TERMINATOR or not parts[0]:
        raise invalid_authorization("The Credential parameter is invalid.", "0002-00000213", request)
    return parts[:4]


def _additional(names: str | None) -> tuple[str, ...]:
    # Those that are signed in any case are not additional, whatever the client lists.
    listed = {name.strip().lower() for name in (names or "").split(";")} - {""}
    return tuple(sorted(name for name in listed if not is_signed(name, ())))


def _time_of_headers(request: OssRequest) -> tuple[datetime, str]:
    """The time of a request, and how it is written: the SDK for Go and ossutil 1 send it as ``Date`` only."""
    text, date = request.header("x-oss-date"), request.header("date")
    if text is not None or date is None:
        return read_time(text), text or ""
    try:
        time = parsedate_to_datetime(date)
    except ValueError:
        raise OssError(403, "AccessDenied", _NO_DATE, "0002-00000502") from None
    return time if time.tzinfo else time.replace(tzinfo=timezone.utc), date


def read_time(text: str | None) -> datetime:
    """The time of an ``x-oss-date``; raises OssError."""
    if text is None:
        raise OssError(403, "AccessDenied", _NO_DATE, "0002-00000503")
    try:
        if not _TIME.fullmatch(text):
            raise ValueError(text)
        return datetime.strptime(text, "%Y%m%dT%H%M%SZ").replace(tzinfo=timezone.utc)
    except ValueError:
        raise OssError(403, "AccessDenied", _NO_DATE, "0002-00000502") from None


def _lifetime(text: str) -> timedelta:
    seconds = int(text) if re.fullmatch(r"[0-9]{1,9}", text) else 0
    lifetime = timedelta(seconds=seconds)
    if not timedelta() < lifetime <= LONGEST_URL_LIFETIME:
        message = "x-oss-expires must be a number of seconds between 1 and 604800."
        raise OssError(403, "AccessDenied", message, "0002-00000070")
    return lifetime


def is_signed(name: str, additional_headers: tuple[str, ...]) -> bool:
    """Whether a header takes part in the signature."""
    return name.startswith("x-oss-") or name in ("content-md5", "content-type") or name in additional_headers


def is_anonymous(request: OssRequest) -> bool:
    """Whether a request says nothing of who sends it."""
    return request.header("authorization") is None and not _signs_in_query(request)


def anonymous(request: OssRequest) -> OssError:
    """The refusal of a request that nobody has signed."""
    if not request.bucket:
        message = "Anonymous access is forbidden for this operation."
        return OssError(403, "AccessDenied", message, "0003-00001201")
    if not request.raw_key:
        message = "Anonymous user has no right to access this bucket."
        return OssError(403, "AccessDenied", message, "0003-00000905")
    message = "You have no right to access this object because of bucket acl."
    return OssError(403, "AccessDenied", message, "0003-00000001")


def _unsupported(scheme: str, request: OssRequest) -> OssError:
    message = f"Signatures of the kind {scheme!r} are not accepted here: sign with version 4 ({SCHEME})."
    return invalid_authorization(message, "", request)


def invalid_authorization(message: str, ec: str, request: OssRequest) -> OssError:
    """The refusal of a claim that is not well-formed, or not of this region."""
    elements = {"Authorization": request.header("authorization") or ""}
    return OssError(400, "InvalidArgument", message, ec, elements)
