"""Fixtures that the tests of several services share."""

from __future__ import annotations

from collections.abc import Iterator

import alibabacloud_oss_v2 as oss
import oss2
import pytest

from tests.localcloud.imm_world import Imm, imm_started
from tests.localcloud.mns_world import Mns, mns_started
from tests.localcloud.oss_world import Oss, independent_client, object_storage, official_client


@pytest.fixture
def imm() -> Iterator[Imm]:
    with imm_started() as imm:
        yield imm


@pytest.fixture
def mns() -> Iterator[Mns]:
    with mns_started() as mns:
        yield mns


@pytest.fixture
def cloud() -> Iterator[Oss]:
    """An object storage in which nothing has happened yet."""
    with object_storage() as served:
        yield served


@pytest.fixture
def client(cloud: Oss) -> Iterator[oss.Client]:
    with official_client(cloud) as connected:
        yield connected


@pytest.fixture
def witness(cloud: Oss) -> Iterator[oss2.Bucket]:
    with independent_client(cloud) as connected:
        yield connected
