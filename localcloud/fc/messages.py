"""The messages between the local cloud and an instance: a JSON header and a body of bytes."""

from __future__ import annotations

import asyncio
import json
import struct
from collections.abc import Mapping
from typing import Any, NamedTuple

SIZES = struct.Struct("!II")


class Message(NamedTuple):
    """What one side says to the other."""

    header: dict[str, Any]
    body: bytes


def packed(header: Mapping[str, Any], body: bytes = b"") -> bytes:
    """A message's bytes: the sizes of header and body, and both."""
    encoded = json.dumps(header).encode()
    return SIZES.pack(len(encoded), len(body)) + encoded + body


async def received(stream: asyncio.StreamReader) -> Message | None:
    """The next message; None if the other side ends without one."""
    try:
        header_size, body_size = SIZES.unpack(await stream.readexactly(SIZES.size))
        header = json.loads(await stream.readexactly(header_size))
        return Message(header, await stream.readexactly(body_size))
    except (asyncio.IncompleteReadError, ConnectionError):
        return None
