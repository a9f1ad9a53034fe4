"""What all tests of races share."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

import pytest

from tests.races import cases
from tests.races.figures import Figures
from tests.races.scenario import Scenario
from tests.races.scheduler import Workers


@pytest.fixture(scope="session")
def workers() -> Iterator[Workers]:
    with Workers() as workers:
        yield workers


@pytest.fixture(scope="session")
def figures() -> Mapping[Scenario, Figures]:
    """The figures of every race that the document has, found once."""
    return cases.figures()
