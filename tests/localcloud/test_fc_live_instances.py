"""Looking at single instances while they live, killing one of them, and being told of what happens."""

from __future__ import annotations

from pathlib import Path

import pytest

from localcloud.fc.invocation import InvocationRecord
from localcloud.fc.logs import LogLine
from localcloud.fc.refusals import FunctionNotFound
from localcloud.fc.runner import Invocation
from tests.localcloud.fc_world import World, function, running
from tests.localcloud.serving import until

# Waits until a file appears; its path is the event. Without an event it answers at once.
WAIT = """
import os, time
kept = []
def handler(event, context):
    if event == b"grow":
        kept.append(bytearray(50_000_000))
    while event.startswith(b"/") and not os.path.exists(event):
        time.sleep(0.005)
    print("done")
    return os.getpid()
"""


def live(world: World) -> list[tuple[str, bool]]:
    found = world.call(lambda: world.fc.instances("index"))
    return [(instance.instance_id, instance.busy) for instance in found]


def memory(world: World) -> float:
    (instance,) = world.call(lambda: world.fc.instances("index"))
    return float(instance.memory)


def test_an_instance_shows_whether_it_is_busy_what_it_holds_and_what_it_has_spent(tmp_path: Path) -> None:
    with running(tmp_path, WAIT) as world:
        assert live(world) == []
        first = world.invoke()
        assert live(world) == [(first.instance_id, False)]
        before = memory(world)
        world.invoke(b"grow")
        assert memory(world) > before + 40
        (instance,) = world.call(lambda: world.fc.instances("index"))
        assert instance.cpu_seconds > 0
        assert instance.as_dict()["instance_id"] == first.instance_id


def test_one_of_several_instances_can_be_killed_at_its_work(tmp_path: Path) -> None:
    # Given two instances that both serve an event for as long as a file is missing
    go = tmp_path / "go"
    with running(tmp_path, WAIT, function(asyncInvokeConfig={"maxAsyncRetryAttempts": 0})) as world:
        for _ in range(2):
            world.invoke_async(str(go).encode())
        until(lambda: [busy for _, busy in live(world)] == [True, True])
        victim, survivor = (instance_id for instance_id, _ in live(world))

        # When one is killed
        assert world.call(lambda: world.fc.kill_instance("index", victim))

        # Then its event has failed, and the other one's goes on
        until(lambda: [record.instance_id for record in world.fc.invocations()] == [victim])
        go.touch()
        world.settle()
        first, second = world.fc.invocations()
        assert (first.error_type, second.error_type) == ("UnhandledInvocationError", None)
        assert second.instance_id == survivor
        assert live(world) == [(survivor, False)]


def test_an_idle_instance_that_is_killed_does_not_serve_any_more(tmp_path: Path) -> None:
    with running(tmp_path, WAIT) as world:
        first = world.invoke()
        assert world.call(lambda: world.fc.kill_instance("index", first.instance_id))
        assert live(world) == []
        second = world.invoke()
        assert (second.cold_start, second.error_type) == (True, None)


def test_an_instance_that_does_not_live_is_not_killed(tmp_path: Path) -> None:
    with running(tmp_path, WAIT) as world:
        assert not world.call(lambda: world.fc.kill_instance("index", "c-unknown"))
        with pytest.raises(FunctionNotFound):
            world.call(lambda: world.fc.instances("unknown"))


def test_whoever_watches_is_told_of_every_attempt_and_every_line(tmp_path: Path) -> None:
    with running(tmp_path, WAIT) as world:
        attempts: list[tuple[Invocation, InvocationRecord]] = []
        lines: list[LogLine] = []
        world.call(lambda: world.fc.watch(lambda invocation, record: attempts.append((invocation, record))))
        world.call(lambda: world.fc.watch_log(lines.append))
        world.invoke(b"event")
        ((invocation, record),) = attempts
        assert (invocation.event, record.request_id) == (b"event", invocation.request_id)
        assert "done" in [line.text for line in lines]
