"""Keeps web pages of others away from what listens on loopback and asks for no signature.

A page anywhere on the web can make its reader's browser send requests to this machine. What tells them apart:
the Host that the browser was told (DNS rebinding gives its own name an address of ours), the Origin and
Sec-Fetch-Site that it adds, and the content type, of which a form and a request without preflight have only
three (Fetch standard, "CORS-safelisted request-header").
"""

from __future__ import annotations

from starlette.responses import JSONResponse
from starlette.types import ASGIApp, Receive, Scope, Send

JSON = "application/json"
_NAMES = ("127.0.0.1", "localhost")
_READING = ("GET", "HEAD")
# What the browser says of a page of ours, and of an address that somebody typed or clicked on in a terminal.
_OURS = ("same-origin", "none")


class SameOrigin:
    """Passes requests to an application unless a page of another origin can have caused them."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer 403 or 415 with a sentence, or let the application answer."""
        if scope["type"] != "http":
            return
        refused = _refusal(scope)
        if refused is None:
            await self._app(scope, receive, send)
        else:
            status, message = refused
            await JSONResponse({"message": message}, status)(scope, receive, send)


def _refusal(scope: Scope) -> tuple[int, str] | None:
    headers = {name.decode("latin-1"): value.decode("latin-1") for name, value in scope["headers"]}
    address, port = scope["server"]
    host = headers.get("host", "").lower()
    if host not in {f"{name}:{port}" for name in (address, *_NAMES)}:
        return 403, f"The Host must be {address}:{port} or localhost:{port}."
    if headers.get("origin", f"http://{host}").lower() != f"http://{host}":
        return 403, "A page of another origin asks for this; only one of this address may."
    followed = scope["method"] in _READING and headers.get("sec-fetch-mode") == "navigate"
    if headers.get("sec-fetch-site", "none") not in _OURS and not followed:
        return 403, "A page of another site asks for this; only one of this address may."
    content_type = headers.get("content-type", "").partition(";")[0].strip().lower()
    has_body = headers.get("content-length", "0") != "0" or "transfer-encoding" in headers
    needs_type = scope["method"] == "POST" or (has_body and scope["method"] not in _READING)
    if needs_type and content_type != JSON:
        return 415, f"What is to be done is told in JSON, with Content-Type: {JSON}."
    return None
