"""Bounds on what one input may cost: time of the processor and memory."""

from __future__ import annotations

import resource
import signal
import sys
import time
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from types import FrameType

from proof.fuzz.promises import BrokenPromise

SECONDS = 1.0
MEGABYTES = 256

Run = Callable[[bytes], None]

_STATUS = Path("/proc/self/status")
_CLEAR = Path("/proc/self/clear_refs")
_CLEAR_PEAK = b"5"
# Linux counts kilobytes, macOS bytes.
_PEAK_UNIT = 1 if sys.platform == "darwin" else 1024


class Watchdog:
    """Runs a target on one input after the other and measures each; for the main thread alone."""

    def __init__(self, seconds: float = SECONDS, megabytes: int = MEGABYTES) -> None:
        self._seconds = seconds
        self._bytes = megabytes * 1024 * 1024
        self._interrupted = False

    def run(self, target: Run, data: bytes) -> float:
        """Run a target on an input; returns the seconds of the processor's time that this thread took.

        Raises BrokenPromise where that or the memory was more than the bounds allow, and what the target
        raises. An input that never ends is interrupted as soon as the interpreter can be.
        """
        held = _reset_peak()
        self._interrupted = False
        before = signal.signal(signal.SIGPROF, self._interrupt)
        signal.setitimer(signal.ITIMER_PROF, self._seconds)
        # Not the time of the process, which the timer makes coarse.
        started = time.thread_time()
        try:
            target(data)
        finally:
            spent = time.thread_time() - started
            signal.setitimer(signal.ITIMER_PROF, 0)
            signal.signal(signal.SIGPROF, before)
        if self._interrupted or spent > self._seconds:
            raise BrokenPromise(f"{len(data)} bytes took {spent:.1f} s")
        if (taken := _peak() - held) > self._bytes:
            raise BrokenPromise(f"{len(data)} bytes took {taken // 1024 // 1024} MiB of memory")
        return spent

    def _interrupt(self, number: int, frame: FrameType | None) -> None:
        self._interrupted = True
        raise BrokenPromise(f"more than {self._seconds} s")


def _reset_peak() -> int:
    """Have the peak begin anew where the system can do that; returns the peak, in bytes."""
    with suppress(OSError):
        _CLEAR.write_bytes(_CLEAR_PEAK)
    return _peak()


def _peak() -> int:
    """The most memory that this process has had since ``_reset_peak``, in bytes.

    The system's usual answer will not do on Linux: it counts what the process had before it became this
    program, and that was its parent's.
    """
    try:
        status = _STATUS.read_bytes()
    except OSError:
        return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * _PEAK_UNIT
    _, _, peak = status.partition(b"VmHWM:")
    return int(peak.split(None, 1)[0]) * 1024
