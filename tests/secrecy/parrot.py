"""A service that repeats in its answer all that it was sent, with the signature and the token."""

from __future__ import annotations

import base64
import json
import re
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from xml.sax.saxutils import escape

_SIGNATURE = re.compile(r"Signature=([0-9a-f]{64})")


@dataclass(frozen=True)
class Reply:
    """How the parrot answers: ``form`` is one of imm, oss and text."""

    form: str
    status: int
    code: str = ""


@contextmanager
def parrot(reply: Reply, heard: set[str]) -> Iterator[str]:
    """Listen on loopback and answer every request in one way; gives the address.

    ``heard`` gets the signature and the token of every request.
    """

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def answer(self) -> None:
            self.rfile.read(int(self.headers.get("content-length") or 0))
            said = f"{self.path} {' '.join(f'{name}: {value}' for name, value in self.headers.items())}"
            heard.update(_SIGNATURE.findall(said))
            heard.update(
                value for name, value in self.headers.items() if name.lower().endswith("security-token")
            )
            body = _body(reply, said)
            self.send_response(reply.status)
            self.send_header("content-type", "application/json" if reply.form == "imm" else "application/xml")
            if self.command == "HEAD":
                # Where OSS puts the document that a HEAD has no body for
                self.send_header("x-oss-err", base64.b64encode(body).decode())
            self.send_header("content-length", str(len(body)))
            self.end_headers()
            if self.command != "HEAD":
                self.wfile.write(body)

        do_GET = do_HEAD = do_POST = do_PUT = answer  # noqa: N815 - the names that http.server calls

        def log_request(self, code: int | str = "-", size: int | str = "-") -> None:
            pass

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        thread = threading.Thread(target=server.serve_forever, args=(0.01,))
        thread.start()
        try:
            yield f"http://127.0.0.1:{server.server_port}"
        finally:
            server.shutdown()
            thread.join()


def _body(reply: Reply, said: str) -> bytes:
    if reply.form == "imm":
        return json.dumps({"RequestId": "1", "Code": reply.code, "Message": said}).encode()
    if reply.form == "oss":
        document = f"<Error><Code>{reply.code}</Code><Message>{escape(said)}</Message></Error>"
        return f'<?xml version="1.0" encoding="UTF-8"?>{document}'.encode()
    return said.encode()
