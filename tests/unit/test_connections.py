"""The connections of an instance: kept, dropped, never redirected; and what an answer asks for."""

from __future__ import annotations

import ssl
import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import datetime, timedelta, timezone
from email.utils import format_datetime
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest
import requests
from darabonba.core import DaraCore

from imm_label_tags.services.session import Answer, Connections, trusted_certificates
from layers.certificates import split_bundle
from tests.faults.certificates import Certificates

SECONDS = 60.0


class Service:
    """An HTTP server that counts its connections and answers what it is told to."""

    def __init__(self, context: ssl.SSLContext | None = None) -> None:
        self.status = 200
        self.headers: dict[str, str] = {}
        self.asked: list[str] = []
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
                service.has_asked.set()
                service.may_answer.wait(SECONDS)
                self.send_response(service.status)
                for name, value in {"Content-Length": "0", **service.headers}.items():
                    self.send_header(name, value)
                self.end_headers()

            def finish(self) -> None:
                super().finish()
                service.ended.release()

            def log_message(self, *_: Any) -> None:
                """Tests are quiet."""

        return Handler


@pytest.fixture
def connections() -> Iterator[Connections]:
    connections = Connections(secure=False)
    yield connections
    connections.drop()


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
        connections.session.get(service.url)
    assert service.connected == 1

    # When the connections are dropped, then the service sees the end of the one that was kept
    connections.drop()
    assert service.ended.acquire(timeout=SECONDS)
    connections.session.get(service.url)
    assert service.connected == 2


def test_dropping_leaves_a_call_that_is_under_way_alone(connections: Connections, service: Service) -> None:
    service.may_answer.clear()
    with ThreadPoolExecutor(1) as executor:
        call = executor.submit(connections.session.get, service.url)
        assert service.has_asked.wait(SECONDS)
        connections.drop()
        service.may_answer.set()
        assert call.result().status_code == 200
    # Nor is that connection used again, since nobody knows how long it has been in use.
    connections.session.get(service.url)
    assert service.connected == 2


def test_dropping_leaves_a_call_alone_that_is_about_to_take_a_connection(
    connections: Connections, service: Service, monkeypatch: pytest.MonkeyPatch
) -> None:
    adapter: Any = connections.session.get_adapter(service.url)
    choose = adapter.get_connection_with_tls_context

    def choose_and_drop(*positional: Any, **options: Any) -> Any:
        pool = choose(*positional, **options)
        connections.drop()
        return pool

    monkeypatch.setattr(adapter, "get_connection_with_tls_context", choose_and_drop)
    assert connections.session.get(service.url).status_code == 200


@pytest.mark.parametrize("status", [301, 302, 303, 307, 308])
def test_a_redirect_is_an_answer_and_nobody_goes_there(
    connections: Connections, service: Service, status: int
) -> None:
    service.status, service.headers = status, {"Location": f"{service.url}elsewhere"}
    assert connections.session.get(service.url, headers={"Authorization": "secret"}).status_code == status
    assert service.asked == ["/"]
    answer = connections.last_answer()
    assert answer is not None
    assert (answer.status, answer.headers["location"]) == (status, f"{service.url}elsewhere")


def test_the_last_answer_is_the_threads_own(connections: Connections, service: Service) -> None:
    assert connections.last_answer() is None
    service.status, service.headers = 503, {"Retry-After": "7"}
    connections.session.get(service.url)
    answer = connections.last_answer()
    assert answer is not None
    assert (answer.status, answer.after_seconds) == (503, 7)
    with ThreadPoolExecutor(1) as another:
        assert another.submit(connections.last_answer).result() is None
    with connections.call():
        assert connections.last_answer() is None


def test_where_there_was_no_answer_none_is_the_last(connections: Connections, service: Service) -> None:
    connections.session.get(service.url)
    with connections.call(), pytest.raises(requests.ConnectionError):
        connections.session.get("http://127.0.0.1:9/")
    assert connections.last_answer() is None


def test_the_environment_has_no_say(
    connections: Connections, service: Service, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    (tmp_path / ".netrc").write_text("machine 127.0.0.1 login someone password secret\n")
    monkeypatch.setenv("NETRC", str(tmp_path / ".netrc"))
    for name in ("http_proxy", "HTTP_PROXY", "ALL_PROXY", "all_proxy"):
        monkeypatch.setenv(name, "http://127.0.0.1:9")
    sent = connections.session.get(service.url).request
    assert "Authorization" not in sent.headers


def test_the_imm_sdk_finds_the_session_for_every_host(
    connections: Connections, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(DaraCore, "_sessions", {})
    connections.serve_imm()
    for key in ("https://imm.cn-hangzhou.aliyuncs.com:443:pool=40", "anything"):
        assert key in DaraCore._sessions
        assert DaraCore._sessions[key] is connections.session


def test_an_imm_sdk_that_keeps_its_sessions_elsewhere_is_left_alone(
    connections: Connections, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delattr(DaraCore, "_sessions")
    connections.serve_imm()
    assert not hasattr(DaraCore, "_sessions")


@pytest.fixture(scope="module")
def certificates(tmp_path_factory: pytest.TempPathFactory) -> Certificates:
    return Certificates(tmp_path_factory.mktemp("certificates"))


def test_a_certificate_of_a_trusted_authority_is_accepted(
    certificates: Certificates, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("certifi.where", lambda: str(certificates.authority))
    connections = Connections(secure=True)
    with Service(certificates.trusted) as service:
        assert connections.session.get(service.url).status_code == 200
        connections.drop()


def test_a_layers_directory_of_certificates_takes_the_place_of_the_bundle(
    certificates: Certificates, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    split_bundle(certificates.authority, tmp_path / "cacert.d")
    monkeypatch.setattr("certifi.where", lambda: str(tmp_path / "cacert.pem"))
    connections = Connections(secure=True)
    with Service(certificates.trusted) as service:
        assert connections.session.get(service.url).status_code == 200
        connections.drop()
    with Service(certificates.untrusted) as service, pytest.raises(requests.exceptions.SSLError):
        connections.session.get(service.url)


@pytest.mark.parametrize("secure", [True, False])
def test_any_other_certificate_is_refused(certificates: Certificates, secure: bool) -> None:
    connections = Connections(secure=secure)
    with Service(certificates.untrusted) as service, pytest.raises(requests.exceptions.SSLError):
        connections.session.get(service.url)
    assert service.asked == []


def test_who_is_trusted_has_to_prove_a_name_too() -> None:
    context = trusted_certificates()
    assert context.verify_mode is ssl.CERT_REQUIRED
    assert context.check_hostname
    assert context.cert_store_stats()["x509_ca"] > 0
