"""What OSS lets a tag consist of, and how a text is made to fit.

Source: help.aliyun.com, PutObjectTagging: letters, digits, spaces and ``+ - = . _ : /``; keys of 1 to 128,
values of 0 to 256. Bytes are counted, which satisfies both readings of the documentation.
"""

from __future__ import annotations

import hashlib
import re

MAX_TAGS = 10
MAX_KEY_BYTES = 128
MAX_VALUE_BYTES = 256

_LEGAL = re.compile(r"[A-Za-z0-9 +\-=._:/]*")
_ILLEGAL_RUN = re.compile(r"[^A-Za-z0-9 +\-=._:/]+")
_DIGEST_LENGTH = 8


def is_legal(text: str) -> bool:
    """Whether OSS's documented alphabet holds every character."""
    return _LEGAL.fullmatch(text) is not None


def make_legal(text: str) -> str:
    """The text with a hyphen for each run of characters outside the alphabet."""
    return _ILLEGAL_RUN.sub("-", text)


def shorten(text: str, limit: int, original: str) -> str:
    """The text if it has at most ``limit`` bytes, else its start, a hyphen and a digest of ``original``."""
    data = text.encode("utf-8", "surrogatepass")
    if len(data) <= limit:
        return text
    digest = hashlib.sha256(original.encode("utf-8", "surrogatepass")).hexdigest()[:_DIGEST_LENGTH]
    start = data[: limit - _DIGEST_LENGTH - 1].decode("utf-8", "ignore")
    return f"{start}-{digest}"
