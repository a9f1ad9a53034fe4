"""What the API changes: functions, their triggers and asynchronous configurations, and layers.

Help pages developer-reference/api-fc-2023-03-30-…: createfunction, updatefunction, deletefunction,
createtrigger, updatetrigger, deletetrigger, putasyncinvokeconfig, deleteasyncinvokeconfig,
createlayerversion.
"""

from __future__ import annotations

import asyncio
import json
from collections.abc import Callable, Iterable, Mapping
from dataclasses import replace
from typing import Any, Protocol

from localcloud.database import StateInaccessible
from localcloud.fc.asynchronous import AsyncQueue
from localcloud.fc.declaration import DeclarationError, FunctionDeclaration
from localcloud.fc.destinations import check_destinations
from localcloud.fc.layers import Layers, LayerVersion, read_layer
from localcloud.fc.packages import Package, fetch
from localcloud.fc.refusals import (
    AlreadyThere,
    FunctionComputeRefused,
    FunctionNotFound,
    InvalidArgument,
    LimitExceeded,
    NotThere,
)
from localcloud.fc.registry import DeployedFunction, Part, Registry
from localcloud.fc.runner import Runner
from localcloud.oss.service import ObjectStorage
from localcloud.tenant import Tenant

TRIGGERS = 50
DEFAULT_EVENT_AGE = 86_400
# The types whose triggers Function Compute cannot change: fc3's UNSUPPORTED_UPDATE_TRIGGER_LIST.
UNCHANGEABLE = frozenset({"mns_topic", "tablestore"})

_PROPS = frozenset(
    {
        *("cpu", "description", "diskSize", "environmentVariables", "handler", "instanceConcurrency"),
        *("instanceLifecycleConfig", "internetAccess", "layers", "logConfig", "memorySize", "role"),
        *("runtime", "timeout"),
    }
)
# What the API takes and the local cloud does not have: only values that ask for nothing.
_ABSENT: Mapping[str, tuple[Any, ...]] = {
    "vpcConfig": ({"vpcId": "", "vSwitchIds": [], "securityGroupId": ""},),
    "nasConfig": ({"userId": 0, "groupId": 0, "mountPoints": []},),
    "ossMountConfig": ({"mountPoints": []},),
    "tracingConfig": (),
    "customDNS": (),
    "tags": ([],),
    "gpuConfig": (),
    "customContainerConfig": (),
    "customRuntimeConfig": (),
    "instanceIsolationMode": ("", "SHARE"),
    "sessionAffinity": ("", "NONE"),
    "sessionAffinityConfig": ("",),
    "resourceGroupId": ("",),
    "enableLongLiving": (False,),
    "disableOndemand": (False,),
}


class TriggerSources(Protocol):
    """What makes triggers invoke functions."""

    def connect(self, function: FunctionDeclaration, name: str) -> None:
        """Let a function's trigger invoke it; raises InvalidArgument, and SourceRefused by OSS."""

    def disconnect(self, function: FunctionDeclaration, name: str) -> None:
        """Let a function's trigger invoke it no more."""


class Deployments:
    """The functions and layers that there are, and everything that changes them.

    One change at a time; a change that is refused leaves everything as it was. ``report`` writes a line to a
    function's log.
    """

    def __init__(
        self,
        *,
        tenant: Tenant,
        registry: Registry,
        layers: Layers,
        objects: ObjectStorage,
        runner: Runner,
        queue: AsyncQueue,
        report: Callable[[str, str], None],
    ) -> None:
        self._tenant = tenant
        self._registry = registry
        self._layers = layers
        self._objects = objects
        self._triggers: TriggerSources
        self._runner = runner
        self._queue = queue
        self._report = report
        self._changing = asyncio.Lock()
        self.functions: dict[str, FunctionDeclaration] = {}

    def begin(self, declared: Iterable[FunctionDeclaration], triggers: TriggerSources) -> None:
        """Have functions that no package was uploaded of, and those that an earlier process had.

        The former are not kept, and the API does not change them. What cannot be restored of the latter is
        reported. Raises InvalidArgument for a trigger of the former.
        """
        self._triggers = triggers
        for declaration in declared:
            self._run(declaration)
            for trigger in declaration.triggers:
                triggers.connect(declaration, trigger.name)
        for function in self._registry.functions():
            if function.name in self.functions:
                continue
            try:
                declaration = self._registry.declaration(function)
            except InvalidArgument as error:
                self._report(function.name, f"The function was not restored: {error.message}")
                continue
            self._run(declaration)
            for trigger in declaration.triggers:
                try:
                    triggers.connect(declaration, trigger.name)
                except FunctionComputeRefused as error:
                    self._report(
                        function.name, f"The trigger {trigger.name} was not restored: {error.message}"
                    )
        self.sweep()

    def _run(self, declaration: FunctionDeclaration) -> None:
        self.functions[declaration.name] = declaration
        self._runner.deploy(declaration)

    def sweep(self) -> None:
        """Delete the files that nothing uses any more."""
        self._registry.sweep(self._runner.in_use())

    async def create_function(self, body: Mapping[str, Any]) -> None:
        """CreateFunction."""
        name = body.get("functionName")
        if not isinstance(name, str) or not name:
            raise InvalidArgument("functionName is required")
        props = _read_props(body, {"code", "functionName"})
        async with self._changing:
            if name in self.functions:
                raise AlreadyThere("Function", name)
            if not isinstance(body.get("code"), dict):
                raise InvalidArgument("code is required")
            now = self._now()
            function = DeployedFunction(name, props, "", "", 0, now, now)
            await self._deploy(function, body["code"])

    async def update_function(self, name: str, body: Mapping[str, Any]) -> None:
        """UpdateFunction: what is not named stays as it is."""
        changed = _read_props(body, {"code", "functionName"})
        async with self._changing:
            function = self._deployed(name)
            props = {**function.props, **changed}
            function = replace(function, props=props, modified=self._now())
            await self._deploy(function, body.get("code"))

    async def delete_function(self, name: str) -> None:
        """DeleteFunction; its triggers go with it, and what was accepted for it is told in its log."""
        async with self._changing:
            self._deployed(name)
            self._registry.delete(name)
            declaration = self.functions.pop(name)
            for trigger in declaration.triggers:
                self._triggers.disconnect(declaration, trigger.name)
            self._runner.remove(name)
            self._queue.abandon(name)
            self.sweep()

    async def create_trigger(self, function: str, body: Mapping[str, Any]) -> None:
        """CreateTrigger."""
        settings = _read_trigger(body)
        name, kind = settings.pop("triggerName", None), settings.get("triggerType")
        if not isinstance(name, str) or not name:
            raise InvalidArgument("triggerName is required")
        if kind == "mns_topic" and not settings.get("invocationRole"):
            raise InvalidArgument("invocationRole is required for a trigger of the type mns_topic")
        async with self._changing:
            deployed = self._deployed(function)
            if name in deployed.triggers:
                raise AlreadyThere("Trigger", name)
            if len(deployed.triggers) >= TRIGGERS:
                raise LimitExceeded(f"function '{function}' has {TRIGGERS} triggers, as many as it may have")
            now = self._now()
            triggers = {**deployed.triggers, name: Part(settings, now, now)}
            changed = replace(deployed, triggers=triggers)
            self._connect(changed, self._registry.declaration(changed), name)

    async def update_trigger(self, function: str, name: str, body: Mapping[str, Any]) -> None:
        """UpdateTrigger: what is not named stays as it is."""
        settings = _read_trigger(body)
        for key in ("sourceArn", "triggerName", "triggerType"):
            settings.pop(key, None)
        async with self._changing:
            deployed = self._deployed(function)
            trigger = _trigger(deployed, name)
            kind = trigger.settings["triggerType"]
            if kind in UNCHANGEABLE:
                raise InvalidArgument(f"a trigger of the type {kind} cannot be changed: delete and create it")
            part = Part({**trigger.settings, **settings}, trigger.created, self._now())
            changed = replace(deployed, triggers={**deployed.triggers, name: part})
            declaration = self._registry.declaration(changed)
            before = self.functions[function]
            self._triggers.disconnect(before, name)
            try:
                self._connect(changed, declaration, name)
            except (FunctionComputeRefused, StateInaccessible):
                self._triggers.connect(before, name)
                raise

    async def delete_trigger(self, function: str, name: str) -> None:
        """DeleteTrigger."""
        async with self._changing:
            deployed = self._deployed(function)
            _trigger(deployed, name)
            before = self.functions[function]
            triggers = {known: part for known, part in deployed.triggers.items() if known != name}
            changed = replace(deployed, triggers=triggers)
            self._settle(changed, self._registry.declaration(changed))
            self._triggers.disconnect(before, name)

    async def put_async_invoke_config(self, function: str, body: Mapping[str, Any]) -> None:
        """PutAsyncInvokeConfig; of what is not named the API's defaults count."""
        settings = {key: value for key, value in body.items() if value is not None}
        destinations = settings.get("destinationConfig")
        if isinstance(destinations, dict):
            settings["destinationConfig"] = {key: value for key, value in destinations.items() if value}
        settings.setdefault("maxAsyncEventAgeInSeconds", DEFAULT_EVENT_AGE)
        async with self._changing:
            deployed = self._deployed(function)
            now = self._now()
            created = deployed.async_invoke.created if deployed.async_invoke else now
            changed = replace(deployed, async_invoke=Part(settings, created, now))
            declaration = self._registry.declaration(changed)
            try:
                functions = {**self.functions, function: declaration}
                check_destinations(functions, self._tenant, only=function)
            except DeclarationError as error:
                raise InvalidArgument(error.problem) from None
            self._settle(changed, declaration)

    async def delete_async_invoke_config(self, function: str) -> None:
        """DeleteAsyncInvokeConfig."""
        async with self._changing:
            deployed = self._deployed(function)
            if deployed.async_invoke is None:
                raise NotThere("AsyncConfigNotExists", f"async config for function '{function}'")
            changed = replace(deployed, async_invoke=None)
            self._settle(changed, self._registry.declaration(changed))

    async def create_layer_version(self, name: str, body: Mapping[str, Any]) -> LayerVersion:
        """CreateLayerVersion."""
        runtimes, description, code = read_layer(name, body)
        async with self._changing:
            return await self._publish(name, self._fetch(code), runtimes, description)

    async def have_layer_version(self, name: str, body: Mapping[str, Any]) -> LayerVersion:
        """The newest version of a layer if it has the same bytes, as fc3 looks for it, else a new one."""
        runtimes, description, code = read_layer(name, body)
        async with self._changing:
            package = self._fetch(code)
            newest, _ = self._layers.versions(name, 1, 1)
            for version in newest:
                if (version.checksum, version.runtimes) == (package.checksum, runtimes):
                    return version
            return await self._publish(name, package, runtimes, description)

    async def _publish(
        self, name: str, package: Package, runtimes: tuple[str, ...], description: str
    ) -> LayerVersion:
        return await asyncio.to_thread(
            self._layers.publish, name, package, runtimes, description, self._now()
        )

    def _connect(self, function: DeployedFunction, declaration: FunctionDeclaration, name: str) -> None:
        """Connect a trigger and keep it; one that cannot be kept is not connected."""
        self._triggers.connect(declaration, name)
        try:
            self._settle(function, declaration)
        except StateInaccessible:
            self._triggers.disconnect(declaration, name)
            raise

    def _settle(self, function: DeployedFunction, declaration: FunctionDeclaration) -> None:
        """Keep a change that concerns no instance."""
        self._registry.keep(function)
        self.functions[function.name] = declaration

    async def _deploy(self, function: DeployedFunction, code: object) -> None:
        """Keep and run a version of a function, with the code that it has or with that of a package."""
        if code is not None:
            if not isinstance(code, dict):
                raise InvalidArgument("code must be an object")
            package = self._fetch(code)
            directory = await asyncio.to_thread(self._registry.unpack, package)
            function = replace(function, code=directory, checksum=package.checksum, size=package.size)
        try:
            declaration = self._registry.declaration(function)
            if declaration.role is not None and declaration.role.split(":")[3] != self._tenant.account_id:
                raise InvalidArgument(f"role '{declaration.role}' is of another account")
            before = self.functions.get(function.name)
            for arn in declaration.layers:
                # A version that was deleted stays with the functions that have it.
                if before is None or before.runtime != declaration.runtime or arn not in before.layers:
                    self._layers.wanted(arn, declaration.runtime)
        except InvalidArgument:
            self.sweep()
            raise
        self._settle(function, declaration)
        if before is None or not _runs_alike(before, declaration):
            self._runner.deploy(declaration)
        self.sweep()

    def _fetch(self, location: Mapping[str, Any]) -> Package:
        return fetch(location, self._objects, self._tenant.region)

    def _deployed(self, name: str) -> DeployedFunction:
        if name not in self.functions:
            raise FunctionNotFound(name)
        function = self._registry.find(name)
        if function is None:
            raise InvalidArgument(
                f"function '{name}' came with the local cloud's start and cannot be changed"
            )
        return function

    def _now(self) -> str:
        return self._tenant.clock.timestamp()


def _read_props(body: Mapping[str, Any], beside: set[str]) -> dict[str, Any]:
    """The props of a request; raises InvalidArgument for those that the API or the local cloud lacks."""
    given = {key: value for key, value in body.items() if value is not None}
    unknown = sorted(given.keys() - (_PROPS | _ABSENT.keys() | beside))
    if unknown:
        raise InvalidArgument(f"unknown members: {', '.join(unknown)}")
    for key, harmless in _ABSENT.items():
        if key in given and given[key] not in ({}, *harmless):
            raise InvalidArgument(f"{key}: the local cloud has nothing of the kind; leave it empty")
    props = {key: given[key] for key in _PROPS & given.keys()}
    life_cycle = props.get("instanceLifecycleConfig")
    if isinstance(life_cycle, dict):
        props["instanceLifecycleConfig"] = {name: hook for name, hook in life_cycle.items() if _is_set(hook)}
    log = props.get("logConfig")
    if isinstance(log, dict) and not log.get("project") and not log.get("logstore"):
        del props["logConfig"]
    return props


def _is_set(hook: object) -> bool:
    """fc3 takes a hook away by naming an empty handler and an empty command."""
    return bool(hook.get("handler") or hook.get("command")) if isinstance(hook, dict) else hook is not None


def _trigger(function: DeployedFunction, name: str) -> Part:
    if name not in function.triggers:
        raise NotThere("TriggerNotFound", f"trigger '{name}'")
    return function.triggers[name]


def _read_trigger(body: Mapping[str, Any]) -> dict[str, Any]:
    settings = {key: value for key, value in body.items() if value not in (None, "")}
    text = settings.get("triggerConfig")
    if text is None:
        return settings
    try:
        config = json.loads(text)
    except (TypeError, ValueError, RecursionError):
        config = None
    if not isinstance(config, dict):
        raise InvalidArgument("triggerConfig must be a JSON object, as text")
    return {**settings, "triggerConfig": config}


def _runs_alike(one: FunctionDeclaration, other: FunctionDeclaration) -> bool:
    """Whether instances of the one can serve the other: they differ in nothing that an instance sees."""

    def seen(function: FunctionDeclaration) -> FunctionDeclaration:
        return replace(
            function,
            description="",
            async_invoke=type(function.async_invoke)(),
            triggers=(),
            changed=None,
            package=None,
        )

    return seen(one) == seen(other)
