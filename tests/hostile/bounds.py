"""What hostile input may cost in a test. A hang is found; how fast the machine is does not matter."""

from __future__ import annotations

from collections.abc import Callable
from typing import TypeVar

from proof.fuzz.watchdog import Watchdog

# Of the processor's time: what takes so long here takes the time of an invocation there.
SECONDS = 10.0
MEGABYTES = 256

_Result = TypeVar("_Result")


def bounded(call: Callable[[], _Result]) -> _Result:
    """The result of a call; fails where it takes more than SECONDS or MEGABYTES."""
    results: list[_Result] = []
    Watchdog(SECONDS, MEGABYTES).run(lambda _: results.append(call()), b"")
    return results[0]
