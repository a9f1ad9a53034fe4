"""The functions of an ``s.yaml`` that the local cloud runs.

It runs the Python functions of the component fc3, and refuses what it cannot run of them as it is written.
What Function Compute or fc3 would choose is chosen here: a role's ARN, a share of a vCPU, where logs are
kept.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from cli.manifest.expressions import ACCOUNT_VARIABLE, unrendered
from cli.manifest.file import COMPONENT, Manifest, Resource, read_manifest
from localcloud.config import CloudConfig
from localcloud.fc.declaration import (
    DeclarationError,
    Deployment,
    FunctionDeclaration,
    ValueMissing,
    ValueRefused,
)
from localcloud.fc.function_props import read_function
from localcloud.fc.schema import mapping

# What the help pages allow, in the middle: 1 vCPU for 2 GB.
_MEGABYTES_A_VCPU = 2048
_SMALLEST_CPU = 0.05
_DISK_SIZE = 512


class ValueUnknown(DeclarationError):
    """A value that the local cloud needs is known to Serverless Devs only."""


def load_deployment(path: Path, variables: Mapping[str, str]) -> Deployment:
    """The Python functions of a file; ``variables`` is the environment in which it is read, without a .env.

    Raises ManifestUnreadable or DeclarationError.
    """
    functions: dict[str, FunctionDeclaration] = {}
    for resource, props in rendered_functions(path, variables).items():
        where = f"resources.{resource}.props"
        function = read_function(resource, props, where, path.parent)
        if function.name in functions:
            raise ValueRefused(f"{where}.functionName", f"{function.name!r} is declared twice.")
        functions[function.name] = function
    return Deployment(functions)


def rendered_functions(path: Path, variables: Mapping[str, str]) -> dict[str, dict[str, Any]]:
    """The props of each of a file's Python functions by resource, as fc3 completes them.

    Raises ManifestUnreadable or DeclarationError.
    """
    manifest = read_manifest(path, variables, dotenv=False)
    functions = {}
    for resource in _runnable(manifest):
        where = f"{resource.where}.props"
        for one in unrendered(resource.props):
            raise ValueUnknown(one.where, f"{one.why}; the local cloud cannot run it.")
        if resource.props is None:
            raise ValueMissing(where, "is missing.")
        functions[resource.name] = _completed(dict(mapping(resource.props, where)), variables)
    return functions


def _runnable(manifest: Manifest) -> list[Resource]:
    if not isinstance(manifest.content.get("resources"), dict):
        raise ValueMissing("resources", "is missing: nothing would be deployed.")
    for name, value in manifest.content["resources"].items():
        mapping(value, f"resources.{name}")
    return [each for each in manifest.resources if each.component == COMPONENT and _is_python(each.props)]


def _is_python(props: Any) -> bool:
    runtime = props.get("runtime") if isinstance(props, dict) else None
    return not isinstance(runtime, str) or runtime.startswith("python")


def _completed(props: dict[str, Any], variables: Mapping[str, str]) -> dict[str, Any]:
    account_id = variables.get(ACCOUNT_VARIABLE) or CloudConfig().account_id
    _complete_role(props, "role", account_id)
    triggers = props.get("triggers")
    for trigger in triggers if isinstance(triggers, list) else []:
        if isinstance(trigger, dict):
            _complete_role(trigger, "invocationRole", account_id)
    if props.get("logConfig") == "auto":
        props["logConfig"] = auto_log(props, account_id)
    memory_size = props.get("memorySize", 512)
    if isinstance(memory_size, int) and (memory_size != 512 or "cpu" in props or "diskSize" in props):
        cpu = round(memory_size / _MEGABYTES_A_VCPU / _SMALLEST_CPU) * _SMALLEST_CPU
        props = {"cpu": max(_SMALLEST_CPU, cpu), "diskSize": _DISK_SIZE, **props}
    return props


def _complete_role(mapping: dict[str, Any], key: str, account_id: str) -> None:
    role = mapping.get(key)
    if isinstance(role, str) and role and ":" not in role:
        mapping[key] = f"acs:ram::{account_id}:role/{role}"


def auto_log(props: Mapping[str, Any], account_id: str) -> dict[str, str]:
    """Where fc3 keeps the log of a function with ``logConfig: auto`` (``src/resources/sls/index.ts``)."""
    return {
        "project": f"{account_id}-{props.get('region')}-logproject",
        "logstore": f"fc-v3-{props.get('functionName')}-logstore".lower(),
    }
