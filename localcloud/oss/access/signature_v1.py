"""Who signed a request, by version 1 of OSS's signature.

Source: help.aliyun.com, OSS "Include a V1 signature in the Authorization header".
"""

from __future__ import annotations

import base64
import hashlib
import hmac
import re
from datetime import datetime, timezone
from email.utils import parsedate_to_datetime

from localcloud.accounts import Accounts, Identity
from localcloud.oss.access.claims import invalid_authorization
from localcloud.oss.access.signature import check_skew, identified, mismatch
from localcloud.oss.protocol.errors import OssError
from localcloud.oss.protocol.request import OssRequest

SCHEME = "OSS"

_AUTHORIZATION = re.compile(r"OSS ([^:\s]+):(\S+)")


def is_signed_so(request: OssRequest) -> bool:
    """Whether a request has a signature of version 1 in its headers."""
    return (request.header("authorization") or "").startswith(f"{SCHEME} ")


def verify(request: OssRequest, accounts: Accounts, now: datetime) -> Identity:
    """The identity that signed a request; raises OssError. ``now`` is the real time."""
    match = _AUTHORIZATION.fullmatch(request.header("authorization") or "")
    if match is None:
        raise invalid_authorization("Authorization header is invalid.", "0002-00000203", request)
    access_key_id, signature = match.groups()
    check_skew(_time(request), now)
    identity = identified(access_key_id, request.header("x-oss-security-token"), accounts)
    to_sign = string_to_sign(request)
    digest = hmac.new(identity.access_key_secret.encode(), to_sign, hashlib.sha1).digest()
    if not hmac.compare_digest(base64.b64encode(digest), signature.encode("utf-8", "surrogateescape")):
        raise mismatch(access_key_id, signature, to_sign, "0002-00000040")
    return identity


def string_to_sign(request: OssRequest) -> bytes:
    """The form of a request that is signed."""
    headers = sorted((name, value.strip()) for name, value in request.headers if name.startswith("x-oss-"))
    lines = [
        request.method,
        request.header("content-md5") or "",
        request.header("content-type") or "",
        _date(request) or "",
    ]
    query = sorted(f"{name}={value}" if value else name for name, value in request.query)
    resource = b"/" + (request.bucket.encode() + b"/" + request.raw_key if request.bucket else b"")
    return b"".join(
        [
            *(line.encode("latin-1") + b"\n" for line in lines),
            *(name.encode() + b":" + value + b"\n" for name, value in headers),
            resource + (b"?" + "&".join(query).encode("utf-8", "surrogateescape") if query else b""),
        ]
    )


def _date(request: OssRequest) -> str | None:
    return request.header("x-oss-date") or request.header("date")


def _time(request: OssRequest) -> datetime:
    message = "OSS authentication requires a valid Date."
    text = _date(request)
    if text is None:
        raise OssError(403, "AccessDenied", message, "0002-00000503")
    try:
        time = parsedate_to_datetime(text)
    except (TypeError, ValueError):
        raise OssError(403, "AccessDenied", message, "0002-00000502") from None
    return time if time.tzinfo is not None else time.replace(tzinfo=timezone.utc)
