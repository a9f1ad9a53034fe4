"""Ctrl-C loses nothing: what runs is waited for, or stays."""

from __future__ import annotations

import os
import signal
import threading
import time
from collections.abc import Iterator

import pytest

from cli.failed import carrying_out
from cli.process import EndedBySignal, Interruption
from tests.cli.failed.records import Records, meanwhile
from tests.user import flat
from tests.waiting import until

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
    world: Records, interruptions: list[Interruption]
) -> None:
    # Given six events of which two run, as they take long
    names = [f"n{number}" for number in range(6)]
    for name in names:
        world.keep(name, wanted=world.waiting(name))

    def interrupt() -> None:
        until(lambda: world.running(*names) == 2)
        press_ctrl_c()
        until(lambda: interruptions[0].asked_to_stop)
        world.let_go()

    # When the replay is interrupted
    with meanwhile(interrupt):
        result = world.failed("replay", "--yes", "--concurrency", "2")

    # Then these two end and their records go, and no other event was touched
    assert result.exit_code == 130
    assert "Interrupted: nothing more is begun" in flat(result)
    assert "2 records replayed and removed: 2 tagged. 4 records not replayed." in flat(result)
    assert len(world.names()) == 4
    assert len(world.calls("InvokeFunction")) == 2
    # and the next run does the rest
    assert world.failed("replay", "--yes").exit_code == 0
    assert world.names() == []


def test_the_second_leaves_at_once(
    world: Records, interruptions: list[Interruption], monkeypatch: pytest.MonkeyPatch
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
        until(lambda: world.running("n0", "n1") == 1)
        press_ctrl_c()
        until(lambda: interruptions[0].asked_to_stop)
        time.sleep(ANOTHER_REQUEST)
        press_ctrl_c()

    # When Ctrl-C is pressed twice
    with meanwhile(interrupt):
        result = world.failed("replay", "--yes", "--concurrency", "1")

    # Then the command does not wait, and both records are there
    assert left == [130]
    assert result.exit_code == 130
    assert "1 record left while being replayed" in flat(result)
    assert len(world.names()) == 2
    world.let_go()
    until(lambda: not any(thread.name.startswith("record") for thread in threading.enumerate()))


def test_while_records_are_read_it_ends_the_command(world: Records, monkeypatch: pytest.MonkeyPatch) -> None:
    world.keep()

    def interrupted(*_: object) -> Iterator[object]:
        raise EndedBySignal(signal.SIGINT)

    monkeypatch.setattr(carrying_out, "read_kept", interrupted)
    result = world.failed("replay", "--yes")
    assert result.exit_code == 130
    assert "Interrupted: nothing was replayed." in flat(result)
    assert len(world.names()) == 1


def test_a_request_that_comes_twice_at_once_is_one() -> None:
    with Interruption() as interruption:
        press_ctrl_c()
        press_ctrl_c()
    assert (interruption.asked_to_stop, interruption.asked_to_leave) == (True, False)
    # Afterwards Ctrl-C is what it was before
    assert signal.getsignal(signal.SIGINT) is signal.default_int_handler


def test_what_is_ignored_stays_ignored() -> None:
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    with Interruption() as interruption:
        press_ctrl_c()
    assert not interruption.asked_to_stop
