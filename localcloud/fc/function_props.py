"""Reads the ``props`` of an fc3 resource, or what the API is given, into a function declaration."""

from __future__ import annotations

import json
import os
import re
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from localcloud.fc.declaration import (
    AsyncInvokeDeclaration,
    EventBridgeTrigger,
    FunctionDeclaration,
    HookDeclaration,
    LogDeclaration,
    MnsQueueSource,
    MnsTopicTrigger,
    OssTrigger,
    Source,
    TriggerDeclaration,
    ValueMissing,
    ValueOfWrongType,
    ValueRefused,
)
from localcloud.fc.schema import checked

ENVIRONMENT_BYTES = 4096
DEFAULT_MEMORY_SIZE = 512
DEFAULT_CPU = 0.35
DEFAULT_DISK_SIZE = 512
HOOK_TIMEOUT = 3
# fc3's schema says 18,000 for a configuration that leaves the age out; without any, the API keeps a day.
CONFIGURED_EVENT_AGE = 18_000
_VARIABLE = re.compile(r"[A-Za-z][A-Za-z0-9_]*")

_Props = Mapping[str, Any]


def read_function(resource: str, props: Any, where: str, base: Path) -> FunctionDeclaration:
    """The function that a resource declares; ``base`` is the directory of the file. Raises DeclarationError.

    Where fc3's component fills in a default, so does this.
    """
    given = checked(props, where)
    hooks, name = given.get("instanceLifecycleConfig", {}), given["functionName"]
    cpu, memory_size, disk_size = _size(given, where)
    return FunctionDeclaration(
        resource=resource,
        name=name,
        region=given["region"],
        runtime=given["runtime"],
        handler=given["handler"],
        code=_code(given["code"], f"{where}.code", base),
        description=given.get("description", ""),
        cpu=cpu,
        memory_size=memory_size,
        disk_size=disk_size,
        timeout=given.get("timeout", 3),
        internet_access=given.get("internetAccess", True),
        role=_role(given.get("role")),
        layers=tuple(given.get("layers", ())),
        environment=_environment(given.get("environmentVariables", {}), f"{where}.environmentVariables"),
        log=_log(given.get("logConfig", {})),
        initializer=_hook(hooks.get("initializer")),
        pre_stop=_hook(hooks.get("preStop")),
        async_invoke=_async_invoke(given.get("asyncInvokeConfig")),
        triggers=_triggers(given.get("triggers", []), f"{where}.triggers", name),
    )


def _role(arn: str | None) -> str | None:
    """A role's ARN in lower case, as the component sends it."""
    return arn.lower() if arn else None


def _size(props: _Props, where: str) -> tuple[float, int, int]:
    memory_size = props.get("memorySize", DEFAULT_MEMORY_SIZE)
    if memory_size == DEFAULT_MEMORY_SIZE and "cpu" not in props and "diskSize" not in props:
        return DEFAULT_CPU, memory_size, DEFAULT_DISK_SIZE
    for key in ("cpu", "diskSize"):
        if key not in props:
            raise ValueMissing(
                f"{where}.{key}",
                "is missing: fc3 fills in cpu and diskSize only where both are absent and memorySize is 512.",
            )
    cpu = float(props["cpu"])
    if abs(cpu * 20 - round(cpu * 20)) > 1e-9:
        raise ValueRefused(f"{where}.cpu", f"must be a multiple of 0.05, is {cpu:g}.")
    if not 1 <= memory_size / 1024 / cpu <= 4:
        ratio = f"{cpu:g} to {memory_size / 1024:g}"
        raise ValueRefused(f"{where}.cpu", f"vCPU to GB must be 1:1 to 1:4, is {ratio}.")
    return cpu, memory_size, props["diskSize"]


def _code(text: str, where: str, base: Path) -> Path:
    code = base / text
    # Not is_dir(), which raises where a part of the path is too long.
    if not os.path.isdir(code):  # noqa: PTH112
        raise ValueRefused(where, f"must be a directory; the local cloud runs no packages. {code} is none.")
    return code.resolve()


def _environment(variables: _Props, where: str) -> dict[str, str]:
    for name, value in variables.items():
        if not isinstance(value, str):
            raise ValueOfWrongType(f"{where}.{name}", "must be text; put it in quotes.")
        if _VARIABLE.fullmatch(name) is None:
            raise ValueRefused(f"{where}.{name}", "a name is a letter, then letters, digits and _.")
        if name.startswith("FC_"):
            raise ValueRefused(f"{where}.{name}", "names that start with FC_ are the system's.")
    size = sum(len(name.encode()) + len(value.encode()) for name, value in variables.items())
    if size > ENVIRONMENT_BYTES:
        raise ValueRefused(where, f"at most {ENVIRONMENT_BYTES} bytes in all, here are {size}.")
    return dict(variables)


def _log(log: _Props) -> LogDeclaration:
    return LogDeclaration(
        project=log.get("project", ""),
        logstore=log.get("logstore", ""),
        enable_request_metrics=log.get("enableRequestMetrics", False),
        enable_instance_metrics=log.get("enableInstanceMetrics", False),
    )


def _hook(hook: _Props | None) -> HookDeclaration | None:
    return None if hook is None else HookDeclaration(hook["handler"], hook.get("timeout", HOOK_TIMEOUT))


def _async_invoke(rules: _Props | None) -> AsyncInvokeDeclaration:
    if rules is None:
        return AsyncInvokeDeclaration()
    destinations = rules.get("destinationConfig", {})
    return AsyncInvokeDeclaration(
        max_retry_attempts=rules.get("maxAsyncRetryAttempts", 3),
        max_event_age_seconds=rules.get("maxAsyncEventAgeInSeconds", CONFIGURED_EVENT_AGE),
        on_success=destinations.get("onSuccess", {}).get("destination"),
        on_failure=destinations.get("onFailure", {}).get("destination"),
    )


def _triggers(triggers: list[_Props], where: str, function: str) -> tuple[TriggerDeclaration, ...]:
    read: dict[str, TriggerDeclaration] = {}
    for index, trigger in enumerate(triggers):
        name, kind, place = trigger["triggerName"], trigger["triggerType"], f"{where}[{index}]"
        if name in read:
            raise ValueRefused(f"{place}.triggerName", f"{name!r} is declared twice.")
        source = _SOURCES.get(kind)
        read[name] = TriggerDeclaration(
            name=name,
            type=kind,
            source_arn=trigger.get("sourceArn"),
            qualifier=trigger.get("qualifier", "LATEST"),
            invocation_role=_role(trigger.get("invocationRole")),
            settings=trigger["triggerConfig"],
            description=trigger.get("description", ""),
            source=None if source is None else source(trigger, f"{place}.triggerConfig", function),
        )
    return tuple(read.values())


def _mns_topic(trigger: _Props, _: str, function: str) -> MnsTopicTrigger:
    settings, (region, account_id, topic) = trigger["triggerConfig"], trigger["sourceArn"].split(":", 4)[2:]
    return MnsTopicTrigger(
        function=function,
        name=trigger["triggerName"],
        region=region,
        account_id=account_id,
        topic=topic.removeprefix("/topics/"),
        notify_content_format=settings["notifyContentFormat"],
        notify_strategy=settings["notifyStrategy"],
        filter_tag=settings.get("filterTag", ""),
    )


def _oss(trigger: _Props, _: str, function: str) -> OssTrigger:
    settings, (region, account_id, bucket) = trigger["triggerConfig"], trigger["sourceArn"].split(":", 4)[2:]
    key = settings.get("filter", {}).get("key", {})
    return OssTrigger(
        function=function,
        name=trigger["triggerName"],
        region=region,
        account_id=account_id,
        bucket=bucket,
        events=tuple(settings["events"]),
        prefix=key.get("prefix", ""),
        suffix=key.get("suffix", ""),
    )


def _event_bridge(trigger: _Props, where: str, function: str) -> EventBridgeTrigger:
    settings, options = trigger["triggerConfig"], trigger["triggerConfig"].get("runOptions", {})
    delivery = settings.get("eventSinkConfig", {}).get("deliveryOption", {})
    source, window = settings["eventSourceConfig"], options.get("batchWindow", {})
    if "mode" in delivery and options.get("mode", delivery["mode"]) != delivery["mode"]:
        problem = f"is {options['mode']}, but eventSinkConfig says {delivery['mode']}."
        raise ValueRefused(f"{where}.runOptions.mode", problem)
    return EventBridgeTrigger(
        function=function,
        name=trigger["triggerName"],
        enabled=settings.get("triggerEnable", True),
        asynchronous=settings["asyncInvocationType"],
        filter_pattern=_pattern(settings["eventRuleFilterPattern"], f"{where}.eventRuleFilterPattern"),
        source_type=source["eventSourceType"],
        queue=_queue(source["eventSourceParameters"]["sourceMNSParameters"])
        if source["eventSourceType"] == "MNS"
        else None,
        event_schema=delivery.get("eventSchema", "CloudEvents"),
        mode=options.get("mode") or delivery.get("mode", "event-driven"),
        errors_tolerance=options.get("errorsTolerance", "NONE"),
        push_retry_strategy=options.get("retryStrategy", {}).get("PushRetryStrategy"),
        dead_letter_queue=options.get("deadLetterQueue", {}).get("Arn"),
        batch_messages=window.get("CountBasedWindow", 1),
        batch_seconds=window.get("TimeBasedWindow", 0),
    )


def _queue(parameters: _Props) -> MnsQueueSource:
    return MnsQueueSource(
        parameters["QueueName"], parameters.get("RegionId"), parameters.get("IsBase64Decode", True)
    )


def _pattern(text: str, where: str) -> _Props:
    try:
        pattern = json.loads(text)
    except (ValueError, RecursionError) as error:
        raise ValueRefused(where, f"is not JSON: {error}.") from None
    if not isinstance(pattern, dict):
        raise ValueRefused(where, f"must be a JSON object, is {text}.")
    return pattern


_SOURCES: Mapping[str, Callable[[_Props, str, str], Source]] = {
    "mns_topic": _mns_topic,
    "oss": _oss,
    "eventbridge": _event_bridge,
}
