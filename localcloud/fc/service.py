"""Function Compute as the rest of the local cloud sees it."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import replace
from pathlib import Path

from localcloud.fc.asynchronous import AsyncEvent, AsyncQueue, LostEvent
from localcloud.fc.declaration import Deployment, FunctionDeclaration
from localcloud.fc.deployments import Deployments, TriggerSources
from localcloud.fc.destinations import check_destinations
from localcloud.fc.environment import OWN_INTERPRETER
from localcloud.fc.invocation import Invocation, InvocationRecord, LiveInstance, new_request_id
from localcloud.fc.layers import Layers
from localcloud.fc.logs import LogBook, LogLine, tail
from localcloud.fc.permissions import Permissions
from localcloud.fc.refusals import ASYNC_PAYLOAD_BYTES, EntityTooLarge, FunctionNotFound, NotRunning
from localcloud.fc.registry import Registry
from localcloud.fc.runner import InvocationObserver, Runner
from localcloud.oss.service import ObjectStorage
from localcloud.tenant import Tenant


class ForeignFunction(Exception):
    """A function that is declared for another region, or with a role of another account."""

    def __init__(self, function: str, what: str, declared: str, here: str) -> None:
        super().__init__(
            f"{function} is declared for the {what} {declared}, but this cloud is {here}. "
            f"Set the variables from which s.yaml takes the {what}, or start the cloud for {declared}."
        )


class FunctionCompute:
    """Runs functions: those of a deployment, and those that are deployed through the API.

    ``variables`` are added to every function's environment and win over those that were deployed. Packages
    come from ``objects``, and records go to topics by ``publish``. ``time_scale`` multiplies the waits that
    the service imposes (retries, idleness), never a timeout.
    """

    def __init__(
        self,
        tenant: Tenant,
        *,
        interpreter: Path | None,
        variables: Mapping[str, str],
        permissions: Permissions,
        objects: ObjectStorage,
        publish: Callable[[str, bytes], Awaitable[object]],
        time_scale: float,
        instance_limit: int,
    ) -> None:
        self._tenant = tenant
        self._running = False
        self._log = LogBook(tenant.clock)
        self._permissions = permissions
        self._runner = Runner(
            account_id=tenant.account_id,
            keys=permissions.keys,
            clock=tenant.clock,
            interpreter=interpreter or OWN_INTERPRETER,
            variables=variables,
            log=self._log,
            time_scale=time_scale,
            instance_limit=instance_limit,
            retired=lambda: self.deployments.sweep(),
        )
        self._queue = AsyncQueue(
            tenant=tenant,
            attempt=self._attempt,
            accept=self.invoke_async,
            permit=permissions.check_destination,
            publish=publish,
            report=lambda event, text: self._log.add(event.function, "", event.request_id, text),
            time_scale=time_scale,
        )
        self.layers = Layers(tenant)
        self.deployments = Deployments(
            tenant=tenant,
            registry=Registry(tenant.database, tenant.region, self.layers),
            layers=self.layers,
            objects=objects,
            runner=self._runner,
            queue=self._queue,
            report=lambda function, text: self._log.add(function, "", None, text),
        )

    def have(self, deployment: Deployment, layer: Path | None, triggers: TriggerSources) -> None:
        """Have the functions of a deployment, with ``layer`` as ``/opt``, and those of an earlier process.

        ``triggers`` connects them, and those to come, with what triggers them. Raises ForeignFunction,
        DestinationUnknown, DestinationLoops or InvalidArgument.
        """
        for function in deployment.functions.values():
            _check_home(function, self._tenant)
        check_destinations(deployment.functions, self._tenant)
        declared = [replace(function, opt=layer) for function in deployment.functions.values()]
        self.deployments.begin(declared, triggers)

    @property
    def deployment(self) -> Deployment:
        """Every function that is there now."""
        return Deployment(dict(self.deployments.functions))

    async def start(self) -> None:
        """Serve invocations from now on."""
        self._running = True
        self._runner.start()

    async def stop(self) -> None:
        """End every instance; asynchronous events that have not ended are lost."""
        self._running = False
        await self._queue.stop()
        await self._runner.stop()

    async def invoke(self, function: str, event: bytes) -> InvocationRecord:
        """Run a function and wait for its result. Raises RequestRefused."""
        record = await self._runner.run(Invocation(self.declared(function), new_request_id(), event))
        assert record is not None, "a synchronous invocation does not expire"
        return record

    async def invoke_async(self, function: str, event: bytes) -> str:
        """Accept an event and return its request id. Raises RequestRefused."""
        declaration = self.declared(function)
        if len(event) > ASYNC_PAYLOAD_BYTES:
            raise EntityTooLarge(ASYNC_PAYLOAD_BYTES)
        if not self._running:
            raise NotRunning
        return self._queue.put(declaration, event)

    async def settled(self) -> None:
        """Wait until no event is left in the queue and nothing runs."""
        while self._queue.tasks or self._runner.busy:
            if self._queue.tasks:
                await asyncio.wait(self._queue.tasks)
            await self._runner.quiet()

    def find(self, function: str) -> FunctionDeclaration | None:
        """A function as it is now, if there is one of this name."""
        return self.deployments.functions.get(function)

    def declared(self, function: str) -> FunctionDeclaration:
        """A function as it is now; raises FunctionNotFound."""
        found = self.find(function)
        if found is None:
            raise FunctionNotFound(function)
        return found

    def may_log(self, function: FunctionDeclaration) -> bool:
        """Whether a function's role may write to its logstore."""
        return self._permissions.may_log(function)

    def logs(self, function: str, request_id: str | None = None) -> list[LogLine]:
        """The log of a function, of one request if named; empty if its role may not write to the logstore."""
        declaration = self.find(function)
        if declaration is not None and not self.may_log(declaration):
            return []
        return self._log.lines(function, request_id)

    def log_tail(self, record: InvocationRecord) -> bytes:
        """The last 4 KB of the log of an invocation."""
        return tail(self._log.lines(record.function, record.request_id))

    def invocations(self) -> list[InvocationRecord]:
        """Every attempt to run a function that has ended, in the order of their ends."""
        return list(self._runner.records)

    @property
    def lost(self) -> list[LostEvent]:
        """Asynchronous events that did not succeed and that no destination got."""
        return self._queue.lost

    def instances(self, function: str) -> list[LiveInstance]:
        """The instances of a function that live now. Raises FunctionNotFound."""
        instances = self._runner.instances(self.declared(function).name)
        return [found for found in (instance.look() for instance in instances) if found is not None]

    def kill_instance(self, function: str, instance_id: str) -> bool:
        """End every process of one instance at once (SIGKILL); whether it lived until now."""
        for instance in self._runner.instances(self.declared(function).name):
            if instance.id == instance_id:
                instance.kill()
                return True
        return False

    def watch(self, observe: InvocationObserver) -> None:
        """Tell somebody of every attempt that ends from now on, in the services' event loop."""
        self._runner.watch(observe)

    def watch_log(self, sink: Callable[[LogLine], None]) -> None:
        """Tell somebody of every line that functions print from now on, in the services' event loop."""
        self._log.watch(sink)

    async def _attempt(
        self, event: AsyncEvent, attempt: int, expired: Callable[[], bool]
    ) -> InvocationRecord | None:
        declaration = self.declared(event.function)
        invocation = Invocation(declaration, event.request_id, event.payload, attempt, asynchronous=True)
        return await self._runner.run(invocation, expired)


def _check_home(function: FunctionDeclaration, tenant: Tenant) -> None:
    if function.region != tenant.region:
        raise ForeignFunction(function.name, "region", function.region, tenant.region)
    if function.role is not None and function.role.split(":")[3] != tenant.account_id:
        raise ForeignFunction(function.name, "account", function.role.split(":")[3], tenant.account_id)
