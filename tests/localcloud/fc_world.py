"""Throwaway functions, and a Function Compute on loopback that runs them, for tests."""

from __future__ import annotations

import json
import sys
import textwrap
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import psutil
import yaml

from cli.local_deployment import load_deployment
from localcloud.accounts import Accounts
from localcloud.clock import Clock
from localcloud.fc.declaration import Deployment
from localcloud.fc.invocation import InvocationResult
from localcloud.fc.service import FunctionCompute, RuntimeFiles
from tests.localcloud.serving import Serving, serve
from tests.localcloud.tenancy import ACCOUNT, tenancy

REGION = "cn-hangzhou"
ROLE = f"acs:ram::{ACCOUNT}:role/worker"
# The interpreter outside of the virtual environment: what a developer's packages are not part of.
INTERPRETER = Path(getattr(sys, "_base_executable", sys.executable))


@dataclass
class Destinations:
    """Destinations outside of Function Compute, in memory."""

    records: list[tuple[str, dict[str, Any]]] = field(default_factory=list)
    failing: bool = False

    async def send(self, arn: str, record: bytes) -> None:
        if self.failing:
            raise ConnectionError("the topic is gone")
        self.records.append((arn, json.loads(record)))


@dataclass(frozen=True)
class World:
    """Function Compute with all that a test sees of it."""

    fc: FunctionCompute
    serving: Serving
    accounts: Accounts
    clock: Clock
    destinations: Destinations

    def invoke(self, event: bytes = b"", function: str = "index") -> InvocationResult:
        return self.serving.run(self.fc.invoke(function, event))

    def invoke_async(self, event: bytes = b"", function: str = "index") -> str:
        return self.serving.run(self.fc.invoke_async(function, event))

    def settle(self) -> None:
        self.serving.run(self.fc.settled())

    def log(self, request_id: str | None = None, function: str = "index") -> list[str]:
        return [line.text for line in self.fc.logs(function, request_id)]

    def call(self, function: Callable[[], Any]) -> Any:
        """Call a function in the service's event loop."""

        async def within() -> Any:
            return function()

        return self.serving.run(within())


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
    directory: Path,
    code: Mapping[str, str] | str,
    *functions: dict[str, Any],
    layer: Path | None = None,
    variables: Mapping[str, str] | None = None,
    interpreter: Path = INTERPRETER,
    http: bool = False,
    **options: Any,
) -> Iterator[World]:
    """Function Compute that runs functions of some code until the test ends; with ``http``, on a port."""
    destinations = Destinations()
    with tenancy(region=REGION) as tenant:
        fc = FunctionCompute(
            tenant,
            deployment=deployed(directory, code, *functions),
            runtime_files=RuntimeFiles(interpreter, layer),
            variables=variables or {},
            destinations=destinations,
            **options,
        )
        with serve(*([fc] if http else [])) as serving:
            serving.run(fc.start())
            try:
                yield World(fc, serving, tenant.accounts, tenant.clock, destinations)
            finally:
                serving.run(fc.stop())


def running_process(pid: int) -> bool:
    """Whether a process exists and has not just ended."""
    try:
        return bool(psutil.Process(pid).status() != psutil.STATUS_ZOMBIE)
    except psutil.NoSuchProcess:
        return False


def stopped_process(pid: int) -> bool:
    """Whether a process is frozen."""
    return bool(psutil.Process(pid).status() == psutil.STATUS_STOPPED)
