"""The interpreter as Function Compute may have it."""

from __future__ import annotations

import sys
from collections.abc import Iterator

import pytest


@pytest.fixture
def digits_without_limit() -> Iterator[None]:
    """Whole numbers of any length are worked out, as releases of Python 3.10 before 3.10.7 do."""
    limit = sys.get_int_max_str_digits()
    sys.set_int_max_str_digits(0)
    yield
    sys.set_int_max_str_digits(limit)
