"""Where the tests' secrets are learnt, and where what is written is heard."""

from __future__ import annotations

import functools
import importlib
import json
import re
import subprocess
import traceback
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any
from urllib.parse import parse_qsl

import click
import pytest
from click.testing import CliRunner, Result
from starlette.types import Message, Receive, Scope, Send

from localcloud.accounts import Accounts, Identity
from localcloud.fc import asynchronous
from localcloud.fc.invocation import InvocationRecord
from localcloud.fc.logs import LogBook
from localcloud.gateway import Gateway
from tests.secrecy.known import ACCESS_KEY_ID, ACCESS_KEY_SECRET, SECURITY_TOKEN, SIGNATURE, KnownSecrets

FUNCTIONS = Path(__file__).parent.parent.parent / "functions"
# Videos are no output of anybody's; no document or record is longer.
LONGEST_BODY = 1 << 18
# OpenAPI and OSS V4 end in "Signature=<hex>"; MNS and OSS V1 in "<access key id>:<base64>".
_SIGNATURE = re.compile(r"(?:Signature=|^(?:MNS|OSS) [^:\s]+:)([A-Za-z0-9+/=]+)")
_SIGNATURE_PARAMETERS = frozenset({"signature", "x-oss-signature"})

Hear = Callable[[str, str], None]


class Taps:
    """Wraps what issues keys, sees signatures, or writes, until ``close``.

    ``hear`` is told where something was written, and what; from any thread.
    """

    def __init__(self, known: KnownSecrets, hear: Hear) -> None:
        self._known = known
        self._hear = hear
        self._originals: list[tuple[Any, str, Any]] = []
        self._learn()
        self._listen()

    def close(self) -> None:
        """Leave everything as it was."""
        while self._originals:
            owner, name, original = self._originals.pop()
            setattr(owner, name, original)

    def _learn(self) -> None:
        self._after(Accounts, "__init__", lambda accounts, *_: self._learn_keys(accounts.owner))
        self._after(Accounts, "add", lambda _, identity: self._learn_keys(identity))
        self._wrap(Gateway, "__call__", self._gateway)

    def _listen(self) -> None:
        self._wrap(LogBook, "add", self._log_book)
        self._after(InvocationRecord, "__init__", self._answered)
        self._wrap(asynchronous, "destination_record", self._record)
        self._wrap(pytest.CaptureFixture, "readouterr", self._read_capture)
        self._wrap(CliRunner, "invoke", self._command)
        self._wrap(subprocess.Popen, "communicate", self._communicate)
        for path in sorted(FUNCTIONS.glob("*.py")):
            module = importlib.import_module(path.stem)
            for name in ("handler", "initialize"):
                if hasattr(module, name):
                    self._wrap(module, name, functools.partial(self._function, f"{path.stem}.{name}"))

    # What is learnt

    def _learn_keys(self, identity: Identity) -> None:
        self._known.add(ACCESS_KEY_ID, identity.access_key_id)
        self._known.add(ACCESS_KEY_SECRET, identity.access_key_secret)
        self._known.add(SECURITY_TOKEN, identity.security_token)

    def _learn_signatures(self, scope: Scope) -> None:
        for name, value in scope["headers"]:
            if name.lower() == b"authorization":
                for signature in _SIGNATURE.findall(value.decode("latin-1")):
                    self._known.add(SIGNATURE, signature)
        query = scope["query_string"]
        for name, value in parse_qsl(query.decode("latin-1")) if b"ignature" in query else ():
            if name.lower() in _SIGNATURE_PARAMETERS:
                self._known.add(SIGNATURE, value)

    # What is heard

    def _gateway(self, original: Callable[..., Any]) -> Callable[..., Any]:
        async def serve(gateway: Gateway, scope: Scope, receive: Receive, send: Send) -> None:
            """Learn a request's signature, and hear its body: what is stored, published or told."""
            if scope["type"] != "http":
                await original(gateway, scope, receive, send)
                return
            self._learn_signatures(scope)
            body = bytearray()

            async def received() -> Message:
                message = await receive()
                if len(body) < LONGEST_BODY:
                    body.extend(message.get("body", b"")[:LONGEST_BODY])
                return message

            try:
                await original(gateway, scope, received, send)
            finally:
                if not _is_form(scope):
                    self._hear_bytes(f"the body of {scope['method']} {scope['path']}", bytes(body))

        return serve

    def _log_book(self, original: Callable[..., Any]) -> Callable[..., Any]:
        def add(book: LogBook, function: str, instance_id: str, request_id: str | None, text: str) -> None:
            self._hear(f"the log of function {function}", text)
            original(book, function, instance_id, request_id, text)

        return add

    def _answered(self, result: InvocationRecord, *_: object, **__: object) -> None:
        self._hear_bytes("the answer of an invocation", result.body)

    def _record(self, original: Callable[..., bytes]) -> Callable[..., bytes]:
        def record(*arguments: Any, **options: Any) -> bytes:
            made = original(*arguments, **options)
            self._hear_bytes("the record of an asynchronous invocation", made)
            return made

        return record

    def _read_capture(self, original: Callable[..., Any]) -> Callable[..., Any]:
        def readouterr(fixture: pytest.CaptureFixture[Any]) -> Any:
            captured = original(fixture)
            for name in ("out", "err"):
                self._hear_bytes(f"what a test captured of std{name}", getattr(captured, name))
            return captured

        return readouterr

    def _command(self, original: Callable[..., Any]) -> Callable[..., Any]:
        def invoke(runner: CliRunner, command: Any, arguments: Any = None, **options: Any) -> Result:
            result: Result = original(runner, command, arguments, **options)
            words = list(arguments or ()) if isinstance(command, click.Group) else []
            name = " ".join([command.name, *words[:1]])
            self._hear(f"the output of {name}", result.output)
            error = result.exception
            if error is not None and not isinstance(error, SystemExit):
                self._hear(f"the error of {name}", described(error))
            return result

        return invoke

    def _communicate(self, original: Callable[..., Any]) -> Callable[..., Any]:
        def communicate(process: subprocess.Popen[Any], *arguments: Any, **options: Any) -> Any:
            out, error = original(process, *arguments, **options)
            self._hear_bytes("the output of a process", out)
            self._hear_bytes("the error output of a process", error)
            return out, error

        return communicate

    def _function(self, name: str, original: Callable[..., Any]) -> Callable[..., Any]:
        def call(*arguments: Any) -> Any:
            try:
                answer = original(*arguments)
            except BaseException as error:
                self._hear(f"the error of {name}", described(error))
                raise
            self._hear(f"the answer of {name}", json.dumps(answer, ensure_ascii=False, default=repr))
            return answer

        return call

    # How

    def _hear_bytes(self, channel: str, data: bytes | str | None) -> None:
        if data:
            self._hear(channel, data.decode("utf-8", "replace") if isinstance(data, bytes) else data)

    def _after(self, owner: Any, name: str, told: Callable[..., None]) -> None:
        def wrapper(original: Callable[..., Any]) -> Callable[..., Any]:
            def call(itself: Any, *arguments: Any, **options: Any) -> None:
                original(itself, *arguments, **options)
                told(itself, *arguments, **options)

            return call

        self._wrap(owner, name, wrapper)

    def _wrap(self, owner: Any, name: str, wrapper: Callable[[Callable[..., Any]], Any]) -> None:
        original = getattr(owner, name)
        self._originals.append((owner, name, original))
        setattr(owner, name, functools.wraps(original)(wrapper(original)))


def _is_form(scope: Scope) -> bool:
    """Whether a request is a form: what signs an upload by a form is in it."""
    types = (value for name, value in scope["headers"] if name.lower() == b"content-type")
    return any(value.startswith(b"multipart/form-data") for value in types)


def described(error: BaseException) -> str:
    """All that an error could show: its traceback with every cause and context, and all that it holds."""
    parts = traceback.format_exception(type(error), error, error.__traceback__)
    parts += _held(error, set())
    return "\n".join(parts)


def _held(value: object, seen: set[int]) -> Iterator[str]:
    """The text of a value, and of all that can be reached from it through attributes and collections."""
    if id(value) in seen or isinstance(value, type):
        return
    seen.add(id(value))
    inner: list[object] = []
    if isinstance(value, (list, tuple, set, frozenset)):
        inner += value
    elif isinstance(value, dict):
        inner += [*value, *value.values()]
    else:
        yield repr(value)
        inner += getattr(value, "__dict__", {}).values()
    if isinstance(value, BaseException):
        inner += [value.args, value.__cause__, value.__context__]
    for one in inner:
        yield from _held(one, seen)
