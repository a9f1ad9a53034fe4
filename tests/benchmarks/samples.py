"""Figures as a run gives them, invented."""

from __future__ import annotations

from typing import Any

from proof.benchmarks.cost import Size, cost
from proof.benchmarks.figures import comparison, spread


def measured() -> dict[str, Any]:
    """All that is measured on one runtime."""
    figures: dict[str, Any] = {
        "interpreter": "3.12.1",
        "sizes": {
            "layer_bytes": {"function": 2_000_000, "reference": 16_000_000, "ratio": 0.125},
            "code_bytes": 200_000,
        },
        "cold": {"ascii": _cold([125.0]), "chinese": _cold(None)},
        "memory": {
            "notifications": 1000,
            "resident_megabytes": comparison({"function": [36.0], "reference": [72.0]}),
        },
        "warm": {
            "cpu_milliseconds": comparison(
                {"function": [4.5, 4.7], "reference": [3.5, 3.6], "bare": [4.0, 4.1]}
            ),
            "own_cpu_milliseconds": spread([0.5, 0.6]),
            "delay_milliseconds": 20.0,
            "wall_milliseconds": comparison({"function": [63.0], "reference": [84.0]}),
            "unchanged_wall_milliseconds": spread([46.2]),
            "answer_milliseconds": spread([21.0]),
            "calls": {"function": 5, "unchanged": 4, "reference": 4},
            "round_trips": {"function": 3, "unchanged": 2, "reference": 4},
        },
        "batch": {
            "notifications": {"function": 500, "reference": 50},
            "delay_milliseconds": 20.0,
            "a_second": comparison({"function": [110.0], "reference": [10.0]}),
            "cpu_milliseconds": comparison({"function": [4.8], "reference": [5.0]}),
        },
        "imports": {
            "function": {"standard library": 60.0, "own code": 10.0, "requests": 4.0, "idna": 1.1},
            "reference": {"standard library": 80.0, "aiohttp": 60.0, "requests": 4.0, "idna": 1.1},
        },
    }
    figures["cost"] = cost(figures, Size(0.5, 512))
    return figures


def _cold(floor: list[float] | None) -> dict[str, Any]:
    floors = {} if floor is None else {"floor": floor}
    names = ("function", "reference", *floors)
    phases = {"start": spread([30.0]), "initialize": spread([100.0]), "first": spread([20.0])}
    return {
        "cpu_milliseconds": comparison({"function": [150.0, 160.0], "reference": [500.0, 510.0], **floors}),
        "wall_milliseconds": comparison({"function": [200.0, 210.0], "reference": [600.0, 610.0], **floors}),
        "resident_megabytes": comparison({"function": [34.0, 34.0], "reference": [69.0, 69.1], **floors}),
        "modules": dict.fromkeys(names, 300),
        "phases_cpu_milliseconds": dict.fromkeys(names, phases),
    }
