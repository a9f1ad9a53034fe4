"""What the function promises whatever it is given: tried with some input here, with much by ``make fuzz``."""

from __future__ import annotations

import os
from pathlib import Path

import pytest
from click.testing import CliRunner
from hypothesis import strategies as st

from proof.fuzz import __main__ as command
from proof.fuzz import guided
from proof.fuzz.bounds import TooCostly, bounded
from proof.fuzz.inputs import Bytes, kept
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
    assert [line.split()[:3] for line in result.output.splitlines()[-2:]] == [
        ["task", "20", "inputs"],
        ["log", "20", "inputs"],
    ]


@pytest.mark.parametrize("name", [name for name, promise in PROMISES.items() if promise.data])
def test_no_input_that_was_kept_breaks_the_promise(name: str) -> None:
    assert len(kept(name)) >= 5
    for data in kept(name):
        bounded(lambda data=data: PROMISES[name].check(data))  # type: ignore[misc]


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


def test_an_input_that_costs_too_much_breaks_a_promise() -> None:
    tried: list[int] = []

    def forever(given: int) -> None:
        tried.append(given)
        while len(tried) > 1:
            pass

    with pytest.raises(TooCostly):
        search(Promise(forever, st.integers(0, 9)), seconds=0, batch=10, seed=0, limit=0.05)


# As much of atheris as is used: it gives the promise what lies in the folders, and a finding ends it.
ENGINE = """
import contextlib, os, pathlib, sys
instrument_imports = lambda include: contextlib.nullcontext()
def Setup(arguments, check):
    globals().update(check=check, folders=[pathlib.Path(word) for word in arguments[1:] if word[0] != "-"])
    prefixes = [word[17:] for word in arguments if word.startswith("-artifact_prefix")]
    globals().update(prefix=prefixes[0] if prefixes else None)
def Fuzz():
    if prefix is None:
        (folders[0] / "merged").write_bytes(b"merged")
        sys.exit(0)
    inputs = [path.read_bytes() for folder in folders for path in folder.iterdir()]
    for data in inputs:
        try:
            check(data)
        except AssertionError as error:
            pathlib.Path(prefix + "crash-1").write_bytes(data)
            print(f"{error}; written to {prefix}crash-1", flush=True)
            os._exit(77)
    print(f"Done {len(inputs)} runs in 1 second(s)", flush=True)
    sys.exit(0)
"""


@pytest.mark.parametrize("broken", [False, True])
def test_the_search_that_is_guided_keeps_what_reaches_more_and_tells_of_what_breaks_a_promise(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, broken: bool
) -> None:
    # Given an engine, and a promise about bytes that is kept or not
    (tmp_path / "atheris.py").write_text(ENGINE)
    if broken:
        breaks = "import imm_label_tags.results.task as task\ntask.parse_time = lambda text: None\n"
        (tmp_path / "sitecustomize.py").write_text(breaks)
    monkeypatch.setenv("PYTHONPATH", os.pathsep.join((str(tmp_path), str(guided.ROOT / "functions"))))
    data = Bytes([b"2021-12-24T03:00:38Z", b""], [b"Z"])

    # When it is searched, then what it found is kept or told
    found = guided.search(
        "task", data, seconds=1, seed=1, findings=tmp_path / "found", corpus=tmp_path / "corpus"
    )
    if broken:
        assert "None is the time" in found.broken
        assert (tmp_path / "found" / "crash-1").read_bytes() == data.wholes[0]
    else:
        assert found == guided.Search(inputs=2, kept=1, broken="")
