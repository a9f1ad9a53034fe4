"""Ctrl-C: the first asks to stop, the second leaves at once."""

from __future__ import annotations

import os
import signal
from types import FrameType, TracebackType
from typing import IO, Any

# What a shell reports of a command that SIGINT has ended.
EXIT_INTERRUPTED = 130


class Interruption:
    """Counts SIGINT while it is entered, in the main thread, unless the process ignores it."""

    def __init__(self) -> None:
        self._count = 0
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
        # Nothing else: this may run between any two steps of the main thread.
        self._count += 1


def leave(output: IO[str]) -> None:
    """End the process without waiting for its threads, with all that was written."""
    output.flush()
    os._exit(EXIT_INTERRUPTED)
