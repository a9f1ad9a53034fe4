"""A certificate for 127.0.0.1, and the authority behind it: production speaks TLS, so the benchmark does."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import trustme


@dataclass(frozen=True)
class ServerCertificate:
    """Files in PEM: what clients have to trust, and the server's certificate with its private key."""

    authority: Path
    server: Path


def make_certificate(directory: Path) -> ServerCertificate:
    """Write both files."""
    authority = trustme.CA()
    files = ServerCertificate(directory / "authority.pem", directory / "server.pem")
    authority.cert_pem.write_to_path(str(files.authority))
    authority.issue_cert("127.0.0.1").private_key_and_cert_chain_pem.write_to_path(str(files.server))
    return files
