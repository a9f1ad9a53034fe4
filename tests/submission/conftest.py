"""A local cloud on which the commands work."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from localcloud.cloud import LocalCloud
from localcloud.config import CloudConfig
from tests.stage import Stage
from tests.submission.world import TOPIC


@pytest.fixture(scope="package")
def cloud() -> Iterator[LocalCloud]:
    with LocalCloud(CloudConfig(task_seconds=0.0, time_scale=0.001)) as cloud:
        cloud.call(cloud.messages.create_topic, TOPIC)
        yield cloud


@pytest.fixture
def stage(cloud: LocalCloud, monkeypatch: pytest.MonkeyPatch) -> Iterator[Stage]:
    with Stage(cloud, monkeypatch) as stage:
        yield stage
    cloud.call(cloud.faults.clear)
