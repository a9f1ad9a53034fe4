"""A function as a resource of the component fc3 declares it; each field is read when it is asked for.

Names and defaults are those of fc3 0.1.22 (``src/schema.json``, ``src/base.ts``). Every property raises
FieldUnreadable where what it needs cannot be read, and says nothing about the rest.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NamedTuple

from cli.manifest.expressions import Unrendered
from cli.manifest.fields import Fields, FieldUnknown, FieldUnreadable
from cli.manifest.file import COMPONENT, Manifest, Resource

# The entry points of this project's functions.
TAGGING_HANDLER = "tag_object.handler"
KEEPING_HANDLER = "keep_failed.handler"
SUBMITTING_HANDLER = "submit_video.handler"
OWN_HANDLERS = (TAGGING_HANDLER, KEEPING_HANDLER, SUBMITTING_HANDLER)

DEFAULT_TIMEOUT = 3
DEFAULT_HOOK_TIMEOUT = 3
DEFAULT_RETRIES = 3
DEFAULT_MEMORY_SIZE = 512
DEFAULT_CPU = 0.35

_TOPIC = re.compile(r"acs:mns:([^:]*):([^:]*):/topics/([^/]+)")
_BUCKET = re.compile(r"acs:oss:([^:]*):([^:]*):([^:/]+)")


@dataclass(frozen=True)
class Hook:
    """A function that is called around the life of an instance; ``timeout`` in seconds."""

    handler: str
    timeout: float


@dataclass(frozen=True)
class Log:
    """Where Simple Log Service keeps the function's log; ``auto``: fc3 makes and names both."""

    project: str = ""
    logstore: str = ""
    auto: bool = False


class Source(NamedTuple):
    """What the ARN of an MNS topic or of a bucket names."""

    region: str
    account_id: str
    name: str


@dataclass(frozen=True)
class UploadFilter:
    """Which objects' events an OSS trigger brings; an empty prefix or suffix leaves out none."""

    events: tuple[str, ...]
    prefix: str
    suffix: str

    def may_bring(self, ending: str) -> bool:
        """Whether an object may be among them whose name ends so, in any case of its letters."""
        suffix = self.suffix.lower()
        return suffix.endswith(ending) or ending.endswith(suffix)


class _Text:
    """A property that is one field with text; empty where the field is missing and need not be there."""

    def __init__(self, key: str, *, needed: bool = True) -> None:
        self._key = key
        self._default = None if needed else ""

    def __get__(self, declared: DeclaredTrigger | DeclaredFunction, owner: type) -> str:
        return declared.props.text(self._key, self._default)


class DeclaredTrigger:
    """One trigger; ``where`` is the path that leads to it. ``type`` is ``mns_topic``, ``oss`` and so on.

    ``source_arn`` is that of what it comes from; ``invocation_role`` an ARN or a name.
    """

    name = _Text("triggerName")
    type = _Text("triggerType")
    source_arn = _Text("sourceArn", needed=False)
    invocation_role = _Text("invocationRole", needed=False)

    def __init__(self, value: Any, where: str) -> None:
        self.where = where
        self.props = Fields(value, where)

    @property
    def topic(self) -> Source:
        """The topic of a trigger of the type ``mns_topic``."""
        return self._source(_TOPIC, "an MNS topic")

    @property
    def bucket(self) -> Source:
        """The bucket of a trigger of the type ``oss``."""
        return self._source(_BUCKET, "a bucket")

    @property
    def uploads(self) -> UploadFilter:
        """What a trigger of the type ``oss`` brings."""
        settings = self.settings
        events = tuple(_text(where, item) for where, item in settings.items("events"))
        key = settings.fields("filter", "key")
        prefix, suffix = (key.text(name, "") if key is not None else "" for name in ("prefix", "suffix"))
        return UploadFilter(events, prefix, suffix)

    @property
    def settings(self) -> Fields:
        """What stands in ``triggerConfig``."""
        settings = self.props.fields("triggerConfig")
        if settings is None:
            raise FieldUnreadable(self.props.path("triggerConfig"), "is missing.")
        return settings

    def _source(self, arn: re.Pattern[str], what: str) -> Source:
        match = arn.fullmatch(self.props.text("sourceArn"))
        if match is None:
            raise FieldUnreadable(self.props.path("sourceArn"), f"is no ARN of {what}.")
        return Source(*match.groups())


class DeclaredFunction:
    """A function; ``resource`` is the name of the resource, ``where`` the path of its props.

    ``handler`` is the entry point, ``runtime`` such as python3.12, ``role`` an ARN or a name.
    """

    name = _Text("functionName")
    region = _Text("region")
    runtime = _Text("runtime")
    handler = _Text("handler")
    role = _Text("role", needed=False)

    def __init__(self, resource: str, props: Any, where: str, directory: Path) -> None:
        self.resource = resource
        self.where = where
        self.props = Fields(props, where)
        self._directory = directory

    @property
    def code(self) -> Path:
        """The code root, or the package, where the code is a path."""
        return (self._directory / self.props.text("code")).absolute()

    @property
    def timeout(self) -> float:
        """How many seconds an invocation may take."""
        return self.props.number("timeout", DEFAULT_TIMEOUT)

    @property
    def cpu(self) -> float:
        """The share of a vCPU, which fc3 fills in for its default size of memory only."""
        if self.props.number("memorySize", DEFAULT_MEMORY_SIZE) == DEFAULT_MEMORY_SIZE:
            return self.props.number("cpu", DEFAULT_CPU)
        return self.props.number("cpu")

    @property
    def internet_access(self) -> bool:
        """Whether it reaches public endpoints."""
        return self.props.flag("internetAccess", True)

    @property
    def environment(self) -> dict[str, str]:
        """The environment variables whose values are known; nothing is said of the others."""
        section = self.props.fields("environmentVariables")
        values = {name: section.raw(name) for name in section} if section is not None else {}
        return {name: value for name, value in values.items() if isinstance(value, str)}

    def setting(self, name: str) -> str:
        """One environment variable; empty if it is not set."""
        section = self.props.fields("environmentVariables")
        return section.text(name, "") if section is not None else ""

    @property
    def layers(self) -> tuple[str, ...]:
        """The ARNs of the layers."""
        return tuple(_text(where, item) for where, item in self.props.items("layers"))

    @property
    def log(self) -> Log:
        """Where the log is kept; empty names: nowhere."""
        if self.props.raw("logConfig") == "auto":
            return Log(auto=True)
        section = self.props.fields("logConfig")
        if section is None:
            return Log()
        return Log(section.text("project", ""), section.text("logstore", ""))

    @property
    def initializer(self) -> Hook | None:
        """What is called when an instance starts."""
        return self._hook("initializer")

    @property
    def pre_stop(self) -> Hook | None:
        """What is called before an instance ends."""
        return self._hook("preStop")

    @property
    def asynchronous(self) -> Fields | None:
        """What is said of asynchronous invocations."""
        return self.props.fields("asyncInvokeConfig")

    @property
    def on_failure(self) -> str:
        """The ARN of what takes the events that exhaust their retries; empty if there is none."""
        return self._destination("onFailure")

    @property
    def on_success(self) -> str:
        """The ARN of what is told of every success; empty if there is none."""
        return self._destination("onSuccess")

    @property
    def triggers(self) -> tuple[DeclaredTrigger, ...]:
        """The triggers, in order."""
        return tuple(DeclaredTrigger(item, where) for where, item in self.props.items("triggers"))

    def _hook(self, key: str) -> Hook | None:
        hook = self.props.fields("instanceLifecycleConfig", key)
        if hook is None:
            return None
        return Hook(hook.text("handler"), hook.number("timeout", DEFAULT_HOOK_TIMEOUT))

    def _destination(self, key: str) -> str:
        destination = self.props.fields("asyncInvokeConfig", "destinationConfig", key)
        return destination.text("destination", "") if destination is not None else ""


def functions_of(manifest: Manifest) -> list[DeclaredFunction]:
    """The functions of a file, as far as it is known that a resource is one; not other components."""
    return [function for each in manifest.resources if (function := as_function(each, manifest)) is not None]


def as_function(resource: Resource, manifest: Manifest) -> DeclaredFunction | None:
    """The function that a resource declares; None for another component, and where there are no props."""
    if resource.component != COMPONENT or not isinstance(resource.props, dict):
        return None
    return DeclaredFunction(resource.name, resource.props, f"{resource.where}.props", manifest.path.parent)


def handled_by(function: DeclaredFunction, handler: str) -> bool:
    """Whether a function is known to have a handler."""
    return bool(function.props.raw("handler") == handler)


def account_in(arn: str) -> str:
    """The account that an ARN names; empty where it names none."""
    parts = arn.split(":")
    return parts[3] if len(parts) > 4 and parts[3].isdigit() else ""


def role_name(role: str) -> str:
    """The name of a role, given its ARN or its name."""
    return role.rpartition("role/")[2]


def _text(where: str, value: Any) -> str:
    if isinstance(value, Unrendered):
        raise FieldUnknown(where, value)
    if not isinstance(value, str):
        raise FieldUnreadable(where, "must be text.")
    return value
