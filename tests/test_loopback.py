"""The suite itself reaches nothing but loopback."""

from __future__ import annotations

import socket
import threading

import pytest
import requests

from tests.conftest import LOOPBACK_ONLY
from tests.loopback import Refused, is_loopback


@pytest.mark.parametrize("address", [("192.0.2.1", 80), ("2001:db8::1", 80)])
@pytest.mark.parametrize("reach", ["connect", "connect_ex"])
def test_another_machine_is_not_connected_to(address: tuple[str, int], reach: str) -> None:
    family = socket.AF_INET6 if ":" in address[0] else socket.AF_INET
    with socket.socket(family) as sock, pytest.raises(Refused, match="nothing but loopback"):
        getattr(sock, reach)(address)
    assert LOOPBACK_ONLY.take() == [f"socket.connect {address[0]}"]


def test_no_datagram_is_sent_to_another_machine() -> None:
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sock, pytest.raises(Refused):
        sock.sendto(b"", ("192.0.2.1", 53))
    assert LOOPBACK_ONLY.take() == ["socket.sendto 192.0.2.1"]


def test_what_catches_a_refusal_does_not_hide_it() -> None:
    # Given a client in another thread that takes it for a failure of the network
    def ask() -> None:
        with pytest.raises(requests.ConnectionError):
            requests.get("http://oss-cn-hangzhou.aliyuncs.com/", timeout=1)

    thread = threading.Thread(target=ask)
    thread.start()
    thread.join()
    assert LOOPBACK_ONLY.take() == ["socket.getaddrinfo oss-cn-hangzhou.aliyuncs.com"]


@pytest.mark.parametrize("host", ["127.0.0.1", "127.8.8.8", b"127.0.0.1", "::1", "localhost", "", None])
def test_loopback_is_this_machine(host: str | bytes | None) -> None:
    assert is_loopback(host)


@pytest.mark.parametrize("host", ["10.0.0.1", "example.com", "0.0.0.0", "100.100.100.200"])
def test_nothing_else_is(host: str) -> None:
    assert not is_loopback(host)
