"""The whole local cloud: a region's services, each behind its port, in a thread of their own."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Callable, Coroutine
from types import TracebackType
from typing import Any, TypeVar

from localcloud.config import CloudConfig
from localcloud.control import Control
from localcloud.gateway import Gateway
from localcloud.region import Endpoints, Region
from localcloud.server import Connections, HttpServer, ListeningSocket, listen

T = TypeVar("T")


class LocalCloud(Region):
    """A local cloud that runs in a thread of its own: ``with LocalCloud(config) as cloud: ...``.

    Entering raises PortInUse, StateUnusable, or what the region or the account refuses of the functions. The
    services may be looked at from any thread, but changed only through ``run`` and ``call``.
    """

    def __init__(self, config: CloudConfig) -> None:
        super().__init__(config)
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever, name="local cloud", daemon=True)
        self._servers: list[HttpServer] = []

    def __enter__(self) -> LocalCloud:
        self._thread.start()
        try:
            self.run(self._start())
        except BaseException:
            self.__exit__(None, None, None)
            raise
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self.run(self._stop())
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join()
        self._loop.close()

    def run(self, coroutine: Coroutine[Any, Any, T]) -> T:
        """Run a coroutine in the cloud's event loop and wait for its result."""
        return asyncio.run_coroutine_threadsafe(coroutine, self._loop).result()

    def call(self, function: Callable[..., T], *arguments: Any, **options: Any) -> T:
        """Call a function in the cloud's event loop and wait for its result."""

        async def within() -> T:
            return function(*arguments, **options)

        return self.run(within())

    async def _start(self) -> None:
        config = self.config
        names = ("oss", "imm", "mns", "fc", "control", "ram", "sls")
        sockets: dict[str, ListeningSocket] = {}
        try:
            for name in names:
                sockets[name] = listen(name.upper(), config.host, getattr(config.ports, name))
            places = {name: f"http://{config.host}:{sock.getsockname()[1]}" for name, sock in sockets.items()}
            await self.start(Endpoints(**places))
            control = Control(self)
            connections = Connections()
            self._loop.set_exception_handler(connections.handle)
            for service in (
                self.objects,
                self.media,
                self.messages,
                self.function_api,
                self.access,
                self.logs,
            ):
                app = Gateway(service, self.calls, self.faults)
                self._servers.append(HttpServer(app, sockets.pop(service.name), connections))
            self._servers.append(HttpServer(control.app, sockets.pop("control"), connections))
            for server in self._servers:
                await server.start()
        finally:
            for sock in sockets.values():
                sock.close()

    async def _stop(self) -> None:
        # All at once: each takes a moment to notice.
        await asyncio.gather(*(server.stop() for server in self._servers))
        await self.stop()
        # A call that a test left without an answer still waits for its client.
        waiting = asyncio.all_tasks() - {asyncio.current_task()}
        for task in waiting:
            task.cancel()
        await asyncio.gather(*waiting, return_exceptions=True)
