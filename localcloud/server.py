"""Listening sockets: one HTTP server for each service, all in one event loop."""

from __future__ import annotations

import asyncio
import errno
import logging
import resource
import socket
from collections.abc import Callable
from contextlib import suppress
from typing import Any

import uvicorn
from starlette.types import ASGIApp

_LOG = logging.getLogger("localcloud")
# For the database, the sockets that listen and the instances of functions.
_OTHER_FILES = 40
# Beside a connection there may be the file of a body.
_FILES_PER_CONNECTION = 2
_FEW_CONNECTIONS = 100
_ACCEPTED_AT_A_TIME = 1
_BACKLOG = 1024
_TICK_SECONDS = 0.1


class PortInUse(Exception):
    """Another program listens on the port that a service was to have."""

    def __init__(self, service: str, host: str, port: int) -> None:
        super().__init__(
            f"{service} cannot listen on {host}:{port}: the port is in use. "
            "Choose another first port with --port, or end the program that holds it."
        )


class ListeningSocket(socket.socket):
    """A socket that leaves clients waiting while there is no room for another connection."""

    has_room: Callable[[], bool] | None = None

    def accept(self) -> tuple[socket.socket, Any]:
        """Take the next client in; raises OSError without room, upon which asyncio pauses for a second."""
        if self.has_room is not None and not self.has_room():
            raise OSError(errno.EMFILE, "There are as many connections as the limit of open files allows.")
        return super().accept()


def listen(service: str, host: str, port: int) -> ListeningSocket:
    """A listening socket; raises PortInUse."""
    # The protocol is named because asyncio turns Nagle's delay off only for sockets that name it.
    sock = ListeningSocket(socket.AF_INET, socket.SOCK_STREAM, socket.IPPROTO_TCP)
    sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        sock.bind((host, port))
        sock.listen(_BACKLOG)
    except OSError as error:
        sock.close()
        if error.errno == errno.EADDRINUSE:
            raise PortInUse(service, host, port) from None
        raise
    return sock


def open_as_many_files_as_allowed() -> None:
    """Raise this process's limit of open files as far as its user may."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    if soft != hard:
        try:
            resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
        except (OSError, ValueError):
            # Some systems say that there is no limit and have one.
            return


class Connections:
    """The connections of several servers, so many that files can still be opened (``ulimit -n``)."""

    def __init__(self) -> None:
        files, _ = resource.getrlimit(resource.RLIMIT_NOFILE)
        self.limit: int | None = None
        if files != resource.RLIM_INFINITY:
            self.limit = max(1, (files - _OTHER_FILES) // _FILES_PER_CONNECTION)
        self._servers: list[uvicorn.Server] = []
        self._told = False

    @property
    def keep_alive_seconds(self) -> int:
        """How long an idle connection may stay: where there are few, others wait for its place."""
        return 60 if self.limit is None or self.limit > _FEW_CONNECTIONS else 2

    def count(self, server: uvicorn.Server) -> None:
        """Count the connections of a server too."""
        self._servers.append(server)

    def has_room(self) -> bool:
        """Whether there may be one more."""
        return self.limit is None or sum(len(s.server_state.connections) for s in self._servers) < self.limit

    def handle(self, loop: asyncio.AbstractEventLoop, context: dict[str, Any]) -> None:
        """The event loop's exception handler: tells once, and in one line, that clients have to wait."""
        error = context.get("exception")
        if not (isinstance(error, OSError) and error.errno == errno.EMFILE and "socket" in context):
            loop.default_exception_handler(context)
        elif not self._told:
            self._told = True
            _LOG.warning(
                "There are %s connections, as many as the limit of open files (ulimit -n) allows: "
                "further clients wait.",
                self.limit,
            )


class _Server(uvicorn.Server):
    """Stops at once: uvicorn looks every 0.1 seconds whether it is to end, and waits as long again."""

    def __init__(self, config: uvicorn.Config) -> None:
        super().__init__(config)
        self._ended = asyncio.Event()

    def end(self) -> None:
        """Have it end open connections and stop."""
        self.should_exit = self.force_exit = True
        self._ended.set()

    async def main_loop(self) -> None:
        """Wait for the end."""
        await self.on_tick(0)
        while not self.should_exit:
            # A signal's handler only sets should_exit.
            with suppress(asyncio.TimeoutError):
                await asyncio.wait_for(self._ended.wait(), _TICK_SECONDS)

    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        """Close everything, and give connections a moment to end by themselves."""
        for server in self.servers:
            server.close()
        for sock in sockets or ():
            sock.close()
        for connection in list(self.server_state.connections):
            connection.shutdown()
        ends = asyncio.get_running_loop().time() + _TICK_SECONDS
        while self.server_state.connections and asyncio.get_running_loop().time() < ends:
            await asyncio.sleep(0.001)


class HttpServer:
    """An HTTP server for one ASGI application on one socket.

    It speaks TLS where it has a ``certificate``: a file in PEM, with the private key.
    """

    def __init__(
        self,
        app: ASGIApp,
        sock: ListeningSocket,
        connections: Connections | None = None,
        certificate: str | None = None,
    ) -> None:
        connections = connections or Connections()
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
            timeout_keep_alive=connections.keep_alive_seconds,
            timeout_graceful_shutdown=1,
            # asyncio tries so often to accept a client, also when there is no room.
            backlog=_ACCEPTED_AT_A_TIME,
            ssl_certfile=certificate,
        )
        self._server = _Server(config)
        self._socket = sock
        self._task: asyncio.Task[None] | None = None
        connections.count(self._server)
        sock.has_room = connections.has_room

    async def start(self) -> None:
        """Serve from now on."""
        self._task = asyncio.create_task(self._server.serve(sockets=[self._socket]))
        while not self._server.started:
            if self._task.done():
                self._task.result()
            await asyncio.sleep(0.001)
        # The server has made the queue of waiting clients as short as what it accepts at a time.
        self._socket.listen(_BACKLOG)

    async def stop(self) -> None:
        """End open connections and stop serving."""
        self._server.end()
        if self._task is not None:
            await self._task
