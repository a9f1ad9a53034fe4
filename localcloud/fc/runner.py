"""Runs a function once: finds or starts an instance, initializes it, calls it, keeps the record."""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from functools import partial
from pathlib import Path

from localcloud.accounts import Identity
from localcloud.clock import Clock
from localcloud.fc.declaration import FunctionDeclaration, HookDeclaration
from localcloud.fc.instance import Instance, InstancePlan, Request
from localcloud.fc.invocation import UNHANDLED_ERROR, Invocation, InvocationRecord, Outcome, new_request_id
from localcloud.fc.logs import LogBook
from localcloud.fc.pool import Pool, PoolReplaced
from localcloud.fc.refusals import SYNC_PAYLOAD_BYTES, EntityTooLarge, FunctionNotFound, NotRunning
from localcloud.refusals import RequestRefused

# Idle instances are freed after about 3 to 5 minutes: help page fc/why-infrequently-used-functions-….
IDLE_SECONDS = 300.0
# In FC a python3.10 context carries new keys with each invocation. Here they are at most this old, and
# live as long as FC's, so that a function that holds on to old ones fails once the clock is moved.
FRESH_KEYS = timedelta(minutes=5)
REMEMBERED_INVOCATIONS = 20_000

InvocationObserver = Callable[[Invocation, InvocationRecord], None]


@dataclass(frozen=True)
class _Version:
    """A function as it was deployed at one time, and its instances."""

    declaration: FunctionDeclaration
    pool: Pool


class Runner:
    """The instances of all functions. ``keys`` gives temporary keys of a role, or raises a RequestRefused.

    Functions are deployed and removed while others run. ``variables`` win over those of a function;
    ``time_scale`` multiplies the wait for idleness. ``retired`` is called when the last instance of a
    replaced version has ended.
    """

    def __init__(
        self,
        *,
        account_id: str,
        keys: Callable[[str], Identity],
        clock: Clock,
        interpreter: Path,
        variables: Mapping[str, str],
        log: LogBook,
        time_scale: float = 1.0,
        instance_limit: int = 1,
        retired: Callable[[], None] = lambda: None,
    ) -> None:
        self._account_id = account_id
        self._role_keys = keys
        self._clock = clock
        self._interpreter = interpreter
        self._variables = variables
        self._log = log
        self._keys: dict[str, tuple[datetime, Identity]] = {}
        self._running = False
        self._busy = 0
        self._quiet = asyncio.Event()
        self._observers: list[InvocationObserver] = []
        self._time_scale = time_scale
        self._instance_limit = instance_limit
        self._retired = retired
        self._versions: dict[str, _Version] = {}
        self._replaced: dict[asyncio.Task[None], _Version] = {}
        self.records: deque[InvocationRecord] = deque(maxlen=REMEMBERED_INVOCATIONS)

    def start(self) -> None:
        """Accept invocations."""
        self._running = True

    async def stop(self) -> None:
        """Accept none any more, and end every instance."""
        self._running = False
        replaced = dict(self._replaced)
        for task in replaced:
            task.cancel()
        await asyncio.gather(*replaced, return_exceptions=True)
        for version in [*replaced.values(), *self._versions.values()]:
            await version.pool.close()

    def deploy(self, declaration: FunctionDeclaration) -> None:
        """Have a function in this version; the instances of an older one finish what they do."""
        pool = Pool(
            limit=self._instance_limit,
            idle_seconds=IDLE_SECONDS * self._time_scale,
            clock=self._clock,
            retire=partial(self._retire, declaration),
        )
        self.remove(declaration.name)
        self._versions[declaration.name] = _Version(declaration, pool)

    def remove(self, function: str) -> None:
        """Have a function no more; its instances finish what they do."""
        version = self._versions.pop(function, None)
        if version is None:
            return
        version.pool.replace()
        if not version.pool.instances() and not self._running:
            return
        task = asyncio.get_running_loop().create_task(self._let_end(version))
        self._replaced[task] = version
        task.add_done_callback(lambda done: self._replaced.pop(done, None))

    async def _let_end(self, version: _Version) -> None:
        await version.pool.emptied()
        task = asyncio.current_task()
        assert task is not None, "it runs in one"
        self._replaced.pop(task, None)
        self._retired()

    def in_use(self) -> list[FunctionDeclaration]:
        """Every version that has instances, or may get some."""
        return [version.declaration for version in self._all_versions()]

    def instances(self, function: str) -> list[Instance]:
        """The instances of a function that live now, also those of an older version."""
        mine = [version for version in self._all_versions() if version.declaration.name == function]
        return [one for version in mine for one in version.pool.instances()]

    def _all_versions(self) -> list[_Version]:
        return [*self._versions.values(), *self._replaced.values()]

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

    async def run(
        self, invocation: Invocation, expired: Callable[[], bool] = lambda: False
    ) -> InvocationRecord | None:
        """Run a function; None if ``expired`` says so when its turn has come.

        Raises EntityTooLarge, NotRunning, FunctionNotFound, or what refuses the keys of its role.
        """
        if len(invocation.event) > SYNC_PAYLOAD_BYTES:
            raise EntityTooLarge(SYNC_PAYLOAD_BYTES)
        if not self._running:
            raise NotRunning
        self._busy += 1
        try:
            return await self._run(invocation, expired)
        finally:
            self._busy -= 1
            if not self._busy:
                self._quiet.set()

    async def _run(self, invocation: Invocation, expired: Callable[[], bool]) -> InvocationRecord | None:
        version, instance = await self._acquire(invocation.declaration.name)
        invocation, pool = replace(invocation, declaration=version.declaration), version.pool
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
            pool.release(instance)
        return self._record(invocation, instance.id, outcome, cold_start)

    async def _acquire(self, function: str) -> tuple[_Version, Instance | None]:
        """The version that serves next, and an instance of it if one is there; raises FunctionNotFound."""
        while True:
            version = self._versions.get(function)
            if version is None:
                raise FunctionNotFound(function)
            try:
                return version, await version.pool.acquire()
            except PoolReplaced:
                continue

    async def _start(self, invocation: Invocation) -> Instance:
        declaration = invocation.declaration
        plan = InstancePlan(
            declaration=declaration,
            interpreter=self._interpreter,
            account_id=self._account_id,
            keys=self._fresh_keys(declaration),
            overrides=self._variables,
        )
        return await Instance.start(plan, partial(self._log.add, declaration.name), invocation.request_id)

    async def _initialize(self, instance: Instance, invocation: Invocation) -> Outcome | None:
        """Call the initializer, if there is one; an instance that it fails in is thrown away."""
        declaration = invocation.declaration
        if declaration.initializer is None:
            return None
        keys = self._fresh_keys(declaration)
        outcome = await instance.call(
            _hook_request("initialize", declaration.initializer, invocation.request_id, keys)
        )
        if outcome.failure is None:
            return None
        await instance.close()
        return outcome

    async def _retire(self, declaration: FunctionDeclaration, instance: Instance) -> None:
        """Call the preStop hook of an instance that is about to end, if there is one."""
        if declaration.pre_stop is None or not instance.alive:
            return
        try:
            keys = self._fresh_keys(declaration)
        except RequestRefused:
            # What has lost its role is not called any more; it still has to end.
            return
        await instance.call(_hook_request("pre_stop", declaration.pre_stop, new_request_id(), keys))

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

    def _record(
        self, invocation: Invocation, instance_id: str, outcome: Outcome, cold_start: bool
    ) -> InvocationRecord:
        record = InvocationRecord(
            function=invocation.declaration.name,
            request_id=invocation.request_id,
            instance_id=instance_id,
            attempt=invocation.attempt,
            cold_start=cold_start,
            status=200,
            error_type=None if outcome.failure is None else UNHANDLED_ERROR,
            failure=None if outcome.failure is None else outcome.failure.value,
            duration=outcome.seconds,
            max_memory=outcome.memory,
            asynchronous=invocation.asynchronous,
            ended=self._clock.now(),
            body=outcome.body,
        )
        self.records.append(record)
        for observe in self._observers:
            observe(invocation, record)
        return record

    def _fresh_keys(self, declaration: FunctionDeclaration) -> Identity | None:
        role = declaration.role
        if role is None:
            return None
        now = self._clock.now()
        if role not in self._keys or now - self._keys[role][0] >= FRESH_KEYS:
            self._keys[role] = (now, self._role_keys(role))
        return self._keys[role][1]


def _hook_request(kind: str, hook: HookDeclaration, request_id: str, keys: Identity | None) -> Request:
    return Request(kind, hook.handler, hook.timeout, request_id, keys)
