"""Each measurement runs, verifies what it measures, and gives what the report needs; no figure is judged."""

from __future__ import annotations

from typing import Any

import pytest

from proof.benchmarks import measurements
from proof.benchmarks.figures import spread
from proof.benchmarks.function_process import CallFailed
from proof.benchmarks.measurements import Bench, import_times


@pytest.fixture(autouse=True)
def few(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(measurements, "MANY", 3)
    monkeypatch.setattr(measurements, "BATCH", 3)
    monkeypatch.setattr(measurements, "REFERENCE_BATCH", 2)
    monkeypatch.setattr(measurements, "_WARM_UP", 1)
    monkeypatch.setattr(measurements, "_WARM_NOTIFICATIONS", 2)


def positive(figures: dict[str, Any], *names: str) -> bool:
    return all(figures[name]["median"] > 0 for name in names)


def test_cold_starts(bench: Bench) -> None:
    measured = measurements.cold(bench)
    assert set(measured) == {"ascii", "chinese"}
    for kind, names in (
        ("ascii", ("function", "reference", "floor")),
        ("chinese", ("function", "reference")),
    ):
        for figure in ("cpu_milliseconds", "wall_milliseconds", "resident_megabytes"):
            assert positive(measured[kind][figure], *names)
        assert all(measured[kind]["modules"][name] > 100 for name in names)
        for name in names:
            assert positive(measured[kind]["phases_cpu_milliseconds"][name], "start", "initialize", "first")


def test_memory_after_many(bench: Bench) -> None:
    measured = measurements.memory(bench)
    assert measured["notifications"] == 3
    assert positive(measured["resident_megabytes"], "function", "reference")


def test_warm_notifications(bench: Bench) -> None:
    measured = measurements.warm(bench)
    # With a delay the shape of the calls does not depend on the machine.
    assert measured["calls"] == {"function": 5, "unchanged": 4, "reference": 4}
    assert measured["round_trips"]["reference"] == 4
    assert positive(measured["cpu_milliseconds"], "function", "reference", "bare")
    assert measured["answer_milliseconds"]["median"] >= measured["delay_milliseconds"] == 20


def test_batches(bench: Bench) -> None:
    measured = measurements.large_batch(bench)
    assert measured["notifications"] == {"function": 3, "reference": 2}
    assert positive(measured["a_second"], "function", "reference")


def test_imports(bench: Bench) -> None:
    measured = measurements.imports(bench)
    assert measured["function"].keys() >= {"standard library", "own code", "requests"}
    assert "alibabacloud_imm20200930" in measured["reference"]


def test_import_times_are_added_up_by_package() -> None:
    output = "\n".join(
        [
            "import time: self [us] | cumulative | imported package",
            "import time:      1500 |       1500 |   requests.api",
            "import time:       500 |       2000 | requests",
            "import time:      1000 |       1000 |     json.decoder",
            "import time:      3000 |       3000 | imm_label_tags.log",
            "a line of the function's own",
        ]
    )
    assert import_times(output) == {"own code": 3.0, "requests": 2.0, "standard library": 1.0}


def test_a_subject_that_does_something_else_is_not_measured(
    bench: Bench, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(bench._environments["function"], "LABEL_LIMIT", "1")
    with pytest.raises(CallFailed, match="function left the tags"):
        measurements.cold(bench)


def test_an_outcome_other_than_tagged_is_not_measured(bench: Bench, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(bench._environments["function"], "ALLOWED_OBJECTS", "elsewhere/*")
    with pytest.raises(CallFailed, match="not_allowed"):
        measurements.cold(bench)


def test_each_run_begins_with_another_subject(bench: Bench) -> None:
    bench = Bench(bench.runtime, bench.region, bench.declared, runs=3, tell=bench.tell)
    turns = list(bench.turns(("one", "two")))
    assert turns == [(0, "one"), (0, "two"), (1, "two"), (1, "one"), (2, "one"), (2, "two")]
    assert spread([1.0])["samples"] == 1
