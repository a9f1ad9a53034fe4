"""Nothing but loopback is reached while tests run, whatever keys and endpoints the environment has."""

from __future__ import annotations

import ipaddress
import sys
import threading
from typing import Any

_CONNECTING = frozenset({"socket.connect", "socket.sendto", "socket.sendmsg"})
_RESOLVING = frozenset({"socket.getaddrinfo", "socket.gethostbyname"})


class Refused(PermissionError):
    """Something in this process was about to reach another machine."""


class LoopbackOnly:
    """Refuses every connection and every name of another machine, in all threads, and remembers which.

    What is refused may well be caught by what a test is about: ``take`` gives it to whoever judges the test.
    """

    def __init__(self) -> None:
        self._refused: list[str] = []
        self._guard = threading.Lock()

    def install(self) -> None:
        """Begin; an audit hook stays until the process ends."""
        sys.addaudithook(self._audit)

    def take(self) -> list[str]:
        """What was refused since the last time."""
        with self._guard:
            refused, self._refused = self._refused, []
        return refused

    def _audit(self, event: str, arguments: tuple[Any, ...]) -> None:
        if event in _CONNECTING:
            self._judge(event, arguments[1])
        elif event in _RESOLVING:
            self._judge(event, (arguments[0],))

    def _judge(self, event: str, address: object) -> None:
        # A path is a socket of this machine; None belongs to a socket that has been connected before.
        if not isinstance(address, tuple) or is_loopback(address[0]):
            return
        with self._guard:
            self._refused.append(f"{event} {address[0]}")
        raise Refused(f"{event} {address[0]}: tests reach nothing but loopback")


def is_loopback(host: str | bytes | None) -> bool:
    """Whether a host as sockets take it is this machine; None and an empty one are, for listening."""
    name = host.decode() if isinstance(host, bytes) else host
    if not name or name == "localhost":
        return True
    try:
        return ipaddress.ip_address(name).is_loopback
    except ValueError:
        return False
