"""Medians, ratios, critical paths, prices: the arithmetic behind the report."""

from __future__ import annotations

import pytest

from proof.benchmarks.cost import Size, billed_seconds, dollars, smallest_memory
from proof.benchmarks.figures import comparison, critical_path, spread
from proof.benchmarks.targets import Target, targets
from tests.benchmarks.samples import measured


def test_a_spread_is_the_median_between_the_quartiles() -> None:
    found = spread([5.0, 1.0, 2.0, 4.0, 3.0])
    assert found == {"median": 3.0, "lower_quartile": 2.0, "upper_quartile": 4.0, "samples": 5}


def test_one_sample_has_no_spread() -> None:
    assert spread([7.0]) == {"median": 7.0, "lower_quartile": 7.0, "upper_quartile": 7.0, "samples": 1}


def test_figures_are_rounded_to_four_digits() -> None:
    assert spread([1234.56])["median"] == 1235.0


def test_the_ratio_is_of_medians_and_the_paired_one_of_pairs() -> None:
    found = comparison({"function": [1.0, 2.0, 9.0], "reference": [2.0, 10.0, 10.0], "floor": [1.0]})
    assert found["ratio"] == 0.2
    assert found["paired_ratio"] == 0.5
    assert found["floor"]["median"] == 1.0


@pytest.mark.parametrize(
    ("calls", "rounds"),
    [
        ([], 0),
        ([(0.0, 1.0)], 1),
        ([(0.0, 1.0), (1.0, 2.0), (2.5, 3.0)], 3),
        ([(0.0, 1.0), (0.1, 1.2), (1.3, 2.0), (1.4, 2.5), (2.6, 3.0)], 3),
        ([(0.0, 5.0), (1.0, 2.0), (3.0, 4.0)], 2),
    ],
)
def test_calls_that_overlap_are_one_round_trip(calls: list[tuple[float, float]], rounds: int) -> None:
    assert critical_path(calls) == rounds


def test_the_price_is_that_of_the_readme() -> None:
    # 1,000 notifications of 0.3 s with half a vCPU and 512 MB: 7.5 + 150 + 22.5 CU at USD 0.000020.
    assert 1000 * dollars(0.3, Size(0.5, 512)) == pytest.approx(180 * 0.000020)


def test_cpu_time_lasts_longer_on_a_part_of_a_cpu() -> None:
    assert billed_seconds(100, 60, Size(0.5, 512)) == pytest.approx(0.26)
    assert billed_seconds(100, 60, Size(1, 1024)) == pytest.approx(0.16)


def test_the_smallest_memory_has_a_quarter_to_spare() -> None:
    assert smallest_memory(102.4) == 128
    assert smallest_memory(102.5) == 192
    assert smallest_memory(10) == 128, "there is no smaller one"


@pytest.mark.parametrize(
    ("target", "met", "stretch_met"),
    [
        (Target("a", 0.40, 0.40, 0.33), True, False),
        (Target("a", 0.33, 0.40, 0.33), True, True),
        (Target("a", 0.41, 0.40, 0.33), False, False),
        (Target("a", 1.10, 1.10), True, False),
        (Target("a", 8.0, 8, 12, at_least=True), True, False),
        (Target("a", 7.9, 8, 12, at_least=True), False, False),
        (Target("a", 12.0, 8, 12, at_least=True), True, True),
    ],
)
def test_targets_are_limits_from_the_right_side(target: Target, met: bool, stretch_met: bool) -> None:
    assert (target.met, target.stretch_met) == (met, stretch_met)


def test_waiting_counts_in_round_trips() -> None:
    by_name = {target.name: target for target in targets(measured())}
    # 63 ms are 3 round trips of 21 ms; 46.2 ms are 2.2 of them.
    assert by_name["warm notification over 3 round trips"].value == pytest.approx(1.0)
    assert by_name["one with nothing to change over 2 round trips"].value == pytest.approx(1.1)
    assert by_name["rate in a batch"].at_least
    assert len(by_name) == 12
