"""One local cloud for the tests of all commands, and a world on it for each test."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from cli import checkout
from localcloud.cloud import LocalCloud
from localcloud.config import CloudConfig
from tests.cli.failed.records import CODE
from tests.cli.world import TOPIC, World
from tests.installation.account import deployment
from tests.localcloud.fc_world import deployed, function


@pytest.fixture(scope="session")
def declared(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A copy of ``s.yaml``: beside the real one there may be a developer's .env."""
    return deployment(tmp_path_factory.mktemp("declared"))


@pytest.fixture(scope="session")
def cloud(tmp_path_factory: pytest.TempPathFactory) -> Iterator[LocalCloud]:
    """One in which everybody may do what policies say, with a stand-in for the function that tags."""
    stand_in = deployed(tmp_path_factory.mktemp("stand-in"), CODE, function(functionName="imm-label-tags"))
    config = CloudConfig(deployment=stand_in, policies=True, task_seconds=0.0, time_scale=0.001)
    with LocalCloud(config) as cloud:
        cloud.call(cloud.messages.create_topic, TOPIC)
        yield cloud


@pytest.fixture
def world(
    cloud: LocalCloud, declared: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> Iterator[World]:
    """A bucket and a project."""
    monkeypatch.setattr(checkout, "DEPLOYMENT", declared)
    world = World(cloud, tmp_path)
    world.forget_calls()
    yield world
    world.heal()
