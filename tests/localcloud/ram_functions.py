"""Functions in a cloud that obeys RAM's policies, with roles, a trigger, destinations and a logstore."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from localcloud.cloud import LocalCloud
from localcloud.mns.service import Subscription
from tests.localcloud.fc_world import REGION, deployed, function
from tests.localcloud.ram_world import FC_TRUST, document, trust
from tests.localcloud.services import started
from tests.localcloud.tenancy import ACCOUNT

MNS_TRUST = trust(Service="mns.aliyuncs.com")
FUNCTION = f"acs:fc:{REGION}:{ACCOUNT}:functions/index"
FAILED = f"acs:mns:{REGION}:{ACCOUNT}:/topics/failed/messages"
LOGS = f"acs:log:{REGION}:{ACCOUNT}:project/functions/logstore/index"
CODE = """
def handler(event, context):
    print("event", event)
    if event == b"fail":
        raise ValueError("bad")
    return "done"
"""


def destined(destination: str | None = FAILED) -> dict[str, Any]:
    """A function with a role, a logstore, a trigger with a role of its own, and a failure destination."""
    destinations = {"onFailure": {"destination": destination}} if destination else {}
    return function(
        role=f"acs:ram::{ACCOUNT}:role/worker",
        logConfig={"project": "functions", "logstore": "index"},
        asyncInvokeConfig={
            "maxAsyncRetryAttempts": 0,
            "maxAsyncEventAgeInSeconds": 3600,
            "destinationConfig": destinations,
        },
        triggers=[
            {
                "triggerName": "tasks",
                "triggerType": "mns_topic",
                "sourceArn": f"acs:mns:{REGION}:{ACCOUNT}:/topics/tasks",
                "invocationRole": f"acs:ram::{ACCOUNT}:role/trigger",
                "triggerConfig": {"notifyContentFormat": "STREAM", "notifyStrategy": "BACKOFF_RETRY"},
            }
        ],
    )


@dataclass(frozen=True)
class Functions:
    """The cloud, and the records that have reached the failure destination."""

    cloud: LocalCloud
    records: list[dict[str, Any]] = field(default_factory=list)

    def role(self, *statements: Mapping[str, Any], name: str = "worker", trusting: str = FC_TRUST) -> None:
        """Have a role with a policy of these statements."""
        self.put_role(name, trusting, document(*statements) if statements else None)

    def put_role(self, name: str, trusting: str, policy: str | None) -> None:
        """Have a role with one policy document, or none."""
        policies = {} if policy is None else {name: policy}
        self.cloud.call(self.cloud.access.put_role, name, trusting, policies)

    def fail(self, function: str = "index") -> list[str]:
        """Hand a function an event that it fails for; returns why it is lost, if it is."""
        before = len(self.cloud.functions.lost)
        self.cloud.run(self.cloud.functions.invoke_async(function, b"fail"))
        self.cloud.run(self.cloud.settled())
        return [lost.reason for lost in self.cloud.functions.lost[before:]]

    def publish(self) -> int:
        """Send a message to the trigger's topic; returns how many invocations came of it."""
        before = len(self.cloud.functions.invocations())
        self.cloud.run(self.cloud.messages.publish("tasks", b"hello"))
        self.cloud.run(self.cloud.settled())
        return len(self.cloud.functions.invocations()) - before

    def log(self) -> Sequence[str]:
        """The lines in the function's logstore."""
        return [line.text for line in self.cloud.functions.logs("index")]


@contextmanager
def functions(directory: Path, *declared: dict[str, Any], code: str = CODE) -> Iterator[Functions]:
    """A cloud with functions in which nothing is permitted yet."""
    deployment = deployed(directory, code, *(declared or (destined(),)))
    with started(policies=True, deployment=deployment) as cloud:
        obeying = Functions(cloud)

        async def keep(event: bytes) -> bool:
            obeying.records.append(json.loads(event))
            return True

        cloud.call(cloud.messages.create_topic, "failed")
        keeper = Subscription("failed", "keeper", "STREAM", "BACKOFF_RETRY", None)
        cloud.call(cloud.messages.subscribe, keeper, keep)
        yield obeying
