"""Connections of an instance, and certificates that they trust or not."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from imm_label_tags.services.connections import Connections
from tests.faults.certificates import Certificates


@pytest.fixture
def connections() -> Iterator[Connections]:
    connections = Connections(secure=False)
    yield connections
    connections.drop()


@pytest.fixture(scope="session")
def certificates(tmp_path_factory: pytest.TempPathFactory) -> Certificates:
    return Certificates(tmp_path_factory.mktemp("certificates"))


@pytest.fixture
def trusting(certificates: Certificates, monkeypatch: pytest.MonkeyPatch) -> Iterator[Connections]:
    """Connections that trust the test's authority."""
    monkeypatch.setattr("certifi.where", lambda: str(certificates.authority))
    connections = Connections(secure=True)
    yield connections
    connections.drop()
