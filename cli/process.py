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
from types import FrameType
from typing import NoReturn

# The signals that ask a process to end.
ENDING = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)
# What a program like `timeout` sends twice is meant once; whoever presses Ctrl-C again takes longer.
_ONE_REQUEST_SECONDS = 0.5
# Of what kept a command from doing its work.
EXIT_IMPOSSIBLE = 2
ESCAPE = "json-escape"


class EndedBySignal(BaseException):
    """The process is asked to end by SIGINT (Ctrl-C), SIGTERM or SIGHUP; what it passes cleans up."""

    def __init__(self, number: int) -> None:
        super().__init__(number)
        self.signal = signal.Signals(number)

    @property
    def status(self) -> int:
        """The exit status that a shell reports of a process that the signal has ended."""
        return 128 + self.signal


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
        _leave(ended)
    except OSError as error:
        # A full disk, a directory that may not be written, no more files or processes.
        print(f"Error: {what_failed(error)}", file=sys.stderr)
        sys.exit(EXIT_IMPOSSIBLE)


def what_failed(error: OSError) -> str:
    """What the system says, after the file that it is about where it names one."""
    said = error.strerror or str(error)
    return f"{error.filename}: {said}." if isinstance(error.filename, str) else f"{said.rstrip('.')}."


def _prepare() -> None:
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors=ESCAPE)
    # Nobody who runs a command can do anything about a warning of an SDK, nor want it as an error.
    warnings.simplefilter("ignore")
    end = _End()
    for number in ENDING:
        # What the parent ignores stays ignored: nohup, and a shell's commands in the background.
        if signal.getsignal(number) is not signal.SIG_IGN:
            signal.signal(number, end)


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


class _End:
    """Handles a signal. Another one, a moment later, ends also the cleaning up after the first."""

    def __init__(self) -> None:
        self._latest = -_ONE_REQUEST_SECONDS

    def __call__(self, number: int, frame: FrameType | None) -> None:
        now = time.monotonic()
        if now - self._latest < _ONE_REQUEST_SECONDS:
            return
        self._latest = now
        raise EndedBySignal(number)


def _leave(ended: EndedBySignal) -> NoReturn:
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


def escape(error: UnicodeError) -> tuple[str, int]:
    r"""Write what an output cannot show as ``\uXXXX``, as JSON does, so that JSON stays what it is."""
    if not isinstance(error, UnicodeEncodeError):
        raise error
    text = error.object[error.start : error.end].encode("utf-16-be", "surrogatepass")
    units = (text[place : place + 2].hex() for place in range(0, len(text), 2))
    return "".join(rf"\u{unit}" for unit in units), error.end


codecs.register_error(ESCAPE, escape)
