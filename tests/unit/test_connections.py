"""The connections of an instance: kept, dropped, never redirected; and what an answer asks for."""

from __future__ import annotations

import ssl
import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from datetime import datetime, timedelta, timezone
from email.utils import format_datetime
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest
from alibabacloud_oss_v2 import HttpRequest
from darabonba.core import DaraCore
from darabonba.request import DaraRequest
from urllib3 import PoolManager
from urllib3.exceptions import HTTPError, SSLError

from imm_label_tags.errors import ServiceUnavailable
from imm_label_tags.retries import Timeouts
from imm_label_tags.services.connections import Answer, Connections, Exchange, trusted_certificates
from imm_label_tags.services.credentials import RoleCredentials
from imm_label_tags.services.imm import ImmTasks
from imm_label_tags.services.responses import Operation, ServiceCalls
from layers.derived import split_bundle
from tests.faults.certificates import Certificates

SECONDS = 60.0


class Service:
    """An HTTP server that counts its connections and answers what it is told to."""

    def __init__(self, context: ssl.SSLContext | None = None) -> None:
        self.status = 200
        self.headers: dict[str, str] = {}
        self.asked: list[str] = []
        self.received: dict[str, str] = {}
        self.ends_early = False
        self.connected = 0
        self.ended = threading.Semaphore(0)
        self.may_answer = threading.Event()
        self.may_answer.set()
        self.has_asked = threading.Event()
        self._server = ThreadingHTTPServer(("127.0.0.1", 0), self._handler())
        self._server.daemon_threads = False
        if context is not None:
            self._server.socket = context.wrap_socket(self._server.socket, server_side=True)
        scheme = "http" if context is None else "https"
        self.url = f"{scheme}://127.0.0.1:{self._server.server_address[1]}/"
        self._thread = threading.Thread(target=self._server.serve_forever, kwargs={"poll_interval": 0.01})

    def __enter__(self) -> Service:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._server.shutdown()
        self._thread.join()
        self._server.server_close()

    def _handler(self) -> type[BaseHTTPRequestHandler]:
        service = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def setup(self) -> None:
                service.connected += 1
                super().setup()

            def do_GET(self) -> None:
                service.asked.append(self.path)
                service.received = dict(self.headers)
                # A test changes it once this request is answered.
                ends_early = service.ends_early
                service.has_asked.set()
                service.may_answer.wait(SECONDS)
                self.send_response(service.status)
                for name, value in {"Content-Length": "0", **service.headers}.items():
                    self.send_header(name, value)
                self.end_headers()
                self.close_connection = ends_early

            def finish(self) -> None:
                super().finish()
                service.ended.release()

            def log_message(self, *_: Any) -> None:
                """Tests are quiet."""

        return Handler


def get(connections: Connections, url: str, **headers: str) -> Answer:
    with connections.exchange(Timeouts(SECONDS, SECONDS)) as exchange:
        return connections.send(exchange, HttpRequest("GET", url, headers), None)


@pytest.fixture
def service(connections: Connections) -> Iterator[Service]:
    with Service() as service:
        yield service
        # Its threads wait for the ends of the connections that are kept.
        connections.drop()


@pytest.mark.parametrize(
    ("headers", "seconds"),
    [
        ({}, 0),
        ({"x-acs-retry-after": "1500"}, 1.5),
        ({"x-oss-qos-delay-time": "10"}, 0.01),
        ({"retry-after": "3"}, 3),
        ({"retry-after": "0"}, 0),
        ({"x-acs-retry-after": "200", "x-oss-qos-delay-time": "900", "retry-after": "9"}, 0.2),
        ({"x-oss-qos-delay-time": "900", "retry-after": "9"}, 0.9),
        ({"x-acs-retry-after": "0", "retry-after": "9"}, 9),
        ({"x-acs-retry-after": "soon", "x-oss-qos-delay-time": "900"}, 0.9),
        ({"x-acs-retry-after": "-5"}, 0),
        ({"x-acs-retry-after": "1.5"}, 0),
        ({"x-acs-retry-after": "٣"}, 0),
        ({"retry-after": "9" * 400}, 0),
        ({"retry-after": "soon"}, 0),
        ({"retry-after": "1.5"}, 0),
        ({"retry-after": ""}, 0),
        ({"retry-after": "Thu, 01 Jan 1970 00:00:00 GMT"}, 0),
        ({"retry-after": "Mon, 99 Foo 2199 00:00:00 GMT"}, 0),
        ({"retry-after": "Fri, 31 Dec 99999999999 00:00:00 GMT"}, 0),
    ],
)
def test_how_long_a_service_asks_to_wait(headers: dict[str, str], seconds: float) -> None:
    assert Answer(503, headers).after_seconds == seconds


def test_a_date_means_the_time_until_then() -> None:
    then = datetime.now(timezone.utc) + timedelta(days=1)
    asked = Answer(503, {"retry-after": format_datetime(then, usegmt=True)}).after_seconds
    assert 0 < asked <= timedelta(days=1).total_seconds()


def test_a_connection_is_kept_until_it_is_dropped(connections: Connections, service: Service) -> None:
    for _ in range(3):
        get(connections, service.url)
    assert service.connected == 1

    # When the connections are dropped, then the service sees the end of the one that was kept
    connections.drop()
    assert service.ended.acquire(timeout=SECONDS)
    get(connections, service.url)
    assert service.connected == 2


def test_after_a_call_without_an_answer_no_kept_connection_is_used(
    connections: Connections, service: Service
) -> None:
    get(connections, service.url)

    def break_off(exchange: Exchange) -> None:
        raise HTTPError("nobody is there.")

    calls = ServiceCalls(RoleCredentials({}), connections)
    operation = Operation("OSS", "HeadObject", "oss:GetObject", "*")
    with pytest.raises(ServiceUnavailable, match=r"answer: nobody is there\. A"):
        calls.attempt(operation, "it", Timeouts(SECONDS, SECONDS), break_off)
    get(connections, service.url)
    assert service.connected == 2


def test_dropping_leaves_a_call_that_is_under_way_alone(connections: Connections, service: Service) -> None:
    service.may_answer.clear()
    with ThreadPoolExecutor(1) as executor:
        call = executor.submit(get, connections, service.url)
        assert service.has_asked.wait(SECONDS)
        connections.drop()
        service.may_answer.set()
        assert call.result().status_code == 200
    # Nor is that connection used again, since nobody knows how long it has been in use.
    get(connections, service.url)
    assert service.connected == 2


def test_dropping_leaves_a_call_alone_that_is_about_to_take_a_connection(
    connections: Connections, service: Service, monkeypatch: pytest.MonkeyPatch
) -> None:
    choose = PoolManager.connection_from_host

    def choose_and_drop(*positional: Any, **options: Any) -> Any:
        pool = choose(*positional, **options)
        connections.drop()
        return pool

    monkeypatch.setattr(PoolManager, "connection_from_host", choose_and_drop)
    assert get(connections, service.url).status_code == 200


@pytest.mark.parametrize("status", [301, 302, 303, 307, 308])
def test_a_redirect_is_an_answer_and_nobody_goes_there(
    connections: Connections, service: Service, status: int
) -> None:
    service.status, service.headers = status, {"Location": f"{service.url}elsewhere"}
    answer = get(connections, service.url, Authorization="secret")
    assert service.asked == ["/"]
    assert (answer.status_code, answer.headers["location"]) == (status, f"{service.url}elsewhere")


def test_an_answer_is_told_apart_from_none_and_from_half_of_one(
    connections: Connections, service: Service
) -> None:
    def exchanged(url: str) -> Exchange:
        with connections.exchange(Timeouts(SECONDS, SECONDS)) as exchange, suppress(HTTPError):
            connections.send(exchange, HttpRequest("GET", url), None)
        return exchange

    # Nobody is there
    nothing = exchanged("http://127.0.0.1:9/")
    assert (nothing.answer, nothing.body) == (None, None)

    # The answer is whole
    service.status, service.headers = 503, {"Retry-After": "7"}
    whole = exchanged(service.url)
    assert whole.answer is not None
    assert (whole.answer.status_code, whole.answer.after_seconds, whole.body) == (503, 7, b"")

    # The answer ends too early
    service.headers = {"Transfer-Encoding": "chunked"}
    service.ends_early = True
    half = exchanged(service.url)
    assert half.answer is not None
    assert (half.answer.status_code, half.body) == (503, None)


def test_the_environment_has_no_say(
    connections: Connections, service: Service, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    (tmp_path / ".netrc").write_text("machine 127.0.0.1 login someone password secret\n")
    monkeypatch.setenv("NETRC", str(tmp_path / ".netrc"))
    for name in ("http_proxy", "HTTP_PROXY", "ALL_PROXY", "all_proxy"):
        monkeypatch.setenv(name, "http://127.0.0.1:9")
    assert get(connections, service.url).status_code == 200
    assert "Authorization" not in service.received


def test_the_imm_sdk_sends_through_these_whatever_the_host(
    connections: Connections, service: Service, monkeypatch: pytest.MonkeyPatch
) -> None:
    # Given the SDK, which keeps its sessions in a class attribute that is not documented
    monkeypatch.setattr(DaraCore, "_sessions", {})
    ImmTasks("cn-hangzhou", "1", None, RoleCredentials({}), connections)
    for url in (service.url, service.url.replace("127.0.0.1", "localhost")):
        request = DaraRequest()
        request.protocol, request.method, request.pathname = "http", "GET", "/"
        request.headers["host"], request.port = url.split("/")[2].split(":")

        # When it sends a request with an exchange in place of a client certificate
        with connections.exchange(Timeouts(SECONDS, SECONDS)) as exchange:
            service.ends_early = False
            answered = DaraCore.do_action(request, {"cert": exchange})

        # Then the exchange has what came back
        assert answered.status_code == 200
        assert exchange.answer is not None
        assert exchange.body == b""

        # And a client that knows nothing of exchanges is answered too, by connections of its own
        service.ends_early = True
        assert DaraCore.do_action(request, {}).status_code == 200

    # Also one that has a proxy, for a host that only the proxy knows
    request.headers["host"], request.port = "no-such-host.invalid", 80
    assert DaraCore.do_action(request, {"httpProxy": service.url}).status_code == 200


def test_a_certificate_of_a_trusted_authority_is_accepted(
    certificates: Certificates, trusting: Connections
) -> None:
    with Service(certificates.trusted) as service:
        assert get(trusting, service.url).status_code == 200
        trusting.drop()


def test_a_layers_directory_of_certificates_takes_the_place_of_the_bundle(
    certificates: Certificates, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    split_bundle(certificates.authority, tmp_path / "cacert.d")
    monkeypatch.setattr("certifi.where", lambda: str(tmp_path / "cacert.pem"))
    connections = Connections(secure=True)
    with Service(certificates.trusted) as service:
        assert get(connections, service.url).status_code == 200
        connections.drop()
    with Service(certificates.untrusted) as service, pytest.raises(SSLError):
        get(connections, service.url)


@pytest.mark.parametrize("secure", [True, False])
def test_any_other_certificate_is_refused(certificates: Certificates, secure: bool) -> None:
    connections = Connections(secure=secure)
    with Service(certificates.untrusted) as service, pytest.raises(SSLError):
        get(connections, service.url)
    assert service.asked == []


def test_who_is_trusted_has_to_prove_a_name_too() -> None:
    context = trusted_certificates()
    assert context.verify_mode is ssl.CERT_REQUIRED
    assert context.check_hostname
    assert context.cert_store_stats()["x509_ca"] > 0
