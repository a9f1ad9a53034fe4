"""How Function Compute's API shows functions, their triggers and their asynchronous invocation.

Help pages developer-reference/api-fc-2023-03-30-getfunction, …-gettrigger and …-getasyncinvokeconfig.
"""

from __future__ import annotations

import json
from typing import Any

from localcloud.fc.declaration import AsyncInvokeDeclaration, Change, FunctionDeclaration, TriggerDeclaration

Shown = dict[str, Any]


def function(declared: FunctionDeclaration, account_id: str) -> Shown:
    """A function."""
    hooks = {"initializer": declared.initializer, "preStop": declared.pre_stop}
    shown: Shown = {
        "functionName": declared.name,
        "functionArn": _arn(declared, account_id),
        "description": declared.description,
        "runtime": declared.runtime,
        "handler": declared.handler,
        "cpu": declared.cpu,
        "memorySize": declared.memory_size,
        "diskSize": declared.disk_size,
        "timeout": declared.timeout,
        "internetAccess": declared.internet_access,
        "instanceConcurrency": 1,
        "role": declared.role or "",
        "layers": [{"arn": layer} for layer in declared.layers],
        "environmentVariables": dict(declared.environment),
        "logConfig": {
            "project": declared.log.project,
            "logstore": declared.log.logstore,
            "enableRequestMetrics": declared.log.enable_request_metrics,
            "enableInstanceMetrics": declared.log.enable_instance_metrics,
        },
        "instanceLifecycleConfig": {
            name: {"handler": hook.handler, "timeout": hook.timeout}
            for name, hook in hooks.items()
            if hook is not None
        },
        "state": "Active",
        "lastUpdateStatus": "Successful",
        **_times(declared.changed),
    }
    if declared.package is not None:
        shown["codeChecksum"], shown["codeSize"] = declared.package.checksum, declared.package.size
    return shown


def trigger(declared: TriggerDeclaration, of: FunctionDeclaration, account_id: str) -> Shown:
    """One of a function's triggers."""
    return {
        "triggerName": declared.name,
        "triggerType": declared.type,
        "sourceArn": declared.source_arn or "",
        "targetArn": _arn(of, account_id),
        "qualifier": declared.qualifier,
        "invocationRole": declared.invocation_role or "",
        # The API has it as a text of JSON.
        "triggerConfig": json.dumps(dict(declared.settings), separators=(",", ":")),
        "description": declared.description,
        **_times(declared.changed),
    }


def async_invoke_config(of: FunctionDeclaration, account_id: str) -> Shown | None:
    """How asynchronous events of a function are treated, if anything is declared about it."""
    config = of.async_invoke
    if config == AsyncInvokeDeclaration():
        return None
    destinations = {"onSuccess": config.on_success, "onFailure": config.on_failure}
    return {
        "functionArn": _arn(of, account_id),
        "qualifier": "LATEST",
        "maxAsyncRetryAttempts": config.max_retry_attempts,
        "maxAsyncEventAgeInSeconds": config.max_event_age_seconds,
        "asyncTask": False,
        "destinationConfig": {name: {"destination": arn} for name, arn in destinations.items() if arn},
        **_times(config.changed),
    }


def _times(changed: Change | None) -> Shown:
    return {} if changed is None else {"createdTime": changed.created, "lastModifiedTime": changed.modified}


def _arn(declared: FunctionDeclaration, account_id: str) -> str:
    return f"acs:fc:{declared.region}:{account_id}:functions/{declared.name}"
