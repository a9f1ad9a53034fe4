"""Who signed a request, by version 1 of OSS's signature.

Source: help.aliyun.com, OSS "Include a V1 signature in the Authorization header".
"""

from __future__ import annotations

from datetime import datetime

from localcloud import signatures_v1
from localcloud.accounts import Accounts, Identity
from localcloud.oss.access.signature import (
    check_skew,
    identified,
    invalid_authorization,
    mismatch,
    read_http_date,
    resource,
)
from localcloud.oss.protocol.request import OssRequest


def is_signed_so(request: OssRequest) -> bool:
    """Whether a request has a signature of version 1 in its headers."""
    return request.header("authorization").startswith("OSS ")


def verify(request: OssRequest, accounts: Accounts, now: datetime) -> Identity:
    """The identity that signed a request; raises OssError. ``now`` is the real time."""
    claimed = signatures_v1.claimed("OSS", request.header("authorization"))
    if claimed is None:
        raise invalid_authorization("Authorization header is invalid.", "0002-00000203", request)
    access_key_id, signature = claimed
    check_skew(read_http_date(_date(request)), now)
    identity = identified(access_key_id, request.header("x-oss-security-token") or None, accounts)
    to_sign = _string_to_sign(request)
    if not signatures_v1.same(sign(identity.access_key_secret, to_sign), signature):
        raise mismatch(access_key_id, signature, to_sign, "0002-00000040")
    return identity


def sign(secret: str, to_sign: bytes) -> str:
    """The signature of a string: HMAC-SHA1 in base64."""
    return signatures_v1.sign(secret, to_sign, "sha1")


def _string_to_sign(request: OssRequest) -> bytes:
    head = [request.method, request.header("content-md5"), request.header("content-type"), _date(request)]
    own = [
        (name, value.strip().decode("latin-1"))
        for name, value in request.headers
        if name.startswith("x-oss-")
    ]
    parameters = sorted(f"{name}={value}" if value else name for name, value in request.query)
    query = b"?" + "&".join(parameters).encode("utf-8", "surrogateescape") if parameters else b""
    # Bytes of any kind, as they stand in the request.
    signed = (resource(request) + query).decode("latin-1")
    return signatures_v1.string_to_sign(head, own, signed).encode("latin-1")


def _date(request: OssRequest) -> str:
    return request.header("x-oss-date") or request.header("date")
