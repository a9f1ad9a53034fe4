"""What all tests of races share."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

import pytest

from imm_label_tags.services.connections import Connections
from proof.races import figures as races
from proof.races.figures import Figures
from proof.races.scenario import Scenario
from tests.races.cloud_storage import CloudStorage
from tests.stage import Stage


@pytest.fixture
def storage(stage: Stage) -> Iterator[CloudStorage]:
    """A place for races with the official SDKs over HTTP."""
    connections = Connections(secure=False)
    yield CloudStorage(stage, connections)
    connections.drop()


@pytest.fixture(scope="session")
def figures() -> Mapping[Scenario, Figures]:
    """The figures of every race that the document has, found once."""
    return races.figures()
