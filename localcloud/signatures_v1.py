"""Version 1 of the signatures that OSS, Log Service and Function Compute of old have, each in its own form.

What is signed stands in lines: method, Content-MD5, Content-Type, date, the service's own headers and the
resource. ``Authorization`` is ``<scheme> <AccessKeyId>:<HMAC in base64>``.
"""

from __future__ import annotations

import base64
import hmac
import re
from collections.abc import Iterable
from datetime import datetime, timezone
from email.utils import parsedate_to_datetime


def claimed(scheme: str, authorization: str) -> tuple[str, str] | None:
    """The access key id and the signature of an ``Authorization``, if it has the form."""
    match = re.fullmatch(rf"{scheme} ([^:\s]+):(\S+)", authorization, re.ASCII)
    return (match[1], match[2]) if match else None


def string_to_sign(head: Iterable[str], own: Iterable[tuple[str, str]], resource: str) -> str:
    """``head`` is method, Content-MD5, Content-Type and date; ``own`` the service's headers in any order."""
    return "\n".join([*head, *(f"{name}:{value}" for name, value in sorted(own)), resource])


def sign(secret: str, to_sign: bytes, digest: str) -> str:
    """The signature of a string, by ``sha1`` or ``sha256``."""
    return base64.b64encode(hmac.digest(secret.encode(), to_sign, digest)).decode()


def same(expected: str, given: str) -> bool:
    """Whether a signature or token is the expected one."""
    return hmac.compare_digest(expected.encode(), given.encode("utf-8", "surrogateescape"))


def read_date(text: str) -> datetime | None:
    """The time of a ``Date`` or another HTTP date, in UTC where it names no zone; None if it is none."""
    try:
        time = parsedate_to_datetime(text)
    except (TypeError, ValueError, OverflowError):
        return None
    return time if time.tzinfo is not None else time.replace(tzinfo=timezone.utc)
