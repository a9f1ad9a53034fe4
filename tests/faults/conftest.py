"""The function's way to the services through relays, in plain HTTP or in TLS."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.faults.certificates import Certificates
from tests.faults.line import Line
from tests.stage import Stage


@pytest.fixture(scope="session")
def certificates(tmp_path_factory: pytest.TempPathFactory) -> Certificates:
    return Certificates(tmp_path_factory.mktemp("certificates"))


@pytest.fixture
def line(stage: Stage) -> Iterator[Line]:
    with Line(stage) as line:
        yield line


@pytest.fixture
def secure_line(stage: Stage, certificates: Certificates, monkeypatch: pytest.MonkeyPatch) -> Iterator[Line]:
    # The function trusts what certifi lists.
    monkeypatch.setattr("certifi.where", lambda: str(certificates.authority))
    with Line(stage, certificates) as line:
        yield line
