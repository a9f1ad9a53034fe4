"""The identifiers that services give out, in the forms of their documentation's samples."""

from __future__ import annotations

import secrets
import string
import time
import uuid

_BASE62 = string.digits + string.ascii_uppercase + string.ascii_lowercase
_KSUID_EPOCH = 1_400_000_000


def new_request_id() -> str:
    """``CA995EFD-083D-4F40-BE8A-BDF75FFFE0B6``, of a request to the OpenAPI gateway."""
    return str(uuid.uuid4()).upper()


def new_task_id(task_type: str) -> str:
    """``VideoLabelClassification-2f157087-91df-4fda-8c3e-232407ec…``."""
    return f"{task_type}-{uuid.uuid4()}"


def new_event_id() -> str:
    """``25E-1uBJUMOshisffTNk8Nr3GIj…``: three hexadecimal digits and 27 base-62 digits (a KSUID)."""
    seconds = int(time.time()) - _KSUID_EPOCH
    number = seconds << 128 | secrets.randbits(128)
    digits = ""
    for _ in range(27):
        number, digit = divmod(number, 62)
        digits = _BASE62[digit] + digits
    return f"{secrets.randbelow(0x1000):03X}-{digits}"
