"""One instance of a function: a process that is started, called, frozen in between, and ended."""

from __future__ import annotations

import asyncio
import contextlib
import os
import secrets
import shutil
import signal
import socket
import tempfile
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import psutil

from localcloud.accounts import Identity
from localcloud.fc.declaration import FunctionDeclaration
from localcloud.fc.environment import instance_variables
from localcloud.fc.invocation import Failure, LiveInstance, Outcome, error_body, exited, timed_out
from localcloud.fc.logs import OutputReader
from localcloud.fc.messages import Message, packed, received

BOOTSTRAP = Path(__file__).with_name("bootstrap.py")
# From SIGTERM, which lets the runtime write the stacks of its threads, to SIGKILL.
GRACE_SECONDS = 0.5
START_SECONDS = 60.0
LOG_SECONDS = 0.5
MEMORY_INTERVAL = 0.02
MEGABYTE = 1024 * 1024

_PHASES = {"invoke": "Invoke", "initialize": "Initialize", "pre_stop": "PreStop"}

LogWriter = Callable[[str, "str | None", str], None]


class InterpreterUnusable(Exception):
    """The Python that functions are to run in cannot be started."""

    def __init__(self, interpreter: Path, problem: str) -> None:
        super().__init__(f"{interpreter} cannot run functions: {problem}. Name another Python interpreter.")


@dataclass(frozen=True)
class InstancePlan:
    """All that an instance needs to start."""

    declaration: FunctionDeclaration
    interpreter: Path
    account_id: str
    keys: Identity | None
    overrides: Mapping[str, str]


@dataclass(frozen=True)
class Request:
    """A call of the handler (``invoke``) or of a hook (``initialize``, ``pre_stop``)."""

    kind: str
    handler: str
    timeout: int
    request_id: str
    keys: Identity | None
    retry_count: int = 0
    event: bytes = b""

    def header(self) -> dict[str, Any]:
        """What the runtime is told besides the event."""
        keys = self.keys
        return {
            "kind": self.kind,
            "handler": self.handler,
            "request_id": self.request_id,
            "retry_count": self.retry_count,
            "credentials": [keys.access_key_id, keys.access_key_secret, keys.security_token]
            if keys
            else ["", "", ""],
        }


class Instance:
    """A running process. One request at a time; stopped (SIGSTOP) while it has none.

    The memory limit holds for the process that runs the handler, not for processes that it starts.
    """

    def __init__(self, plan: InstancePlan, log: LogWriter) -> None:
        self.id = f"c-{int(time.time()):08x}-{secrets.token_hex(4)}-{secrets.token_hex(6)}"
        self._plan = plan
        self._log = log
        self._loop = asyncio.get_running_loop()
        self._home = Path(tempfile.mkdtemp(prefix="localcloud-fc-"))
        self._output = OutputReader(self._add_line, self._add_record)
        self._drained = self._loop.create_future()
        self._end_line = ""
        self._end_seen = asyncio.Event()
        self._request_id: str | None = None
        self._peak = 0.0
        self._sampler: asyncio.TimerHandle | None = None
        self._killed = False
        self._closing: asyncio.Task[None] | None = None
        self._output_end: int
        self._process: asyncio.subprocess.Process
        self._said: asyncio.StreamReader
        self._told: asyncio.StreamWriter
        self._exit: asyncio.Task[None]
        self._meter: psutil.Process | None = None

    @classmethod
    async def start(cls, plan: InstancePlan, log: LogWriter, request_id: str) -> Instance:
        """A new instance that is ready to be called.

        Where the process ends at once, the first call tells. Raises InterpreterUnusable.
        """
        instance = cls(plan, log)
        try:
            await instance._start(request_id)
        except BaseException:
            shutil.rmtree(instance._home, ignore_errors=True)
            raise
        return instance

    @property
    def alive(self) -> bool:
        """Whether the process can serve another request."""
        return not self._killed and not self._exit.done()

    @property
    def busy(self) -> bool:
        """Whether the instance serves a request now."""
        return self._sampler is not None

    def look(self) -> LiveInstance | None:
        """The instance as it is now; None where its process has ended."""
        if self._meter is None:
            return None
        try:
            spent, memory = self._meter.cpu_times(), self._meter.memory_info()
        except psutil.Error:
            return None
        return LiveInstance(self.id, self.busy, memory.rss / MEGABYTE, spent.user + spent.system)

    async def call(self, request: Request) -> Outcome:
        """Serve a request; afterwards the instance is frozen, or it has ended."""
        self._request_id = request.request_id
        self._end_line = f"FC {_PHASES[request.kind]} End RequestId: {request.request_id}"
        self._end_seen.clear()
        self._signal(signal.SIGCONT)
        started = time.monotonic()
        if self.alive:
            self._told.write(packed(request.header(), request.event))
            self._sampler = self._loop.call_later(MEMORY_INTERVAL, self._measure)
        try:
            message = await self._answer(request.timeout)
        except asyncio.TimeoutError:
            return await self._time_out(request, time.monotonic() - started)
        except BaseException:
            self.kill()
            raise
        finally:
            self._stop_measuring()
        return await self._conclude(message, time.monotonic() - started)

    def kill(self) -> None:
        """End every process of the instance, frozen or not."""
        self._killed = True
        self._signal(signal.SIGKILL)

    async def close(self) -> None:
        """End the instance, and leave nothing behind."""
        if self._closing is None:
            self._closing = self._loop.create_task(self._close())
        await asyncio.shield(self._closing)

    async def _close(self) -> None:
        self.kill()
        await self._exit
        await asyncio.wait({self._drained}, timeout=LOG_SECONDS)
        if not self._drained.done():
            self._end_output()
        self._told.transport.abort()
        shutil.rmtree(self._home, ignore_errors=True)

    async def _start(self, request_id: str) -> None:
        declaration, interpreter = self._plan.declaration, self._plan.interpreter
        self._request_id = request_id
        ours, theirs = socket.socketpair()
        self._output_end, their_output = os.pipe()
        variables = instance_variables(
            declaration,
            account_id=self._plan.account_id,
            instance_id=self.id,
            keys=self._plan.keys,
            home=self._home,
            overrides=self._plan.overrides,
        )
        try:
            # -S: the developer's site-packages are no part of Function Compute's runtime.
            self._process = await asyncio.create_subprocess_exec(
                *(str(interpreter), "-S", "-W", "ignore", str(BOOTSTRAP), str(theirs.fileno())),
                env=variables,
                cwd=declaration.code,
                stdin=asyncio.subprocess.DEVNULL,
                stdout=their_output,
                stderr=their_output,
                pass_fds=(theirs.fileno(),),
            )
        except OSError as error:
            ours.close()
            os.close(self._output_end)
            raise InterpreterUnusable(interpreter, str(error)) from None
        finally:
            theirs.close()
            os.close(their_output)
        os.set_blocking(self._output_end, False)
        self._loop.add_reader(self._output_end, self._read_output)
        self._exit = self._loop.create_task(self._wait_for_exit())
        self._said, self._told = await asyncio.open_unix_connection(sock=ours)
        with contextlib.suppress(psutil.Error):
            self._meter = psutil.Process(self._process.pid)
        self._told.write(packed(self._configuration()))
        try:
            await self._answer(START_SECONDS)
        except asyncio.TimeoutError:
            await self.close()
            raise InterpreterUnusable(interpreter, f"it is not ready after {START_SECONDS:g} s") from None
        except BaseException:
            await self.close()
            raise

    def _configuration(self) -> dict[str, Any]:
        declaration = self._plan.declaration
        return {
            "runtime": declaration.runtime,
            "function_name": declaration.name,
            "memory_size": declaration.memory_size,
            "timeout": declaration.timeout,
            "region": declaration.region,
            "account_id": self._plan.account_id,
            "log_project": declaration.log.project,
            "log_store": declaration.log.logstore,
            "code": str(declaration.code),
            "layer": None if declaration.opt is None else str(declaration.opt),
        }

    async def _wait_for_exit(self) -> None:
        await self._process.wait()
        # What the function started in its own group goes with it.
        with contextlib.suppress(ProcessLookupError, PermissionError):
            os.killpg(self._process.pid, signal.SIGKILL)

    async def _answer(self, seconds: float) -> Message | None:
        """The next message; None if the process ends without one. Raises TimeoutError."""
        reading = self._loop.create_task(received(self._said))
        try:
            # A process may leave its end of the socket to others, so its own end counts too.
            ends = {reading, self._exit}
            done, _ = await asyncio.wait(ends, timeout=seconds, return_when=asyncio.FIRST_COMPLETED)
            if not done:
                raise asyncio.TimeoutError
            return reading.result() if reading.done() else None
        finally:
            reading.cancel()

    async def _conclude(self, message: Message | None, seconds: float) -> Outcome:
        if message is not None:
            self._peak = max(self._peak, message.header["memory"])
        if message is None or self._peak > self._plan.declaration.memory_size:
            return await self._exited(seconds)
        if not self._end_seen.is_set():
            # The log comes by another way than the answer; it may be a moment behind.
            with contextlib.suppress(asyncio.TimeoutError):
                await asyncio.wait_for(self._end_seen.wait(), LOG_SECONDS)
        self._signal(signal.SIGSTOP)
        failure = None if message.header["succeeded"] else Failure.UNHANDLED
        return Outcome(message.body, failure, seconds, self._peak)

    async def _exited(self, seconds: float) -> Outcome:
        out_of_memory = self._peak > self._plan.declaration.memory_size
        failure = Failure.OUT_OF_MEMORY if out_of_memory else Failure.UNHANDLED
        await self.close()
        return self._broken_off(exited(seconds, self._peak), failure, seconds)

    async def _time_out(self, request: Request, seconds: float) -> Outcome:
        with contextlib.suppress(ProcessLookupError):
            self._process.send_signal(signal.SIGTERM)
        await asyncio.wait({self._exit}, timeout=GRACE_SECONDS)
        await self.close()
        message = timed_out(request.timeout, self._peak, initializing=request.kind == "initialize")
        return self._broken_off(message, Failure.TIMEOUT, seconds)

    def _broken_off(self, message: str, failure: Failure, seconds: float) -> Outcome:
        self._add_line(f"{self._end_line}, Error: {message}")
        return Outcome(error_body(message), failure, seconds, self._peak)

    def _measure(self) -> None:
        if self._meter is None:
            return
        try:
            memory = self._meter.memory_info().rss / MEGABYTE
        except psutil.Error:
            return
        self._peak = max(self._peak, memory)
        if memory > self._plan.declaration.memory_size:
            self.kill()
        else:
            self._sampler = self._loop.call_later(MEMORY_INTERVAL, self._measure)

    def _stop_measuring(self) -> None:
        if self._sampler is not None:
            self._sampler.cancel()
            self._sampler = None

    def _signal(self, number: signal.Signals) -> None:
        if self._exit.done():
            return
        # Until the runtime has made its own group, there is only the process.
        for send in (os.killpg, os.kill):
            try:
                send(self._process.pid, number)
            except (ProcessLookupError, PermissionError):
                continue
            return

    def _read_output(self) -> None:
        try:
            data = os.read(self._output_end, 1 << 16)
        except BlockingIOError:
            return
        if data:
            self._output.feed(data)
        else:
            self._end_output()

    def _end_output(self) -> None:
        self._loop.remove_reader(self._output_end)
        os.close(self._output_end)
        self._output.finish()
        self._drained.set_result(None)

    def _add_line(self, text: str) -> None:
        self._log(self.id, self._request_id, text)

    def _add_record(self, text: str) -> None:
        self._add_line(text)
        if self._end_line and text.startswith(self._end_line):
            self._end_seen.set()
