"""A region's services, wired as the real ones are: what triggers what, in whose name, and where things go."""

from __future__ import annotations

from dataclasses import dataclass, replace

from localcloud.accounts import Accounts, Identity
from localcloud.calls import CallLog
from localcloud.clock import Clock
from localcloud.config import CloudConfig
from localcloud.database import Database
from localcloud.faults import FaultPlan
from localcloud.fc.api import FunctionApi
from localcloud.fc.declaration import Deployment
from localcloud.fc.permissions import Permissions
from localcloud.fc.service import FunctionCompute
from localcloud.imm.service import MediaManagement
from localcloud.mns.service import MessageService
from localcloud.oss.service import ObjectStorage
from localcloud.ram.service import AccessManagement
from localcloud.sls.function_logs import FunctionLogs
from localcloud.sls.service import LogService
from localcloud.tenant import Tenant
from localcloud.triggers import Triggers
from localcloud.upload_events import UploadEvents


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


class Region:
    """The services of a region in one event loop; they are there once ``start`` was called."""

    endpoints: Endpoints
    access: AccessManagement
    objects: ObjectStorage
    media: MediaManagement
    messages: MessageService
    functions: FunctionCompute
    function_api: FunctionApi
    uploads: UploadEvents
    logs: LogService

    def __init__(self, config: CloudConfig) -> None:
        self.config = config
        self.calls = CallLog()
        self.faults = FaultPlan()
        self.clock = Clock()
        owner = Identity(config.access_key_id, config.access_key_secret)
        self.accounts = Accounts(config.account_id, owner, self.clock)
        self._database: Database | None = None
        self._triggers: Triggers | None = None

    async def start(self, endpoints: Endpoints) -> None:
        """Have the services, which are reached at these addresses, and go on with what they had to do.

        Raises StateUnusable, or what the region or the account refuses of the functions.
        """
        self._build(endpoints)
        assert self._triggers is not None, "it was just built"
        await self.media.start()
        await self.functions.start()
        self._triggers.start()

    async def stop(self) -> None:
        """End everything; what was kept is for the next start."""
        # A task that ends now still finds its topic, and a message its function.
        if self._triggers is not None:
            await self._triggers.stop()
        for name in ("media", "messages", "functions"):
            service = getattr(self, name, None)
            if service is not None:
                await service.stop()
        if self._database is not None:
            self._database.close()

    async def settled(self) -> None:
        """Wait until no event or message is on its way and no function runs or waits for a retry."""
        await self.uploads.settled()
        await self.functions.settled()
        await self.messages.settled()
        await self.functions.settled()
        # A function's destination may be a topic that triggers another function.
        await self.messages.settled()
        assert self._triggers is not None, "it was started"
        await self._triggers.settled()
        await self.functions.settled()

    def _build(self, endpoints: Endpoints) -> None:
        self.endpoints, config = endpoints, self.config
        self._database = database = Database(config.directory)
        tenant = Tenant(config.region, self.accounts, self.clock, database)
        self.access = AccessManagement(tenant)
        if config.policies:
            tenant = replace(tenant, authorization=self.access.authorization)
        self.objects = ObjectStorage(tenant, accept_unicode_tags=config.accept_unicode_tags)
        self.messages = MessageService(
            tenant,
            time_scale=config.time_scale,
            delivery_spread_seconds=config.delivery_spread_seconds,
        )
        self.media = MediaManagement(
            tenant, objects=self.objects, topics=self.messages, task_seconds=config.task_seconds
        )
        self.uploads = UploadEvents(tenant, config.time_scale)
        self.objects.watch(self.uploads.announce)
        permissions = Permissions(tenant, self.access.roles)
        self.functions = FunctionCompute(
            tenant,
            interpreter=config.interpreter,
            variables={"IMM_ENDPOINT": endpoints.imm, "OSS_ENDPOINT": endpoints.oss},
            permissions=permissions,
            objects=self.objects,
            publish=self.messages.publish,
            time_scale=config.time_scale,
            instance_limit=config.instance_limit,
        )
        self.function_api = FunctionApi(self.functions, tenant, permissions, self.objects.uploads)
        self.logs = LogService(tenant)
        function_logs = FunctionLogs(self.logs.store, self.functions.find, self.functions.may_log)
        self.functions.watch_log(function_logs.line)
        self.functions.watch(lambda invocation, record: function_logs.request(record))
        self._triggers = Triggers(
            tenant,
            functions=self.functions,
            permissions=permissions,
            messages=self.messages,
            objects=self.objects,
            uploads=self.uploads,
            time_scale=config.time_scale,
        )
        deployment = config.deployment or Deployment({})
        for topic in deployment.topics:
            self.messages.create_topic(topic)
        self.functions.have(deployment, config.layer, self._triggers)
