"""Function Compute as the rest of the local cloud sees it."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping
from dataclasses import replace

from starlette.responses import Response
from starlette.types import ASGIApp, Scope

from localcloud.accounts import Identity
from localcloud.fc.api import FunctionApi, Uploads
from localcloud.fc.asynchronous import AsyncQueue
from localcloud.fc.declaration import Deployment, FunctionDeclaration
from localcloud.fc.deployments import Deployments, NoTriggerSources, TriggerSources
from localcloud.fc.destination_check import check_destinations
from localcloud.fc.destinations import AsyncEvent, DestinationSender, LostEvent
from localcloud.fc.environment import RuntimeFiles
from localcloud.fc.invocation import InvocationRecord, InvocationResult, LiveInstance, new_request_id
from localcloud.fc.layers import Layers
from localcloud.fc.logs import LogBook, LogLine
from localcloud.fc.packages import NoObjects, Objects
from localcloud.fc.permissions import Permissions
from localcloud.fc.refusals import (
    ASYNC_PAYLOAD_BYTES,
    SYNC_PAYLOAD_BYTES,
    EntityTooLarge,
    FunctionNotFound,
    NotRunning,
)
from localcloud.fc.registry import Registry
from localcloud.fc.runner import Invocation, InvocationObserver, Runner
from localcloud.gateway import Operation
from localcloud.tenant import Tenant

__all__ = ["ForeignFunction", "FunctionCompute", "RuntimeFiles"]


class ForeignFunction(Exception):
    """A function that is declared for another region, or with a role of another account."""

    def __init__(self, function: str, what: str, declared: str, here: str) -> None:
        super().__init__(
            f"{function} is declared for the {what} {declared}, but this cloud is {here}. "
            f"Set the variables from which s.yaml takes the {what}, or start the cloud for {declared}."
        )


class FunctionCompute:
    """Runs functions: those of a deployment, and those that are deployed through the API.

    ``variables`` are added to every function's environment and win over those that were deployed.
    ``database`` keeps what the API deploys; packages come from ``objects``, where ``uploads`` lets clients
    put them. ``triggers`` connects functions with what triggers them; ``role_arn`` gives a role's ARN in the
    case that it was created with.
    ``time_scale`` multiplies the waits that the service imposes (retries, idleness), never a timeout.
    ``assume_role`` gives temporary keys of a role, or raises AssumptionRefused.
    Raises ForeignFunction, DestinationUnknown or DestinationLoops.
    """

    name = "fc"

    def __init__(
        self,
        tenant: Tenant,
        *,
        deployment: Deployment,
        runtime_files: RuntimeFiles,
        variables: Mapping[str, str],
        destinations: DestinationSender,
        time_scale: float = 1.0,
        instance_limit: int = 10,
        assume_role: Callable[[str], Identity] | None = None,
        role_arn: Callable[[str], str] = str,
        objects: Objects | None = None,
        uploads: Uploads | None = None,
        upload_bucket: str = "",
        triggers: TriggerSources | None = None,
    ) -> None:
        for function in deployment.functions.values():
            _check_home(function, tenant)
        check_destinations(deployment.functions, tenant)
        self._declared = deployment
        self._clock = tenant.clock
        self._running = False
        self._log = LogBook(tenant.clock)
        assume_role = assume_role or tenant.accounts.issue_role_keys
        self._permissions = Permissions(tenant, assume_role, role_arn)
        self._runner = Runner(
            account_id=tenant.account_id,
            keys=self._permissions.keys,
            clock=tenant.clock,
            files=runtime_files,
            variables=variables,
            log=self._log,
            time_scale=time_scale,
            instance_limit=instance_limit,
            retired=lambda declaration: self.deployments.sweep(),
        )
        self._queue = AsyncQueue(
            tenant=tenant,
            attempt=self._attempt,
            accept=self.invoke_async,
            permit=self._permissions.check_destination,
            destinations=destinations,
            report=lambda event, text: self._log.add(event.function, "", event.request_id, text),
            time_scale=time_scale,
        )
        layers = Layers(tenant)
        self.deployments = Deployments(
            tenant=tenant,
            registry=Registry(tenant.database, tenant.region, layers),
            layers=layers,
            objects=objects or NoObjects(),
            triggers=triggers or NoTriggerSources(),
            runner=self._runner,
            queue=self._queue,
            report=lambda function, text: self._log.add(function, "", None, text),
        )
        for function in deployment.functions.values():
            self.deployments.declare(replace(function, opt=runtime_files.layer))
        self.deployments.restore()
        self._api = FunctionApi(
            self, tenant, self._permissions, self.deployments, layers, uploads, upload_bucket
        )
        self.app: ASGIApp = self._api.app

    @property
    def deployment(self) -> Deployment:
        """Every function that is there now."""
        return replace(self._declared, functions=dict(self.deployments.functions))

    async def start(self) -> None:
        """Serve invocations from now on."""
        self._running = True
        self._runner.start()

    async def stop(self) -> None:
        """End every instance; asynchronous events that have not ended are lost."""
        self._running = False
        await self._queue.stop()
        await self._runner.stop()

    async def invoke(self, function: str, event: bytes, *, request_id: str | None = None) -> InvocationResult:
        """Run a function and wait for its result. Raises RequestRefused."""
        declaration = self._declaration(function)
        if len(event) > SYNC_PAYLOAD_BYTES:
            raise EntityTooLarge(SYNC_PAYLOAD_BYTES)
        invocation = Invocation(declaration, request_id or new_request_id(), event)
        result = await self._runner.run(invocation, lambda: False)
        assert result is not None, "a synchronous invocation does not expire"
        return result

    async def invoke_async(self, function: str, event: bytes) -> str:
        """Accept an event and return its request id. Raises RequestRefused."""
        declaration = self._declaration(function)
        if len(event) > ASYNC_PAYLOAD_BYTES:
            raise EntityTooLarge(ASYNC_PAYLOAD_BYTES)
        if not self._running:
            raise NotRunning
        accepted = AsyncEvent(new_request_id(), function, event, self._clock.now())
        self._queue.put(declaration, accepted)
        return accepted.request_id

    async def settled(self) -> None:
        """Wait until no event is left in the queue and nothing runs."""
        while self._queue.tasks or self._runner.busy:
            if self._queue.tasks:
                await asyncio.wait(self._queue.tasks)
            await self._runner.quiet()

    def find(self, function: str) -> FunctionDeclaration | None:
        """A function as it is now, if there is one of this name."""
        return self.deployments.functions.get(function)

    def may_log(self, function: FunctionDeclaration) -> bool:
        """Whether a function's role may write to its logstore."""
        return self._permissions.may_log(function)

    def logs(self, function: str, request_id: str | None = None) -> list[LogLine]:
        """The log of a function, of one request if named; empty if its role may not write to the logstore."""
        declaration = self.find(function)
        if declaration is not None and not self.may_log(declaration):
            return []
        return self._log.lines(function, request_id)

    def invocations(self) -> list[InvocationRecord]:
        """Every attempt to run a function that has ended, in the order of their ends."""
        return list(self._runner.records)

    @property
    def lost(self) -> list[LostEvent]:
        """Asynchronous events that did not succeed and that no destination got."""
        return self._queue.lost

    def instances(self, function: str) -> list[LiveInstance]:
        """The instances of a function that live now. Raises RequestRefused."""
        instances = self._runner.instances(self._declaration(function).name)
        return [found for found in (instance.look() for instance in instances) if found is not None]

    def kill_instance(self, function: str, instance_id: str) -> bool:
        """End every process of one instance at once (SIGKILL); whether it lived until now."""
        for instance in self._runner.instances(self._declaration(function).name):
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

    def operation(self, scope: Scope) -> Operation:
        """Name the operation of a request from its line and headers alone."""
        return self._api.operation(scope)

    def error(self, status: int, code: str, message: str) -> Response:
        """Function Compute's form of an error."""
        return self._api.error(status, code, message)

    def _declaration(self, function: str) -> FunctionDeclaration:
        if function not in self.deployment.functions:
            raise FunctionNotFound(function)
        return self.deployment.functions[function]

    async def _attempt(
        self, event: AsyncEvent, attempt: int, expired: Callable[[], bool]
    ) -> InvocationResult | None:
        declaration = self._declaration(event.function)
        return await self._runner.run(
            Invocation(declaration, event.request_id, event.payload, attempt, asynchronous=True), expired
        )


def _check_home(function: FunctionDeclaration, tenant: Tenant) -> None:
    if function.region != tenant.region:
        raise ForeignFunction(function.name, "region", function.region, tenant.region)
    if function.role is not None and function.role.split(":")[3] != tenant.account_id:
        raise ForeignFunction(function.name, "account", function.role.split(":")[3], tenant.account_id)
