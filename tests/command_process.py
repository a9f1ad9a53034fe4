"""The command in a process of its own, with the signals and the environment that a test is about."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from typing import Any

# The signals are as a shell leaves them in the foreground, whatever they are for the tests themselves.
_CODE = """
import signal, sys
for number in map(signal.Signals, map(int, sys.argv.pop(1).split())):
    signal.signal(number, signal.SIG_DFL)
for number in map(signal.Signals, map(int, sys.argv.pop(1).split())):
    signal.signal(number, signal.SIG_IGN)
{before}
from cli.process import main
main()
"""
_ENDING = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)


def command_line(*arguments: str, ignored: Iterable[signal.Signals] = (), before: str = "") -> list[str]:
    """What starts ``imm-label-tags``; ``before`` is code that runs first."""
    signals = [" ".join(str(int(number)) for number in numbers) for numbers in (_ENDING, ignored)]
    return [sys.executable, "-c", _CODE.format(before=before), *signals, *arguments]


def environment(**variables: str) -> dict[str, str]:
    """An environment with little in it, and what is given."""
    return {"PATH": os.environ["PATH"], **variables}


def run_command(*arguments: str, env: Mapping[str, str]) -> subprocess.CompletedProcess[bytes]:
    """Run the command to its end."""
    return subprocess.run(
        command_line(*arguments), env=env, stdin=subprocess.DEVNULL, capture_output=True, check=False
    )


@contextmanager
def started(*arguments: str, env: Mapping[str, str], **options: Any) -> Iterator[subprocess.Popen[str]]:
    """The command while it runs; it is killed where the test does not end it."""
    with subprocess.Popen(
        command_line(*arguments, **options),
        env=env,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    ) as process:
        try:
            yield process
        finally:
            process.kill()
