"""Serves services of the local cloud on loopback, in an event loop of its own thread, for one test."""

from __future__ import annotations

import asyncio
import threading
import time
from collections.abc import Callable, Coroutine, Iterator
from contextlib import contextmanager
from typing import Any, TypeVar

from starlette.responses import Response
from starlette.types import ASGIApp, Receive, Scope, Send

from localcloud.calls import CallLog
from localcloud.faults import FaultPlan
from localcloud.gateway import Gateway, Operation, Service
from localcloud.server import HttpServer, listen

T = TypeVar("T")
# As long as a slow machine may need.
PATIENCE_SECONDS = 60.0


class Serving:
    """What a test sees of the services that are served: addresses, calls, faults and the event loop."""

    def __init__(self, loop: asyncio.AbstractEventLoop) -> None:
        self.loop = loop
        self.calls = CallLog()
        self.faults = FaultPlan()
        self.addresses: dict[str, str] = {}

    @property
    def address(self) -> str:
        """``host:port`` of the only (or first) service."""
        return next(iter(self.addresses.values()))

    @property
    def base_url(self) -> str:
        """``http://host:port`` of the only (or first) service."""
        return f"http://{self.address}"

    def forget_calls(self) -> None:
        """Forget the calls so far, also those that have an answer but have not ended here."""
        self.run(self.calls.settled())
        self.calls.clear()

    def run(self, coroutine: Coroutine[Any, Any, T]) -> T:
        """Run a coroutine in the services' event loop and give its result."""
        return asyncio.run_coroutine_threadsafe(coroutine, self.loop).result(PATIENCE_SECONDS)


class Switchboard:
    """One server for many tests: a service that stands for the one of the test that runs."""

    def __init__(self, name: str) -> None:
        self.name = name
        self.current: Service
        self.app: ASGIApp = self._serve

    def operation(self, scope: Scope) -> Operation:
        return self.current.operation(scope)

    def error(self, status: int, code: str, message: str) -> Response:
        return self.current.error(status, code, message)

    async def _serve(self, scope: Scope, receive: Receive, send: Send) -> None:
        await self.current.app(scope, receive, send)


@contextmanager
def serve(*services: Service) -> Iterator[Serving]:
    """Serve each service behind a gateway; a service with ``start`` and ``stop`` is started and stopped."""
    loop = asyncio.new_event_loop()
    thread = threading.Thread(target=loop.run_forever, name="serving")
    thread.start()
    serving = Serving(loop)
    servers: list[HttpServer] = []
    try:
        for service in services:
            sock = listen(service.name, "127.0.0.1", 0)
            server = HttpServer(Gateway(service, serving.calls, serving.faults), sock)
            servers.append(server)
            serving.addresses[service.name] = f"127.0.0.1:{sock.getsockname()[1]}"
            serving.run(server.start())
            if hasattr(service, "start"):
                serving.run(service.start())
        yield serving
    finally:
        for server in servers:
            serving.run(server.stop())
        for service in services:
            if hasattr(service, "stop"):
                serving.run(service.stop())
        serving.run(loop.shutdown_asyncgens())
        loop.call_soon_threadsafe(loop.stop)
        thread.join()
        loop.close()


def until(condition: Callable[[], bool]) -> None:
    """Wait for what is bound to happen."""
    deadline = time.monotonic() + PATIENCE_SECONDS
    while not condition():
        assert time.monotonic() < deadline, "the condition was not met in time"
        time.sleep(0.005)
