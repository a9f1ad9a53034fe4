"""Listening sockets: one HTTP server for each service, all in one event loop."""

from __future__ import annotations

import asyncio
import errno
import socket

import uvicorn
from starlette.types import ASGIApp


class PortInUse(Exception):
    """Another program listens on the port that a service was to have."""

    def __init__(self, service: str, host: str, port: int) -> None:
        super().__init__(
            f"{service} cannot listen on {host}:{port}: the port is in use. "
            "Choose another first port with --port, or end the program that holds it."
        )


def listen(service: str, host: str, port: int) -> socket.socket:
    """A listening socket; raises PortInUse."""
    # The protocol is named because asyncio turns Nagle's delay off only for sockets that name it.
    sock = socket.socket(socket.AF_INET, socket.SOCK_STREAM, socket.IPPROTO_TCP)
    sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        sock.bind((host, port))
        sock.listen(1024)
    except OSError as error:
        sock.close()
        if error.errno == errno.EADDRINUSE:
            raise PortInUse(service, host, port) from None
        raise
    return sock


class HttpServer:
    """An HTTP server for one ASGI application on one socket."""

    def __init__(self, app: ASGIApp, sock: socket.socket) -> None:
        config = uvicorn.Config(
            app,
            http="auto",
            ws="none",
            lifespan="off",
            log_config=None,
            log_level="critical",
            access_log=False,
            server_header=False,
            # It would keep a Date for up to a second, in which an object may have been written.
            date_header=False,
            timeout_keep_alive=60,
            timeout_graceful_shutdown=1,
        )
        self._server = uvicorn.Server(config)
        self._socket = sock
        self._task: asyncio.Task[None] | None = None

    async def start(self) -> None:
        """Serve from now on."""
        self._task = asyncio.create_task(self._server.serve(sockets=[self._socket]))
        while not self._server.started:
            if self._task.done():
                self._task.result()
            await asyncio.sleep(0.001)

    async def stop(self) -> None:
        """End open connections and stop serving."""
        self._server.should_exit = True
        self._server.force_exit = True
        if self._task is not None:
            await self._task
