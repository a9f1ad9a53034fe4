"""Throwaway functions, and a local cloud that runs them, for tests."""

from __future__ import annotations

import json
import textwrap
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import psutil
import yaml

from cli.local_deployment import load_deployment
from localcloud.cloud import LocalCloud
from localcloud.config import CloudConfig
from localcloud.fc.declaration import Deployment
from localcloud.fc.invocation import InvocationRecord
from localcloud.fc.service import FunctionCompute
from localcloud.mns.service import Subscription
from tests.localcloud.tenancy import ACCOUNT

REGION = CloudConfig.region
ROLE = f"acs:ram::{ACCOUNT}:role/worker"


@dataclass(frozen=True)
class World:
    """A local cloud as tests of its functions see it; ``records`` is what has reached topics that
    are destinations."""

    cloud: LocalCloud
    records: list[tuple[str, Any]] = field(default_factory=list)

    @property
    def fc(self) -> FunctionCompute:
        return self.cloud.functions

    def invoke(self, event: bytes = b"", function: str = "index") -> InvocationRecord:
        return self.cloud.run(self.fc.invoke(function, event))

    def invoke_async(self, event: bytes = b"", function: str = "index") -> str:
        return self.cloud.run(self.fc.invoke_async(function, event))

    def settle(self) -> None:
        self.cloud.run(self.cloud.settled())

    def log(self, request_id: str | None = None, function: str = "index") -> list[str]:
        return [line.text for line in self.fc.logs(function, request_id)]

    def subscribe(self, topic: str) -> None:
        """Keep the records that reach a topic."""

        async def keep(message: bytes) -> bool:
            self.records.append((topic, json.loads(message)))
            return True

        keeper = Subscription(topic, "keeper", "STREAM", "BACKOFF_RETRY", None)
        self.cloud.call(self.cloud.messages.subscribe, keeper, keep)


def function(**props: Any) -> dict[str, Any]:
    """The props of a function, complete but for what a test is about."""
    return {
        "region": REGION,
        "functionName": "index",
        "runtime": "python3.12",
        "handler": "index.handler",
        "code": "./code",
        "timeout": 30,
        **props,
    }


def write_deployment(directory: Path, code: Mapping[str, str] | str, *functions: dict[str, Any]) -> Path:
    """Write the code, and an ``s.yaml`` that deploys functions of it."""
    files = {"index.py": code} if isinstance(code, str) else code
    (directory / "code").mkdir(exist_ok=True)
    for name, source in files.items():
        path = directory / "code" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(textwrap.dedent(source), encoding="utf-8")
    resources = {
        f"resource_{index}": {"component": "fc3", "props": props}
        for index, props in enumerate(functions or (function(),))
    }
    path = directory / "s.yaml"
    path.write_text(
        yaml.safe_dump({"edition": "3.0.0", "name": "test", "resources": resources}), encoding="utf-8"
    )
    return path


def deployed(directory: Path, code: Mapping[str, str] | str, *functions: dict[str, Any]) -> Deployment:
    """The functions of some code."""
    return load_deployment(write_deployment(directory, code, *functions), {})


@contextmanager
def running(
    directory: Path, code: Mapping[str, str] | str, *functions: dict[str, Any], **options: Any
) -> Iterator[World]:
    """A local cloud that runs functions of some code until the test ends."""
    deployment = deployed(directory, code, *functions)
    with LocalCloud(CloudConfig(deployment=deployment, **options)) as cloud:
        world = World(cloud)
        for topic in deployment.topics - {trigger.topic for trigger in deployment.mns_topic_triggers}:
            world.subscribe(topic)
        yield world


def running_process(pid: int) -> bool:
    """Whether a process exists and has not just ended."""
    try:
        return bool(psutil.Process(pid).status() != psutil.STATUS_ZOMBIE)
    except psutil.NoSuchProcess:
        return False


def stopped_process(pid: int) -> bool:
    """Whether a process is frozen."""
    return bool(psutil.Process(pid).status() == psutil.STATUS_STOPPED)
