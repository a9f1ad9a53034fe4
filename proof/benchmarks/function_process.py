"""A function in a fresh process under the local cloud's runtime, called and measured from outside."""

from __future__ import annotations

import json
import shutil
import socket
import subprocess
import tempfile
import time
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import Any

from localcloud.accounts import Identity
from localcloud.fc.instance import BOOTSTRAP, Request
from localcloud.fc.messages import SIZES, packed

KEY_VARIABLES = (
    "ALIBABA_CLOUD_ACCESS_KEY_ID",
    "ALIBABA_CLOUD_ACCESS_KEY_SECRET",
    "ALIBABA_CLOUD_SECURITY_TOKEN",
)
_TIMEOUT = 600
_SHOWN_OUTPUT = 4000


@dataclass(frozen=True)
class Subject:
    """What is measured: a code directory and a layer (a directory that stands for ``/opt``)."""

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
    """A function did not do what it was called for."""


class FunctionProcess:
    """A running function; used as a context. ``began`` is the moment before its process was started."""

    def __init__(self, subject: Subject, environment: Mapping[str, str], options: Sequence[str] = ()) -> None:
        self._subject = subject
        self._environment = environment
        key_id, secret, token = (environment[name] for name in KEY_VARIABLES)
        self._keys = Identity(key_id, secret, token)
        self._command = [str(subject.interpreter), "-S", "-W", "ignore", *options, str(BOOTSTRAP)]

    def __enter__(self) -> FunctionProcess:
        self._home = tempfile.mkdtemp(prefix="benchmark-")
        self._output = Path(self._home, "output")
        self._socket, theirs = socket.socketpair()
        variables = {**self._environment, "HOME": self._home, "TMPDIR": self._home}
        with theirs, self._output.open("wb") as output:
            self.began = time.perf_counter()
            self._process = subprocess.Popen(
                [*self._command, str(theirs.fileno())],
                env=variables,
                cwd=self._subject.code,
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=output,
                pass_fds=(theirs.fileno(),),
            )
        try:
            self._send(self._configuration())
            self._receive()
        except BaseException:
            self.__exit__(None, None, None)
            raise
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self._process.kill()
        self._process.wait()
        self._socket.close()
        shutil.rmtree(self._home)

    def initialize(self) -> None:
        """Call the initializer; raises CallFailed."""
        self._request("initialize", "tag_object.initialize")

    def invoke(self, event: bytes) -> Any:
        """Call the handler, and give what it returned; raises CallFailed."""
        body = self._request("invoke", "tag_object.handler", event).decode()
        return json.loads(body) if body.startswith("{") else body

    def state(self) -> State:
        """The process as it is now."""
        return State(**json.loads(self._request("invoke", "benchmark_probe.look")))

    def cpu_milliseconds(self) -> float:
        """CPU time of the threads that live now, seen from outside."""
        tasks = Path(f"/proc/{self._process.pid}/task")
        return sum(int((task / "schedstat").read_text().split()[0]) for task in tasks.iterdir()) / 1e6

    def output(self) -> str:
        """What the process has written so far."""
        return self._output.read_text("utf-8", "replace")

    def _configuration(self) -> dict[str, Any]:
        environment = self._environment
        return {
            "runtime": self._subject.runtime,
            "function_name": environment["FC_FUNCTION_NAME"],
            "memory_size": int(environment["FC_FUNCTION_MEMORY_SIZE"]),
            "timeout": _TIMEOUT,
            "region": environment["FC_REGION"],
            "account_id": environment["FC_ACCOUNT_ID"],
            "log_project": "",
            "log_store": "",
            "code": str(self._subject.code),
            "layer": str(self._subject.layer),
        }

    def _request(self, kind: str, handler: str, event: bytes = b"") -> bytes:
        request = Request(kind, handler, _TIMEOUT, "1-00000000-benchmark", self._keys)
        self._send(request.header(), event)
        header, body = self._receive()
        if not header["succeeded"]:
            raise CallFailed(f"{self._subject.name}: {body.decode()[:_SHOWN_OUTPUT]}")
        return body

    def _send(self, header: Mapping[str, Any], body: bytes = b"") -> None:
        # A process that has ended is noticed when its answer is read.
        with suppress(BrokenPipeError):
            self._socket.sendall(packed(header, body))

    def _receive(self) -> tuple[dict[str, Any], bytes]:
        header_size, body_size = SIZES.unpack(self._read(SIZES.size))
        return json.loads(self._read(header_size)), self._read(body_size)

    def _read(self, size: int) -> bytes:
        data = bytearray()
        while len(data) < size:
            try:
                chunk = self._socket.recv(size - len(data))
            except ConnectionResetError:
                chunk = b""
            if not chunk:
                raise CallFailed(f"{self._subject.name} ended: {self.output()[-_SHOWN_OUTPUT:]}")
            data += chunk
        return bytes(data)
