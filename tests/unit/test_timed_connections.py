"""A call ends when its time is over, whatever the other end does: it may take for ever to do it."""

from __future__ import annotations

import socket
import ssl
import threading
from collections.abc import Callable, Iterator
from time import monotonic
from typing import Any

import pytest
from alibabacloud_oss_v2 import HttpRequest
from urllib3.exceptions import HTTPError

from imm_label_tags.retries import Timeouts
from imm_label_tags.services.connections import Answer, Connections
from tests.faults.certificates import Certificates

CONNECT, READ = 0.3, 0.5
# Between two bytes: each receive succeeds.
DROP_SECONDS = 0.02
# What a loaded machine may take longer. A call without an end is found, however long that is.
SLACK_SECONDS = 20.0
HEAD = b"HTTP/1.1 200 OK\r\nContent-Length: 1000000\r\n\r\n"

Behaviour = Callable[["SlowServer", socket.socket], None]


class SlowServer:
    """Accepts connections and lets each meet a behaviour, until the server is told to end."""

    def __init__(self, behaviour: Behaviour, context: ssl.SSLContext | None = None) -> None:
        self.ended = threading.Event()
        self._behaviour = behaviour
        self._context = context
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.port: int = self._listener.getsockname()[1]
        self._threads = [threading.Thread(target=self._accept)]

    def __enter__(self) -> SlowServer:
        self._threads[0].start()
        return self

    def __exit__(self, *_: object) -> None:
        self.ended.set()
        self._listener.shutdown(socket.SHUT_RDWR)
        for thread in self._threads:
            thread.join()
        self._listener.close()

    def drip(self, connection: socket.socket, byte: bytes) -> None:
        """Send a byte after the other until nobody listens."""
        while not self.ended.wait(DROP_SECONDS):
            connection.sendall(byte)

    def _accept(self) -> None:
        while True:
            try:
                connection, _ = self._listener.accept()
            except OSError:
                return
            thread = threading.Thread(target=self._meet, args=(connection,))
            self._threads.append(thread)
            thread.start()

    def _meet(self, connection: socket.socket) -> None:
        try:
            if self._context is not None:
                connection = self._context.wrap_socket(connection, server_side=True)
            self._behaviour(self, connection)
        except OSError:
            pass
        finally:
            connection.close()


def silence(server: SlowServer, connection: socket.socket) -> None:
    server.ended.wait()


def headers_in_drops(server: SlowServer, connection: socket.socket) -> None:
    connection.sendall(b"HTTP/1.1 200 OK\r\nX-Long: ")
    server.drip(connection, b"x")


def headers_without_end(server: SlowServer, connection: socket.socket) -> None:
    while not server.ended.is_set():
        connection.sendall(b"HTTP/1.1 100 Continue\r\n\r\n" * 1000)


def body_in_drops(server: SlowServer, connection: socket.socket) -> None:
    connection.sendall(HEAD)
    server.drip(connection, b" ")


def chunks_in_drops(server: SlowServer, connection: socket.socket) -> None:
    connection.sendall(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n")
    server.drip(connection, b"1\r\n \r\n")


ANSWERS = [silence, headers_in_drops, headers_without_end, body_in_drops, chunks_in_drops]


def handshake_in_drops(server: SlowServer, connection: socket.socket) -> None:
    connection.sendall(b"\x16\x03\x03\x40\x00")
    server.drip(connection, b"\x02")


def takes_in_drops(server: SlowServer, connection: socket.socket) -> None:
    while not server.ended.wait(DROP_SECONDS):
        connection.recv(1)


def send(connections: Connections, url: str, body: bytes, connect: float, read: float) -> Answer:
    with connections.exchange(Timeouts(connect, read)) as exchange:
        return connections.send(exchange, HttpRequest("POST", url), body)


def seconds_until_it_fails(connections: Connections, url: str, body: bytes = b"") -> float:
    began = monotonic()
    with pytest.raises(HTTPError, match="timed out"):
        send(connections, url, body, CONNECT, READ)
    return monotonic() - began


@pytest.mark.parametrize("behaviour", ANSWERS, ids=lambda behaviour: behaviour.__name__)
def test_an_answer_has_to_end_in_its_time(connections: Connections, behaviour: Behaviour) -> None:
    with SlowServer(behaviour) as server:
        spent = seconds_until_it_fails(connections, f"http://127.0.0.1:{server.port}/")
    assert READ <= spent < CONNECT + READ + SLACK_SECONDS


@pytest.mark.parametrize("behaviour", ANSWERS, ids=lambda behaviour: behaviour.__name__)
def test_so_has_one_over_tls(trusting: Connections, certificates: Certificates, behaviour: Behaviour) -> None:
    with SlowServer(behaviour, certificates.trusted) as server:
        spent = seconds_until_it_fails(trusting, f"https://127.0.0.1:{server.port}/")
    assert spent < CONNECT + READ + SLACK_SECONDS


@pytest.mark.parametrize("behaviour", [silence, handshake_in_drops], ids=lambda behaviour: behaviour.__name__)
@pytest.mark.parametrize("secure", [True, False], ids=["prepared", "unprepared"])
def test_a_handshake_is_a_part_of_connecting(behaviour: Behaviour, secure: bool) -> None:
    connections = Connections(secure=secure)
    with SlowServer(behaviour) as server:
        spent = seconds_until_it_fails(connections, f"https://127.0.0.1:{server.port}/")
    assert CONNECT <= spent < CONNECT + SLACK_SECONDS


@pytest.mark.parametrize("scheme", ["http", "https"])
def test_sending_is_a_part_of_connecting(
    trusting: Connections, certificates: Certificates, scheme: str
) -> None:
    with SlowServer(takes_in_drops, certificates.trusted if scheme == "https" else None) as server:
        url = f"{scheme}://127.0.0.1:{server.port}/"
        spent = seconds_until_it_fails(trusting, url, b"x" * 50_000_000)
    assert CONNECT <= spent < CONNECT + READ + SLACK_SECONDS


@pytest.fixture
def full() -> Iterator[tuple[str, int]]:
    """An address at which nothing answers: its queue is full, so what comes is not taken notice of."""
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        listener.listen(0)
        address = listener.getsockname()
        waiting = []
        for _ in range(4):
            sock = socket.socket()
            sock.setblocking(False)
            sock.connect_ex(address)
            waiting.append(sock)
        yield address
        for sock in waiting:
            sock.close()


def resolves_to(monkeypatch: pytest.MonkeyPatch, *addresses: tuple[str, int]) -> None:
    found = [(socket.AF_INET, socket.SOCK_STREAM, 6, "", address) for address in addresses]
    look_up = socket.getaddrinfo

    def getaddrinfo(host: str, *positional: Any, **options: Any) -> Any:
        return found if host == "several.example" else look_up(host, *positional, **options)

    monkeypatch.setattr(socket, "getaddrinfo", getaddrinfo)


def test_all_addresses_of_a_host_share_the_time_to_connect(
    connections: Connections, full: tuple[str, int], monkeypatch: pytest.MonkeyPatch
) -> None:
    resolves_to(monkeypatch, *[full] * 100)
    spent = seconds_until_it_fails(connections, "http://several.example/")
    assert CONNECT <= spent < CONNECT + SLACK_SECONDS


def test_an_address_that_does_not_answer_leaves_time_for_the_next(
    connections: Connections, full: tuple[str, int], monkeypatch: pytest.MonkeyPatch
) -> None:
    def answer(server: SlowServer, connection: socket.socket) -> None:
        connection.recv(1000)
        connection.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n")

    with SlowServer(answer) as server:
        resolves_to(monkeypatch, full, ("127.0.0.1", server.port))
        answered = send(connections, "http://several.example/", b"", CONNECT * 10, SLACK_SECONDS)
    assert answered.status_code == 200


def test_a_resolver_that_does_not_answer_is_not_waited_for(
    connections: Connections, monkeypatch: pytest.MonkeyPatch
) -> None:
    end = threading.Event()

    def getaddrinfo(*_: Any, **options: Any) -> Any:
        if not options.get("flags"):
            end.wait()
        raise socket.gaierror("no such host")

    monkeypatch.setattr(socket, "getaddrinfo", getaddrinfo)
    try:
        spent = seconds_until_it_fails(connections, "http://lost.example/")
    finally:
        end.set()
    assert CONNECT <= spent < CONNECT + SLACK_SECONDS


def test_a_host_that_there_is_not_is_an_error_at_once(
    connections: Connections, monkeypatch: pytest.MonkeyPatch
) -> None:
    def getaddrinfo(*_: Any, **__: Any) -> Any:
        raise socket.gaierror("no such host")

    monkeypatch.setattr(socket, "getaddrinfo", getaddrinfo)
    with pytest.raises(HTTPError, match="no such host"):
        send(connections, "http://nowhere.example/", b"", SLACK_SECONDS, SLACK_SECONDS)


def test_each_call_on_a_kept_connection_has_its_own_time(connections: Connections) -> None:
    """The time of the first call is over when the second begins."""
    calls = threading.Semaphore(0)

    def answer(server: SlowServer, connection: socket.socket) -> None:
        while connection.recv(1000):
            connection.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n")
            server.ended.wait(READ / 2)
            connection.sendall(b"ok")
            calls.release()

    with SlowServer(answer) as server:
        for _ in range(4):
            url = f"http://127.0.0.1:{server.port}/"
            assert send(connections, url, b"", READ, SLACK_SECONDS).content == b"ok"
        connections.drop()
    assert calls.acquire(blocking=False)
