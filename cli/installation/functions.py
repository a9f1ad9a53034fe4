"""The deployed functions and their triggers, through alibabacloud-fc20230330."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from alibabacloud_fc20230330 import models
from alibabacloud_fc20230330.client import Client

from cli.cloud.access import Access
from cli.cloud.calls import Sdk, Subject

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

    ``source`` and ``role`` are ARNs: of where its events come from, and of the role in which the source
    invokes the function.
    """

    type: str
    source: str
    role: str
    settings: Mapping[str, Any]


class Functions(Sdk):
    """The functions of a region; every method raises CallFailed."""

    def __init__(self, access: Access, account_id: str) -> None:
        super().__init__("FC", f"acs:fc:{access.region}:{account_id}:")
        self._client = Client(access.openapi("fc"))

    def find(self, name: str) -> DeployedFunction | None:
        """A function, if it is deployed."""
        get = self._client.get_function
        answer = self._find(get, name, models.GetFunctionRequest(), on=_function(name))
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

    def failure_destination(self, name: str) -> str:
        """The ARN of what takes the events that exhausted their retries; empty where there is none."""
        answer = self._find(
            self._client.get_async_invoke_config,
            name,
            models.GetAsyncInvokeConfigRequest(),
            on=_function(name),
            needs="fc:GetFunctionAsyncInvokeConfig",
        )
        destinations = answer.body.destination_config if answer is not None else None
        failure = destinations.on_failure if destinations else None
        return (failure.destination or "") if failure else ""

    def triggers(self, name: str) -> dict[str, DeployedTrigger]:
        """A function's triggers by their names."""
        triggers: dict[str, DeployedTrigger] = {}
        request = models.ListTriggersRequest(limit=_PAGE)
        subject = _function(name)._replace(resource=f"functions/{name}/triggers/*")
        while True:
            body = self._ask(self._client.list_triggers, name, request, on=subject).body
            for one in body.triggers or []:
                triggers[one.trigger_name] = DeployedTrigger(
                    one.trigger_type or "",
                    one.source_arn or "",
                    one.invocation_role or "",
                    json.loads(one.trigger_config or "{}"),
                )
            if not body.next_token:
                return triggers
            request.next_token = body.next_token


def _function(name: str) -> Subject:
    return Subject(f"function {name}", f"functions/{name}")
