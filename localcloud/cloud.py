"""The whole local cloud: every service in one process, wired as the real ones are."""

from __future__ import annotations

import asyncio
import re
import sys
import threading
from collections.abc import Callable, Coroutine
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from types import TracebackType
from typing import Any, TypeVar

from localcloud.accounts import Accounts, Identity
from localcloud.calls import CallLog
from localcloud.clock import Clock
from localcloud.config import CloudConfig
from localcloud.control import Control
from localcloud.database import Database
from localcloud.faults import FaultPlan
from localcloud.fc.declaration import Deployment
from localcloud.fc.environment import RuntimeFiles
from localcloud.fc.permissions import FC_SERVICE
from localcloud.fc.service import FunctionCompute
from localcloud.gateway import Gateway
from localcloud.imm.service import MediaManagement
from localcloud.mns.service import MessageService
from localcloud.oss.service import ObjectStorage
from localcloud.oss.uploads import UPLOAD_BUCKET
from localcloud.ram.service import AccessManagement
from localcloud.refusals import RequestRefused
from localcloud.server import Connections, HttpServer, ListeningSocket, listen
from localcloud.sls.function_logs import FunctionLogs
from localcloud.sls.service import LogService
from localcloud.triggers import MNS_SERVICE, Push, Triggers
from localcloud.upload_events import UploadEvents

T = TypeVar("T")

# In which MNS invokes where a trigger names no role; Serverless Devs' component makes it.
NOTIFICATION_ROLE = "AliyunMNSNotificationRole"


@dataclass(frozen=True)
class Endpoints:
    """Where each service is reached, as URLs; STS answers where RAM does."""

    oss: str
    imm: str
    mns: str
    fc: str
    control: str
    ram: str
    sls: str


class LocalCloud:
    """A local cloud that runs in a thread of its own: ``with LocalCloud(config) as cloud: ...``.

    Entering raises PortInUse, StateUnusable, or what the region or the account refuses of the functions. The
    services may be looked at from any thread, but changed only through ``run`` and ``call``.
    """

    endpoints: Endpoints
    access: AccessManagement
    objects: ObjectStorage
    media: MediaManagement
    messages: MessageService
    functions: FunctionCompute
    uploads: UploadEvents
    logs: LogService

    def __init__(self, config: CloudConfig) -> None:
        self.config = config
        self.calls = CallLog()
        self.faults = FaultPlan()
        self.clock = Clock()
        owner = Identity(config.access_key_id, config.access_key_secret)
        self.accounts = Accounts(config.account_id, owner, self.clock)
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever, name="local cloud", daemon=True)
        self._servers: list[HttpServer] = []
        self._database: Database | None = None
        self._triggers: Triggers

    def __enter__(self) -> LocalCloud:
        self._thread.start()
        try:
            self.run(self._start())
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
        self.run(self._stop())
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join()
        self._loop.close()

    def run(self, coroutine: Coroutine[Any, Any, T]) -> T:
        """Run a coroutine in the cloud's event loop and wait for its result."""
        return asyncio.run_coroutine_threadsafe(coroutine, self._loop).result()

    def call(self, function: Callable[..., T], *arguments: Any, **options: Any) -> T:
        """Call a function in the cloud's event loop and wait for its result."""

        async def within() -> T:
            return function(*arguments, **options)

        return self.run(within())

    async def settled(self) -> None:
        """Wait until no event or message is on its way and no function runs or waits for a retry."""
        await self.uploads.settled()
        await self.functions.settled()
        await self.messages.settled()
        await self.functions.settled()
        # A function's destination may be a topic that triggers another function.
        await self.messages.settled()
        await self._triggers.settled()
        await self.functions.settled()

    async def _start(self) -> None:
        config = self.config
        names = ("oss", "imm", "mns", "fc", "control", "ram", "sls")
        sockets: dict[str, ListeningSocket] = {}
        try:
            for name in names:
                sockets[name] = listen(name.upper(), config.host, getattr(config.ports, name))
            self.endpoints = Endpoints(
                **{name: f"http://{config.host}:{sock.getsockname()[1]}" for name, sock in sockets.items()}
            )
            self._build()
            await self.media.start()
            await self.messages.start()
            await self.functions.start()
            self._triggers.start()
            control = Control(self)
            connections = Connections()
            self._loop.set_exception_handler(connections.handle)
            for service in (self.objects, self.media, self.messages, self.functions, self.access, self.logs):
                app = Gateway(service, self.calls, self.faults)
                self._servers.append(HttpServer(app, sockets.pop(service.name), connections))
            self._servers.append(HttpServer(control.app, sockets.pop("control"), connections))
            for server in self._servers:
                await server.start()
        finally:
            for sock in sockets.values():
                sock.close()

    def _build(self) -> None:
        config = self.config
        deployment = config.deployment or Deployment(path=Path(), name="", functions={})
        self._database = database = Database(config.directory)
        self.access = AccessManagement(
            account_id=config.account_id, database=database, accounts=self.accounts, clock=self.clock
        )
        authorization = self.access.authorization if config.policies else None
        self.objects = ObjectStorage(
            region=config.region,
            account_id=config.account_id,
            database=database,
            accounts=self.accounts,
            clock=self.clock,
            accept_unicode_tags=config.accept_unicode_tags,
            authorization=authorization,
        )
        self.messages = MessageService(
            region=config.region,
            account_id=config.account_id,
            database=database,
            accounts=self.accounts,
            clock=self.clock,
            time_scale=config.time_scale,
            delivery_spread_seconds=config.delivery_spread_seconds,
            authorization=authorization,
        )
        self.media = MediaManagement(
            region=config.region,
            account_id=config.account_id,
            database=database,
            accounts=self.accounts,
            clock=self.clock,
            objects=self.objects,
            topics=self.messages,
            task_seconds=config.task_seconds,
            authorization=authorization,
        )
        self.destinations = _Destinations(self.messages)
        self.uploads = UploadEvents(config.region, config.account_id, config.time_scale)
        self.objects.watch(self.uploads.announce)
        self._triggers = Triggers(
            region=config.region,
            account_id=config.account_id,
            messages=self.messages,
            push_to=self._push_to,
            invoke=self._call,
            uploads=self.uploads,
            has_bucket=self.objects.has_bucket,
            time_scale=config.time_scale,
        )
        self.functions = FunctionCompute(
            region=config.region,
            account_id=config.account_id,
            deployment=deployment,
            accounts=self.accounts,
            clock=self.clock,
            database=database,
            runtime_files=RuntimeFiles(config.interpreter or base_interpreter(), config.layer),
            variables={"IMM_ENDPOINT": self.endpoints.imm, "OSS_ENDPOINT": self.endpoints.oss},
            destinations=self.destinations,
            time_scale=config.time_scale,
            instance_limit=config.instance_limit,
            authorization=authorization,
            assume_role=partial(self.access.roles.assume, service=FC_SERVICE) if config.policies else None,
            role_arn=self._role_arn,
            objects=_Packages(self.objects),
            uploads=self.objects.uploads,
            upload_bucket=UPLOAD_BUCKET,
            triggers=self._triggers,
        )
        self.logs = LogService(
            region=config.region,
            account_id=config.account_id,
            database=database,
            accounts=self.accounts,
            clock=self.clock,
            authorization=authorization,
        )
        function_logs = FunctionLogs(self.logs.store, self.functions.find, self.functions.may_log)
        self.functions.watch_log(function_logs.line)
        self.functions.watch(lambda invocation, record: function_logs.request(record))
        for topic in _topics(deployment):
            self.messages.create_topic(topic)
        for function in deployment.functions.values():
            for trigger in function.triggers:
                self._triggers.connect(function, trigger.name)

    async def _call(self, function: str, asynchronous: bool, event: bytes) -> bool:
        """Call a function for EventBridge; whether that succeeded."""
        try:
            if asynchronous:
                await self.functions.invoke_async(function, event)
                return True
            return (await self.functions.invoke(function, event)).error_type is None
        except RequestRefused:
            return False

    def _role_arn(self, arn: str) -> str:
        role = self.access.roles.find(arn)
        return arn if role is None else self.access.roles.arn(role)

    def _push_to(self, function: str, role: str | None, service: str = MNS_SERVICE) -> Push:
        async def push(event: bytes) -> bool:
            self.check_invoker(role, function, service)
            await self.functions.invoke_async(function, event)
            return True

        return push

    def check_invoker(self, role: str | None, function: str, service: str = MNS_SERVICE) -> None:
        """Raise AccessRefused or AssumptionRefused unless a service may invoke a function in a role.

        A trigger without one uses AliyunMNSNotificationRole, which has to be there like any other.
        """
        if not self.config.policies:
            return
        acting = role or f"acs:ram::{self.config.account_id}:role/{NOTIFICATION_ROLE}"
        self.access.roles.trusting(acting, service)
        resource = f"acs:fc:{self.config.region}:{self.config.account_id}:functions/{function}"
        self.access.authorization.check(Identity("", "", role=acting), "fc:InvokeFunction", resource)

    async def _stop(self) -> None:
        # All at once: each takes a moment to notice.
        await asyncio.gather(*(server.stop() for server in self._servers))
        # A task that ends now still finds its topic, and a message its function.
        if hasattr(self, "_triggers"):
            await self._triggers.stop()
        for name in ("media", "messages", "functions"):
            service = getattr(self, name, None)
            if service is not None:
                await service.stop()
        if self._database is not None:
            self._database.close()
        # A call that a test left without an answer still waits for its client.
        waiting = asyncio.all_tasks() - {asyncio.current_task()}
        for task in waiting:
            task.cancel()
        await asyncio.gather(*waiting, return_exceptions=True)


class _Destinations:
    """Delivers the records of asynchronous invocations to MNS topics."""

    def __init__(self, messages: MessageService) -> None:
        self._messages = messages

    async def send(self, arn: str, record: bytes) -> None:
        topic = topic_of(arn)
        if topic is None:
            raise UnsupportedDestination(arn)
        await self._messages.publish(topic, record)


class _Packages:
    """The packages of code that were uploaded to OSS."""

    def __init__(self, objects: ObjectStorage) -> None:
        self._objects = objects

    def size(self, bucket: str, key: str) -> int | None:
        found = self._objects.stat(bucket, key)
        return None if found is None else found.size

    def read(self, bucket: str, key: str) -> bytes | None:
        return self._objects.read(bucket, key)


class UnsupportedDestination(Exception):
    """A function's result is to go to something that the local cloud does not have."""

    def __init__(self, arn: str) -> None:
        super().__init__(f"The local cloud delivers results to MNS topics and functions only, not to {arn}.")


def base_interpreter() -> Path:
    """The interpreter that this process runs on, outside of any virtual environment."""
    return Path(getattr(sys, "_base_executable", None) or sys.executable)


def topic_of(arn: str) -> str | None:
    """The topic that a destination ``acs:mns:<region>:<account>:/topics/<topic>/messages`` names."""
    match = re.fullmatch(r"acs:mns:[^:]*:[^:]*:/topics/([^/]+)/messages", arn)
    return match[1] if match else None


def _topics(deployment: Deployment) -> set[str]:
    """Every topic that a deployment relies on; in the real cloud it has to be there already."""
    topics = {trigger.topic for trigger in deployment.mns_topic_triggers}
    for function in deployment.functions.values():
        for arn in (function.async_invoke.on_success, function.async_invoke.on_failure):
            topic = topic_of(arn) if arn else None
            if topic:
                topics.add(topic)
    return topics
