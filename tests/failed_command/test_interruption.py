"""Ctrl-C loses nothing: what runs is waited for, or stays."""

from __future__ import annotations

import os
import signal
import threading
import time
from collections.abc import Iterator
from types import FrameType
from typing import Any

import pytest

from cli import checkout
from cli.failed import carrying_out
from cli.process import EndedBySignal, Interruption
from tests.command_process import environment, started
from tests.failed_command.world import World, meanwhile
from tests.localcloud.serving import until
from tests.user import flat

# So much later, a signal is not taken for the same one that came twice.
ANOTHER_REQUEST = 0.6


def press_ctrl_c() -> None:
    os.kill(os.getpid(), signal.SIGINT)


@pytest.fixture(autouse=True)
def in_the_foreground() -> Iterator[None]:
    """Ctrl-C does something, also where the tests themselves run in the background."""
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    yield
    signal.signal(signal.SIGINT, before)


@pytest.fixture
def interruptions(monkeypatch: pytest.MonkeyPatch) -> list[Interruption]:
    """The interruptions of the commands that run."""
    entered: list[Interruption] = []

    class Watched(Interruption):
        def __enter__(self) -> Interruption:
            entered.append(self)
            return super().__enter__()

    monkeypatch.setattr(carrying_out, "Interruption", Watched)
    return entered


def test_the_first_begins_nothing_more_and_waits_for_what_runs(
    world: World, interruptions: list[Interruption]
) -> None:
    # Given six events of which two run, as they take long
    for number in range(6):
        world.keep(f"t-{number}", wanted=world.waiting(f"n{number}"))

    def interrupt() -> None:
        until(lambda: sum(world.runs(f"n{number}") for number in range(6)) == 2)
        press_ctrl_c()
        until(lambda: interruptions[0].asked_to_stop)
        world.let_go()

    # When the replay is interrupted
    with meanwhile(interrupt):
        result = world.run("replay", "--yes", "--concurrency", "2")

    # Then these two end and their records go, and no other event was touched
    assert result.exit_code == 130
    assert "Interrupted: nothing more is begun" in flat(result)
    assert "2 records replayed and removed: 2 tagged. 4 records not replayed." in flat(result)
    assert len(world.names()) == 4
    assert world.calls("InvokeFunction") == 2
    # and the next run does the rest
    assert world.run("replay", "--yes").exit_code == 0
    assert world.names() == []


def test_the_second_leaves_at_once(
    world: World, interruptions: list[Interruption], monkeypatch: pytest.MonkeyPatch
) -> None:
    # Given an event that runs, and one that has to wait
    for number in range(2):
        world.keep(f"t-{number}", wanted=world.waiting(f"n{number}"))
    left: list[int] = []

    def leave(status: int) -> None:
        left.append(status)
        raise SystemExit(status)

    monkeypatch.setattr(os, "_exit", leave)

    def interrupt() -> None:
        until(lambda: world.runs("n0") or world.runs("n1"))
        press_ctrl_c()
        until(lambda: interruptions[0].asked_to_stop)
        time.sleep(ANOTHER_REQUEST)
        press_ctrl_c()

    # When Ctrl-C is pressed twice
    with meanwhile(interrupt):
        result = world.run("replay", "--yes", "--concurrency", "1")

    # Then the command does not wait, and both records are there
    assert left == [130]
    assert result.exit_code == 130
    assert "1 record left while being replayed" in flat(result)
    assert len(world.names()) == 2
    world.let_go()
    until(lambda: not any(thread.name.startswith("record") for thread in threading.enumerate()))


def test_while_records_are_read_it_ends_the_command(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    world.keep()

    def interrupted(*_: Any) -> None:
        raise EndedBySignal(signal.SIGINT)

    monkeypatch.setattr(carrying_out, "read_kept", interrupted)
    result = world.run("replay", "--yes")
    assert result.exit_code == 130
    assert "Interrupted: nothing was replayed." in result.output
    assert len(world.names()) == 1


def test_afterwards_ctrl_c_is_what_it_was_before(world: World) -> None:
    def of_somebody_else(number: int, frame: FrameType | None) -> None:
        raise AssertionError(number)

    before = signal.signal(signal.SIGINT, of_somebody_else)
    try:
        world.keep()
        world.run("replay", "--yes")
        assert signal.getsignal(signal.SIGINT) is of_somebody_else
    finally:
        signal.signal(signal.SIGINT, before)


def test_what_is_ignored_stays_ignored() -> None:
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    with Interruption() as interruption:
        press_ctrl_c()
    assert not interruption.asked_to_stop


def test_a_process_that_is_interrupted_twice_is_gone_and_its_records_are_not(world: World) -> None:
    # Given the command in a process of its own, with an event that runs and does not end
    for number in range(3):
        world.keep(f"t-{number}", wanted=world.waiting(f"n{number}"))
    arguments = ["failed", "replay", "--yes", "--concurrency", "1"]
    ours = f"import pathlib, cli.checkout as c; c.DEPLOYMENT = pathlib.Path({str(checkout.DEPLOYMENT)!r})"
    with started(*arguments, env=environment(**world.environment()), before=ours) as process:
        assert process.stdout is not None
        until(lambda: any(world.runs(f"n{number}") for number in range(3)))

        # When Ctrl-C is pressed, the command has said so, and it is pressed again
        process.send_signal(signal.SIGINT)
        said = ""
        while "Interrupted" not in said:
            said = process.stdout.readline()
            assert said
        time.sleep(ANOTHER_REQUEST)
        process.send_signal(signal.SIGINT)
        rest = process.stdout.read()

        # Then the process ends, though the event still runs, and every record is there
        assert process.wait(60) == 130
    assert "1 record left while being replayed" in rest
    assert "2 records not replayed." in rest
    assert len(world.names()) == 3
    world.let_go()
