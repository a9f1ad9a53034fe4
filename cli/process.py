"""A command as a process: what it writes, what ends it from outside, and one line where it cannot go on."""

from __future__ import annotations

import contextlib
import io
import os
import signal
import sys
import warnings
from collections.abc import Callable
from typing import NoReturn

from cli.escape import ESCAPE
from cli.signals import ENDING, EndedBySignal, EndOnSignal

# Of what kept a command from doing its work.
EXIT_IMPOSSIBLE = 2


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
    end = EndOnSignal()
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
