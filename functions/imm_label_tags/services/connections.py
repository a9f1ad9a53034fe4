"""The connections of an instance: one pool for both SDKs, which knows when they may have died."""

from __future__ import annotations

import ssl
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from email.utils import parsedate_to_datetime
from pathlib import Path
from time import monotonic, time
from typing import Any, NamedTuple

import certifi
from urllib3 import PoolManager, Timeout

from imm_label_tags.retries import Timeouts
from imm_label_tags.services.answer_room import AnswerRoom, Share
from imm_label_tags.services.timed_connections import TIMED_POOLS

KEPT_CONNECTIONS = 64
HOSTS = 4
# After so long a rest the instance may have been frozen, and its connections closed from the other side.
REST_SECONDS = 30.0


class Answer(NamedTuple):
    """An HTTP answer as both SDKs read one; ``headers`` find a name in any case, ``content`` is decoded."""

    status_code: int
    headers: Mapping[str, str]
    reason: str = ""
    content: bytes = b""
    request: Any = None

    @property
    def is_stream_consumed(self) -> bool:
        """All of it has been read."""
        return True

    def close(self) -> None:
        """Nothing is left to be closed."""

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


class Exchange:
    """One call: its time, its share of the room, and what came back.

    ``answer`` is None until the head of an answer has come, ``body`` (decoded) until all of it has. An SDK's
    errors may tell of neither.
    """

    def __init__(self, timeouts: Timeouts, share: Share) -> None:
        self.timeouts = timeouts
        self.share = share
        self.answer: Answer | None = None
        self.body: bytes | None = None


class Connections:
    """Sends requests, without the environment's proxies and .netrc.

    ``secure`` has the certificates that are trusted loaded now and once, and not with each connection. All
    answers that are being read at one time share the ``room``.
    """

    def __init__(self, *, secure: bool, room: AnswerRoom | None = None) -> None:
        self._room = room or AnswerRoom.of(None)
        trusted: dict[str, Any] = (
            {"ssl_context": trusted_certificates()} if secure else {"ca_certs": certifi.where()}
        )
        self._pools = PoolManager(HOSTS, maxsize=KEPT_CONNECTIONS, cert_reqs="CERT_REQUIRED", **trusted)
        self._pools.pool_classes_by_scheme = TIMED_POOLS
        self._rests_since = _clocks()

    @contextmanager
    def in_use(self) -> Iterator[None]:
        """The time of an invocation: after a rest of more than REST_SECONDS none that was kept is used."""
        # By the clock that goes on longest while an instance is frozen.
        rest = max(now - since for now, since in zip(_clocks(), self._rests_since, strict=True))
        if rest > REST_SECONDS:
            self.drop()
        try:
            yield
        finally:
            self._rests_since = _clocks()

    def drop(self) -> None:
        """Close those that are not in use: they may be dead without this end knowing."""
        self._pools.clear()

    @contextmanager
    def exchange(self, timeouts: Timeouts) -> Iterator[Exchange]:
        """Make one call in this context, and read its answer there: so long it has its share of the room."""
        exchange = Exchange(timeouts, Share(self._room))
        try:
            yield exchange
        finally:
            exchange.share.give_back()

    def send(self, exchange: Exchange, request: Any, body: bytes | None) -> Answer:
        """Send an SDK's request, whose ``method``, ``url`` and ``headers`` it has.

        Raises urllib3's HTTPError, and TooLarge or NoRoom where there is no room for the answer.
        """
        headers = {name: value for name, value in request.headers.items() if value is not None}
        response = self._pools.urlopen(
            request.method,
            request.url,
            body=body,
            headers=headers,
            retries=False,
            # It would take the signed request with its token to another host.
            redirect=False,
            timeout=Timeout(connect=exchange.timeouts.connect, read=exchange.timeouts.read),
            preload_content=False,
        )
        exchange.answer = Answer(response.status, response.headers, response.reason or "", request=request)
        try:
            exchange.body = exchange.share.read(response)
        except BaseException:
            response.close()
            raise
        finally:
            response.release_conn()
        return exchange.answer._replace(content=exchange.body)


def trusted_certificates() -> ssl.SSLContext:
    """A context that verifies hosts with the certificates of certifi, as both SDKs do.

    The layer has each in a file of its own too, which OpenSSL finds by name (``layers/derived.py``):
    reading the whole bundle takes 15 to 20 ms of CPU time.
    """
    bundle = Path(certifi.where())
    directory = bundle.with_suffix(".d")
    if directory.is_dir():
        return ssl.create_default_context(capath=str(directory))
    return ssl.create_default_context(cafile=str(bundle))


def _clocks() -> tuple[float, float]:
    return monotonic(), time()


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
