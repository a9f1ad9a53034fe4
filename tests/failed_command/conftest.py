"""One local cloud with the stand-in for the function, and a bucket on it for each test."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from cli import checkout
from cli.local_deployment import load_deployment
from localcloud.cloud import LocalCloud
from localcloud.config import CloudConfig
from tests.failed_command.world import CODE, World

DEPLOYMENT = """
edition: 3.0.0
name: imm-label-tags
resources:
  keep_failed:
    component: fc3
    props:
      region: cn-hangzhou
      functionName: imm-label-tags-failed
      runtime: python3.12
      handler: keep_failed.handler
      code: ./functions
      role: acs:ram::1234567890123456:role/imm-label-tags-failed
      environmentVariables: {FAILED_EVENTS: "${env('FAILED_EVENTS', '')}"}
  tag_object:
    component: fc3
    props:
      region: cn-hangzhou
      functionName: imm-label-tags
      runtime: python3.12
      handler: tag_object.handler
      code: ./functions
      timeout: 150
      role: acs:ram::1234567890123456:role/imm-label-tags
      environmentVariables:
        TAG_NAMESPACE: ${env('TAG_NAMESPACE', 'imm')}
        LABEL_LIMIT: ${env('LABEL_LIMIT', '9')}
      asyncInvokeConfig:
        destinationConfig:
          onFailure: {destination: acs:fc:cn-hangzhou:1234567890123456:functions/imm-label-tags-failed}
"""


@pytest.fixture(scope="session")
def stand_in(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The functions as the project's ``s.yaml`` has them, with other code behind them."""
    directory = tmp_path_factory.mktemp("stand-in")
    (directory / "functions").mkdir()
    for module in ("tag_object", "keep_failed"):
        (directory / "functions" / f"{module}.py").write_text(CODE, "utf-8")
    path = directory / "s.yaml"
    path.write_text(DEPLOYMENT, "utf-8")
    return path


@pytest.fixture(scope="session")
def cloud(stand_in: Path) -> Iterator[LocalCloud]:
    with LocalCloud(
        CloudConfig(deployment=load_deployment(stand_in, {}), policies=True, time_scale=0.001)
    ) as cloud:
        trust = (checkout.POLICIES / "function-trust.json").read_text("utf-8")
        cloud.call(cloud.access.put_role, "imm-label-tags", trust, {})
        yield cloud


@pytest.fixture
def world(
    cloud: LocalCloud, stand_in: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> Iterator[World]:
    """A bucket without records."""
    monkeypatch.delenv("FAILED_EVENTS", raising=False)
    monkeypatch.setattr(checkout, "DEPLOYMENT", stand_in)
    cloud.run(cloud.calls.settled())
    cloud.call(cloud.calls.clear)
    yield World(cloud, tmp_path)
    cloud.call(cloud.faults.clear)
