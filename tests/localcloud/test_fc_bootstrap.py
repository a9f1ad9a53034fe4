"""The runtime inside an instance: how handlers are found, what results and errors look like.

Runs the runtime in the test's own process: it is asked everything beforehand and ends when nothing is left.
"""

from __future__ import annotations

import importlib
import json
import logging
import os
import re
import signal
import socket
import struct
import sys
import tempfile
import textwrap
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from types import ModuleType
from typing import Any, NamedTuple

import pytest

from localcloud.fc.logs import OutputReader


class Reply(NamedTuple):
    succeeded: bool
    body: bytes

    @property
    def error(self) -> Any:
        assert not self.succeeded
        return json.loads(self.body)


@dataclass
class Runtime:
    """The runtime with its code directory; ``run`` hands it requests and collects what it says."""

    module: ModuleType
    code: Path
    monkeypatch: pytest.MonkeyPatch
    log: list[str]

    def write(self, name: str, source: str) -> None:
        path = self.code / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(textwrap.dedent(source), encoding="utf-8")

    def run(
        self, *handlers: str, runtime: str = "python3.12", kind: str = "invoke", event: bytes = b"event"
    ) -> list[Reply]:
        ours, theirs = socket.socketpair()
        with ours, theirs, tempfile.TemporaryFile() as output:
            self.monkeypatch.setattr(self.module, "OUTPUT", output.fileno())
            for index, handler in enumerate(handlers):
                ours.sendall(_message(_request(handler, kind, f"request-{index}"), event))
            ours.shutdown(socket.SHUT_WR)
            parent = self.module.Parent(theirs.fileno())
            served = self.module.Runtime(parent, _configuration(runtime, self.code))
            try:
                served.start()
                with pytest.raises(_Ended):
                    served.serve()
            finally:
                os.close(served._sink._output)
            theirs.close()
            messages = list(_messages(ours))
            output.seek(0)
            reader = OutputReader(self.log.append, self.log.append)
            reader.feed(output.read())
            reader.finish()
        assert messages[0][0] == {"kind": "ready"}
        assert all(header["memory"] > 1 for header, _ in messages[1:])
        return [Reply(header["succeeded"], body) for header, body in messages[1:]]

    def one(self, handler: str = "index.handler", **options: Any) -> Reply:
        (reply,) = self.run(handler, **options)
        return reply


class _Ended(BaseException):
    """What os._exit does, without the end of the process."""


@pytest.fixture
def runtime(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Runtime]:
    monkeypatch.setattr(sys, "dont_write_bytecode", sys.dont_write_bytecode)
    module = importlib.import_module("localcloud.fc.bootstrap")
    root = logging.getLogger()
    monkeypatch.setattr(root, "handlers", root.handlers)
    monkeypatch.setattr(root, "level", root.level)
    monkeypatch.setattr(logging.Formatter, "converter", logging.Formatter.converter)
    imported = set(sys.modules)

    def end(_code: int) -> None:
        raise _Ended

    monkeypatch.setattr(module.os, "_exit", end)
    terminate = signal.getsignal(signal.SIGTERM)
    code = tmp_path / "code"
    code.mkdir()
    yield Runtime(module, code, monkeypatch, [])
    for name in set(sys.modules) - imported:
        del sys.modules[name]
    signal.signal(signal.SIGTERM, terminate)
    logging.getLogger()._cache.clear()  # type: ignore[attr-defined]


def _configuration(runtime: str, code: Path) -> dict[str, Any]:
    return {
        "runtime": runtime,
        "function_name": "tags",
        "memory_size": 512,
        "timeout": 60,
        "region": "cn-hangzhou",
        "account_id": "123",
        "log_project": "project",
        "log_store": "store",
        "code": str(code),
        "layer": None,
    }


def _request(handler: str, kind: str, request_id: str) -> dict[str, Any]:
    return {
        "kind": kind,
        "handler": handler,
        "request_id": request_id,
        "retry_count": 2,
        "credentials": ["id", "secret", "token"],
    }


def _message(header: dict[str, Any], body: bytes) -> bytes:
    encoded = json.dumps(header).encode()
    return struct.pack("!II", len(encoded), len(body)) + encoded + body


def _messages(sock: socket.socket) -> Iterator[tuple[dict[str, Any], bytes]]:
    with sock.makefile("rb") as stream:
        while head := stream.read(8):
            header_size, body_size = struct.unpack("!II", head)
            yield json.loads(stream.read(header_size)), stream.read(body_size)


# Finding the handler


def test_the_handler_gets_the_event_as_bytes(runtime: Runtime) -> None:
    runtime.write("index.py", "def handler(event, context): return repr(event)")
    assert runtime.one(event=b"\xff{}") == Reply(True, b"b'\\xff{}'")


def test_a_hook_gets_the_context_alone(runtime: Runtime) -> None:
    runtime.write("index.py", "def initialize(context): return context.request_id")
    assert runtime.one("index.initialize", kind="initialize") == Reply(True, b"request-0")


def test_a_module_is_imported_once(runtime: Runtime) -> None:
    runtime.write("index.py", "n = 0\ndef handler(event, context):\n    global n\n    n += 1\n    return n\n")
    replies = runtime.run("index.handler", "index.handler")
    assert [reply.body for reply in replies] == [b"1", b"2"]


def test_a_failed_import_is_tried_again_with_the_next_request(runtime: Runtime) -> None:
    runtime.write("counter.py", "tries = []")
    runtime.write(
        "index.py",
        """
        import counter
        counter.tries.append(1)
        if len(counter.tries) < 2:
            raise RuntimeError("not yet")
        def handler(event, context): return "fine"
        """,
    )
    runtime.monkeypatch.syspath_prepend(str(runtime.code))
    first, second = runtime.run("index.handler", "index.handler")
    assert first.error["errorMessage"] == "Module initialization error: 'not yet'"
    assert second == Reply(True, b"fine")


@pytest.mark.parametrize(
    ("place", "handler"),
    [
        ("deep/entry.py", "deep/entry.handler"),
        ("package/entry.py", "package.entry.handler"),
        ("index/__init__.py", "index.handler"),
    ],
)
def test_handlers_may_lie_deeper(runtime: Runtime, place: str, handler: str) -> None:
    runtime.write("package/__init__.py", "raise RuntimeError('parents are not imported')")
    runtime.write(place, "def handler(event, context): return __name__")
    assert runtime.one(handler) == Reply(True, handler.rsplit(".", 1)[0].encode())


def test_only_packages_lead_deeper(runtime: Runtime) -> None:
    runtime.write("plain/entry.py", "def handler(event, context): return 1")
    assert runtime.one("plain.entry.handler").error["errorType"] == "ImportModuleError"


@pytest.mark.parametrize(
    ("handler", "error_type", "message"),
    [
        ("other.handler", "ImportModuleError", "Unable to import module 'other'"),
        ("index", "InvalidHandleName", "Invalid handler 'index'"),
    ],
)
def test_a_handler_that_is_not_there(runtime: Runtime, handler: str, error_type: str, message: str) -> None:
    error = runtime.one(handler).error
    assert (error["errorType"], error["errorMessage"]) == (error_type, message)


@pytest.mark.parametrize(
    ("source", "error_type", "message", "last_line"),
    [
        (
            "import not_there",
            "ImportModuleError",
            "Unable to import module 'index'",
            "ModuleNotFoundError: No module named 'not_there'",
        ),
        ("def f(:", "UserCodeSyntaxError", "Syntax error in module 'index'", "SyntaxError: invalid syntax"),
        ("int('x')", "InvalidHandleName", "Invalid handler 'index'", None),
        ("1/0", "UserCodeError", "Module initialization error: 'division by zero'", None),
        ("", "HandlerNotFound", "Handler 'handler' is missing on module 'index'", None),
    ],
)
def test_a_handler_that_cannot_be_loaded(
    runtime: Runtime, source: str, error_type: str, message: str, last_line: str | None
) -> None:
    runtime.write("index.py", source)
    error = runtime.one().error
    assert (error["errorType"], error["errorMessage"]) == (error_type, message)
    assert all(isinstance(line, str) for line in error["stackTrace"])
    if last_line is not None:
        assert error["stackTrace"][-1] == last_line


def test_the_place_of_a_syntax_error_is_split_at_commas(runtime: Runtime) -> None:
    runtime.write("index.py", "x = (\n")
    trace = runtime.one().error["stackTrace"]
    assert trace[:2] == [f'File "{runtime.code}/index.py"', "line 1"]
    assert not any("^" in line for line in trace)


# Results


@pytest.mark.parametrize(
    ("expression", "body"),
    [
        ("'text ü'", "text ü".encode()),
        (r"b'\x00\xff'", b"\x00\xff"),
        ("None", b"null"),
        ("{'b': 1, 'a': [True]}", b'{\n    "a": [\n        true\n    ],\n    "b": 1\n}'),
        ("Decimal('1.5')", b"1.5"),
        ("date(2026, 1, 2)", b'"2026-01-02"'),
        ("datetime(2026, 1, 2, 3, 4, 5)", b'"2026-01-02T03:04:05"'),
        ("Own()", b'{\n    "own": 1\n}'),
    ],
)
def test_results(runtime: Runtime, expression: str, body: bytes) -> None:
    runtime.write(
        "index.py",
        f"""
        from datetime import date, datetime
        from decimal import Decimal
        class Own:
            def to_json(self): return {{"own": 1}}
        def handler(event, context): return {expression}
        """,
    )
    assert runtime.one() == Reply(True, body)


def test_a_result_that_is_not_serializable_is_an_error(runtime: Runtime) -> None:
    runtime.write("index.py", "def handler(event, context): return {1, 2}")
    error = runtime.one().error
    assert error["errorType"] == "TypeError"
    assert error["errorMessage"] == "{1, 2} is not JSON serializable"


def test_so_is_one_that_fails_otherwise_on_its_way_out(runtime: Runtime) -> None:
    runtime.write("index.py", r"def handler(event, context): return '\ud800'")
    assert runtime.one().error["errorType"] == "UnicodeEncodeError"


# Errors


def test_an_exception_has_its_message_class_and_frames(runtime: Runtime) -> None:
    runtime.write(
        "index.py",
        """
        class TagsRefused(Exception): pass
        def handler(event, context):
            deeper()
        def deeper():
            raise TagsRefused("no more room")
        """,
    )
    reply = runtime.one()
    assert reply.error == {
        "errorMessage": "no more room",
        "errorType": "TagsRefused",
        "stackTrace": [
            [f'File "{runtime.code}/index.py"', "line 4", "in handler", "deeper()"],
            [
                f'File "{runtime.code}/index.py"',
                "line 6",
                "in deeper",
                'raise TagsRefused("no more room")',
            ],
        ],
    }
    assert reply.body.startswith(b'{\n    "errorMessage"')


def test_an_exception_that_cannot_be_shown_is_replaced_by_what_showing_it_raised(runtime: Runtime) -> None:
    runtime.write(
        "index.py",
        """
        class Odd(Exception):
            def __str__(self): raise KeyError("odd")
        def handler(event, context): raise Odd
        """,
    )
    assert runtime.one().error["errorType"] == "KeyError"


def test_code_without_sources_has_frames_without_source_lines(runtime: Runtime) -> None:
    runtime.write(
        "index.py",
        """
        code = compile("def handler(event, context): raise ValueError('x')", "gone.py", "exec")
        exec(code)
        """,
    )
    assert runtime.one().error["stackTrace"] == [['File "gone.py"', "line 1", "in handler", ""]]


def test_system_exit_is_not_caught(runtime: Runtime) -> None:
    runtime.write("index.py", "def handler(event, context): raise SystemExit(3)")
    with pytest.raises(SystemExit):
        runtime.one()


# The log


RECORD = r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z request-0 \[%s\] %s"


def test_requests_are_framed_and_records_have_time_request_and_level(runtime: Runtime) -> None:
    runtime.write(
        "index.py",
        r"""
        import logging
        def handler(event, context):
            logging.getLogger("any").info("two\nlines")
            context.getLogger().debug("below the level")
        """,
    )
    assert runtime.one().succeeded
    inited, start, record, end = runtime.log
    assert inited == "FunctionCompute python3 runtime inited."
    assert start == "FC Invoke Start RequestId: request-0"
    assert re.fullmatch(RECORD % ("INFO", "two\nlines"), record)
    assert end == "FC Invoke End RequestId: request-0"


@pytest.mark.parametrize(("kind", "name"), [("initialize", "Initialize"), ("pre_stop", "PreStop")])
def test_hooks_are_framed_by_their_own_names(runtime: Runtime, kind: str, name: str) -> None:
    runtime.write("index.py", "def hook(context): pass")
    runtime.one("index.hook", kind=kind)
    assert runtime.log[1:] == [f"FC {name} Start RequestId: request-0", f"FC {name} End RequestId: request-0"]


def test_an_error_is_logged_and_marks_the_end(runtime: Runtime) -> None:
    runtime.write("index.py", "def handler(event, context): raise ValueError('bad')")
    reply = runtime.one()
    assert runtime.log[-2].endswith(f"[ERROR] {reply.body.decode()}")
    assert runtime.log[-1] == "FC Invoke End RequestId: request-0, Error: Unhandled function error"


def test_a_record_is_cut_at_128_kb(runtime: Runtime) -> None:
    runtime.write("index.py", "import logging\ndef handler(event, context): logging.warning('x' * 200_000)")
    runtime.one()
    assert len(runtime.log[2]) == 128 * 1024 - 2


def test_termination_logs_the_stacks_of_all_threads(runtime: Runtime) -> None:
    runtime.write(
        "index.py",
        """
        import os, signal
        def handler(event, context):
            os.kill(os.getpid(), signal.SIGTERM)
            while True: pass
        """,
    )
    sink = runtime.log
    with pytest.raises(SystemExit) as ended:
        _run_and_keep_log(runtime, sink)
    assert ended.value.code == 143
    assert sink[2].endswith("[ERROR] Dumping stack trace after function timeout")
    threads, stacks = sink[3::2], sink[4::2]
    assert all("[ERROR] request id = request-0, thread id = " in line for line in threads)
    assert any("in handler" in line for line in stacks)


def _run_and_keep_log(runtime: Runtime, sink: list[str]) -> None:
    record: Callable[[Any, str], None] = lambda _self, text: sink.append(text.rstrip("\n"))  # noqa: E731
    runtime.monkeypatch.setattr(runtime.module.FunctionLog, "log", record)
    runtime.one()


def test_standard_streams_are_written_through_and_cut(runtime: Runtime, tmp_path: Path) -> None:
    with (tmp_path / "out").open("w", encoding="utf-8") as stream:
        flushed = runtime.module.FlushedStream(stream)
        flushed.write("")
        flushed.write("x" * 200_000)
        flushed.writelines(["a", "b"])
        assert flushed.encoding == "utf-8"
        assert (tmp_path / "out").read_text(encoding="utf-8") == "x" * 128 * 1024 + "ab"


# The context


def test_the_context_of_python_3_12(runtime: Runtime) -> None:
    runtime.write(
        "index.py",
        """
        def handler(event, context):
            return {**vars(context), "function": vars(context.function),
                    "root": context.getLogger().name, "json": hasattr(context, "to_json")}
        """,
    )
    assert json.loads(runtime.one().body) == {
        "request_id": "request-0",
        "account_id": "123",
        "region": "cn-hangzhou",
        "logger": None,
        "log_project": "project",
        "log_store": "store",
        "function": {
            "name": "tags",
            "handler": "index.handler",
            "memory": 512,
            "timeout": 60,
            "version_id": "",
            "qualifier": "LATEST",
        },
        "root": "root",
        "json": False,
    }


def test_the_context_of_python_3_10(runtime: Runtime) -> None:
    runtime.write(
        "index.py",
        """
        def handler(event, context):
            keys = context.credentials
            assert (keys.access_key_id, keys.access_key_secret, keys.security_token) == (
                keys.accessKeyId, keys.accessKeySecret, keys.securityToken)
            assert context.requestId == context.request_id
            assert context.logger is None and context.getLogger().name == "root"
            assert context.retry_count == "2"
            assert "openTracingSpanContext" in context.tracing.to_dict()
            return context.to_json()
        """,
    )
    assert json.loads(runtime.one(runtime="python3.10").body) == {
        "requestId": "request-0",
        "credentials": {"accessKeyId": "id", "accessKeySecret": "secret", "securityToken": "token"},
        "function": {"name": "tags", "handler": "index.handler", "memory": 512, "timeout": "60"},
        "service": {
            "name": "",
            "logProject": "project",
            "logStore": "store",
            "qualifier": "LATEST",
            "versionId": "",
        },
        "region": "cn-hangzhou",
        "accountId": "123",
        "retryCount": "2",
        "tracing": {
            "openTracingSpanContext": None,
            "openTracingSpanBaggages": {},
            "jaegerEndpoint": None,
        },
    }
