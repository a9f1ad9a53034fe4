"""Runs a function once: finds or starts an instance, initializes it, calls it, keeps the record."""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import partial

from localcloud.accounts import Identity
from localcloud.clock import Clock
from localcloud.fc.declaration import FunctionDeclaration
from localcloud.fc.environment import RuntimeFiles
from localcloud.fc.instance import Instance, InstancePlan, Request
from localcloud.fc.invocation import UNHANDLED_ERROR, InvocationRecord, InvocationResult, new_request_id
from localcloud.fc.logs import LogBook, tail
from localcloud.fc.outcome import Outcome
from localcloud.fc.pool import Pool
from localcloud.fc.refusals import NotRunning, RequestRefused

# Idle instances are freed after about 3 to 5 minutes: help page fc/why-infrequently-used-functions-….
IDLE_SECONDS = 300.0
# In FC a python3.10 context carries new keys with each invocation. Here they are at most this old, and
# live as long as FC's, so that a function that holds on to old ones fails once the clock is moved.
FRESH_KEYS = timedelta(minutes=5)
REMEMBERED_INVOCATIONS = 20_000


@dataclass(frozen=True)
class Invocation:
    """One attempt to run a function for an event."""

    declaration: FunctionDeclaration
    request_id: str
    event: bytes
    attempt: int = 1
    asynchronous: bool = False


InvocationObserver = Callable[[Invocation, InvocationRecord], None]


class Runner:
    """The instances of all functions. ``keys`` gives temporary keys of a role, or raises a RequestRefused."""

    def __init__(
        self,
        *,
        functions: Mapping[str, FunctionDeclaration],
        account_id: str,
        keys: Callable[[str], Identity],
        clock: Clock,
        files: RuntimeFiles,
        variables: Mapping[str, str],
        log: LogBook,
        time_scale: float,
        instance_limit: int,
    ) -> None:
        self._account_id = account_id
        self._role_keys = keys
        self._clock = clock
        self._files = files
        self._variables = dict(variables)
        self._log = log
        self._keys: dict[str, tuple[datetime, Identity]] = {}
        self._running = False
        self._busy = 0
        self._quiet = asyncio.Event()
        self._observers: list[InvocationObserver] = []
        self._pools = {
            name: Pool(
                limit=instance_limit,
                idle_seconds=IDLE_SECONDS * time_scale,
                clock=clock,
                retire=partial(self._retire, function),
            )
            for name, function in functions.items()
        }
        self.records: deque[InvocationRecord] = deque(maxlen=REMEMBERED_INVOCATIONS)

    def start(self) -> None:
        """Accept invocations."""
        self._running = True

    async def stop(self) -> None:
        """Accept none any more, and end every instance."""
        self._running = False
        for pool in self._pools.values():
            await pool.close()

    def kill(self, function: str) -> int:
        """End every process of a function at once; returns how many there were."""
        return self._pools[function].kill()

    def instances(self, function: str) -> list[Instance]:
        """The instances of a function that live now."""
        return self._pools[function].instances()

    def watch(self, observe: InvocationObserver) -> None:
        """Tell somebody of every attempt that ends from now on."""
        self._observers.append(observe)

    @property
    def busy(self) -> bool:
        """Whether anything runs or waits for an instance."""
        return self._busy > 0

    async def quiet(self) -> None:
        """Wait until nothing runs."""
        while self._busy:
            self._quiet.clear()
            await self._quiet.wait()

    async def run(self, invocation: Invocation, expired: Callable[[], bool]) -> InvocationResult | None:
        """Run a function; None if ``expired`` says so when its turn has come. Raises NotRunning."""
        if not self._running:
            raise NotRunning
        self._busy += 1
        try:
            return await self._run(invocation, expired)
        finally:
            self._busy -= 1
            if not self._busy:
                self._quiet.set()

    async def _run(self, invocation: Invocation, expired: Callable[[], bool]) -> InvocationResult | None:
        pool = self._pools[invocation.declaration.name]
        instance = await pool.acquire()
        cold_start = instance is None
        try:
            if not self._running:
                raise NotRunning
            if expired():
                return None
            outcome = None
            if instance is None:
                instance = await self._start(invocation)
                pool.add(instance)
                outcome = await self._initialize(instance, invocation)
            if outcome is None:
                outcome = await instance.call(self._request(invocation))
        except BaseException:
            if instance is not None:
                await instance.close()
            raise
        finally:
            if instance is None:
                pool.vacate()
            else:
                pool.release(instance)
        return self._result(invocation, instance, outcome, cold_start=cold_start)

    async def _start(self, invocation: Invocation) -> Instance:
        declaration = invocation.declaration
        plan = InstancePlan(
            declaration=declaration,
            files=self._files,
            account_id=self._account_id,
            keys=self._fresh_keys(declaration),
            overrides=self._variables,
        )
        return await Instance.start(plan, partial(self._log.add, declaration.name), invocation.request_id)

    async def _initialize(self, instance: Instance, invocation: Invocation) -> Outcome | None:
        """Call the initializer, if there is one; an instance that it fails in is thrown away."""
        declaration = invocation.declaration
        hook = declaration.initializer
        if hook is None:
            return None
        outcome = await instance.call(
            Request(
                kind="initialize",
                handler=hook.handler,
                timeout=hook.timeout,
                request_id=invocation.request_id,
                keys=self._fresh_keys(declaration),
            )
        )
        if outcome.failure is None:
            return None
        await instance.close()
        return outcome

    async def _retire(self, declaration: FunctionDeclaration, instance: Instance) -> None:
        """Call the preStop hook of an instance that is about to end, if there is one."""
        hook = declaration.pre_stop
        if hook is not None and instance.alive:
            try:
                keys = self._fresh_keys(declaration)
            except RequestRefused:
                # What has lost its role is not called any more; it still has to end.
                return
            await instance.call(
                Request(
                    kind="pre_stop",
                    handler=hook.handler,
                    timeout=hook.timeout,
                    request_id=new_request_id(),
                    keys=keys,
                )
            )

    def _request(self, invocation: Invocation) -> Request:
        return Request(
            kind="invoke",
            handler=invocation.declaration.handler,
            timeout=invocation.declaration.timeout,
            request_id=invocation.request_id,
            keys=self._fresh_keys(invocation.declaration),
            retry_count=invocation.attempt - 1,
            event=invocation.event,
        )

    def _result(
        self, invocation: Invocation, instance: Instance, outcome: Outcome, *, cold_start: bool
    ) -> InvocationResult:
        function = invocation.declaration.name
        result = InvocationResult(
            request_id=invocation.request_id,
            status=200,
            body=outcome.body,
            error_type=None if outcome.failure is None else UNHANDLED_ERROR,
            failure=outcome.failure,
            log_tail=tail(self._log.lines(function, invocation.request_id)),
            duration=outcome.seconds,
            memory=outcome.memory,
            cold_start=cold_start,
            instance_id=instance.id,
        )
        record = InvocationRecord(
            function=function,
            request_id=result.request_id,
            instance_id=result.instance_id,
            attempt=invocation.attempt,
            cold_start=cold_start,
            status=result.status,
            error_type=result.error_type,
            failure=None if outcome.failure is None else outcome.failure.value,
            duration=result.duration,
            max_memory=result.memory,
            asynchronous=invocation.asynchronous,
            ended=self._clock.now(),
            body=outcome.body,
        )
        self.records.append(record)
        for observe in self._observers:
            observe(invocation, record)
        return result

    def _fresh_keys(self, declaration: FunctionDeclaration) -> Identity | None:
        role = declaration.role
        if role is None:
            return None
        now = self._clock.now()
        issued, keys = self._keys.get(role, (None, None))
        if keys is None or issued is None or now - issued >= FRESH_KEYS:
            keys = self._role_keys(role)
            self._keys[role] = (now, keys)
        return keys
