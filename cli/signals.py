"""The signals that ask a command to end: what they raise in it, and how one that works for long ends."""

from __future__ import annotations

import os
import signal
import time
from collections.abc import Callable
from types import FrameType, TracebackType
from typing import IO, Any

ENDING = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)
# What a program like `timeout` sends twice is meant once; whoever presses Ctrl-C again takes longer.
_ONE_REQUEST_SECONDS = 0.5
# What a shell reports of a command that SIGINT has ended.
EXIT_INTERRUPTED = 130


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


class Interruption:
    """Counts SIGINT while it is entered, in the main thread, unless the process ignores it.

    ``at_once`` is called by a second one, whatever the main thread waits for then.
    """

    def __init__(self, at_once: Callable[[], None] | None = None) -> None:
        self._count = 0
        self._first = 0.0
        self._at_once = at_once
        self._before: Any = None

    def __enter__(self) -> Interruption:
        self._before = signal.getsignal(signal.SIGINT)
        if self._before is not signal.SIG_IGN:
            signal.signal(signal.SIGINT, self._interrupted)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        signal.signal(signal.SIGINT, self._before)

    @property
    def asked_to_stop(self) -> bool:
        """Whether nothing more is to be begun."""
        return self._count > 0

    @property
    def asked_to_leave(self) -> bool:
        """Whether not even what runs is to be waited for."""
        return self._count > 1

    def _interrupted(self, number: int, frame: FrameType | None) -> None:
        # As little as possible: this may run between any two steps of the main thread.
        self._count += 1
        if self._count == 1:
            self._first = time.monotonic()
        elif self._at_once is not None and time.monotonic() - self._first > _ONE_REQUEST_SECONDS:
            self._at_once()


def leave(output: IO[str]) -> None:
    """End the process without waiting for its threads, with all that was written."""
    output.flush()
    os._exit(EXIT_INTERRUPTED)
