"""Stands between the function and a service, and breaks connections as networks and dying servers do."""

from __future__ import annotations

import asyncio
import socket
import ssl
import struct
from collections import Counter
from collections.abc import Awaitable, Callable, Iterable, Iterator
from contextlib import contextmanager
from enum import Enum
from typing import NamedTuple
from urllib.parse import urlsplit

from localcloud.cloud import LocalCloud
from tests.faults.certificates import Certificates
from tests.stage import Stage

_RESET = struct.pack("ii", 1, 0)
_NOT_TLS = b"HTTP/1.1 400 Bad Request\r\nContent-Length: 0\r\nConnection: close\r\n\r\n"
_OSS_ACTIONS = {"HEAD": "HeadObject", "GET": "GetObjectTagging", "PUT": "PutObjectTagging"}

# Between two bytes: shorter than any time-out, so that each receive succeeds.
DROP_SECONDS = 0.05

_Handler = Callable[[asyncio.StreamReader, asyncio.StreamWriter], Awaitable[None]]


class CallBreak(str, Enum):
    """How the connection of one call breaks, with a real reset.

    ``BEFORE``: the service never sees the request. ``DURING``: after half of the body, or of the headers
    where there is none. ``AFTER``: the service has acted, and nothing of its answer arrives. ``DROPS`` and
    ``BODY_IN_DROPS``: nothing breaks, but the answer, or its body, comes so slowly that it never ends.
    """

    BEFORE = "before"
    DURING = "during"
    AFTER = "after"
    DROPS = "drops"
    BODY_IN_DROPS = "body in drops"


class ConnectionBreak(str, Enum):
    """What meets every new connection: nobody listens, or the TLS handshake comes to nothing."""

    REFUSED = "refused"
    UNTRUSTED = "untrusted"
    CUT_OFF = "cut off"
    NO_TLS = "no TLS"


class IdleBreak(str, Enum):
    """What happens to the connections that are kept: an orderly end, a reset, or silence for ever."""

    ENDED = "ended"
    RESET = "reset"
    VANISHED = "vanished"


class _Connection:
    def __init__(self, writer: asyncio.StreamWriter) -> None:
        self.writer = writer
        self.task = asyncio.current_task()
        self.vanished = False

    def abort(self, *, reset: bool) -> None:
        if reset:
            sock = self.writer.get_extra_info("socket")
            sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, _RESET)
        self.writer.transport.abort()


class Relay:
    """A relay on loopback to one service of a local cloud; it runs in the cloud's event loop.

    With ``trusted`` it speaks TLS; ``untrusted`` is what it presents where that is what goes wrong.
    """

    def __init__(
        self,
        cloud: LocalCloud,
        upstream: str,
        trusted: ssl.SSLContext | None = None,
        untrusted: ssl.SSLContext | None = None,
    ) -> None:
        self._cloud = cloud
        self._upstream = urlsplit(upstream)
        self._trusted = trusted
        self._untrusted = untrusted
        self._socket = _bound(0)
        self._port: int = self._socket.getsockname()[1]
        self._server: asyncio.AbstractServer | None = None
        self._connections: set[_Connection] = set()
        self._call_breaks: dict[str, tuple[CallBreak, int | None]] = {}
        self._waiting_for: set[str] | None = None
        self._break: ConnectionBreak | None = None
        self.endpoint = f"{'https' if trusted else 'http'}://127.0.0.1:{self._port}"
        # By action: the requests that arrived, and the answers that were handed on.
        self.asked: Counter[str] = Counter()
        self.answered: Counter[str] = Counter()
        self.access_key_ids: dict[str, list[str]] = {}
        self.signatures: list[str] = []
        self.accepted = 0

    @contextmanager
    def running(self) -> Iterator[Relay]:
        """Passes on what comes, as long as the context lasts."""
        self._cloud.run(self._listen(self._serve, self._trusted))
        yield self
        self._cloud.run(self._stop())

    def break_call(self, action: str, how: CallBreak, times: int | None = None) -> None:
        """Break the connections of the next ``times`` calls of an action (None: of all)."""
        self._cloud.call(self._call_breaks.__setitem__, action, (how, times))

    def break_connections(self, how: ConnectionBreak, after: Iterable[str] = ()) -> None:
        """Break every connection as soon as each of these actions has been answered once more.

        Those that are kept are ended, and new ones meet what ``how`` says.
        """
        self._cloud.run(self._arm(how, set(after)))

    def break_kept(self, how: IdleBreak) -> None:
        """Break the connections that are open now; new ones work."""
        self._cloud.run(self._break_kept(how))

    def restore(self) -> None:
        """Let everything work again."""
        self._cloud.run(self._restore())

    async def _listen(self, handler: _Handler, context: ssl.SSLContext | None) -> None:
        # A duplicate: what waits to be accepted survives a change of the handler.
        self._server = await asyncio.start_server(handler, sock=self._socket.dup(), ssl=context)

    async def _arm(self, how: ConnectionBreak, after: set[str]) -> None:
        self._break = how
        self._waiting_for = after
        if not after:
            await self._break_all(None)

    async def _break_all(self, spared: _Connection | None) -> None:
        self._waiting_for = None
        assert self._server is not None
        self._server.close()
        await self._abort([other for other in self._connections if other is not spared], reset=False)
        if self._break is ConnectionBreak.REFUSED:
            # Bound to the port, so that nobody else gets it, but not listening.
            self._socket.close()
            self._socket = _bound(self._port)
        elif self._break is ConnectionBreak.UNTRUSTED:
            await self._listen(self._serve, self._untrusted)
        elif self._break is ConnectionBreak.CUT_OFF:
            await self._listen(_cut_off, None)
        else:
            await self._listen(_answer_without_tls, None)

    async def _restore(self) -> None:
        self._call_breaks.clear()
        self._waiting_for = None
        if self._break is not None:
            self._break = None
            if self._server is not None:
                self._server.close()
            await self._listen(self._serve, self._trusted)

    async def _break_kept(self, how: IdleBreak) -> None:
        if how is IdleBreak.VANISHED:
            for connection in self._connections:
                connection.vanished = True
        else:
            await self._abort(self._connections, reset=how is IdleBreak.RESET)

    async def _abort(self, connections: Iterable[_Connection], *, reset: bool) -> None:
        ended = []
        for connection in list(connections):
            if connection.task is not None:
                connection.abort(reset=reset)
                # It may wait for the service, or for ever.
                connection.task.cancel()
                ended.append(connection.task)
        if ended:
            await asyncio.wait(ended)

    async def _stop(self) -> None:
        if self._server is not None:
            self._server.close()
        self._socket.close()
        await self._abort(self._connections, reset=False)

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        connection = _Connection(writer)
        self._connections.add(connection)
        self.accepted += 1
        upstream: asyncio.StreamWriter | None = None
        try:
            answers, upstream = await asyncio.open_connection(self._upstream.hostname, self._upstream.port)
            while True:
                await self._pass_on(connection, reader, answers, upstream)
        except (asyncio.IncompleteReadError, ConnectionError, ssl.SSLError, asyncio.CancelledError):
            pass
        finally:
            self._connections.discard(connection)
            for end in (writer, upstream):
                if end is not None:
                    end.transport.abort()

    async def _pass_on(
        self,
        connection: _Connection,
        reader: asyncio.StreamReader,
        answers: asyncio.StreamReader,
        upstream: asyncio.StreamWriter,
    ) -> None:
        head, body = await _read_message(reader)
        action = _action(head)
        if connection.vanished:
            await asyncio.Event().wait()
        self.asked[action] += 1
        self._remember_keys(action, head)
        how = self._take_break(action)
        if how is CallBreak.BEFORE:
            connection.abort(reset=True)
            return
        upstream.write(head + body)
        head, body = await _read_message(answers, without_body=action == "HeadObject")
        if how in (CallBreak.DROPS, CallBreak.BODY_IN_DROPS):
            at_once = b"" if how is CallBreak.DROPS else head
            await _drip(connection.writer, at_once, (head + body)[len(at_once) :])
            return
        if how is CallBreak.DURING:
            half = head + body[: len(body) // 2] if body else head[: len(head) // 2]
            connection.writer.write(half)
        if how is not None:
            connection.abort(reset=True)
            return
        if await self._was_last(action, connection):
            head = head[:-2] + b"Connection: close\r\n\r\n"
        self.answered[action] += 1
        connection.writer.write(head + body)
        await connection.writer.drain()

    def _remember_keys(self, action: str, head: bytes) -> None:
        authorization = _header(head, b"authorization").decode()
        access_key_id = authorization.partition("Credential=")[2].replace("/", ",").partition(",")[0]
        self.access_key_ids.setdefault(action, []).append(access_key_id)
        self.signatures.append(authorization.partition("Signature=")[2])

    async def _was_last(self, action: str, connection: _Connection) -> bool:
        """Whether this is the last answer before the connections break, as a server's that goes down."""
        if self._waiting_for is None:
            return False
        self._waiting_for.discard(action)
        if self._waiting_for:
            return False
        await self._break_all(connection)
        return True

    def _take_break(self, action: str) -> CallBreak | None:
        how, times = self._call_breaks.get(action, (None, None))
        if times is not None:
            times -= 1
            if times < 0:
                return None
            assert how is not None
            self._call_breaks[action] = (how, times)
        return how


class Line(NamedTuple):
    """The function's connections to both services, laid through relays."""

    imm: Relay
    oss: Relay

    def restore(self) -> None:
        """Let everything work again."""
        self.imm.restore()
        self.oss.restore()


@contextmanager
def laid_through_relays(stage: Stage, certificates: Certificates | None = None) -> Iterator[Line]:
    """Tell the function of a stage the addresses of relays, which speak TLS where there are certificates."""
    contexts = (certificates.trusted, certificates.untrusted) if certificates else (None, None)
    endpoints = stage.cloud.endpoints
    with (
        Relay(stage.cloud, endpoints.imm, *contexts).running() as imm,
        Relay(stage.cloud, endpoints.oss, *contexts).running() as oss,
    ):
        stage.set(IMM_ENDPOINT=imm.endpoint, OSS_ENDPOINT=oss.endpoint)
        stage.new_instance()
        yield Line(imm, oss)


def _bound(port: int) -> socket.socket:
    sock = socket.socket(socket.AF_INET, socket.SOCK_STREAM, socket.IPPROTO_TCP)
    sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    sock.bind(("127.0.0.1", port))
    return sock


async def _read_message(reader: asyncio.StreamReader, *, without_body: bool = False) -> tuple[bytes, bytes]:
    """The head (up to the empty line) and the body of a request or an answer."""
    head = await reader.readuntil(b"\r\n\r\n")
    length = 0 if without_body else int(_header(head, b"content-length") or b"0")
    return head, await reader.readexactly(length)


def _header(head: bytes, name: bytes) -> bytes:
    for line in head.split(b"\r\n")[1:]:
        found, _, value = line.partition(b":")
        if found.lower() == name:
            return value.strip()
    return b""


def _action(head: bytes) -> str:
    action = _header(head, b"x-acs-action").decode()
    method, target, *_ = head.split(b" ", 2)
    if method == b"PUT" and not target.endswith((b"?tagging", b"?tagging=")):
        return "PutObject"
    return action or _OSS_ACTIONS[method.decode()]


async def _drip(writer: asyncio.StreamWriter, at_once: bytes, rest: bytes) -> None:
    """Send all but the last byte of an answer, a byte at a time, until nobody listens any more."""
    writer.write(at_once)
    for byte in rest[:-1]:
        await asyncio.sleep(DROP_SECONDS)
        writer.write(bytes([byte]))
        await writer.drain()
    await asyncio.Event().wait()


async def _cut_off(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    await reader.read(1)
    writer.transport.abort()


async def _answer_without_tls(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    await reader.read(1)
    writer.write(_NOT_TLS)
    writer.close()
