"""The function's way to the services through relays, in plain HTTP or in TLS."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.faults.certificates import Certificates
from tests.faults.relay import Line, laid_through_relays
from tests.stage import Stage


@pytest.fixture(scope="session")
def certificates(tmp_path_factory: pytest.TempPathFactory) -> Certificates:
    return Certificates(tmp_path_factory.mktemp("certificates"))


@pytest.fixture
def line(stage: Stage) -> Iterator[Line]:
    with laid_through_relays(stage) as line:
        yield line


@pytest.fixture
def secure_line(stage: Stage, certificates: Certificates, monkeypatch: pytest.MonkeyPatch) -> Iterator[Line]:
    # The function trusts what certifi lists.
    monkeypatch.setattr("certifi.where", lambda: str(certificates.authority))
    with laid_through_relays(stage, certificates) as line:
        yield line
