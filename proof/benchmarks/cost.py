"""What a million notifications cost at Function Compute's list prices."""

from __future__ import annotations

import math
from dataclasses import asdict, dataclass
from typing import Any

from proof.benchmarks.subjects import FUNCTION, REFERENCE

MILLION = 1_000_000
# Function Compute's memory sizes begin with this and go in such steps.
LEAST_MEGABYTES, STEP_MEGABYTES = 128, 64
SPARE = 1.25


@dataclass(frozen=True)
class Prices:
    """List prices in compute units (CU), which everything is converted to, and a CU's price in dollars."""

    source: str = 'alibabacloud.com/help, Function Compute, "Pay-as-you-go", first tier, without discounts'
    date: str = "January 2025"
    units_per_invocation: float = 75 / 10_000
    units_per_vcpu_second: float = 1.0
    units_per_gigabyte_second: float = 0.15
    dollars_per_unit: float = 0.000020


@dataclass(frozen=True)
class Size:
    """What an instance has."""

    vcpu: float
    memory_megabytes: int


LIST = Prices()


def dollars(seconds: float, size: Size, prices: Prices = LIST) -> float:
    """The price of one invocation that lasts so long."""
    a_second = (
        size.vcpu * prices.units_per_vcpu_second
        + size.memory_megabytes / 1024 * prices.units_per_gigabyte_second
    )
    return (prices.units_per_invocation + seconds * a_second) * prices.dollars_per_unit


def billed_seconds(cpu_milliseconds: float, waiting_milliseconds: float, size: Size) -> float:
    """How long an invocation lasts: its waiting, and its CPU time on its share of a CPU."""
    return (waiting_milliseconds + cpu_milliseconds / size.vcpu) / 1000


def smallest_memory(resident_megabytes: float) -> int:
    """The smallest memory size that holds so much with a quarter to spare, in MB."""
    needed = math.ceil(resident_megabytes * SPARE / STEP_MEGABYTES) * STEP_MEGABYTES
    return max(needed, LEAST_MEGABYTES)


def cost(measured: dict[str, Any], size: Size) -> dict[str, Any]:
    """The price of a million notifications, warm, and if each began with a cold start, in dollars."""
    warm, cold = measured["warm"], measured["cold"]["chinese"]
    resident = measured["memory"]["resident_megabytes"]
    found: dict[str, Any] = {"size": asdict(size)}
    for name in (FUNCTION, REFERENCE):
        waiting = warm["round_trips"][name] * warm["delay_milliseconds"]
        cpu = {"warm": warm["cpu_milliseconds"], "cold": cold["cpu_milliseconds"]}
        found[name] = {
            kind: round(MILLION * dollars(billed_seconds(spent[name]["median"], waiting, size), size), 2)
            for kind, spent in cpu.items()
        }
        found[name]["smallest_memory_megabytes"] = smallest_memory(resident[name]["median"])
    return found
