"""How far a long command is, in words."""

from __future__ import annotations

import io
import threading
from types import SimpleNamespace
from typing import Any, cast

import pytest
from rich.console import Console

from cli.bulk import Progress
from cli.cloud.objects import Objects
from cli.submission.objects import BucketObjects
from tests.cli.world import World
from tests.waiting import until


class Work:
    """Some work of which a test says how far it is, and when."""

    def __init__(self, *totals: int | None) -> None:
        self.now = 0.0
        self.done = [0] * len(totals)
        self._totals = totals
        self.progress = Progress(self._goals, lambda: ["300 submitted", ""], clock=lambda: self.now)

    def _goals(self) -> list[tuple[int, int | None]]:
        return list(zip(self.done, self._totals, strict=True))

    def line(self, now: float, *done: int) -> str:
        self.now, self.done = now, list(done)
        return self.progress.line()


def test_the_rate_is_that_of_the_last_minute() -> None:
    # Given a thousand objects in the first ten seconds, and then one a second
    work = Work(1210)
    for second in range(1, 11):
        work.line(second, 100 * second)
    for second in range(11, 120):
        work.line(second, 1000 + second - 10)
    assert work.line(120, 1110) == "1,110 of 1,210, 1.0/s, 300 submitted, 0:01:40 left"


def test_what_is_left_is_not_told_before_it_can_be_known() -> None:
    work = Work(100)
    assert work.line(0, 0) == "0 of 100, 0.0/s, 300 submitted"
    assert work.line(10, 50) == "50 of 100, 5.0/s, 300 submitted, 0:00:10 left"
    assert Work(None).line(10, 50) == "50 objects, 5.0/s, 300 submitted"


def test_the_rate_falls_while_nothing_is_done() -> None:
    work = Work(None)
    work.line(10, 500)
    assert work.line(40, 500) == "500 objects, 12.5/s, 300 submitted"


def test_what_ends_first_ends_it() -> None:
    # Given ten thousand objects, of which ten are wanted
    assert Work(10_000, 10).line(10, 50, 5).endswith(", 0:00:10 left")


def test_lines_come_where_the_output_is_no_terminal(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("cli.bulk.LINE_SECONDS", 0.0)
    output, asked = io.StringIO(), 0

    def stopped() -> bool:
        nonlocal asked
        asked += 1
        return True

    with Progress(
        lambda: [(0, None)],
        lambda: ["0 to submit"],
        stopped=stopped,
        stopping="Stopping.",
        console=Console(file=output),
    ):
        until(lambda: asked >= 3)
    lines = output.getvalue().splitlines()
    assert lines.count("Stopping.") == 1
    assert "0 objects, 0.0/s, 0 to submit" in lines


def test_a_terminal_shows_a_bar(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("cli.bulk._LOOK_SECONDS", 0.01)
    output = io.StringIO()
    console = Console(file=output, force_terminal=True, width=80)
    with Progress(lambda: [(3, 4)], lambda: ["3 removed"], console=console):
        until(lambda: "━━━" in output.getvalue() and "3 of 4" in output.getvalue())


def test_the_objects_of_a_bucket_are_counted_beside(world: World) -> None:
    for number in range(3):
        world.put(f"videos/{number}.mp4")
    objects = BucketObjects(Objects(world.oss(), "", ""), world.bucket, "videos/")
    assert objects.total(0) is None
    objects.count()
    until(lambda: objects.total(0) is not None)
    assert objects.total(0) == 3


def test_a_command_that_ends_does_not_wait_for_the_count() -> None:
    """Only threads that are no daemons are waited for when a process ends."""
    asked, answered, before = threading.Event(), threading.Event(), set(threading.enumerate())

    class Client:
        def list_objects_v2(self, request: Any) -> Any:
            asked.set()
            answered.wait()
            return SimpleNamespace(contents=[], is_truncated=False)

    BucketObjects(Objects(cast(Any, Client()), "", ""), "videos", "").count()
    assert asked.wait(10)
    started = set(threading.enumerate()) - before
    answered.set()
    assert started and all(thread.daemon for thread in started)
