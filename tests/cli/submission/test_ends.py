"""How a backfill ends before its end: keys, clocks, permissions, Ctrl-C. The next run goes on."""

from __future__ import annotations

import json
import os
import signal
from collections.abc import Callable
from dataclasses import replace
from datetime import datetime, timezone
from pathlib import Path

import pytest

from localcloud.accounts import Identity
from localcloud.faults import FaultKind
from tests.cli.submission.runs import asks_for_room, backfill, interrupt_until_it_ends, started
from tests.cli.world import World
from tests.localcloud.ram_world import allow, caller
from tests.waiting import until

_KEYS = ("ACCESS_KEY_ID", "ACCESS_KEY_SECRET", "SECURITY_TOKEN")
KEYS = 5
PAST = datetime(2001, 1, 1, tzinfo=timezone.utc)


@pytest.fixture
def blocked(world: World) -> Callable[[], None]:
    """Five videos, and as many tasks of others that run as may; gives what lets one of these end."""
    for number in range(KEYS):
        world.put(f"videos/{number}.mp4")
    other = world.task("others/a.mp4", task=world.bucket, status="Running")

    def let_go() -> None:
        world.task("others/a.mp4", task=other)

    return let_go


def check_that_the_next_run_submits_the_rest(world: World) -> None:
    world.heal()
    backfill(world)
    expected = {world.uri(f"videos/{number}.mp4"): 1 for number in range(KEYS)}
    found = {uri: number for uri, number in world.tasks().items() if "/videos/" in uri}
    assert found == expected


class Profile:
    """The account's keys in the file of `aliyun configure`."""

    def __init__(self, world: World, home: Path) -> None:
        self._world = world
        self._path = home / ".aliyun" / "config.json"
        self._path.parent.mkdir()
        # Instead of those of the environment
        self.variables = {"HOME": str(home), **{f"ALIBABA_CLOUD_{name}": "" for name in _KEYS}}
        self._written = 0

    def write(self) -> Identity:
        """Write new temporary keys."""
        cloud = self._world.cloud
        keys = cloud.call(caller, cloud.access, allow(["oss:*", "imm:*"]), name="operator")
        profile = {
            "name": "default",
            "mode": "StsToken",
            "access_key_id": keys.access_key_id,
            "access_key_secret": keys.access_key_secret,
            "sts_token": keys.security_token,
        }
        new = self._path.with_suffix(".new")
        new.write_text(json.dumps({"current": "default", "profiles": [profile]}), "utf-8")
        self._written += 1_000_000_000
        os.utime(new, ns=(self._written, self._written))
        new.rename(self._path)
        return keys

    def expire(self, keys: Identity) -> None:
        self._world.cloud.call(self._world.cloud.accounts.add, replace(keys, expires=PAST))


@pytest.fixture
def profile(world: World, tmp_path: Path) -> Profile:
    return Profile(world, tmp_path)


def test_keys_that_are_renewed_while_it_runs_are_used(
    world: World, blocked: Callable[[], None], profile: Profile
) -> None:
    first = profile.write()
    with started(world, "--in-flight", "1", "--json", **profile.variables) as process:
        asks_for_room(world)
        # When there are new keys in the profile, and the old ones have expired
        profile.write()
        profile.expire(first)
        asks_for_room(world)
        blocked()
        output, errors = process.communicate()
    # Then it goes on as if nothing had been
    assert (process.returncode, json.loads(output)["submitted"]) == (0, KEYS), errors


def test_keys_that_expire_and_are_not_renewed_end_the_run_and_the_next_one_goes_on(
    world: World, blocked: Callable[[], None], profile: Profile
) -> None:
    first = profile.write()
    with started(world, "--in-flight", "1", "--json", **profile.variables) as process:
        asks_for_room(world)
        profile.expire(first)
        output, errors = process.communicate()
    assert (process.returncode, json.loads(output)["submitted"]) == (75, 0)
    said = " ".join(errors.split())
    assert "The keys have expired, and there are no others." in said
    assert "run the command again: it goes on where it ended" in said
    assert "invocation" not in said
    blocked()
    check_that_the_next_run_submits_the_rest(world)


@pytest.mark.parametrize(
    ("action", "code", "said", "status"),
    [
        ("GetObjectTagging", "RequestTimeTooSkewed", "The clock of this machine is wrong", 75),
        ("GetObjectTagging", "SecurityTokenExpired", "The keys have expired", 75),
        ("ListObjectsV2", "SecurityTokenExpired", "renew them, and run the command again", 75),
        ("GetObjectTagging", "SignatureDoesNotMatch", "SignatureDoesNotMatch", 2),
        ("ListTasks", "NoPermission", "imm:ListTasks", 2),
        ("ListObjectsV2", "AccessDenied", "oss:ListObjects", 2),
    ],
)
def test_what_each_object_would_meet_ends_the_run(
    world: World, action: str, code: str, said: str, status: int
) -> None:
    # Given many more objects than are handled at a time
    for number in range(40):
        world.put(f"videos/{number:02}.mp4")
    world.break_call(action, status=403, code=code, times=None)
    world.forget_calls()

    # When, then it ends soon, with a summary and with what is to be done
    result = world.run("backfill", "--yes", "--json", "--bucket", world.bucket, "--rate", "100")
    assert (result.exit_code, said in " ".join(result.stderr.split())) == (status, True)
    assert json.loads(result.stdout)["submitted"] == 0
    assert len(world.calls("GetObjectTagging")) <= 16


def test_a_run_that_cannot_go_on_waits_for_no_room(world: World, blocked: Callable[[], None]) -> None:
    # Given a project without room, and an object of which the tags may not be read
    world.put("videos/z.mp4")
    world.break_call(
        "GetObjectTagging",
        resource=f"*{world.uri('videos/z.mp4')}",
        status=403,
        code="AccessDenied",
        times=None,
    )

    # When, then it ends although there is never any room
    result = world.run(
        "backfill", "--yes", "--json", "--bucket", world.bucket, "--rate", "100", "--in-flight", "1"
    )
    assert (result.exit_code, "oss:GetObjectTagging" in result.stderr) == (2, True)
    assert json.loads(result.stdout)["submitted"] == 0


def test_the_first_ctrl_c_ends_it_in_order(world: World, blocked: Callable[[], None]) -> None:
    with started(world, "--json", "--in-flight", "1") as process:
        asks_for_room(world)
        process.send_signal(signal.SIGINT)
        output, _ = process.communicate()
    assert (process.returncode, json.loads(output)["submitted"]) == (130, 0)
    blocked()
    check_that_the_next_run_submits_the_rest(world)


@pytest.mark.parametrize(
    ("silent", "before", "answered"),
    [
        ("ListObjectsV2", "ListTasks", 0),
        ("GetObjectTagging", "ListObjectsV2", 0),
        # The second one, where it looks for room.
        ("ListTasks", "ListTasks", 1),
    ],
)
def test_another_ctrl_c_ends_it_at_once_whatever_it_waits_for(
    world: World, blocked: Callable[[], None], silent: str, before: str, answered: int
) -> None:
    blocked()
    world.forget_calls()
    world.break_call(silent, FaultKind.SILENCE, times=None, skip=answered)
    with started(world, "--json") as process:
        until(lambda: bool(world.cloud.calls.list(action=before)))
        interrupt_until_it_ends(process)
        output, errors = process.communicate()
    assert process.returncode == 130
    # It may have been told to stop before it began to wait.
    assert ("Ended at once. The next run finds what was done." in errors) is (output == "")
    check_that_the_next_run_submits_the_rest(world)
