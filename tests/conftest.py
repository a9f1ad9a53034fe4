"""One local cloud for all tests that need one, and a stage on it for each test."""

from __future__ import annotations

import os
from collections.abc import Iterator

import pytest
from darabonba.core import DaraCore
from hypothesis import settings

from localcloud.cloud import LocalCloud
from localcloud.config import CloudConfig
from tests.loopback import LoopbackOnly
from tests.stage import Stage

# Every test's output is searched for the keys and signatures that it used.
pytest_plugins = ["tests.secrecy.plugin"]

# Machines differ in speed, and a test must not fail for it. Searching longer is what `make fuzz` is for.
settings.register_profile("project", deadline=None, print_blob=True, max_examples=50)
settings.load_profile("project")

LOOPBACK_ONLY = LoopbackOnly()
LOOPBACK_ONLY.install()


@pytest.fixture(autouse=True)
def loopback_only() -> Iterator[None]:
    """A test that tries to reach another machine fails, also where what it tests catches the refusal."""
    yield
    assert LOOPBACK_ONLY.take() == []


@pytest.fixture(autouse=True)
def environment(monkeypatch: pytest.MonkeyPatch) -> None:
    """Nothing of the developer's environment reaches a test."""
    for name in list(os.environ):
        if name.lower().endswith("_proxy") or name.startswith(("ALIBABA_CLOUD_", "FC_", "OSS_", "IMM_")):
            monkeypatch.delenv(name)
    # An instance of the function has the SDKs send through its own connections from then on. The commands and
    # the tests' own clients use the same SDKs, though never in its process.
    monkeypatch.setattr(DaraCore, "_sessions", DaraCore._sessions)


@pytest.fixture(scope="session", autouse=True)
def home(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    """Neither profiles of the developer's are found, nor local clouds that run elsewhere."""
    with pytest.MonkeyPatch.context() as patch:
        for name in ("HOME", "XDG_RUNTIME_DIR"):
            patch.setenv(name, str(tmp_path_factory.mktemp("home")))
        yield


@pytest.fixture(scope="session")
def shared_cloud() -> Iterator[LocalCloud]:
    with LocalCloud(CloudConfig(task_seconds=0.0, time_scale=0.001)) as cloud:
        yield cloud


@pytest.fixture
def stage(shared_cloud: LocalCloud, monkeypatch: pytest.MonkeyPatch) -> Iterator[Stage]:
    """A bucket, a project and the function, all of the test's own."""
    shared_cloud.call(shared_cloud.faults.clear)
    with Stage(shared_cloud, monkeypatch) as stage:
        yield stage
    shared_cloud.call(shared_cloud.faults.clear)
