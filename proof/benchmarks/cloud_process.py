"""The local cloud in a process of its own, with OSS and IMM over TLS.

``python -m proof.benchmarks.cloud_process FILE``: FILE is the server's certificate with its key. One line of
JSON on standard output tells where everything is; the process ends when its standard input does. So nothing
that the cloud spends is part of what is measured.
"""

from __future__ import annotations

import json
import sys

from localcloud.cloud import LocalCloud
from localcloud.config import CloudConfig
from localcloud.gateway import Gateway
from localcloud.server import HttpServer, listen


def main(certificate: str) -> None:
    """Run until nobody is interested any more."""
    with LocalCloud(CloudConfig(task_seconds=0.0)) as cloud:
        places = {}
        servers = []
        for service in (cloud.objects, cloud.media):
            sock = listen(service.name.upper(), cloud.config.host, 0)
            places[service.name] = f"https://{cloud.config.host}:{sock.getsockname()[1]}"
            gateway = Gateway(service, cloud.calls, cloud.faults)
            server = HttpServer(gateway, sock, certificate=certificate)
            cloud.run(server.start())
            servers.append(server)
        places |= {"control": cloud.endpoints.control, "plain_oss": cloud.endpoints.oss}
        print(json.dumps(places), flush=True)
        sys.stdin.read()
        for server in servers:
            cloud.run(server.stop())


if __name__ == "__main__":
    main(sys.argv[1])
