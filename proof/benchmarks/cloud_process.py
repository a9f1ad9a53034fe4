"""The local cloud in a process of its own, with OSS and IMM over TLS.

``python -m proof.benchmarks.cloud_process FILE``: FILE is the server's certificate with its key. One line of
JSON on standard output tells where everything is; the process ends when its standard input does. So nothing
that the cloud spends is part of what is measured.
"""

from __future__ import annotations

import asyncio
import json
import socket
import sys

import uvicorn
from starlette.types import ASGIApp

from localcloud.cloud import LocalCloud
from localcloud.config import CloudConfig
from localcloud.gateway import Gateway
from localcloud.server import listen


def main(certificate: str) -> None:
    """Run until nobody is interested any more."""
    with LocalCloud(CloudConfig(task_seconds=0.0)) as cloud:
        places = {}
        servers = []
        for service in (cloud.objects, cloud.media):
            sock = listen(service.name.upper(), cloud.config.host, 0)
            places[service.name] = f"https://{cloud.config.host}:{sock.getsockname()[1]}"
            server = TlsServer(Gateway(service, cloud.calls, cloud.faults), sock, certificate)
            cloud.run(server.start())
            servers.append(server)
        places |= {"control": cloud.endpoints.control, "plain_oss": cloud.endpoints.oss}
        print(json.dumps(places), flush=True)
        sys.stdin.read()
        for server in servers:
            cloud.run(server.stop())


class TlsServer:
    """One service on one socket, over TLS."""

    def __init__(self, app: ASGIApp, sock: socket.socket, certificate: str) -> None:
        config = uvicorn.Config(
            app,
            http="auto",
            ws="none",
            lifespan="off",
            log_config=None,
            log_level="critical",
            access_log=False,
            server_header=False,
            timeout_keep_alive=600,
            timeout_graceful_shutdown=1,
            ssl_certfile=certificate,
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
        self._server.should_exit = self._server.force_exit = True
        if self._task is not None:
            await self._task


if __name__ == "__main__":
    main(sys.argv[1])
