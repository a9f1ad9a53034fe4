"""The life of instances: start, reuse, freezing, limits, time-outs, ends."""

from __future__ import annotations

import asyncio
import json
import os
import signal
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any

import pytest

from localcloud.clock import Clock
from localcloud.fc.instance import Instance
from localcloud.fc.invocation import Failure, InvocationRecord, LiveInstance
from localcloud.fc.pool import Pool
from localcloud.fc.refusals import NotRunning
from localcloud.fc.service import ForeignFunction
from tests.localcloud.fc_world import (
    REGION,
    World,
    function,
    running,
    running_process,
    stopped_process,
)
from tests.waiting import until

PID = "import os\ndef handler(event, context): return os.getpid()"
# Waits until a file appears; its path is the event.
WAIT = """
import os, time
def handler(event, context):
    while event and not os.path.exists(event):
        time.sleep(0.005)
    return os.getpid()
"""


def pid(world: World) -> int:
    return int(world.invoke().body)


async def begun(world: World, requests: int) -> None:
    """Return once so many requests have begun to run, those that have ended included."""
    while sum("Invoke Start" in line.text for line in world.fc.logs("index")) < requests:
        await asyncio.sleep(0.005)


# Reuse


def test_an_instance_is_reused_and_frozen_in_between(tmp_path: Path) -> None:
    with running(tmp_path, PID) as world:
        first = world.invoke()
        process = int(first.body)
        until(lambda: stopped_process(process))
        second = world.invoke()
        assert int(second.body) == process
        until(lambda: stopped_process(process))
    assert (first.cold_start, second.cold_start) == (True, False)
    assert first.instance_id == second.instance_id
    assert first.request_id != second.request_id
    assert not running_process(process)


def test_an_exception_leaves_the_instance_in_use(tmp_path: Path) -> None:
    code = """
    import os
    def handler(event, context):
        if event: raise ValueError(os.getpid())
        return os.getpid()
    """
    with running(tmp_path, code) as world:
        failed = world.invoke(b"x")
        assert json.loads(failed.body)["errorMessage"] == str(pid(world))
    assert (failed.status, failed.error_type) == (200, "UnhandledInvocationError")
    assert failed.failure == Failure.UNHANDLED


# Many requests


def test_concurrent_requests_start_more_instances_up_to_the_limit(tmp_path: Path) -> None:
    # Given three requests that wait for a file, and room for two instances
    go = tmp_path / "go"
    with running(tmp_path, WAIT, instance_limit=2) as world:

        async def together() -> list[Any]:
            tasks = [asyncio.ensure_future(world.fc.invoke("index", str(go).encode())) for _ in range(3)]
            while len({line.instance_id for line in world.fc.logs("index")}) < 2:
                await asyncio.sleep(0.005)
            go.touch()
            return await asyncio.gather(*tasks)

        # When they come together
        results = world.cloud.run(together())
    # Then two instances serve them, and the third request has waited for one
    assert [result.cold_start for result in results] == [True, True, False]
    assert len({result.instance_id for result in results}) == 2
    assert results[2].instance_id in {results[0].instance_id, results[1].instance_id}


def test_a_request_that_waits_gets_the_place_of_an_instance_that_ended(tmp_path: Path) -> None:
    code = "import os\ndef handler(event, context): os._exit(1)"
    with running(tmp_path, code, instance_limit=1) as world:

        async def together() -> list[Any]:
            return list(await asyncio.gather(*(world.fc.invoke("index", b"") for _ in range(3))))

        results = world.cloud.run(together())
    assert len({result.instance_id for result in results if result.cold_start}) == 3


def test_waiting_requests_can_be_given_up(tmp_path: Path) -> None:
    go = tmp_path / "go"
    with running(tmp_path, WAIT, instance_limit=1) as world:

        async def give_up() -> Any:
            serving = asyncio.ensure_future(world.fc.invoke("index", str(go).encode()))
            waiting = [asyncio.ensure_future(world.fc.invoke("index", b"")) for _ in range(3)]
            await begun(world, 1)
            waiting[0].cancel()
            go.touch()
            await serving
            # The instance was just handed to the second; it goes on to the third.
            waiting[1].cancel()
            return await waiting[2]

        assert world.cloud.run(give_up()).error_type is None
        assert world.invoke().cold_start is False


def test_a_request_that_is_given_up_while_it_runs_costs_the_instance(tmp_path: Path) -> None:
    with running(tmp_path, WAIT) as world:
        first = world.invoke()

        async def cancel() -> None:
            task = asyncio.ensure_future(world.fc.invoke("index", b"/nowhere"))
            await begun(world, 2)
            task.cancel()
            with pytest.raises(asyncio.CancelledError):
                await task

        world.cloud.run(cancel())
        assert not running_process(int(first.body))
        assert world.invoke().cold_start


def test_a_request_that_is_given_up_just_as_it_gets_room_gives_it_back() -> None:
    async def retire(instance: Instance) -> None:
        """Nothing to do before the end."""

    async def scenario() -> None:
        # Given a pool without room, and a request that waits
        pool = Pool(limit=1, idle_seconds=300, clock=Clock(), retire=retire)
        assert await pool.acquire() is None
        waiting = asyncio.ensure_future(pool.acquire())
        await asyncio.sleep(0)
        # When the room is handed over and the request is given up in the same moment
        pool.release(None)
        waiting.cancel()
        with pytest.raises(asyncio.CancelledError):
            await waiting
        # Then there is room for the next one
        assert await asyncio.wait_for(pool.acquire(), 1) is None

    asyncio.run(scenario())


# The initializer and preStop

HOOKS = """
import os
started = []
def initialize(context):
    print("initializing", context.request_id, context.function.handler)
    started.append(1)
def handler(event, context): return len(started)
def stop(context): print("stopping")
"""


def test_the_initializer_runs_once_before_the_first_request(tmp_path: Path) -> None:
    hooks = {"initializer": {"handler": "index.initialize", "timeout": 5}}
    with running(tmp_path, HOOKS, function(instanceLifecycleConfig=hooks)) as world:
        first, second = world.invoke(), world.invoke()
    assert (first.body, second.body) == (b"1", b"1")
    assert world.log(first.request_id)[1:] == [
        f"FC Initialize Start RequestId: {first.request_id}",
        f"initializing {first.request_id} index.initialize",
        f"FC Initialize End RequestId: {first.request_id}",
        f"FC Invoke Start RequestId: {first.request_id}",
        f"FC Invoke End RequestId: {first.request_id}",
    ]


def test_a_failing_initializer_fails_the_request_and_costs_the_instance(tmp_path: Path) -> None:
    # Given an initializer that works the second time
    code = """
    import os, pathlib
    def initialize(context):
        mark = pathlib.Path(__file__).with_name("mark")
        if not mark.exists():
            mark.touch()
            raise ValueError("bad setting")
    def handler(event, context): return os.getpid()
    """
    hooks = {"initializer": {"handler": "index.initialize", "timeout": 5}}
    with running(tmp_path, code, function(instanceLifecycleConfig=hooks)) as world:
        # When two requests come
        first, second = world.invoke(), world.invoke()
    # Then the first fails with the initializer's error, and the second has an instance of its own
    assert json.loads(first.body)["errorMessage"] == "bad setting"
    assert first.error_type == "UnhandledInvocationError"
    assert not any("Invoke" in line for line in world.log(first.request_id))
    assert second.error_type is None
    assert second.cold_start
    assert second.instance_id != first.instance_id


def test_pre_stop_runs_when_an_instance_ends_after_five_minutes_of_idleness(tmp_path: Path) -> None:
    hooks = {"preStop": {"handler": "index.stop", "timeout": 5}}
    declared = function(instanceLifecycleConfig=hooks)
    with running(tmp_path, HOOKS, declared, time_scale=0.0005) as world:
        world.invoke()
        until(lambda: any(line.startswith("FC PreStop End") for line in world.log()))
        assert "stopping" in world.log()
        assert world.invoke().cold_start


def test_it_also_ends_when_only_the_services_clock_has_moved(tmp_path: Path) -> None:
    with running(tmp_path, PID) as world:
        first = world.invoke()
        world.cloud.clock.advance(299)
        second = world.invoke()
        world.cloud.clock.advance(301)
        third = world.invoke()
    assert (second.instance_id, second.cold_start) == (first.instance_id, False)
    assert third.cold_start


# Ends


def test_a_handler_that_exceeds_its_timeout(tmp_path: Path) -> None:
    code = "import time\ndef handler(event, context):\n    if event: time.sleep(30)"
    with running(tmp_path, code, function(timeout=1)) as world:
        result = world.invoke(b"sleep")
        log = world.log(result.request_id)
        following = world.invoke()
    message = f"Function timed out after 1 seconds (maxMemoryUsage: {result.max_memory:.2f}MB)"
    assert json.loads(result.body) == {"errorMessage": message}
    assert result.max_memory > 1
    assert (result.status, result.error_type) == (200, "UnhandledInvocationError")
    assert result.failure == Failure.TIMEOUT
    # The runtime has written where every thread was, and the platform how it ended.
    assert any("[ERROR] Dumping stack trace after function timeout" in line for line in log)
    assert any("time.sleep(30)" in line for line in log)
    assert log[-1] == f"FC Invoke End RequestId: {result.request_id}, Error: {message}"
    assert following.cold_start


def test_a_handler_that_ignores_termination_is_killed(tmp_path: Path) -> None:
    code = """
    import os, time
    def handler(event, context):
        print(os.getpid())
        while True:
            try:
                time.sleep(30)
            except BaseException:
                pass
    """
    with running(tmp_path, code, function(timeout=1)) as world:
        result = world.invoke()
        (process,) = (int(line) for line in world.log() if line.isdecimal())
    assert result.failure == Failure.TIMEOUT
    assert not running_process(process)


def test_an_initializer_that_exceeds_its_timeout(tmp_path: Path) -> None:
    code = "import time\ndef initialize(context): time.sleep(30)\ndef handler(e, c): pass"
    hooks = {"initializer": {"handler": "index.initialize", "timeout": 1}}
    with running(tmp_path, code, function(instanceLifecycleConfig=hooks)) as world:
        result = world.invoke()
        log = world.log(result.request_id)
    message = json.loads(result.body)["errorMessage"]
    assert message.startswith("Function initialization timed out after 1 seconds (maxMemoryUsage: ")
    assert log[-1] == f"FC Initialize End RequestId: {result.request_id}, Error: {message}"


@pytest.mark.parametrize("statement", ["os._exit(0)", "os.kill(os.getpid(), 9)", "raise KeyboardInterrupt"])
def test_a_process_that_ends_before_it_answers(tmp_path: Path, statement: str) -> None:
    with running(tmp_path, f"import os\ndef handler(event, context): {statement}") as world:
        result = world.invoke()
        log = world.log(result.request_id)
    message = json.loads(result.body)["errorMessage"]
    assert message == (
        "Process exited unexpectedly before completing request "
        f"(duration: {result.duration * 1000:.0f}ms, maxMemoryUsage: {result.max_memory:.2f}MB)"
    )
    assert (result.status, result.error_type) == (200, "UnhandledInvocationError")
    assert result.failure == Failure.UNHANDLED
    assert log[-1] == f"FC Invoke End RequestId: {result.request_id}, Error: {message}"


def test_a_function_that_closes_the_runtimes_socket(tmp_path: Path) -> None:
    code = "import os, time\ndef handler(event, context): os.closerange(3, 4096); time.sleep(30)"
    with running(tmp_path, code) as world:
        assert b"Process exited unexpectedly" in world.invoke().body


def test_a_function_that_takes_too_much_memory_is_killed_at_once(tmp_path: Path) -> None:
    code = """
    import time
    def handler(event, context):
        kept = bytearray(200 * 1024 * 1024)
        for place in range(0, len(kept), 4096):
            kept[place] = 1
        time.sleep(30)
    """
    with running(tmp_path, code, function(memorySize=128, cpu=0.1, diskSize=512)) as world:
        result = world.invoke()
    assert result.failure == Failure.OUT_OF_MEMORY
    assert result.max_memory > 128
    assert b"Process exited unexpectedly before completing request" in result.body
    assert world.fc.invocations()[0].failure == "FunctionOOMError"


def test_so_is_one_that_took_it_only_for_a_moment(tmp_path: Path) -> None:
    # Given a function that is faster than the memory is looked at
    code = "def handler(event, context):\n    b'x' * (int(event) * 1024 * 1024)\n    return 'done'"
    with running(tmp_path, code, function(memorySize=128, cpu=0.1, diskSize=512)) as world:
        fine, too_much = world.invoke(b"20"), world.invoke(b"200")
        following = world.invoke(b"20")
    assert fine.body == b"done"
    assert too_much.failure == Failure.OUT_OF_MEMORY
    assert too_much.max_memory > 128
    assert following.cold_start


def test_processes_that_a_function_started_end_with_it(tmp_path: Path) -> None:
    code = """
    import subprocess
    def handler(event, context): return subprocess.Popen(["sleep", "60"]).pid
    """
    with running(tmp_path, code) as world:
        child = int(world.invoke().body)
        until(lambda: stopped_process(child))
    until(lambda: not running_process(child))


def test_a_process_that_left_the_group_does_not_hold_up_the_end(tmp_path: Path) -> None:
    # Given a function that ends, and leaves its output and the runtime's socket to a child
    code = """
    import os, time
    def handler(event, context):
        child = os.fork()
        if not child:
            os.setsid()
            time.sleep(60)
            os._exit(0)
        while os.getsid(child) != child:
            time.sleep(0.001)
        print(child)
        os._exit(0)
    """
    with running(tmp_path, code) as world:
        result = world.invoke()
        (child,) = (int(line) for line in world.log() if line.isdecimal())
    os.kill(child, signal.SIGKILL)
    assert b"Process exited unexpectedly" in result.body


def test_stopping_leaves_no_process_and_no_files(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    # Given two instances that serve a request, one of which was idle before
    homes = tmp_path / "homes"
    homes.mkdir()
    monkeypatch.setattr(tempfile, "tempdir", str(homes))
    # and a request that waits for one
    with running(tmp_path, WAIT, instance_limit=2) as world:
        process = int(world.invoke().body)

        async def stop() -> Any:
            requests = [asyncio.ensure_future(world.fc.invoke("index", b"/nowhere")) for _ in range(3)]
            await begun(world, 3)
            assert len(list(homes.glob("localcloud-fc-*"))) == 2
            await world.fc.stop()
            return await asyncio.gather(*requests, return_exceptions=True)

        # When the service stops
        first, second, third = world.cloud.run(stop())
        # Then nothing is left of them, and nothing starts any more
        assert (first.failure, second.failure) == (Failure.UNHANDLED, Failure.UNHANDLED)
        assert isinstance(third, NotRunning)
        assert not running_process(process)
        assert list(homes.glob("localcloud-fc-*")) == []
        with pytest.raises(NotRunning):
            world.invoke()


def test_frozen_instances_end_when_the_local_cloud_is_killed(tmp_path: Path) -> None:
    # Given a local cloud in a process of its own, with a frozen instance
    (tmp_path / "cloud.py").write_text(
        f"""
import sys, time
sys.path[:0] = {sys.path!r}
from pathlib import Path
from tests.waiting import until
from tests.localcloud.fc_world import (running)
with running(Path({str(tmp_path)!r}), {PID!r}) as world:
    print(int(world.invoke().body), flush=True)
    time.sleep(60)
""",
        encoding="utf-8",
    )
    with subprocess.Popen(
        [sys.executable, tmp_path / "cloud.py"],
        stdout=subprocess.PIPE,
        env={**os.environ, "TMPDIR": str(tmp_path)},
    ) as cloud:
        assert cloud.stdout is not None
        process = int(cloud.stdout.readline())
        until(lambda: stopped_process(process))
        # When it gets no chance to clean up
        cloud.kill()
    # Then the system ends the instance
    until(lambda: not running_process(process))


# What is refused


@pytest.mark.parametrize(
    ("props", "message"),
    [
        (
            {"region": "cn-shanghai"},
            f"index is declared for the region cn-shanghai, but this cloud is {REGION}",
        ),
        ({"role": "acs:ram::99:role/x"}, "index is declared for the account 99"),
    ],
)
def test_functions_of_another_region_or_account(tmp_path: Path, props: dict[str, Any], message: str) -> None:
    with pytest.raises(ForeignFunction, match=message), running(tmp_path, PID, function(**props)):
        pass


# Looking at instances


def live(world: World) -> list[LiveInstance]:
    return world.cloud.call(world.fc.instances, "index")


def test_an_instance_shows_whether_it_is_busy_what_it_holds_and_what_it_has_spent(tmp_path: Path) -> None:
    code = "kept = []\ndef handler(event, context): kept.append(bytearray(int(event)))"
    with running(tmp_path, code) as world:
        assert live(world) == []
        first = world.invoke(b"0")
        (before,) = live(world)
        world.invoke(b"50000000")
        (after,) = live(world)
    assert (before.instance_id, before.busy) == (first.instance_id, False)
    assert after.memory > before.memory + 40
    assert after.cpu_seconds > 0


def test_one_of_several_instances_can_be_killed_at_its_work(tmp_path: Path) -> None:
    # Given two instances that both serve an event for as long as a file is missing
    go = tmp_path / "go"
    with running(tmp_path, WAIT, function(asyncInvokeConfig={"maxAsyncRetryAttempts": 0})) as world:
        for _ in range(2):
            world.invoke_async(str(go).encode())
        until(lambda: [one.busy for one in live(world)] == [True, True])
        victim, survivor = (one.instance_id for one in live(world))

        # When one is killed
        assert world.cloud.call(world.fc.kill_instance, "index", victim)

        # Then its event has failed, and the other one's goes on
        until(lambda: [record.instance_id for record in world.fc.invocations()] == [victim])
        go.touch()
        world.settle()
        first, second = world.fc.invocations()
        assert (first.error_type, second.error_type) == ("UnhandledInvocationError", None)
        assert second.instance_id == survivor
        assert [(one.instance_id, one.busy) for one in live(world)] == [(survivor, False)]


def test_an_idle_instance_that_is_killed_does_not_serve_any_more(tmp_path: Path) -> None:
    with running(tmp_path, PID) as world:
        first = world.invoke()
        assert world.cloud.call(world.fc.kill_instance, "index", first.instance_id)
        assert live(world) == []
        assert not world.cloud.call(world.fc.kill_instance, "index", first.instance_id)
        assert world.invoke().cold_start


def test_whoever_watches_is_told_of_every_attempt_and_every_line(tmp_path: Path) -> None:
    with running(tmp_path, "def handler(event, context): print('done')") as world:
        attempts: list[tuple[bytes, InvocationRecord]] = []
        lines: list[str] = []
        world.cloud.call(
            world.fc.watch, lambda invocation, record: attempts.append((invocation.event, record))
        )
        world.cloud.call(world.fc.watch_log, lambda line: lines.append(line.text))
        record = world.invoke(b"event")
    assert attempts == [(b"event", record)]
    assert "done" in lines
