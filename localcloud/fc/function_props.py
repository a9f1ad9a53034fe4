"""Reads the ``props`` of an fc3 resource into a function declaration.

The rules of single values are those of fc3's ``src/schema.json`` and of the help pages
``developer-reference/api-fc-2023-03-30-struct-createfunctioninput`` and ``product-overview/limits-of-usage``.
"""

from __future__ import annotations

import os
import re
from pathlib import Path

from localcloud.fc.declaration import FunctionDeclaration, HookDeclaration, LogDeclaration
from localcloud.fc.event_props import read_async_invoke, read_description, read_triggers
from localcloud.fc.section import Section, ValueMissing, ValueOfWrongType, ValueRefused

RUNTIMES = ("python3.10", "python3.12")
# fc3's enumeration IRegion.
REGIONS = frozenset(
    {
        *("ap-northeast-1", "ap-northeast-2", "ap-south-1", "ap-southeast-1", "ap-southeast-2"),
        *("ap-southeast-3", "ap-southeast-5", "ap-southeast-7", "cn-beijing", "cn-chengdu", "cn-hangzhou"),
        *("cn-heyuan-acdr-1", "cn-hongkong", "cn-huhehaote", "cn-qingdao", "cn-shanghai"),
        *("cn-shanghai-cloudspe", "cn-shanghai-finance-1", "cn-shenzhen", "cn-wulanchabu"),
        *("cn-zhangjiakou", "eu-central-1", "eu-west-1", "me-central-1", "us-east-1", "us-west-1"),
    }
)
ENVIRONMENT_BYTES = 4096
LAYERS = 5
DEFAULT_MEMORY_SIZE = 512
DEFAULT_CPU = 0.35
DEFAULT_DISK_SIZE = 512
HOOK_TIMEOUT = 3

_HANDLER = r"[^\s.][^\s]*\.[A-Za-z_][A-Za-z0-9_]*"
_HANDLER_MEANING = "a module and a function with a dot between them, like index.handler"
_LAYER = r"acs:fc:[a-z0-9-]+:(?:\d+|official):layers/[A-Za-z0-9_-]+/versions/\d+"
_LAYER_MEANING = "a layer version like acs:fc:cn-hangzhou:123:layers/name/versions/1"
_VARIABLE = re.compile(r"[A-Za-z][A-Za-z0-9_]*")
_PROPS = frozenset(
    {
        *("annotations", "asyncInvokeConfig", "code", "concurrencyConfig", "cpu", "customContainerConfig"),
        *("customDNS", "customRuntimeConfig", "description", "diskSize", "enableLongLiving", "endpoint"),
        *("environmentVariables", "functionName", "gpuConfig", "handler", "instanceConcurrency"),
        *("instanceIsolationMode", "instanceLifecycleConfig", "internetAccess", "layers", "logConfig"),
        *("memorySize", "nasConfig", "ossMountConfig", "provisionConfig", "region", "resourceGroupId"),
        *("role", "runtime", "scalingConfig", "sessionAffinity", "sessionAffinityConfig", "supplement"),
        *("tags", "timeout", "tracingConfig", "triggers", "vpcBinding", "vpcConfig"),
    }
)


def read_function(resource: str, props: Section, base: Path) -> FunctionDeclaration:
    """The function that a resource declares; ``base`` is the directory of the file."""
    props.only(_PROPS)
    name = props.text(
        "functionName",
        r"[A-Za-z_][A-Za-z0-9_-]{0,63}",
        "1 to 64 letters, digits, _ and -, not starting with a digit or -",
    )
    if "instanceConcurrency" in props and props.whole("instanceConcurrency", 1, 200) != 1:
        raise ValueRefused(
            props.path("instanceConcurrency"), "built-in Python runtimes serve one request at a time."
        )
    cpu, memory_size, disk_size = _size(props)
    life_cycle = props.section("instanceLifecycleConfig")
    if life_cycle is not None:
        life_cycle.only({"initializer", "preStop"})
    return FunctionDeclaration(
        resource=resource,
        name=name,
        region=props.one_of("region", REGIONS),
        runtime=props.one_of("runtime", RUNTIMES),
        handler=props.text("handler", _HANDLER, _HANDLER_MEANING),
        code=_code(props, base),
        description=read_description(props),
        cpu=cpu,
        memory_size=memory_size,
        disk_size=disk_size,
        timeout=props.whole("timeout", 1, 86_400) if "timeout" in props else 3,
        internet_access=props.flag("internetAccess", True),
        role=props.role("role"),
        layers=_layers(props),
        environment=_environment(props),
        log=_log(props),
        initializer=_hook(life_cycle, "initializer", 300),
        pre_stop=_hook(life_cycle, "preStop", 90),
        async_invoke=read_async_invoke(props),
        triggers=read_triggers(props, name),
    )


def _size(props: Section) -> tuple[float, int, int]:
    memory_size = DEFAULT_MEMORY_SIZE
    if "memorySize" in props:
        memory_size = props.whole("memorySize", 128, 32_768)
    if memory_size % 64:
        raise ValueRefused(props.path("memorySize"), f"must be a multiple of 64, is {memory_size}.")
    if memory_size == DEFAULT_MEMORY_SIZE and "cpu" not in props and "diskSize" not in props:
        return DEFAULT_CPU, memory_size, DEFAULT_DISK_SIZE
    for key in ("cpu", "diskSize"):
        if key not in props:
            raise ValueMissing(
                props.path(key),
                "is missing: fc3 fills in cpu and diskSize only where both are absent and memorySize is 512.",
            )
    cpu = props.number("cpu", 0.05, 16)
    if abs(cpu * 20 - round(cpu * 20)) > 1e-9:
        raise ValueRefused(props.path("cpu"), f"must be a multiple of 0.05, is {cpu:g}.")
    if not 1 <= memory_size / 1024 / cpu <= 4:
        raise ValueRefused(
            props.path("cpu"), f"vCPU to GB must be 1:1 to 1:4, is {cpu:g} to {memory_size / 1024:g}."
        )
    disk_size = props.whole("diskSize", 512, 10_240)
    if disk_size not in (512, 10_240):
        raise ValueRefused(props.path("diskSize"), f"must be 512 or 10240, is {disk_size}.")
    return cpu, memory_size, disk_size


def _code(props: Section, base: Path) -> Path:
    code = base / props.text("code", r"[^\0]{1,4096}", "a path")
    # Not is_dir(), which raises where a part of the path is too long.
    if not os.path.isdir(code):  # noqa: PTH112
        raise ValueRefused(
            props.path("code"), f"must be a directory; the local cloud runs no packages. {code} is none."
        )
    return code.resolve()


def _layers(props: Section) -> tuple[str, ...]:
    layers = props.texts("layers", _LAYER, _LAYER_MEANING)
    if len(layers) > LAYERS:
        raise ValueRefused(props.path("layers"), f"at most {LAYERS} layers, here are {len(layers)}.")
    return layers


def _environment(props: Section) -> dict[str, str]:
    section = props.section("environmentVariables")
    if section is None:
        return {}
    environment: dict[str, str] = {}
    for name, value in section.items():
        if not isinstance(value, str):
            raise ValueOfWrongType(section.path(name), "must be text; put it in quotes.")
        if _VARIABLE.fullmatch(name) is None:
            raise ValueRefused(section.path(name), "a name is a letter, then letters, digits and _.")
        if name.startswith("FC_"):
            raise ValueRefused(section.path(name), "names that start with FC_ are the system's.")
        environment[name] = value
    size = sum(len(name.encode()) + len(value.encode()) for name, value in environment.items())
    if size > ENVIRONMENT_BYTES:
        raise ValueRefused(section.where, f"at most {ENVIRONMENT_BYTES} bytes in all, here are {size}.")
    return environment


def _log(props: Section) -> LogDeclaration:
    section = props.section("logConfig")
    if section is None:
        return LogDeclaration()
    section.only(
        {"project", "logstore", "enableRequestMetrics", "enableInstanceMetrics", "enableLlmMetrics"}
        | {"logBeginRule"}
    )
    if "logBeginRule" in section:
        section.one_of("logBeginRule", {"DefaultRegex", "None"})
    return LogDeclaration(
        project=section.text("project"),
        logstore=section.text("logstore"),
        enable_request_metrics=section.flag("enableRequestMetrics", False),
        enable_instance_metrics=section.flag("enableInstanceMetrics", False),
    )


def _hook(life_cycle: Section | None, key: str, longest: int) -> HookDeclaration | None:
    section = life_cycle.section(key) if life_cycle is not None else None
    if section is None:
        return None
    section.only({"handler", "timeout"})
    return HookDeclaration(
        handler=section.text("handler", _HANDLER, _HANDLER_MEANING),
        timeout=section.whole("timeout", 1, longest) if "timeout" in section else HOOK_TIMEOUT,
    )
