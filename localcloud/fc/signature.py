"""The signature that Function Compute had before version 2023-03-30; tempBucketToken still has it.

Sources: help.aliyun.com, Function Compute 2.0 "Signature authentication" and "Error codes"; the npm package
@alicloud/fc2, ``lib/helper.js``.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime, timedelta

from localcloud import signatures_v1
from localcloud.accounts import Accounts, Identity
from localcloud.refusals import RequestRefused

TOLERANCE = timedelta(minutes=15)


def _mismatch() -> RequestRefused:
    return RequestRefused(
        403,
        "SignatureNotMatch",
        "The request signature we calculated does not match the signature you provided. "
        "Check your access key and signing method.",
    )


def verify(method: str, path: str, headers: Mapping[str, str], accounts: Accounts, now: datetime) -> Identity:
    """The identity that signed a request without a query; raises a RequestRefused.

    ``headers`` have lower-case names; ``now`` is the real time.
    """
    for name in ("Authorization", "Date"):
        if not headers.get(name.lower()):
            message = f"required HTTP header {name} was not specified"
            raise RequestRefused(400, "MissingRequiredHeader", message)
    claimed = signatures_v1.claimed("FC", headers["authorization"])
    if claimed is None:
        raise _mismatch()
    access_key_id, signature = claimed
    identity = accounts.find(access_key_id)
    token = headers.get("x-fc-security-token", "")
    if identity is None or token != (identity.security_token or "") or accounts.expired(identity):
        raise RequestRefused(403, "InvalidAccessKeyID", f"invalid access key ID '{access_key_id}'")
    if not signatures_v1.same(sign(identity.access_key_secret, method, path, headers), signature):
        raise _mismatch()
    sent = signatures_v1.read_date(headers["date"])
    if sent is None or abs(now - sent) > TOLERANCE:
        message = "the difference between the request time and the current time is too large"
        raise RequestRefused(403, "RequestTimeTooSkewed", message)
    return identity


def sign(secret: str, method: str, path: str, headers: Mapping[str, str]) -> str:
    """The signature of a request."""
    head = [method, *(headers.get(name, "") for name in ("content-md5", "content-type", "date"))]
    own = [(name, headers[name]) for name in headers if name.startswith("x-fc-")]
    return signatures_v1.sign(secret, signatures_v1.string_to_sign(head, own, path).encode(), "sha256")
