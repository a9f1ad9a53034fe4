"""TLS certificates for 127.0.0.1: one of an authority that clients may trust, and one that nobody trusts."""

from __future__ import annotations

import ssl
from pathlib import Path

import trustme


class Certificates:
    """Contexts of servers; ``authority`` is the file that a client has to trust."""

    def __init__(self, directory: Path) -> None:
        authority = trustme.CA()
        self.authority = directory / "authority.pem"
        authority.cert_pem.write_to_path(str(self.authority))
        self.trusted = _context(authority)
        self.untrusted = _context(trustme.CA())


def _context(authority: trustme.CA) -> ssl.SSLContext:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    authority.issue_cert("127.0.0.1").configure_cert(context)
    return context
