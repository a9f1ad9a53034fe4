"""Connections that died while the instance was frozen cost a new connection, never an event."""

from __future__ import annotations

import json
import os
import time
from collections.abc import Callable
from typing import Any

import pytest

from imm_label_tags.failures.keeper import FailedKeeper
from imm_label_tags.services import connections
from imm_label_tags.services.connections import REST_SECONDS
from localcloud.faults import Fault, FaultKind
from proof.faults.fault_case import Call
from tests.failed.records import RECORD
from tests.faults.relay import IdleBreak, Line
from tests.faults.trial import FOREIGN
from tests.stage import CHAIR, Stage

READ_SECONDS = 0.75


class Warm:
    """An instance that has handled an event, and keeps two connections to IMM and one to OSS."""

    def __init__(self, stage: Stage, line: Line, capsys: pytest.CaptureFixture[str]) -> None:
        stage.set(STALE_OBJECTS="tag")
        stage.retry_policy = stage.retry_policy._replace(read=READ_SECONDS)
        stage.new_instance()
        self._stage = stage
        self._line = line
        self._capsys = capsys
        self._uri = stage.upload(tags=FOREIGN)
        self._hours = iter(range(24))
        stage.break_call(Fault(FaultKind.MEET, action=f"{Call.RESULT.value}|{Call.TASK.value}", times=2))
        self.handle()
        self.connected = self._connections()

    def handle(self) -> dict[str, Any]:
        """Handle the notification of another task; returns what was logged."""
        newer = f"2199-12-24T{next(self._hours):02}:00:00Z"
        event = self._stage.notification(self._stage.task(self._uri, CHAIR, start=newer))
        self._capsys.readouterr()
        assert self._stage.invoke(event)["outcomes"][0]["status"] == "tagged"
        (line,) = self._capsys.readouterr().out.splitlines()
        logged = json.loads(line)
        assert isinstance(logged, dict)
        return logged

    def freeze(self, how: IdleBreak | None) -> None:
        """The kept connections die, as during a freeze."""
        if how is not None:
            self._line.imm.break_kept(how)
            self._line.oss.break_kept(how)

    def reconnected(self) -> bool:
        return self._connections() > self.connected

    def _connections(self) -> int:
        return self._line.imm.accepted + self._line.oss.accepted


@pytest.fixture
def warm(stage: Stage, line: Line, capsys: pytest.CaptureFixture[str]) -> Warm:
    return Warm(stage, line, capsys)


def rest(clock: str, seconds: float) -> Callable[[pytest.MonkeyPatch], None]:
    """Have one of the clocks go on for so long during the freeze; the other stands still."""
    real = {"monotonic": time.monotonic, "time": time.time}[clock]
    return lambda monkeypatch: monkeypatch.setattr(connections, clock, lambda: real() + seconds)


LONG = [rest("monotonic", REST_SECONDS + 1), rest("time", REST_SECONDS + 1), rest("time", 86400)]


@pytest.mark.parametrize("how", [IdleBreak.ENDED, IdleBreak.RESET], ids=lambda how: how.value)
def test_connections_that_were_closed_are_replaced_without_a_failed_call(warm: Warm, how: IdleBreak) -> None:
    warm.freeze(how)
    assert "repeated" not in warm.handle()
    assert warm.reconnected()


def test_connections_that_died_in_silence_cost_one_time_out(warm: Warm) -> None:
    # Given connections of which nobody has told that they are dead
    warm.freeze(IdleBreak.VANISHED)

    # When the next event arrives
    repeated = warm.handle()["repeated"]

    # Then the first calls find out, both at the same time, and none that follows tries a dead one again
    assert repeated == {Call.RESULT: 1, Call.TASK: 1}


@pytest.mark.parametrize("how", IdleBreak, ids=lambda how: how.value)
@pytest.mark.parametrize("long_rest", LONG, ids=["monotonic clock", "wall clock", "a day"])
def test_after_a_long_rest_no_connection_is_trusted(
    warm: Warm,
    monkeypatch: pytest.MonkeyPatch,
    how: IdleBreak,
    long_rest: Callable[[pytest.MonkeyPatch], None],
) -> None:
    warm.freeze(how)
    long_rest(monkeypatch)
    assert "repeated" not in warm.handle()
    assert warm.reconnected()


@pytest.mark.parametrize("long_rest", LONG, ids=["monotonic clock", "wall clock", "a day"])
def test_after_a_long_rest_keep_failed_trusts_no_connection_either(
    stage: Stage,
    line: Line,
    monkeypatch: pytest.MonkeyPatch,
    long_rest: Callable[[pytest.MonkeyPatch], None],
) -> None:
    # Given an instance that has kept an event, and whose connection dies without a word while it is frozen
    stage.set(FAILED_EVENTS=stage.uri("failed"))
    keeper = FailedKeeper(os.environ, stage.context, stage.retry_policy)
    keeper.handle(RECORD, stage.context)
    before = line.oss.accepted
    line.oss.break_kept(IdleBreak.VANISHED)
    long_rest(monkeypatch)

    # When the next event is kept, then it is by a new connection at once
    assert keeper.handle(RECORD, stage.context)["kept"].startswith(stage.uri("failed/"))
    assert line.oss.accepted == before + 1
    assert stage.pauses == []


def test_after_a_short_rest_connections_are_used_again(warm: Warm) -> None:
    assert "repeated" not in warm.handle()
    assert not warm.reconnected()


@pytest.mark.parametrize(
    ("how", "repeated"),
    [
        (IdleBreak.ENDED, None),
        (IdleBreak.RESET, None),
        # One time-out, and then all is read again over new connections.
        (IdleBreak.VANISHED, {Call.WRITE: 1, Call.HEAD: 1, Call.READ: 1}),
    ],
    ids=lambda given: given.value if isinstance(given, IdleBreak) else "",
)
def test_connections_that_die_between_two_calls_of_an_invocation(
    stage: Stage,
    line: Line,
    capsys: pytest.CaptureFixture[str],
    how: IdleBreak,
    repeated: dict[str, int] | None,
) -> None:
    # Given two connections to OSS that die when the object's tags have been read
    stage.break_call(Fault(FaultKind.MEET, action=f"{Call.HEAD.value}|{Call.READ.value}", times=2))
    broken: list[IdleBreak] = []

    def clock() -> float:
        if line.oss.answered[Call.HEAD] and line.oss.answered[Call.READ] and not broken:
            broken.append(how)
            line.oss.break_kept(how)
        return 0.0

    stage.retry_policy = stage.retry_policy._replace(clock=clock, read=READ_SECONDS)
    stage.new_instance()
    task_id = stage.task(stage.upload(tags=FOREIGN), CHAIR)

    # When the event is delivered
    outcome = stage.handle(task_id)

    # Then the write goes over a new connection, and what was read is still there
    assert broken
    assert outcome["status"] == "tagged"
    assert json.loads(capsys.readouterr().out.splitlines()[-1]).get("repeated") == repeated
    assert stage.tags().items() > FOREIGN.items()
