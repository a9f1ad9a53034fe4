"""The connections of an instance: one pool for both SDKs, which knows when they may have died."""

from __future__ import annotations

import ssl
import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from email.utils import parsedate_to_datetime
from pathlib import Path
from time import monotonic, time
from typing import Any, NamedTuple

import certifi
import requests
from darabonba.core import DaraCore
from requests.adapters import HTTPAdapter

from imm_label_tags.services.answer_room import AnswerRoom, MeasuredBody, Share
from imm_label_tags.services.timed_connections import TIMED_POOLS

KEPT_CONNECTIONS = 64
HOSTS = 4
# After so long a rest the instance may have been frozen, and its connections closed from the other side.
REST_SECONDS = 30.0


class Answer(NamedTuple):
    """The status and headers (by lower-case name) of an HTTP answer."""

    status: int
    headers: Mapping[str, str]

    @property
    def after_seconds(self) -> float:
        """How long the service asks to wait before the next request; 0 where it does not say.

        ``x-acs-retry-after`` and ``x-oss-qos-delay-time`` are milliseconds (alibabacloud.com/help, "Limits"
        of OSS; the IMM SDK's tests), Retry-After is seconds or a date (RFC 9110).
        """
        for name in ("x-acs-retry-after", "x-oss-qos-delay-time"):
            milliseconds = _number(self.headers.get(name, ""))
            if milliseconds > 0:
                return milliseconds / 1000
        return _retry_after(self.headers.get("retry-after", ""))


class Connections:
    """One session without the environment's proxies and .netrc, and without redirects.

    A redirect would take the signed request with its token to another host. ``secure`` has the certificates
    that are trusted loaded now and once, and not with each connection. All answers that are being read at one
    time share the ``room``.
    """

    def __init__(self, *, secure: bool, room: AnswerRoom | None = None) -> None:
        self._room = room or AnswerRoom.of(None)
        self._adapter = _ObservedAdapter(trusted_certificates() if secure else None)
        self.session = requests.Session()
        self.session.trust_env = False
        self.session.mount("https://", self._adapter)
        self.session.mount("http://", self._adapter)
        self._rest = _Rest()

    def serve_imm(self) -> None:
        """Have the IMM SDK use this session: it keeps its sessions in a class attribute, by host."""
        if hasattr(DaraCore, "_sessions"):
            DaraCore._sessions = _EveryHost(self.session)

    @contextmanager
    def in_use(self) -> Iterator[None]:
        """The time of an invocation: after a rest of more than REST_SECONDS none that was kept is used."""
        if self._rest.seconds() > REST_SECONDS:
            self.drop()
        try:
            yield
        finally:
            self._rest = _Rest()

    def drop(self) -> None:
        """Close those that are not in use: they may be dead without this end knowing."""
        self._adapter.close()

    @contextmanager
    def call(self, *, keep_body: bool = False) -> Iterator[None]:
        """Make one call in this context, and read its answer there: until then it has its share of the room.

        With ``keep_body`` the answer's body is at hand in ``last_body`` so long.

        An answer that has none ends the call with TooLarge or NoRoom, in whatever the SDK wraps errors.
        """
        answers = self._adapter.answers
        answers.last = None
        answers.kept = [] if keep_body else None
        answers.share = Share(self._room)
        try:
            yield
        finally:
            answers.share.give_back()
            answers.share = answers.kept = None

    def last_answer(self) -> Answer | None:
        """The answer to this thread's last call, which an SDK's error may not tell of."""
        return getattr(self._adapter.answers, "last", None)

    def last_body(self) -> bytes:
        """The body (decoded) of the answer to the call that this thread is in, and that keeps it."""
        (response,) = self._adapter.answers.kept[-1:]
        body: bytes = response.content
        return body


def trusted_certificates() -> ssl.SSLContext:
    """A context that verifies hosts with the certificates of certifi, as both SDKs do.

    The layer has each in a file of its own too, which OpenSSL finds by name (``layers/certificates.py``):
    reading the whole bundle takes 15 to 20 ms of CPU time.
    """
    bundle = Path(certifi.where())
    directory = bundle.with_suffix(".d")
    if directory.is_dir():
        return ssl.create_default_context(capath=str(directory))
    return ssl.create_default_context(cafile=str(bundle))


class _Rest:
    """The time since an invocation ended, by the clock that goes on longest while an instance is frozen."""

    def __init__(self) -> None:
        self._since = (monotonic(), time())

    def seconds(self) -> float:
        return max(monotonic() - self._since[0], time() - self._since[1])


class _ObservedAdapter(HTTPAdapter):
    def __init__(self, context: ssl.SSLContext | None) -> None:
        self.answers = threading.local()
        self._context = context
        super().__init__(pool_connections=HOSTS, pool_maxsize=KEPT_CONNECTIONS)

    def init_poolmanager(self, *positional: Any, **options: Any) -> None:
        if self._context is not None:
            options["ssl_context"] = self._context
        super().init_poolmanager(*positional, **options)
        self.poolmanager.pool_classes_by_scheme = TIMED_POOLS

    def cert_verify(self, conn: Any, url: str, verify: Any, cert: Any) -> None:
        if self._context is None or verify is not True:
            super().cert_verify(conn, url, verify, cert)
        # Otherwise the context verifies; naming the file here would have it read again.

    def send(self, request: Any, *positional: Any, **options: Any) -> Any:
        response = super().send(request, *positional, **options)
        headers = {name.lower(): value for name, value in response.headers.items()}
        self.answers.last = Answer(response.status_code, headers)
        response.headers.pop("Location", None)
        share = getattr(self.answers, "share", None)
        if share is not None:
            response.raw = MeasuredBody(response.raw, share)
            if self.answers.kept is not None:
                self.answers.kept.append(response)
        return response


class _EveryHost(dict[str, requests.Session]):
    """The same session whatever host is asked for."""

    def __init__(self, session: requests.Session) -> None:
        super().__init__()
        self._session = session

    def __contains__(self, key: object) -> bool:
        return True

    def __getitem__(self, key: str) -> requests.Session:
        return self._session


def _number(text: str) -> float:
    return float(text) if text.isascii() and text.isdecimal() and len(text) < 12 else 0.0


def _retry_after(text: str) -> float:
    seconds = _number(text)
    if seconds or not text:
        return seconds
    try:
        return max(0.0, parsedate_to_datetime(text).timestamp() - time())
    except (ValueError, TypeError, OverflowError):
        return 0.0
