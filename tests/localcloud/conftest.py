"""Fixtures that several tests of one service share."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.localcloud.imm_region import Region, region


@pytest.fixture(scope="module")
def served() -> Iterator[Region]:
    with region() as served:
        yield served


@pytest.fixture
def imm(served: Region) -> Region:
    """An IMM in which nothing has happened yet."""
    served.reset()
    return served
