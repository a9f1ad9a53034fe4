"""Who signed a request, by version 1 of OSS's signature.

Source: help.aliyun.com, OSS "Include a V1 signature in the Authorization header".
"""

from __future__ import annotations

import base64
import hmac
import re
from datetime import datetime

from localcloud.accounts import Accounts, Identity
from localcloud.oss.access.signature import (
    check_skew,
    identified,
    invalid_authorization,
    mismatch,
    read_http_date,
    resource,
    same,
)
from localcloud.oss.protocol.request import OssRequest

_AUTHORIZATION = re.compile(r"OSS ([^:\s]+):(\S+)")


def is_signed_so(request: OssRequest) -> bool:
    """Whether a request has a signature of version 1 in its headers."""
    return request.header("authorization").startswith("OSS ")


def verify(request: OssRequest, accounts: Accounts, now: datetime) -> Identity:
    """The identity that signed a request; raises OssError. ``now`` is the real time."""
    match = _AUTHORIZATION.fullmatch(request.header("authorization"))
    if match is None:
        raise invalid_authorization("Authorization header is invalid.", "0002-00000203", request)
    access_key_id, signature = match.groups()
    check_skew(read_http_date(_date(request)), now)
    identity = identified(access_key_id, request.header("x-oss-security-token") or None, accounts)
    to_sign = _string_to_sign(request)
    if not same(sign(identity.access_key_secret, to_sign), signature):
        raise mismatch(access_key_id, signature, to_sign, "0002-00000040")
    return identity


def sign(secret: str, to_sign: bytes) -> str:
    """The signature of a string: HMAC-SHA1 in base64."""
    return base64.b64encode(hmac.digest(secret.encode(), to_sign, "sha1")).decode()


def _string_to_sign(request: OssRequest) -> bytes:
    headers = sorted((name, value.strip()) for name, value in request.headers if name.startswith("x-oss-"))
    lines = [request.method, request.header("content-md5"), request.header("content-type"), _date(request)]
    query = sorted(f"{name}={value}" if value else name for name, value in request.query)
    return b"".join(
        [
            *(line.encode("latin-1") + b"\n" for line in lines),
            *(name.encode() + b":" + value + b"\n" for name, value in headers),
            resource(request) + (b"?" + "&".join(query).encode("utf-8", "surrogateescape") if query else b""),
        ]
    )


def _date(request: OssRequest) -> str:
    return request.header("x-oss-date") or request.header("date")
