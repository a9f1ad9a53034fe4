"""How often a call is tried, how long it may take, and when an invocation has to be done."""

from __future__ import annotations

import math
import random
import time
from collections.abc import Callable
from threading import Lock
from typing import Any, NamedTuple

from imm_label_tags.errors import ServiceUnavailable, TransientError

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


class RetryBudget:
    """How often the calls of one notification may still be repeated; they may be made at the same time."""

    def __init__(self, retry_policy: RetryPolicy, deadline: Deadline) -> None:
        self._retry_policy = retry_policy
        self._deadline = deadline
        self._left = retry_policy.retries
        self._guard = Lock()

    def timeouts(self, what: str) -> Timeouts:
        """The time that the next attempt has.

        Raises ServiceUnavailable where there is none: nothing is sent after the deadline.
        """
        remaining = self._deadline.remaining()
        if remaining < SHORTEST_CALL_SECONDS:
            raise out_of_time(what)
        connect = min(self._retry_policy.connect, remaining / 2)
        return Timeouts(connect, min(self._retry_policy.read, remaining - connect))

    def pause(self, attempt: int, error: TransientError) -> None:
        """Wait before the next attempt.

        Raises the error of the last one (its number counts from 1) where there is to be no other.
        """
        limits = self._retry_policy
        pause = error.after_seconds + limits.jitter() * min(
            limits.first_pause * 2 ** (attempt - 1), limits.max_pause
        )
        if (
            attempt >= limits.attempts
            or error.after_seconds > limits.max_pause
            or pause + SHORTEST_CALL_SECONDS > self._deadline.remaining()
            or not self._take()
        ):
            raise error
        limits.sleep(pause)

    def wait(self, seconds: float, why: str) -> None:
        """Wait because the settings say so. Raises ServiceUnavailable where the time does not suffice."""
        if seconds + SHORTEST_CALL_SECONDS > self._deadline.remaining():
            raise out_of_time(why)
        self._retry_policy.sleep(seconds)

    def _take(self) -> bool:
        with self._guard:
            self._left -= 1
            return self._left >= 0


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
