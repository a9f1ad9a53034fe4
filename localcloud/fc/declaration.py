"""What is declared of functions, their triggers and asynchronous events, and what may be wrong with it."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any


class DeclarationError(Exception):
    """Something in an ``s.yaml`` that cannot be deployed as it is written; ``where`` is its path."""

    def __init__(self, where: str, problem: str) -> None:
        super().__init__(f"{where}: {problem}")
        self.where = where
        self.problem = problem


class ValueMissing(DeclarationError):
    """A value that is needed is not there."""


class ValueOfWrongType(DeclarationError):
    """A value is there, but of another type."""


class ValueRefused(DeclarationError):
    """A value has the right type but is outside of what Function Compute accepts."""


class KeyUnknown(DeclarationError):
    """A key that means nothing where it stands."""


@dataclass(frozen=True)
class Change:
    """When something was created by the API and when it was changed last, as the API writes times."""

    created: str
    modified: str


@dataclass(frozen=True)
class CodePackage:
    """The package that a function's code came in: CRC-64 in decimal digits, and bytes."""

    checksum: str
    size: int


@dataclass(frozen=True)
class HookDeclaration:
    """A function that is called around the life of an instance: the initializer or preStop."""

    handler: str
    timeout: int


@dataclass(frozen=True)
class LogDeclaration:
    """Where Simple Log Service keeps the function's log; empty names: nowhere."""

    project: str = ""
    logstore: str = ""
    enable_request_metrics: bool = False
    enable_instance_metrics: bool = False


@dataclass(frozen=True)
class AsyncInvokeDeclaration:
    """How often a failed event is tried again, how old it may get, and who is told how it ended."""

    max_retry_attempts: int = 3
    max_event_age_seconds: int = 86_400
    on_success: str | None = None
    on_failure: str | None = None
    changed: Change | None = None


@dataclass(frozen=True)
class MnsTopicTrigger:
    """A subscription of a function to an MNS topic.

    ``notify_content_format`` is JSON or STREAM, ``notify_strategy`` BACKOFF_RETRY or
    EXPONENTIAL_DECAY_RETRY; an empty ``filter_tag`` lets every message through.
    """

    function: str
    name: str
    region: str
    account_id: str
    topic: str
    notify_content_format: str
    notify_strategy: str
    filter_tag: str


@dataclass(frozen=True)
class MnsQueueSource:
    """The MNS queue whose messages EventBridge hands on; without a region, the function's."""

    name: str
    region: str | None
    base64_decode: bool


@dataclass(frozen=True)
class EventBridgeTrigger:
    """A rule or a stream of EventBridge that calls a function.

    ``source_type`` is Default (events of Alibaba Cloud's services), MNS (then there is a queue) or another
    message service; ``mode`` is event-driven (one event a call) or event-streaming (a list of them). Of an
    event-driven trigger the fields below ``mode`` mean nothing.
    """

    function: str
    name: str
    enabled: bool
    asynchronous: bool
    filter_pattern: Mapping[str, Any]
    source_type: str
    queue: MnsQueueSource | None
    event_schema: str
    mode: str
    errors_tolerance: str = "NONE"
    push_retry_strategy: str | None = None
    dead_letter_queue: str | None = None
    batch_messages: int = 1
    batch_seconds: int = 0


@dataclass(frozen=True)
class OssTrigger:
    """A function's wish to be told of events of a bucket, of objects with a prefix and a suffix.

    ``events`` are such as ``oss:ObjectCreated:PutObject`` or ``oss:ObjectCreated:*``.
    """

    function: str
    name: str
    region: str
    account_id: str
    bucket: str
    events: tuple[str, ...]
    prefix: str
    suffix: str

    def wants(self, event: str, bucket: str, key: str) -> bool:
        """Whether it is to be told of an event such as ``ObjectCreated:PutObject``."""
        kinds = {f"oss:{event}", f"oss:{event.partition(':')[0]}:*"}
        return (
            bucket == self.bucket
            and key.startswith(self.prefix)
            and key.endswith(self.suffix)
            and not kinds.isdisjoint(self.events)
        )

    def overlaps(self, other: OssTrigger) -> bool:
        """Whether one event of one object would bring both."""
        return (
            self.bucket == other.bucket
            and (self.prefix.startswith(other.prefix) or other.prefix.startswith(self.prefix))
            and (self.suffix.endswith(other.suffix) or other.suffix.endswith(self.suffix))
            and any(_overlap(one, another) for one in self.events for another in other.events)
        )


def _overlap(event: str, other: str) -> bool:
    """Whether two names of events, each with a * perhaps, mean one event."""
    kind, _, operation = event.rpartition(":")
    others_kind, _, others_operation = other.rpartition(":")
    return kind == others_kind and (operation == others_operation or "*" in (operation, others_operation))


Source = MnsTopicTrigger | EventBridgeTrigger | OssTrigger


@dataclass(frozen=True)
class TriggerDeclaration:
    """A trigger as it is written, and what that means for the types that the local cloud serves."""

    name: str
    type: str
    source_arn: str | None
    qualifier: str
    invocation_role: str | None
    settings: Mapping[str, Any]
    description: str = ""
    source: Source | None = None
    changed: Change | None = None


@dataclass(frozen=True)
class FunctionDeclaration:
    """A function with every default of the fc3 component filled in.

    ``opt`` is the directory that its instances see as ``/opt``: what its layers hold. ``package`` and
    ``changed`` are known of functions that came through the API.
    """

    resource: str
    name: str
    region: str
    runtime: str
    handler: str
    code: Path
    description: str = ""
    cpu: float = 0.35
    memory_size: int = 512
    disk_size: int = 512
    timeout: int = 3
    internet_access: bool = True
    role: str | None = None
    layers: tuple[str, ...] = ()
    environment: Mapping[str, str] = field(default_factory=dict)
    log: LogDeclaration = field(default_factory=LogDeclaration)
    initializer: HookDeclaration | None = None
    pre_stop: HookDeclaration | None = None
    async_invoke: AsyncInvokeDeclaration = field(default_factory=AsyncInvokeDeclaration)
    triggers: tuple[TriggerDeclaration, ...] = ()
    opt: Path | None = None
    package: CodePackage | None = None
    changed: Change | None = None

    @property
    def mns_topic_triggers(self) -> tuple[MnsTopicTrigger, ...]:
        """The topic subscriptions."""
        return tuple(one.source for one in self.triggers if isinstance(one.source, MnsTopicTrigger))

    @property
    def event_bridge_triggers(self) -> tuple[EventBridgeTrigger, ...]:
        """The rules and streams of EventBridge."""
        return tuple(one.source for one in self.triggers if isinstance(one.source, EventBridgeTrigger))


@dataclass(frozen=True)
class Deployment:
    """Functions by their names."""

    functions: Mapping[str, FunctionDeclaration]

    @property
    def resources(self) -> Mapping[str, FunctionDeclaration]:
        """The functions by the names of the resources that declare them."""
        return {function.resource: function for function in self.functions.values()}

    @property
    def mns_topic_triggers(self) -> list[MnsTopicTrigger]:
        """The topic subscriptions of all functions."""
        return [trigger for function in self.functions.values() for trigger in function.mns_topic_triggers]

    @property
    def topics(self) -> set[str]:
        """Every topic that the functions rely on; in the real cloud it has to be there already."""
        topics = {trigger.topic for trigger in self.mns_topic_triggers}
        for function in self.functions.values():
            destinations = (function.async_invoke.on_success, function.async_invoke.on_failure)
            topics |= {topic for arn in destinations if arn and (topic := topic_of(arn))}
        return topics


def topic_of(arn: str) -> str | None:
    """The topic that a destination ``acs:mns:<region>:<account>:/topics/<topic>/messages`` names."""
    match = re.fullmatch(r"acs:mns:[^:]*:[^:]*:/topics/([^/]+)/messages", arn)
    return match[1] if match else None
