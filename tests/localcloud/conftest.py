"""Fixtures that several tests of one service share."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.localcloud.imm_world import Imm, imm_started
from tests.localcloud.mns_world import Mns, mns_started


@pytest.fixture
def imm() -> Iterator[Imm]:
    with imm_started() as imm:
        yield imm


@pytest.fixture
def mns() -> Iterator[Mns]:
    with mns_started() as mns:
        yield mns
