"""What a million notifications cost at Function Compute's list prices, warm and each after a cold start.

Prices in compute units (CU) and a CU's in dollars: alibabacloud.com/help, Function Compute, "Pay-as-you-go",
first tier without discounts, January 2025.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping
from typing import Any

from proof.benchmarks.subjects import FUNCTION, REFERENCE

_MILLION = 1_000_000
_UNITS_PER_INVOCATION = 75 / 10_000
_UNITS_PER_VCPU_SECOND = 1.0
_UNITS_PER_GIGABYTE_SECOND = 0.15
_DOLLARS_PER_UNIT = 0.000020
# Function Compute's memory sizes begin with this and go in such steps.
_LEAST_MEGABYTES, _STEP_MEGABYTES = 128, 64
_SPARE = 1.25


def dollars(seconds: float, vcpu: float, megabytes: float) -> float:
    """The price of one invocation that lasts so long on an instance of this size."""
    a_second = vcpu * _UNITS_PER_VCPU_SECOND + megabytes / 1024 * _UNITS_PER_GIGABYTE_SECOND
    return (_UNITS_PER_INVOCATION + seconds * a_second) * _DOLLARS_PER_UNIT


def smallest_memory(resident_megabytes: float) -> int:
    """The smallest memory size that holds so much with a quarter to spare, in MB."""
    needed = math.ceil(resident_megabytes * _SPARE / _STEP_MEGABYTES) * _STEP_MEGABYTES
    return max(needed, _LEAST_MEGABYTES)


def costs(measured: Mapping[str, Any]) -> Iterator[tuple[str, dict[str, float]]]:
    """Dollars for a million notifications by subject, and the memory size that would do, each with its name.

    An invocation lasts as long as it waits, and as its CPU time takes on its share of a CPU.
    """
    size, warm = measured["size"], measured["warm"]
    declared = f"{size['vcpu']:g} vCPU, {size['memory_megabytes']} MB"
    for name, spent in (
        ("all warm", warm["cpu_milliseconds"]),
        ("each after a cold start", measured["cold"]["chinese"]["cpu_milliseconds"]),
    ):
        prices = {}
        for subject in (FUNCTION, REFERENCE):
            waiting = warm["round_trips"][subject] * warm["delay_milliseconds"]
            seconds = (waiting + spent[subject]["median"] / size["vcpu"]) / 1000
            prices[subject] = _MILLION * dollars(seconds, size["vcpu"], size["memory_megabytes"])
        yield f"{name}, {declared}", prices
    resident = measured["memory"]["resident_megabytes"]
    yield (
        f"smallest memory size, a quarter to spare (MB: {_LEAST_MEGABYTES} and steps of {_STEP_MEGABYTES})",
        {name: smallest_memory(resident[name]["median"]) for name in (FUNCTION, REFERENCE)},
    )
