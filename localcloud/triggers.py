"""What makes triggers invoke their functions: subscriptions of MNS topics, streams of MNS queues, uploads."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from functools import partial

from localcloud.eventbridge.queue_stream import QueueStream
from localcloud.fc.declaration import (
    EventBridgeTrigger,
    FunctionDeclaration,
    MnsQueueSource,
    MnsTopicTrigger,
    OssTrigger,
)
from localcloud.fc.permissions import Permissions
from localcloud.fc.refusals import InvalidArgument, SourceRefused
from localcloud.fc.service import FunctionCompute
from localcloud.mns.service import MessageService, Subscription
from localcloud.oss.service import ObjectStorage
from localcloud.refusals import RequestRefused
from localcloud.tenant import Tenant
from localcloud.upload_events import UploadEvents

# The services' names where a role says whom it trusts.
MNS_SERVICE = "mns.aliyuncs.com"
OSS_SERVICE = "oss.aliyuncs.com"
# Help page functioncompute/fc/user-guide/overview-of-oss-trigger.
TRIGGERS_OF_A_BUCKET = 10

Push = Callable[[bytes], Awaitable[bool]]


class Triggers:
    """Connects the triggers of a region's functions with their sources, and disconnects them.

    ``uploads`` tells of what is written to ``objects``. Streams run from ``start`` on.
    """

    def __init__(
        self,
        tenant: Tenant,
        *,
        functions: FunctionCompute,
        permissions: Permissions,
        messages: MessageService,
        objects: ObjectStorage,
        uploads: UploadEvents,
        time_scale: float,
    ) -> None:
        self._functions = functions
        self._permissions = permissions
        self._uploads = uploads
        self._objects = objects
        self._tenant = tenant
        self._messages = messages
        self._time_scale = time_scale
        self._streams: dict[tuple[str, str], QueueStream] = {}
        self._ending: set[asyncio.Task[None]] = set()
        self._started = False

    def start(self) -> None:
        """Let streams take messages."""
        self._started = True
        for stream in self._streams.values():
            stream.start()

    async def stop(self) -> None:
        """Let no stream take messages any more."""
        self._started = False
        await self._uploads.stop()
        await asyncio.gather(*(stream.stop() for stream in self._streams.values()), *self._ending)

    async def settled(self) -> None:
        """Wait until every stream has handed over what its queue holds."""
        await self._uploads.settled()
        for stream in list(self._streams.values()):
            await stream.settled()

    def connect(self, function: FunctionDeclaration, name: str) -> None:
        """Let a function's trigger invoke it; raises InvalidArgument, and SourceRefused by OSS."""
        trigger = next(one for one in function.triggers if one.name == name)
        match trigger.source:
            case MnsTopicTrigger() as topic:
                self._subscribe(topic, trigger.invocation_role)
            case EventBridgeTrigger() as bridge:
                self._open(bridge)
            case OssTrigger() as oss:
                self._watch(oss, trigger.invocation_role)

    def disconnect(self, function: FunctionDeclaration, name: str) -> None:
        """Let a function's trigger invoke it no more."""
        for topic in function.mns_topic_triggers:
            if topic.name == name:
                self._unsubscribe(topic)
        self._uploads.remove(function.name, name)
        stream = self._streams.pop((function.name, name), None)
        if stream is not None and self._started:
            task = asyncio.get_running_loop().create_task(stream.stop())
            self._ending.add(task)
            task.add_done_callback(self._ending.discard)

    def _push_to(self, function: str, role: str | None, service: str) -> Push:
        """What a service hands the events of a function to; it invokes the function in a role."""

        async def push(event: bytes) -> bool:
            self._permissions.check_invoker(role, function, service)
            await self._functions.invoke_async(function, event)
            return True

        return push

    async def _invoke(self, trigger: EventBridgeTrigger, event: bytes) -> bool:
        """Invoke a function for EventBridge; whether that succeeded."""
        try:
            if trigger.asynchronous:
                await self._functions.invoke_async(trigger.function, event)
                return True
            return (await self._functions.invoke(trigger.function, event)).error_type is None
        except RequestRefused:
            return False

    def _subscribe(self, trigger: MnsTopicTrigger, role: str | None) -> None:
        if (trigger.region, trigger.account_id) != (self._tenant.region, self._tenant.account_id):
            raise InvalidArgument(f"sourceArn: the topic {trigger.topic} is of another region or account")
        if not self._messages.has(trigger.topic):
            raise InvalidArgument(f"topic '{trigger.topic}' does not exist")
        endpoint = self._endpoint(trigger)
        found = self._messages.subscription(trigger.topic, trigger.name)
        # A subscription has its trigger's name; where another function has one of that name, both names.
        name = trigger.name if found is None or found.endpoint == endpoint else _both_names(trigger)
        self._messages.subscribe(
            Subscription(
                topic=trigger.topic,
                name=name,
                content_format=trigger.notify_content_format,
                strategy=trigger.notify_strategy,
                filter_tag=trigger.filter_tag or None,
                endpoint=endpoint,
            ),
            self._push_to(trigger.function, role, MNS_SERVICE),
        )

    def _watch(self, trigger: OssTrigger, role: str | None) -> None:
        if (trigger.region, trigger.account_id) != (self._tenant.region, self._tenant.account_id):
            raise InvalidArgument(f"sourceArn: the bucket {trigger.bucket} is of another region or account")
        if not self._objects.has_bucket(trigger.bucket):
            raise InvalidArgument(f"bucket '{trigger.bucket}' does not exist")
        others = self._uploads.of_bucket(trigger.bucket)
        if any(trigger.overlaps(other) for other in others):
            raise SourceRefused("oss", "Cannot specify overlapping prefix and suffix with same event type.")
        if len(others) >= TRIGGERS_OF_A_BUCKET:
            raise SourceRefused("oss", f"A bucket has at most {TRIGGERS_OF_A_BUCKET} of them.")
        self._uploads.add_trigger(trigger, self._push_to(trigger.function, role, OSS_SERVICE))

    def _unsubscribe(self, trigger: MnsTopicTrigger) -> None:
        for name in (trigger.name, _both_names(trigger)):
            found = self._messages.subscription(trigger.topic, name)
            if found is not None and found.endpoint == self._endpoint(trigger):
                self._messages.unsubscribe(trigger.topic, name)

    def _endpoint(self, trigger: MnsTopicTrigger) -> str:
        return self._tenant.arn("fc", f"functions/{trigger.function}")

    def _open(self, trigger: EventBridgeTrigger) -> None:
        source = trigger.queue
        if trigger.enabled and trigger.source_type == "Default":
            self._uploads.add_rule(trigger, partial(self._invoke, trigger))
        if source is None or not trigger.enabled or source.region not in (None, self._tenant.region):
            return
        stream = self._stream(trigger, source)
        self._streams[trigger.function, trigger.name] = stream
        if self._started:
            stream.start()

    def _stream(self, trigger: EventBridgeTrigger, source: MnsQueueSource) -> QueueStream:
        # A queue that nobody has created is there as soon as a trigger names it.
        queues, letters = self._messages.queues, trigger.dead_letter_queue or ""
        if (name := queues.name_of(letters)) is not None:
            queues.create(name)
        return QueueStream(
            tenant=self._tenant,
            trigger=trigger,
            source=source,
            queue=queues.create(source.name),
            invoke=partial(self._invoke, trigger),
            bury=partial(queues.send, letters),
            time_scale=self._time_scale,
        )


def _both_names(trigger: MnsTopicTrigger) -> str:
    return f"{trigger.function}-{trigger.name}"
