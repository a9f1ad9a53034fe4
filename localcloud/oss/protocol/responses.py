"""The answers of OSS: the headers that all of them have, documents, files and errors."""

from __future__ import annotations

import asyncio
import base64
import secrets
import time
from collections.abc import Mapping
from datetime import datetime
from email.utils import format_datetime
from types import MappingProxyType
from typing import BinaryIO

from starlette.responses import Response
from starlette.types import Receive, Scope, Send

from localcloud.oss.protocol import documents
from localcloud.oss.protocol.errors import OssError, invalid_argument

TROUBLESHOOTING = "https://api.aliyun.com/troubleshoot?q="

CHUNK_BYTES = 256 * 1024

_NO_HEADERS: Mapping[str, str] = MappingProxyType({})


class Exchange:
    """One request and its answer: what every answer says of itself."""

    def __init__(self, host: str) -> None:
        self.request_id = secrets.token_hex(12).upper()
        self._host = host
        self._started = time.monotonic()

    def dated(self, response: Response, now: datetime) -> Response:
        """Add the services' present, which is never before an object's Last-Modified.

        An error has the real time, by which a client may set its clock.
        """
        response.headers["date"] = format_datetime(now, usegmt=True)
        return self.mark(response)

    def mark(self, response: Response) -> Response:
        """Add the headers that every answer of OSS has."""
        elapsed = int((time.monotonic() - self._started) * 1000)
        response.headers["server"] = "AliyunOSS"
        response.headers["x-oss-request-id"] = self.request_id
        response.headers["x-oss-server-time"] = str(elapsed)
        return response

    def error(self, error: OssError, with_body: bool, in_header: bool) -> Response:
        """An error as OSS words it; a HEAD, which has no body, gets the document in ``x-oss-err``."""
        document = self._error_document(error)
        headers = {"content-type": "application/xml", **error.headers}
        if error.ec:
            headers["x-oss-ec"] = error.ec
        if in_header:
            headers["x-oss-err"] = base64.b64encode(document).decode()
        return self.mark(Response(document if with_body else b"", error.status, headers))

    def _error_document(self, error: OssError) -> bytes:
        elements: list[documents.Node] = [
            ("Code", error.code),
            ("Message", error.message),
            ("RequestId", self.request_id),
            ("HostId", self._host),
            *error.elements.items(),
            ("EC", error.ec or None),
            ("RecommendDoc", TROUBLESHOOTING + error.ec if error.ec else None),
        ]
        return documents.write("Error", elements)


def header_value(name: str, text: str) -> str:
    """A text from a client as the value of a header, in UTF-8; raises OssError for control characters."""
    if any(character < " " or character == "\x7f" for character in text):
        raise invalid_argument(name, text, "A header cannot have control characters.")
    return text.encode("utf-8", "surrogateescape").decode("latin-1")


def empty(status: int = 200, headers: Mapping[str, str] = _NO_HEADERS) -> Response:
    """An answer without a body."""
    return Response(b"", status, headers)


def document(root: str, content: documents.Content, headers: Mapping[str, str] = _NO_HEADERS) -> Response:
    """An answer with the XML document of a root element."""
    return xml(documents.write(root, content), headers)


def xml(body: bytes, headers: Mapping[str, str] = _NO_HEADERS) -> Response:
    """An answer with an XML document that is written already."""
    return Response(body, 200, {"content-type": "application/xml", **headers})


class FileResponse(Response):
    """The bytes of a file from ``start`` up to, not including, ``stop``, until the client has them or goes.

    The file is opened before anything is awaited: an object that is replaced meanwhile is sent as it was.
    """

    def __init__(
        self, file: BinaryIO, start: int, stop: int, status: int, headers: Mapping[str, str]
    ) -> None:
        self._file = file
        self._start = start
        self._length = stop - start
        super().__init__(None, status, {**headers, "content-length": str(self._length)})

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Send the answer chunk by chunk."""
        gone = asyncio.ensure_future(_disconnected(receive))
        start = {"type": "http.response.start", "status": self.status_code, "headers": self.raw_headers}
        try:
            with self._file as file:
                file.seek(self._start)
                await send(start)
                remaining = self._length
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


async def _disconnected(receive: Receive) -> None:
    while (await receive())["type"] != "http.disconnect":
        pass
