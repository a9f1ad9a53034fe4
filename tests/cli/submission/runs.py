"""``backfill`` on a world, in this process or in one of its own."""

from __future__ import annotations

import signal
import subprocess
import time
from contextlib import AbstractContextManager
from typing import Any

from tests.cli.world import World
from tests.command_process import environment
from tests.command_process import started as process_started
from tests.waiting import until

# Names of all kinds, and those of them that the SDK would address wrongly, or cannot send.
HOSTILE = (
    "videos/a\nb.mp4",
    "videos/\"quoted\" 'too'.mp4",
    "videos/100%25+%2B.mp4",
    "videos/椅子 😀.mp4",
    "videos//leading.mp4",
    "videos/&<>;=.mp4",
    "videos/../up.mp4",
    f"videos/{'x' * (1023 - 11)}.mp4",
)
NOT_ADDRESSED = (HOSTILE[0], HOSTILE[6])


def backfill(world: World, *more: str) -> Any:
    """The summary of a run."""
    source = () if "--inventory" in more else ("--bucket", world.bucket, "--prefix", "videos/")
    how = () if "--dry-run" in more else ("--yes",)
    return world.json("backfill", "--rate", "100", *source, *how, *more)


def started(world: World, *more: str, **variables: str) -> AbstractContextManager[subprocess.Popen[str]]:
    """A run in a process of its own, which is killed at the end."""
    command = ("backfill", "--bucket", world.bucket, "--prefix", "videos/", "--rate", "100", "--yes", *more)
    return process_started(
        *command, env=environment(**{**world.environment, "LC_ALL": "C.UTF-8", **variables})
    )


def asks_for_room(world: World) -> None:
    """Wait until it has looked for room several times more."""
    calls = world.cloud.calls
    before = len(calls.list("imm", "ListTasks"))
    until(lambda: len(calls.list("imm", "ListTasks")) >= before + 3)


def interrupt_until_it_ends(process: subprocess.Popen[str]) -> None:
    """Press Ctrl-C as somebody does who does not want to wait."""

    def ended() -> bool:
        process.send_signal(signal.SIGINT)
        time.sleep(0.1)
        return process.poll() is not None

    until(ended)
