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


class Channel(asyncio.Protocol):
    """The local cloud's end of an instance's socket; one question is open at a time."""

    def __init__(self) -> None:
        self._buffer = bytearray()
        self._transport: asyncio.Transport | None = None
        self._answer: asyncio.Future[Message | None] | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Keep the transport."""
        assert isinstance(transport, asyncio.Transport)
        self._transport = transport

    def expect(self) -> asyncio.Future[Message | None]:
        """A future of the next message; None if the instance ends without one."""
        self._answer = asyncio.get_running_loop().create_future()
        return self._answer

    def send(self, header: dict[str, Any], body: bytes = b"") -> None:
        """Send a message; an instance that has ended is not told anything."""
        if self._transport is not None and not self._transport.is_closing():
            self._transport.write(packed(header, body))

    def data_received(self, data: bytes) -> None:
        """Collect bytes until a message is whole."""
        self._buffer += data
        if len(self._buffer) < SIZES.size:
            return
        header_size, body_size = SIZES.unpack_from(self._buffer)
        start = SIZES.size + header_size
        if len(self._buffer) < start + body_size:
            return
        header = json.loads(self._buffer[SIZES.size : start])
        body = bytes(self._buffer[start : start + body_size])
        del self._buffer[: start + body_size]
        self._resolve(Message(header, body))

    def connection_lost(self, error: Exception | None) -> None:
        """The instance has ended."""
        self.end()

    def end(self) -> None:
        """No message will come any more."""
        self._resolve(None)

    def close(self) -> None:
        """Close the socket."""
        if self._transport is not None:
            self._transport.abort()

    def _resolve(self, message: Message | None) -> None:
        if self._answer is not None and not self._answer.done():
            self._answer.set_result(message)
