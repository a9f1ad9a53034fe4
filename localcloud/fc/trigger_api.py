"""What Function Compute's API tells of a function's triggers and of its asynchronous invocation.

Help pages developer-reference/api-fc-2023-03-30-listtriggers, …-gettrigger and …-getasyncinvokeconfig.
"""

from __future__ import annotations

import json
from typing import Any

from localcloud.fc.declaration import AsyncInvokeDeclaration, Change, FunctionDeclaration, TriggerDeclaration
from localcloud.fc.refusals import AsyncConfigNotExists, InvalidArgument, TriggerNotFound

LIST_LIMIT = 20
LONGEST_LIST = 100


def list_triggers(
    function: FunctionDeclaration, account_id: str, prefix: str, token: str, limit: str
) -> dict[str, Any]:
    """A page of a function's triggers, by name."""
    if not limit.isdecimal() or not 1 <= int(limit) <= LONGEST_LIST:
        raise InvalidArgument(f"limit must be 1 to {LONGEST_LIST}, is '{limit}'")
    triggers = sorted(
        (each for each in function.triggers if each.name.startswith(prefix) and each.name >= token),
        key=lambda each: each.name,
    )
    page, rest = triggers[: int(limit)], triggers[int(limit) :]
    answer: dict[str, Any] = {"triggers": [_shown(each, function, account_id) for each in page]}
    if rest:
        answer["nextToken"] = rest[0].name
    return answer


def get_trigger(function: FunctionDeclaration, account_id: str, name: str) -> dict[str, Any]:
    """One trigger; raises TriggerNotFound."""
    for trigger in function.triggers:
        if trigger.name == name:
            return _shown(trigger, function, account_id)
    raise TriggerNotFound(name)


def get_async_invoke_config(function: FunctionDeclaration, account_id: str) -> dict[str, Any]:
    """How asynchronous events of a function are treated; raises AsyncConfigNotExists."""
    config = function.async_invoke
    if not is_configured(config):
        raise AsyncConfigNotExists(function.name)
    destinations = {"onSuccess": config.on_success, "onFailure": config.on_failure}
    return {
        "functionArn": _arn(function, account_id),
        "qualifier": "LATEST",
        "maxAsyncRetryAttempts": config.max_retry_attempts,
        "maxAsyncEventAgeInSeconds": config.max_event_age_seconds,
        "asyncTask": False,
        "destinationConfig": {name: {"destination": arn} for name, arn in destinations.items() if arn},
        **_times(config.changed, "createdTime", "lastModifiedTime"),
    }


def is_configured(config: AsyncInvokeDeclaration) -> bool:
    """Whether anything is declared about asynchronous invocation."""
    return config != AsyncInvokeDeclaration()


def _shown(trigger: TriggerDeclaration, function: FunctionDeclaration, account_id: str) -> dict[str, Any]:
    return {
        "triggerName": trigger.name,
        "triggerType": trigger.type,
        "sourceArn": trigger.source_arn or "",
        "targetArn": _arn(function, account_id),
        "qualifier": trigger.qualifier,
        "invocationRole": trigger.invocation_role or "",
        # The API has it as a text of JSON.
        "triggerConfig": json.dumps(dict(trigger.settings), separators=(",", ":")),
        "description": trigger.description,
        **_times(trigger.changed, "createdTime", "lastModifiedTime"),
    }


def _times(changed: Change | None, created: str, modified: str) -> dict[str, str]:
    return {} if changed is None else {created: changed.created, modified: changed.modified}


def _arn(function: FunctionDeclaration, account_id: str) -> str:
    return f"acs:fc:{function.region}:{account_id}:functions/{function.name}"
