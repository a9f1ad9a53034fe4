"""Percentiles, and what an instance's memory says."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from proof.load.figures import FEWEST_JUDGED, WARM_UP, Percentiles, Sample, trend


def test_percentiles_are_some_of_the_numbers() -> None:
    assert Percentiles.of([float(number) for number in range(1, 101)]) == Percentiles(100, 50, 95, 99, 100)
    assert Percentiles.of([7.0]) == Percentiles(1, 7, 7, 7, 7)
    assert Percentiles.of([]) == Percentiles(0, 0, 0, 0, 0)


@given(st.lists(st.floats(0, 1e6), min_size=1))
def test_percentiles_are_in_order(numbers: list[float]) -> None:
    found = Percentiles.of(numbers)
    assert min(numbers) <= found.p50 <= found.p95 <= found.p99 <= found.largest == max(numbers)
    assert {found.p50, found.p95, found.p99} <= set(numbers)


def samples(last: int, growth: float) -> list[Sample]:
    """An instance that takes 40 MB at first, and grows by so many MB for 1,000 notifications."""
    return [Sample(1, 40.0), *(Sample(n, 80 + growth * n / 1000) for n in range(100, last + 1, 100))]


def test_memory_that_stays_as_it_is_does_not_grow() -> None:
    found = trend("c-1", samples(3000, growth=0.0))
    assert (found.start, found.middle, found.end, found.handled) == (40, 80, 80, 3000)
    assert found.growth == pytest.approx(0)
    assert not found.grows


def test_a_leak_of_two_kilobytes_for_each_notification_shows() -> None:
    found = trend("c-1", samples(3000, growth=2.0))
    assert found.growth == pytest.approx(2)
    assert found.grows


def test_an_instance_that_lived_too_short_is_not_judged() -> None:
    found = trend("c-1", samples(WARM_UP + FEWEST_JUDGED - 100, growth=50.0))
    assert found.growth is None
    assert not found.grows
