"""What the function promises whatever it is given: tried with some input here, with much by ``make fuzz``."""

from __future__ import annotations

from functools import partial
from pathlib import Path

import pytest
from click.testing import CliRunner
from hypothesis import strategies as st

from proof.fuzz import __main__ as command
from proof.fuzz import promises
from proof.fuzz.bounds import TooCostly, bounded
from proof.fuzz.promises import PROMISES, Promise, search


@pytest.mark.parametrize("name", PROMISES)
def test_a_promise_is_kept(name: str) -> None:
    assert search(PROMISES[name], seconds=0, batch=60, seed=0).inputs == 60


def test_the_command_tries_so_many_inputs_and_says_so(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(command, "FOUND", tmp_path)
    result = CliRunner().invoke(
        command.main, ["task", "log", "--seconds", "0", "--batch", "20", "--seed", "3"]
    )
    assert result.exit_code == 0, result.output
    assert [line.split()[:3] for line in result.output.splitlines()[1:]] == [
        ["task", "20", "inputs"],
        ["log", "20", "inputs"],
    ]


def small(given: int) -> None:
    """A number is below a thousand."""
    assert given < 1000, f"{given} is below a thousand"


def test_a_broken_promise_is_shown_and_found_again_at_once(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    # Given a promise that is not kept
    monkeypatch.setattr(command, "FOUND", tmp_path)
    monkeypatch.setitem(PROMISES, "task", Promise(small, st.integers(0, 10**9)))

    # When it is searched for among others, then the smallest input is shown and the status is 1
    result = CliRunner().invoke(command.main, ["task", "log", "--seconds", "0", "--batch", "100"])
    assert result.exit_code == 1
    assert "BROKEN PROMISE of task: AssertionError: 1000 is below a thousand" in result.output
    assert "given=1000" in result.output
    assert "log" in result.output.splitlines()[-1]

    # And the next search begins with it
    result = CliRunner().invoke(command.main, ["task", "--seconds", "0", "--batch", "1"])
    assert "BROKEN PROMISE of task" in result.output


def test_batch_after_batch_is_tried_while_there_is_time() -> None:
    tried: list[int] = []

    def third(given: int) -> None:
        tried.append(given)
        assert len(tried) < 3

    with pytest.raises(AssertionError):
        search(Promise(third, st.integers()), seconds=600, batch=1, seed=0)


@pytest.mark.parametrize("swallowed", [(), (AssertionError,)])
def test_a_call_that_never_ends_is_interrupted(swallowed: tuple[type[Exception], ...]) -> None:
    def forever() -> None:
        try:
            while True:
                pass
        except swallowed:
            pass

    with pytest.raises(TooCostly, match=r"0\.\d+ s"):
        bounded(forever, seconds=0.05)


def test_a_call_that_takes_much_memory_is_found() -> None:
    with pytest.raises(TooCostly, match="MiB of memory"):
        bounded(lambda: bytearray(b"x") * 256_000_000, megabytes=128)
    assert bounded(lambda: len(bytearray(b"x") * 1_000_000)) == 1_000_000


def test_an_input_that_costs_too_much_breaks_a_promise(monkeypatch: pytest.MonkeyPatch) -> None:
    def forever(given: int) -> None:
        while given:
            pass

    monkeypatch.setattr(promises, "bounded", partial(bounded, seconds=0.05))
    with pytest.raises(TooCostly):
        search(Promise(forever, st.just(1)), seconds=0, batch=1, seed=0)
