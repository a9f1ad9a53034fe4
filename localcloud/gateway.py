"""The door of every service: names a call, records it and applies the faults that a test ordered."""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import Awaitable, Callable
from email.utils import formatdate
from typing import Any, NamedTuple, Protocol

from starlette.requests import ClientDisconnect, Request
from starlette.responses import FileResponse, Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from localcloud.calls import Call, CallLog
from localcloud.database import StateInaccessible
from localcloud.faults import Fault, FaultKind, FaultPlan
from localcloud.refusals import RequestRefused

_LOG = logging.getLogger("localcloud")


class Operation(NamedTuple):
    """What a request asks for: the API's name of the action, and the resource it concerns."""

    action: str
    resource: str


class Service(Protocol):
    """What the gateway needs of a service."""

    name: str
    app: ASGIApp

    def operation(self, scope: Scope) -> Operation:
        """Name the operation of a request from its line and headers alone."""

    def error(self, status: int, code: str, message: str) -> Response:
        """The service's own form of an error."""


def application(
    answer: Callable[[Request, bytes], Awaitable[Response]], refuse: Callable[[RequestRefused], Response]
) -> ASGIApp:
    """An ASGI application that reads a request whole and answers it, or says why it is refused."""

    async def serve(scope: Scope, receive: Receive, send: Send) -> None:
        request = Request(scope, receive)
        body = await request.body()
        try:
            response = await answer(request, body)
        except RequestRefused as refused:
            response = refuse(refused)
        await response(scope, receive, send)

    return serve


class Gateway:
    """An ASGI application around a service."""

    def __init__(self, service: Service, calls: CallLog, faults: FaultPlan) -> None:
        self._service = service
        self._calls = calls
        self._faults = faults

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one request."""
        if scope["type"] != "http":
            await self._service.app(scope, receive, send)
            return
        operation = self._service.operation(scope)
        fault = self._faults.take(self._service.name, *operation)
        started = time.monotonic()
        self._calls.begin()
        question, answer = _Question(receive), _Answer(send)
        try:
            if fault is None:
                await self._service.app(scope, question.receive, answer.send)
            else:
                await self._fail(fault, scope, question, answer)
        except ClientDisconnect:
            # Whoever called is gone, because it was killed or lost its patience: nobody waits for an answer.
            return
        except Exception as error:
            # The client gets a plain 500; whoever runs the cloud has to see why.
            message = "The local cloud failed; its own output says why."
            if isinstance(error, StateInaccessible):
                message = str(error)
                _LOG.error("%s %s failed. %s", self._service.name, operation.action, message)
            else:
                _LOG.exception("%s %s failed", self._service.name, operation.action)
            if answer.status is not None:
                raise
            await question.finish()
            response = self._service.error(500, "InternalError", message)
            await response(scope, question.receive, answer.send)
        finally:
            client = scope.get("client")
            self._calls.add(
                Call(
                    service=self._service.name,
                    action=operation.action,
                    resource=operation.resource,
                    status=answer.status,
                    started=started,
                    ended=time.monotonic(),
                    connection=client[1] if client else 0,
                    fault=fault.kind.value if fault else None,
                )
            )

    async def _fail(self, fault: Fault, scope: Scope, question: _Question, answer: _Answer) -> None:
        if fault.delay_seconds:
            await asyncio.sleep(fault.delay_seconds)
        kind = fault.kind
        if kind in (FaultKind.DELAY, FaultKind.MEET):
            if kind is FaultKind.MEET:
                await self._faults.meet(fault)
            await self._service.app(scope, question.receive, answer.send)
        elif kind in (FaultKind.ERROR, FaultKind.ANSWER):
            await question.finish()
            response = self._error(fault) if kind is FaultKind.ERROR else _ordered(fault)
            await response(scope, question.receive, answer.send)
        elif kind is FaultKind.RESET_BEFORE:
            answer.abort()
        elif kind is FaultKind.SILENCE:
            while (await question.receive())["type"] != "http.disconnect":
                pass
        else:
            messages = await _collect(self._service.app, scope, question.receive)
            await answer.break_off(messages, kind)

    def _error(self, fault: Fault) -> Response:
        response = self._service.error(fault.status, fault.code, fault.message)
        response.headers.update(dict(fault.headers))
        return response


class _Question:
    """Passes a request's body on, and takes in what the service has left of it."""

    def __init__(self, receive: Receive) -> None:
        self._receive = receive
        self._complete = False

    async def receive(self) -> Message:
        message = await self._receive()
        self._complete = message["type"] == "http.disconnect" or not message.get("more_body", False)
        return message

    async def finish(self) -> None:
        """A client that still sends reads no answer."""
        while not self._complete:
            await self.receive()


class _Answer:
    """Passes an answer on with its date, remembers its status, and can break the connection instead."""

    def __init__(self, send: Send) -> None:
        self._send = send
        self.status: int | None = None

    async def send(self, message: Message) -> None:
        if message["type"] == "http.response.start":
            self.status = message["status"]
            headers = list(message.get("headers", ()))
            if all(name.lower() != b"date" for name, _ in headers):
                headers.append((b"date", formatdate(usegmt=True).encode()))
            message = {**message, "headers": headers}
        await self._send(message)

    def abort(self) -> None:
        """Reset the connection. ASGI has no word for it; the server's transport has."""
        self._transport().abort()

    async def break_off(self, messages: list[Message], kind: FaultKind) -> None:
        """Send nothing, or the head and half of the body, and end the connection."""
        if kind is not FaultKind.RESET_AFTER:
            start, *rest = messages
            body = b"".join(message.get("body", b"") for message in rest)
            await self.send(start)
            half = body[: len(body) // 2]
            await self.send({"type": "http.response.body", "body": half, "more_body": True})
        if kind is FaultKind.TRUNCATE:
            self._transport().close()
        else:
            self.abort()

    def _transport(self) -> asyncio.Transport:
        owner: Any = getattr(self._send, "__self__", None)
        transport: asyncio.Transport = owner.transport
        return transport


def _ordered(fault: Fault) -> Response:
    if fault.file:
        return FileResponse(fault.file, fault.status, dict(fault.headers))
    return Response(fault.body, fault.status, dict(fault.headers))


async def _collect(app: ASGIApp, scope: Scope, receive: Receive) -> list[Message]:
    messages: list[Message] = []

    async def keep(message: Message) -> None:
        messages.append(message)

    await app(scope, receive, keep)
    return messages
