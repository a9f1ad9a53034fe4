"""The deployed function and its triggers, through alibabacloud-fc20230330."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from functools import partial
from typing import Any

from alibabacloud_fc20230330 import models
from alibabacloud_fc20230330.client import Client

from cli.cloud.access import Access
from cli.cloud.calls import Call, ask, found

_PAGE = 100


@dataclass(frozen=True)
class DeployedFunction:
    """A function as Function Compute has it."""

    runtime: str
    handler: str
    initializer: str
    role: str
    layers: tuple[str, ...]
    environment: Mapping[str, str]


@dataclass(frozen=True)
class DeployedTrigger:
    """A trigger as Function Compute has it; ``settings`` is what stands in its ``triggerConfig``.

    ``role`` is the ARN of the role in which the source invokes the function.
    """

    name: str
    type: str
    source: str
    role: str
    settings: Mapping[str, Any]


class Functions:
    """One function; every method raises CallFailed."""

    def __init__(self, access: Access, account_id: str, name: str) -> None:
        self._client = Client(access.openapi("fc"))
        self._name = name
        self._resource = f"acs:fc:{access.region}:{account_id}:functions/{name}"

    def find(self) -> DeployedFunction | None:
        """The function, if it is deployed."""
        request = models.GetFunctionRequest()
        answer = found(self._call("GetFunction"), lambda: self._client.get_function(self._name, request))
        if answer is None:
            return None
        body = answer.body
        hook = body.instance_lifecycle_config.initializer if body.instance_lifecycle_config else None
        return DeployedFunction(
            runtime=body.runtime or "",
            handler=body.handler or "",
            initializer=(hook.handler or "") if hook else "",
            role=body.role or "",
            layers=tuple(layer.arn for layer in body.layers or []),
            environment=body.environment_variables or {},
        )

    def failure_destination(self) -> str:
        """The ARN of what takes the events that exhausted their retries; empty where there is none."""
        request = models.GetAsyncInvokeConfigRequest()
        call = self._call("GetAsyncInvokeConfig", "fc:GetFunctionAsyncInvokeConfig")
        answer = found(call, lambda: self._client.get_async_invoke_config(self._name, request))
        destinations = answer.body.destination_config if answer is not None else None
        failure = destinations.on_failure if destinations else None
        return (failure.destination or "") if failure else ""

    def triggers(self) -> dict[str, DeployedTrigger]:
        """The function's triggers by their names; none where it is not deployed."""
        triggers: dict[str, DeployedTrigger] = {}
        token: str | None = None
        while True:
            request = models.ListTriggersRequest(limit=_PAGE, next_token=token)
            call = self._call("ListTriggers")
            body = ask(call, partial(self._client.list_triggers, self._name, request)).body
            for trigger in body.triggers or []:
                triggers[trigger.trigger_name] = _trigger(trigger)
            token = body.next_token
            if not token:
                return triggers

    def _call(self, action: str, needs: str = "") -> Call:
        rest = "/triggers/*" if action == "ListTriggers" else ""
        return Call("FC", action, f"function {self._name}", self._resource + rest, needs)


def _trigger(trigger: Any) -> DeployedTrigger:
    settings = json.loads(trigger.trigger_config or "{}")
    return DeployedTrigger(
        trigger.trigger_name,
        trigger.trigger_type or "",
        trigger.source_arn or "",
        trigger.invocation_role or "",
        settings,
    )
