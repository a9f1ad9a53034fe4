"""The names that objects can have.

Source: help.aliyun.com, OSS "Object naming conventions" and the pages of the EC numbers 0016-0000000x.
"""

from __future__ import annotations

from localcloud.oss.protocol.errors import invalid_object_name

MAX_KEY_BYTES = 1023


def check_object_name(raw_key: bytes, key: str) -> None:
    """1 to 1023 bytes of UTF-8 that do not begin with a slash or backslash; raises OssError."""
    if raw_key.startswith((b"/", b"\\")):
        raise invalid_object_name("The specified object is not valid.", "0016-00000005", key)
    if len(raw_key) > MAX_KEY_BYTES:
        message = f"The length of object name must be less than {MAX_KEY_BYTES + 1}."
        raise invalid_object_name(message, "0016-00000002", key)
    try:
        raw_key.decode()
    except UnicodeDecodeError:
        raise invalid_object_name("The specified object is not valid.", "0016-00000002", key) from None
