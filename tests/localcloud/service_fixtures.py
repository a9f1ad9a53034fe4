"""Local clouds for tests of the services; a test module names this one in ``pytest_plugins``."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from localcloud.cloud import LocalCloud
from tests.localcloud.services import Cloud, Services, furnished, started


@pytest.fixture
def services() -> Iterator[Services]:
    """A cloud in which there is nothing yet, and everybody with keys may do everything but with RAM."""
    with started() as local:
        yield Services(local)


@pytest.fixture(scope="session")
def obeying_cloud() -> Iterator[LocalCloud]:
    """A cloud that obeys RAM's policies."""
    with started(policies=True) as local:
        yield local


@pytest.fixture
def guarded(obeying_cloud: LocalCloud) -> Iterator[Cloud]:
    """That cloud with a bucket and a project for the test."""
    with furnished(obeying_cloud) as guarded:
        yield guarded
