"""The signals that ask a command to end, and what they raise in it."""

from __future__ import annotations

import signal
import time
from types import FrameType

ENDING = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)
# What a program like `timeout` sends twice is meant once; whoever presses Ctrl-C again takes longer.
_ONE_REQUEST_SECONDS = 0.5


class EndedBySignal(BaseException):
    """The process is asked to end by SIGINT (Ctrl-C), SIGTERM or SIGHUP; what it passes cleans up."""

    def __init__(self, number: int) -> None:
        super().__init__(number)
        self.signal = signal.Signals(number)

    @property
    def status(self) -> int:
        """The exit status that a shell reports of a process that the signal has ended."""
        return 128 + self.signal


class EndOnSignal:
    """Handles a signal. Another one, a moment later, ends also the cleaning up after the first."""

    def __init__(self) -> None:
        self._latest = -_ONE_REQUEST_SECONDS

    def __call__(self, number: int, frame: FrameType | None) -> None:
        """Raise EndedBySignal, unless one has been raised just now."""
        now = time.monotonic()
        if now - self._latest < _ONE_REQUEST_SECONDS:
            return
        self._latest = now
        raise EndedBySignal(number)
