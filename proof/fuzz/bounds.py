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
from typing import TypeVar

# Of the processor's time. In a test a hang is to be found, however slow and busy the machine is.
SECONDS = 10.0
SECONDS_OF_A_SEARCH = 1.0
MEGABYTES = 256

_STATUS = Path("/proc/self/status")
_CLEAR_REFS = Path("/proc/self/clear_refs")
_CLEAR_PEAK = b"5"
# Linux counts kilobytes, macOS bytes.
_PEAK_UNIT = 1 if sys.platform == "darwin" else 1024

_Result = TypeVar("_Result")


class TooCostly(AssertionError):
    """An input took more time or memory than any may."""


def bounded(call: Callable[[], _Result], seconds: float = SECONDS, megabytes: int = MEGABYTES) -> _Result:
    """The result of a call in the main thread.

    Raises TooCostly where it takes more of the processor's time or more memory, and what the call raises. A
    call that never ends is interrupted as soon as the interpreter can be.
    """
    interrupted = False

    def interrupt(number: int, frame: FrameType | None) -> None:
        nonlocal interrupted
        interrupted = True
        raise TooCostly(f"more than {seconds} s")

    with suppress(OSError):
        _CLEAR_REFS.write_bytes(_CLEAR_PEAK)
    held = _peak()
    before = signal.signal(signal.SIGPROF, interrupt)
    signal.setitimer(signal.ITIMER_PROF, seconds)
    # Not the time of the process, which the timer makes coarse.
    started = time.thread_time()
    try:
        result = call()
    finally:
        spent = time.thread_time() - started
        signal.setitimer(signal.ITIMER_PROF, 0)
        signal.signal(signal.SIGPROF, before)
    # What was called may have swallowed the interruption.
    if interrupted or spent > seconds:
        raise TooCostly(f"{spent:.1f} s")
    if (taken := _peak() - held) > megabytes * 1024 * 1024:
        raise TooCostly(f"{taken // 1024 // 1024} MiB of memory")
    return result


def _peak() -> int:
    """The most memory that this process has had, in bytes; on Linux since its peak was last cleared.

    The system's usual answer will not do on Linux: it counts what the process had before it became this
    program, and that was its parent's.
    """
    try:
        status = _STATUS.read_bytes()
    except OSError:
        return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * _PEAK_UNIT
    _, _, peak = status.partition(b"VmHWM:")
    return int(peak.split(None, 1)[0]) * 1024
