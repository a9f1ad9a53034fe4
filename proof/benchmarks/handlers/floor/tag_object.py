"""What no function can do without that calls through requests: its import, one TLS context, the round trips.

The requests are not signed, so the services refuse them, after one round trip each: one to IMM, two to OSS,
as many as follow each other in the function's work.
"""

from __future__ import annotations

import os
import ssl
from typing import Any

import certifi
import requests
from requests.adapters import HTTPAdapter


class _Adapter(HTTPAdapter):
    def __init__(self) -> None:
        self._context = ssl.create_default_context(cafile=certifi.where())
        super().__init__()

    def init_poolmanager(self, *positional: Any, **options: Any) -> None:
        super().init_poolmanager(*positional, **options, ssl_context=self._context)

    def cert_verify(self, conn: Any, url: str, verify: Any, cert: Any) -> None:
        """The context verifies; without this the file of certificates would be read again."""


session: requests.Session


def initialize(context: Any) -> None:
    """Build the session."""
    global session
    session = requests.Session()
    session.trust_env = False
    session.mount("https://", _Adapter())


def handler(event: bytes, context: Any) -> str:
    """Make three round trips."""
    for name in ("IMM_ENDPOINT", "OSS_ENDPOINT", "OSS_ENDPOINT"):
        answer = session.get(f"{os.environ[name]}/", timeout=10)
        if answer.status_code < 400:
            raise RuntimeError(f"{name} answers a request that nobody signed with {answer.status_code}.")
    return "OK"
