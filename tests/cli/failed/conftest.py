"""A place for records of failed events, for each test."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from cli import checkout
from localcloud.cloud import LocalCloud
from tests.cli.failed.records import Records


@pytest.fixture
def world(
    cloud: LocalCloud, declared: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> Iterator[Records]:
    """No records yet."""
    monkeypatch.setattr(checkout, "DEPLOYMENT", declared)
    world = Records(cloud, tmp_path)
    world.forget_calls()
    yield world
    world.heal()
