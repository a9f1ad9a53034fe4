"""How often a call is tried, how long it may take, and when an invocation has to be done."""

from __future__ import annotations

import math
import random
import time
from collections.abc import Callable
from typing import Any, NamedTuple

from imm_label_tags.errors import ServiceUnavailable

ATTEMPTS = 3
RETRIES = 4
CONNECT_SECONDS = 2.0
READ_SECONDS = 5.0
FIRST_PAUSE_SECONDS = 0.2
MAX_PAUSE_SECONDS = 2.0
MAX_SNAPSHOT_AGE_SECONDS = 0.1

# A call that starts later than this before the end could not even be answered.
SHORTEST_CALL_SECONDS = 0.25
# Kept for logging and answering: a tenth of the function's timeout, at most this.
MARGIN_SECONDS = 1.0
# Where the context does not tell the function's timeout.
ASSUMED_TIMEOUT_SECONDS = 60.0


class Deadline:
    """The moment from which an invocation starts nothing any more. ``seconds`` counts from now."""

    def __init__(self, seconds: float, clock: Callable[[], float]) -> None:
        self._clock = clock
        self._end = clock() + seconds

    @classmethod
    def of(cls, context: Any, clock: Callable[[], float], spent_seconds: float = 0.0) -> Deadline:
        """A little before the function's timeout, which the context tells in seconds (a text in 3.10)."""
        timeout = _seconds(getattr(getattr(context, "function", None), "timeout", None))
        timeout = timeout or ASSUMED_TIMEOUT_SECONDS
        return cls(timeout - min(MARGIN_SECONDS, timeout / 10) - spent_seconds, clock)

    def remaining(self) -> float:
        """The seconds that are left; negative once the moment has passed."""
        return self._end - self._clock()

    def too_near(self) -> bool:
        """Whether a call that begins now could not even be answered."""
        return self.remaining() < SHORTEST_CALL_SECONDS


class Timeouts(NamedTuple):
    """How long one attempt may take to connect, and then to be answered, in seconds."""

    connect: float
    read: float


class RetryPolicy(NamedTuple):
    """The limits of one notification.

    Each call is tried ``attempts`` times, all calls together are repeated ``retries`` times. Pauses are
    random up to ``first_pause``, which doubles with each attempt up to ``max_pause``; a service's own hint
    comes first, and where it asks for more than ``max_pause`` the event is left to Function Compute's retry.
    Where the older of the two answers about an object came longer than ``max_snapshot_age`` ago, both are
    asked for again before anything is written, which counts as one of the repetitions. All in seconds.
    """

    attempts: int = ATTEMPTS
    retries: int = RETRIES
    connect: float = CONNECT_SECONDS
    read: float = READ_SECONDS
    first_pause: float = FIRST_PAUSE_SECONDS
    max_pause: float = MAX_PAUSE_SECONDS
    max_snapshot_age: float = MAX_SNAPSHOT_AGE_SECONDS
    sleep: Callable[[float], None] = lambda seconds: time.sleep(seconds)
    jitter: Callable[[], float] = random.random
    clock: Callable[[], float] = time.monotonic


def _seconds(value: object) -> float:
    try:
        seconds = float(str(value))
    except ValueError:
        return 0.0
    return seconds if 0 < seconds < math.inf else 0.0


def out_of_time(what: str) -> ServiceUnavailable:
    """The error for what was not begun because the deadline is too near."""
    return ServiceUnavailable(
        f"{what} was not started: the function's timeout is too near. A retry helps; if this happens often, "
        "raise the function's timeout or lower the number of notifications in a batch."
    )
