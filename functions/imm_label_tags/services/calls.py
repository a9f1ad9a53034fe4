"""The remote calls of one item: measured, repeated within their retry policy, some at the same time."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from concurrent.futures import Executor, Future
from contextlib import contextmanager
from threading import Lock
from typing import Any, TypeVar

from imm_label_tags.errors import TransientError
from imm_label_tags.retries import SHORTEST_CALL_SECONDS, Deadline, RetryPolicy, Timeouts, out_of_time

_Answer = TypeVar("_Answer")
_Call = Callable[[Timeouts], _Answer]


class Trace:
    """What was done for one item, for the log.

    ``told`` are fields of its line, such as what it is about. ``milliseconds`` and ``calls`` are the time and
    the number of its remote calls by action. ``window`` is the time from the answer with an object's tags
    until the answer to their write, in which another writer's change would be lost; None where nothing was
    written.
    """

    def __init__(self) -> None:
        self.told: dict[str, Any] = {}
        self.milliseconds: dict[str, float] = {}
        self.calls: dict[str, int] = {}
        self.window: float | None = None

    @contextmanager
    def measure(self, action: str) -> Iterator[None]:
        """Measure one call, however it ends."""
        started = time.perf_counter()
        self.calls[action] = self.calls.get(action, 0) + 1
        try:
            yield
        finally:
            spent = (time.perf_counter() - started) * 1000
            self.milliseconds[action] = round(self.milliseconds.get(action, 0.0) + spent, 1)

    @property
    def fields(self) -> dict[str, Any]:
        """All of it for the log."""
        repeated = {action: number - 1 for action, number in self.calls.items() if number > 1}
        return {
            **self.told,
            "milliseconds": self.milliseconds or None,
            "repeated": repeated or None,
            "window_milliseconds": self.window,
        }


class Calls:
    """Makes the calls, as often as the policy allows; they may be made at the same time.

    ``subject`` is what they are about, for the error of one that there is no time for. Nothing is sent after
    the deadline.
    """

    def __init__(
        self, retry_policy: RetryPolicy, deadline: Deadline, subject: str, trace: Trace | None = None
    ) -> None:
        self.trace = trace or Trace()
        self._policy = retry_policy
        self._deadline = deadline
        self._subject = subject
        self._left = retry_policy.retries
        self._guard = Lock()

    def call(self, action: str, call: _Call[_Answer]) -> _Answer:
        """Make a call, once. Raises its errors, and ServiceUnavailable where there is no time for it."""
        remaining = self._deadline.remaining()
        if remaining < SHORTEST_CALL_SECONDS:
            raise out_of_time(f"{action} for {self._subject}")
        connect = min(self._policy.connect, remaining / 2)
        with self.trace.measure(action):
            return call(Timeouts(connect, min(self._policy.read, remaining - connect)))

    def call_with_retry(self, action: str, call: _Call[_Answer]) -> _Answer:
        """Make a call until it succeeds or may not be repeated; raises its last error."""
        attempt = 0
        while True:
            attempt += 1
            try:
                return self.call(action, call)
            except TransientError as error:
                self.pause(attempt, error)

    def submit(self, executor: Executor, action: str, call: _Call[_Answer]) -> Future[_Answer]:
        """The same beside other calls."""
        return executor.submit(self.call_with_retry, action, call)

    def pause(self, attempt: int, error: TransientError) -> None:
        """Wait before the next attempt.

        Raises the error of the last one (its number counts from 1) where there is to be no other.
        """
        policy = self._policy
        pause = error.after_seconds + policy.jitter() * min(
            policy.first_pause * 2 ** (attempt - 1), policy.max_pause
        )
        if (
            attempt >= policy.attempts
            or error.after_seconds > policy.max_pause
            or pause + SHORTEST_CALL_SECONDS > self._deadline.remaining()
            or not self._take_retry()
        ):
            raise error
        policy.sleep(pause)

    def wait(self, seconds: float, why: str) -> None:
        """Wait because the settings say so. Raises ServiceUnavailable where the time does not suffice."""
        if seconds + SHORTEST_CALL_SECONDS > self._deadline.remaining():
            raise out_of_time(why)
        self._policy.sleep(seconds)

    def _take_retry(self) -> bool:
        with self._guard:
            self._left -= 1
            return self._left >= 0
