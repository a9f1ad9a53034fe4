"""A function in a fresh process under the local cloud's runtime, called and measured from outside."""

from __future__ import annotations

import json
import socket
import subprocess
import tempfile
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any, BinaryIO

from localcloud.accounts import Identity
from localcloud.fc.instance import BOOTSTRAP, Request
from localcloud.fc.messages import SIZES, packed

_TIMEOUT = 600
_SHOWN_OUTPUT = 4000


@dataclass(frozen=True)
class Subject:
    """What is called: a code directory and a layer (a directory that stands for ``/opt``)."""

    name: str
    interpreter: Path
    runtime: str
    code: Path
    layer: Path


@dataclass(frozen=True)
class State:
    """A process at a moment: CPU time since its beginning, resident memory, and what it has imported."""

    cpu_milliseconds: float
    resident_megabytes: float
    modules: Sequence[str]


class CallFailed(Exception):
    """A function did not do what it was called for; ``said`` is the runtime's answer, empty if it ended."""

    def __init__(self, subject: str, problem: str, said: bytes = b"") -> None:
        super().__init__(f"{subject}{problem}")
        self.said = said


@dataclass(frozen=True)
class FunctionProcess:
    """A running function. ``began`` is the moment before its process was started."""

    subject: Subject
    began: float
    _environment: Mapping[str, str]
    _process: subprocess.Popen[bytes]
    _socket: socket.socket
    _answers: BinaryIO
    _output: Path

    def initialize(self, handler: str = "tag_object.initialize") -> None:
        """Call the initializer; raises CallFailed."""
        self._request("initialize", handler)

    def invoke(self, event: bytes, handler: str = "tag_object.handler") -> Any:
        """Call the handler, and give what it returned; raises CallFailed."""
        body = self._request("invoke", handler, event).decode()
        return json.loads(body) if body[:1] in ("{", "[") else body

    def state(self) -> State:
        """The process as it is now, as the probe beside the handler sees it."""
        return State(**self.invoke(b"", "benchmark_probe.look"))

    def cpu_milliseconds(self) -> float:
        """CPU time of the threads that live now, seen from outside."""
        tasks = Path(f"/proc/{self._process.pid}/task")
        return sum(int((task / "schedstat").read_text().split()[0]) for task in tasks.iterdir()) / 1e6

    def output(self) -> str:
        """What the process has written so far."""
        return self._output.read_text("utf-8", "replace")

    def configure(self) -> None:
        """Tell the process what it runs, and wait until it is ready; raises CallFailed."""
        environment = self._environment
        self._ask(
            {
                "runtime": self.subject.runtime,
                "function_name": environment["FC_FUNCTION_NAME"],
                "memory_size": int(environment["FC_FUNCTION_MEMORY_SIZE"]),
                "timeout": _TIMEOUT,
                "region": environment["FC_REGION"],
                "account_id": environment["FC_ACCOUNT_ID"],
                "log_project": "",
                "log_store": "",
                "code": str(self.subject.code),
                "layer": str(self.subject.layer),
            }
        )

    def _request(self, kind: str, handler: str, event: bytes = b"") -> bytes:
        keys = Identity(
            self._environment["ALIBABA_CLOUD_ACCESS_KEY_ID"],
            self._environment["ALIBABA_CLOUD_ACCESS_KEY_SECRET"],
            self._environment["ALIBABA_CLOUD_SECURITY_TOKEN"],
        )
        header, body = self._ask(
            Request(kind, handler, _TIMEOUT, "1-00000000-benchmark", keys).header(), event
        )
        if not header["succeeded"]:
            raise CallFailed(self.subject.name, f": {body.decode()[:_SHOWN_OUTPUT]}", body)
        return body

    def _ask(self, header: Mapping[str, Any], body: bytes = b"") -> tuple[dict[str, Any], bytes]:
        # A process that has ended is noticed when its answer is read.
        with suppress(BrokenPipeError):
            self._socket.sendall(packed(header, body))
        header_size, body_size = SIZES.unpack(self._read(SIZES.size))
        return json.loads(self._read(header_size)), self._read(body_size)

    def _read(self, size: int) -> bytes:
        data = b""
        with suppress(ConnectionResetError):
            data = self._answers.read(size)
        if len(data) < size:
            raise CallFailed(self.subject.name, f" ended: {self.output()[-_SHOWN_OUTPUT:]}")
        return data


@contextmanager
def running(
    subject: Subject, environment: Mapping[str, str], options: Sequence[str] = ()
) -> Iterator[FunctionProcess]:
    """Start a function's process with these variables and options of its interpreter; kill it at the end."""
    ours, theirs = socket.socketpair()
    with tempfile.TemporaryDirectory(prefix="benchmark-") as home, ours, ours.makefile("rb") as answers:
        output = Path(home, "output")
        began = time.perf_counter()
        with theirs, output.open("wb") as file:
            process = subprocess.Popen(
                [
                    *(str(subject.interpreter), "-S", "-W", "ignore", *options),
                    *(str(BOOTSTRAP), str(theirs.fileno())),
                ],
                env={**environment, "HOME": home, "TMPDIR": home},
                cwd=subject.code,
                stdin=subprocess.DEVNULL,
                stdout=file,
                stderr=file,
                pass_fds=(theirs.fileno(),),
            )
        try:
            function = FunctionProcess(subject, began, environment, process, ours, answers, output)
            function.configure()
            yield function
        finally:
            process.kill()
            process.wait()
