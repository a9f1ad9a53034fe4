"""The fixtures of the tests of RAM; a test module names this one in ``pytest_plugins``."""

from __future__ import annotations

from collections.abc import Iterator
from functools import partial

import pytest

from localcloud.cloud import LocalCloud
from tests.localcloud.imm_region import without_proxies
from tests.localcloud.ram_cloud import Cloud, furnished, obeying
from tests.localcloud.ram_world import Account, StartRam, account
from tests.localcloud.serving import Switchboard, serve


@pytest.fixture(scope="session")
def start_ram() -> Iterator[StartRam]:
    """Starts RAMs, one after another, behind one server."""
    switchboard = Switchboard("ram")
    with without_proxies(), serve(switchboard) as serving:
        yield partial(account, switchboard, serving)


@pytest.fixture
def ram(start_ram: StartRam) -> Iterator[Account]:
    with start_ram() as started:
        yield started


@pytest.fixture(scope="session")
def obeying_cloud() -> Iterator[LocalCloud]:
    with obeying() as local:
        yield local


@pytest.fixture
def guarded(obeying_cloud: LocalCloud) -> Iterator[Cloud]:
    with furnished(obeying_cloud) as guarded:
        yield guarded
