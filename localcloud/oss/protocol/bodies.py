"""Bodies on the wire: taking in a request's body, and sending a part of a file."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import BinaryIO

from starlette.responses import Response
from starlette.types import Receive, Scope, Send

from localcloud.oss.protocol.errors import entity_too_large

CHUNK_BYTES = 256 * 1024


class ClientGone(Exception):
    """The client ended the connection before its request was complete."""


async def receive_body(receive: Receive, take: Callable[[bytes], None]) -> None:
    """Hand each chunk of a request's body on as it comes; raises ClientGone."""
    while True:
        message = await receive()
        if message["type"] == "http.disconnect":
            raise ClientGone
        if message.get("body"):
            take(message["body"])
        if not message.get("more_body", False):
            return


async def read_body(receive: Receive, limit: int) -> bytes:
    """The whole of a short body; raises OssError past the limit, and ClientGone."""
    body = bytearray()

    def take(chunk: bytes) -> None:
        body.extend(chunk)
        if len(body) > limit:
            raise entity_too_large(limit)

    await receive_body(receive, take)
    return bytes(body)


async def _disconnected(receive: Receive) -> None:
    while (await receive())["type"] != "http.disconnect":
        pass


@dataclass(frozen=True)
class FilePart:
    """The bytes of a file from ``start`` up to, not including, ``stop``.

    It is opened before anything is awaited: an object that is replaced meanwhile is sent as it was.
    """

    file: BinaryIO
    start: int
    stop: int


class FileResponse(Response):
    """A part of a file as the body, read and sent chunk by chunk until the client has it or goes."""

    def __init__(self, part: FilePart, status: int, headers: Mapping[str, str]) -> None:
        self._part = part
        super().__init__(None, status, {**headers, "content-length": str(part.stop - part.start)})

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Send the answer."""
        gone = asyncio.ensure_future(_disconnected(receive))
        try:
            with self._part.file as file:
                file.seek(self._part.start)
                await send(
                    {
                        "type": "http.response.start",
                        "status": self.status_code,
                        "headers": self.raw_headers,
                    }
                )
                remaining = self._part.stop - self._part.start
                while True:
                    chunk = file.read(min(CHUNK_BYTES, remaining))
                    remaining -= len(chunk)
                    await send({"type": "http.response.body", "body": chunk, "more_body": remaining > 0})
                    # Other requests have their turn, and so has the news that the client is gone.
                    await asyncio.sleep(0)
                    if not (remaining and chunk) or gone.done():
                        break
        finally:
            gone.cancel()
