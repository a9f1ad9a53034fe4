"""Connections on which a call ends when its time is over, however its bytes arrive.

urllib3 and http.client limit each receive, so an answer of a byte a second never ends. Here the time-out for
connecting is for everything until the request is sent (name resolution, every address, TLS), the other for
everything until the last byte of the answer.
"""

from __future__ import annotations

import math
import socket
import ssl
from contextlib import suppress
from queue import Empty, SimpleQueue
from threading import Thread
from time import monotonic
from typing import TYPE_CHECKING, Any

from urllib3.connection import HTTPConnection, HTTPSConnection
from urllib3.connectionpool import HTTPConnectionPool, HTTPSConnectionPool
from urllib3.exceptions import ConnectTimeoutError, NameResolutionError, NewConnectionError
from urllib3.util.connection import allowed_gai_family
from urllib3.util.ssl_ import create_urllib3_context

# What socket.getaddrinfo gives: family, type, protocol, canonical name, address.
_Addresses = list[tuple[Any, Any, int, str, Any]]

if TYPE_CHECKING:
    _Socket = socket.socket
    _Connection = HTTPConnection
else:
    _Socket = _Connection = object


class _Timed(_Socket):
    """A socket with a moment at which whatever it does ends with a TimeoutError."""

    ends = math.inf

    def keep_time(self) -> None:
        """Let the next operation take what is left. Raises TimeoutError where nothing is."""
        left = self.ends - monotonic()
        if left <= 0:
            raise TimeoutError("timed out")
        self.settimeout(None if left == math.inf else left)

    def recv_into(self, *positional: Any, **options: Any) -> int:
        """Receive within what is left."""
        self.keep_time()
        return super().recv_into(*positional, **options)

    def send(self, *positional: Any, **options: Any) -> int:
        """Send within what is left: TLS, piece by piece."""
        self.keep_time()
        return super().send(*positional, **options)

    def sendall(self, *positional: Any, **options: Any) -> None:
        """Send everything within what is left."""
        self.keep_time()
        super().sendall(*positional, **options)


class _TimedSocket(_Timed, socket.socket):
    pass


class _TimedTlsSocket(_Timed, ssl.SSLSocket):
    pass


class _TimedConnection(_Connection):
    _ends: float | None = None

    def connect(self) -> None:
        """Connect, within the time-out that counts until the request is sent."""
        self._begin()
        super().connect()

    def request(self, *positional: Any, **options: Any) -> None:
        """Send a request, connecting first where need be."""
        ends = self._begin()
        if self.sock is not None:
            self._socket.ends = ends
        super().request(*positional, **options)

    def getresponse(self) -> Any:
        """Read the head of the answer; its body has to come within the same time."""
        self._ends = None
        self._socket.ends = self._end()
        return super().getresponse()

    def close(self) -> None:
        """Close the connection."""
        self._ends = None
        super().close()

    @property
    def _socket(self) -> _Timed:
        assert isinstance(self.sock, _Timed)
        return self.sock

    def _begin(self) -> float:
        if self._ends is None:
            self._ends = self._end()
        return self._ends

    def _end(self) -> float:
        return math.inf if self.timeout is None else monotonic() + self.timeout

    def _new_conn(self) -> socket.socket:
        try:
            return self._connected()
        except socket.gaierror as error:
            raise NameResolutionError(self.host, self, error) from error
        except TimeoutError as error:
            message = f"Connection to {self.host} timed out. (connect timeout={self.timeout})"
            raise ConnectTimeoutError(self, message) from error
        except OSError as error:
            raise NewConnectionError(self, f"Failed to establish a new connection: {error}") from error

    def _connected(self) -> socket.socket:
        """A socket that is connected to the first address that answers; each has its share of the time."""
        ends = self._begin()
        addresses = _resolved(self._dns_host.strip("[]"), self.port, ends)
        refusal: OSError = OSError("getaddrinfo returns an empty list")
        for index, (family, kind, protocol, _, address) in enumerate(addresses):
            connecting = _TimedSocket(family, kind, protocol)
            try:
                for option in self.socket_options or ():
                    connecting.setsockopt(*option)
                now = monotonic()
                connecting.ends = now + (ends - now) / (len(addresses) - index)
                connecting.keep_time()
                connecting.connect(address)
                # The TLS handshake takes its time from here.
                connecting.ends = ends
                connecting.keep_time()
            except OSError as error:
                connecting.close()
                refusal = error
            else:
                return connecting
        raise refusal


class _HttpConnection(_TimedConnection, HTTPConnection):
    pass


class _HttpsConnection(_TimedConnection, HTTPSConnection):
    def connect(self) -> None:
        """Connect and shake hands."""
        if self.ssl_context is None:
            self.ssl_context = create_urllib3_context()
        self.ssl_context.sslsocket_class = _TimedTlsSocket
        super().connect()


class _HttpPool(HTTPConnectionPool):
    ConnectionCls = _HttpConnection


class _HttpsPool(HTTPSConnectionPool):
    ConnectionCls = _HttpsConnection


# In place of those that urllib3's PoolManager has.
TIMED_POOLS: dict[str, type[HTTPConnectionPool]] = {"http": _HttpPool, "https": _HttpsPool}


def _resolved(host: str, port: int, ends: float) -> _Addresses:
    """The addresses of a host. Raises socket.gaierror, and TimeoutError where the resolver takes too long.

    Nothing else can interrupt a resolver than waiting for it in another thread.
    """
    family = allowed_gai_family()
    with suppress(socket.gaierror):
        return socket.getaddrinfo(host, port, family, socket.SOCK_STREAM, flags=socket.AI_NUMERICHOST)
    answers: SimpleQueue[_Addresses | Exception] = SimpleQueue()

    def resolve() -> None:
        try:
            answers.put(socket.getaddrinfo(host, port, family, socket.SOCK_STREAM))
        except Exception as error:
            answers.put(error)

    Thread(target=resolve, name="resolver", daemon=True).start()
    left = ends - monotonic()
    try:
        answer = answers.get(timeout=None if left == math.inf else max(0.0, left))
    except Empty:
        raise TimeoutError(f"no answer about {host}") from None
    if isinstance(answer, Exception):
        raise answer
    return answer
