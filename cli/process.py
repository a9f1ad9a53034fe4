"""A command as a process: what it writes, what ends it from outside, and one line where it cannot go on."""

from __future__ import annotations

import codecs
import contextlib
import io
import os
import signal
import sys
import time
import warnings
from collections.abc import Callable
from types import FrameType, TracebackType
from typing import IO, Any, NoReturn

# Of what kept a command from doing its work.
EXIT_IMPOSSIBLE = 2
# What a shell reports of a command that SIGINT has ended.
EXIT_INTERRUPTED = 130
ENDING = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)
# What a program like `timeout` sends twice is meant once; whoever presses Ctrl-C again takes longer.
_ONE_REQUEST_SECONDS = 0.5
# The error handler with which outputs are written.
ESCAPE = "json-escape"


def main() -> None:
    """``imm-label-tags``."""

    def command() -> None:
        # Imports take most of a second, in which a user may already press Ctrl-C.
        from cli.main import main

        main(prog_name="imm-label-tags")

    run(command)


def run(command: Callable[[], object]) -> None:
    """Run a command, and end the process in one line where it was ended or the machine was in its way."""
    _prepare()
    try:
        _check_path()
        command()
    except EndedBySignal as ended:
        _end(ended)
    except OSError as error:
        # A full disk, a directory that may not be written, no more files or processes.
        print(f"Error: {what_failed(error)}", file=sys.stderr)
        sys.exit(EXIT_IMPOSSIBLE)


def what_failed(error: OSError) -> str:
    """What the system says, after the file that it is about where it names one."""
    said = error.strerror or str(error)
    return f"{error.filename}: {said}." if isinstance(error.filename, str) else f"{said.rstrip('.')}."


class EndedBySignal(BaseException):
    """The process is asked to end by SIGINT (Ctrl-C), SIGTERM or SIGHUP; what it passes cleans up."""

    def __init__(self, number: int) -> None:
        super().__init__(number)
        self.signal = signal.Signals(number)

    @property
    def status(self) -> int:
        """The exit status that a shell reports of a process that the signal has ended."""
        return 128 + self.signal


class Requests:
    """Counts requests to end, each once however often the signal of it comes."""

    def __init__(self) -> None:
        self.number = 0
        self._latest = -_ONE_REQUEST_SECONDS

    def add(self) -> bool:
        """Count a signal; returns whether it is another request."""
        now = time.monotonic()
        if now - self._latest < _ONE_REQUEST_SECONDS:
            return False
        self._latest = now
        self.number += 1
        return True


class EndOnSignal:
    """Handles a signal. Another request, a moment later, ends also the cleaning up after the first."""

    def __init__(self) -> None:
        self._requests = Requests()

    def __call__(self, number: int, frame: FrameType | None) -> None:
        """Raise EndedBySignal, unless one has been raised just now."""
        if self._requests.add():
            raise EndedBySignal(number)


class Interruption:
    """Counts Ctrl-C while it is entered, in the main thread, unless the process ignores SIGINT.

    ``at_once`` is called by a second one, whatever the main thread waits for then.
    """

    def __init__(self, at_once: Callable[[], None] | None = None) -> None:
        self._requests = Requests()
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
        return self._requests.number > 0

    @property
    def asked_to_leave(self) -> bool:
        """Whether not even what runs is to be waited for."""
        return self._requests.number > 1

    def _interrupted(self, number: int, frame: FrameType | None) -> None:
        # As little as possible: this may run between any two steps of the main thread.
        if self._requests.add() and self.asked_to_leave and self._at_once is not None:
            self._at_once()


def on_ending_signals(handle: Callable[[int, FrameType | None], object]) -> None:
    """Handle the signals that ask the process to end.

    What the parent ignores stays ignored: nohup, and a shell's commands in the background.
    """
    for number in ENDING:
        if signal.getsignal(number) is not signal.SIG_IGN:
            signal.signal(number, handle)


def leave(output: IO[str]) -> None:
    """End the process without waiting for its threads, with all that was written."""
    output.flush()
    os._exit(EXIT_INTERRUPTED)


def _prepare() -> None:
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors=ESCAPE)
    # Nobody who runs a command can do anything about a warning of an SDK, nor want it as an error.
    warnings.simplefilter("ignore")
    on_ending_signals(EndOnSignal())


def _check_path() -> None:
    """Raise OSError where a path is not text: SDKs with libraries in C could not be loaded from it."""
    encoding = sys.getfilesystemencoding()
    try:
        __file__.encode(encoding)
    except UnicodeEncodeError:
        raise OSError(
            f"The path of this checkout can't be read as {encoding}, the encoding of this environment. "
            "Set LC_ALL=C.UTF-8, and unset PYTHONUTF8."
        ) from None


def _end(ended: EndedBySignal) -> NoReturn:
    """Say why, and end without waiting for threads that may be in the midst of a call."""
    line = "Interrupted." if ended.signal is signal.SIGINT else f"Ended by {ended.signal.name}."
    for number in ENDING:
        signal.signal(number, signal.SIG_IGN)
    # The terminal itself may be what is gone.
    with contextlib.suppress(OSError, ValueError):
        sys.stdout.flush()
    with contextlib.suppress(OSError, ValueError):
        print(f"\n{line}", file=sys.stderr, flush=True)
    os._exit(ended.status)


def _escape(error: UnicodeError) -> tuple[str, int]:
    r"""Write what an output cannot show as ``\uXXXX``, as JSON writes it: JSON stays what it is."""
    if not isinstance(error, UnicodeEncodeError):
        raise error
    text = error.object[error.start : error.end].encode("utf-16-be", "surrogatepass")
    units = (text[place : place + 2].hex() for place in range(0, len(text), 2))
    return "".join(rf"\u{unit}" for unit in units), error.end


codecs.register_error(ESCAPE, _escape)
