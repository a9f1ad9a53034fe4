"""The remote calls of one notification: measured, repeated within its retry policy, some at the same time."""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import Executor, Future
from typing import TypeVar

from imm_label_tags.errors import TransientError
from imm_label_tags.retries import RetryBudget, Timeouts
from imm_label_tags.services.responses import CallTimes

_Answer = TypeVar("_Answer")
_Call = Callable[[Timeouts], _Answer]


class Calls:
    """Makes the calls; ``subject`` is what they are about, for the error of one that there is no time for."""

    def __init__(self, retries: RetryBudget, times: CallTimes, subject: str) -> None:
        self._retries = retries
        self._times = times
        self._subject = subject

    def call(self, action: str, call: _Call[_Answer]) -> _Answer:
        """Make a call, once. Raises its errors, and ServiceUnavailable where there is no time for it."""
        timeouts = self._retries.timeouts(f"{action} for {self._subject}")
        with self._times.measure(action):
            return call(timeouts)

    def call_with_retry(self, action: str, call: _Call[_Answer]) -> _Answer:
        """Make a call until it succeeds or the retry budget is spent; raises its last error."""
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
        """Wait after a failed attempt (1 and up); raises its error where it was the last."""
        self._retries.pause(attempt, error)

    def wait(self, seconds: float, why: str) -> None:
        """Wait between calls. Raises ServiceUnavailable where the time does not suffice."""
        self._retries.wait(seconds, why)

    def record_window(self, seconds: float) -> None:
        """Note how long another writer's change would have been lost."""
        self._times.window = round(seconds * 1000, 1)
