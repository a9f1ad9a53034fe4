"""``submit`` and ``backfill`` on the local cloud."""

from __future__ import annotations

import json
import random
import subprocess
import time
from typing import Any

import alibabacloud_oss_v2 as oss
import pytest

from localcloud.faults import FaultKind
from tests.cli.submission.runs import HOSTILE, NOT_ADDRESSED, asks_for_room, backfill, started
from tests.cli.submission.test_inventory import Inventory
from tests.cli.world import EARLIER, LATER, World
from tests.waiting import until


def submit(world: World, *uris: str) -> list[dict[str, Any]]:
    """The outcome of each object."""
    return [json.loads(line) for line in world.run("submit", *uris, "--json").stdout.splitlines()]


def test_named_objects_are_submitted_once(world: World) -> None:
    uris = [world.put("videos/a.mp4"), world.put("videos/名 b.bin")]
    first = submit(world, *uris)
    assert [(one["status"], one["object"]) for one in first] == [("submitted", uri) for uri in uris]
    assert [one["status"] for one in submit(world, *uris)] == ["already_submitted"] * 2
    assert world.tasks() == dict.fromkeys(uris, 1)
    told = world.run("submit", uris[0])
    assert (told.exit_code, told.output.split()[:2]) == (0, ["already_submitted", uris[0]])
    bracketed = world.put("videos/[hd][/b].mp4")
    assert world.run("submit", bracketed).output.split()[:2] == ["submitted", bracketed]


def test_what_has_no_task_in_the_end_is_told_by_the_status(world: World) -> None:
    missing = world.run("submit", world.uri("videos/none.mp4"), "--json")
    assert (missing.exit_code, json.loads(missing.stdout)["status"]) == (1, "object_gone")
    world.break_call("HeadObject", status=403, code="AccessDenied", times=None)
    failed = world.run("submit", world.put(), "--json")
    assert (failed.exit_code, json.loads(failed.stdout)["error"]) == (1, "AccessDenied")
    assert world.run("submit", "http://media/a.mp4").exit_code == 2


def test_a_failed_task_is_tried_again_where_its_object_is_named(world: World) -> None:
    uri = world.put()
    world.cloud.call(world.cloud.media.fail_next_task, "OperationFailed", "No.")
    submit(world, uri)
    until(lambda: world.tasks("Running") == {})
    assert backfill(world)["skipped"] == {"already_submitted": 1}
    assert submit(world, uri)[0]["status"] == "submitted"


def test_wait_follows_an_object_to_its_tags(world: World) -> None:
    uri = world.put()
    task_id = submit(world, uri)[0]["task_id"]
    # What tag_object does
    world.tag("videos/a.mp4", {"imm": f"{LATER}/{task_id}"})
    followed = world.run("submit", uri, "--wait", "--json")
    assert (followed.exit_code, json.loads(followed.stdout)["status"]) == (0, "tagged")


def library(world: World) -> None:
    """Two videos to submit, and one of each kind that is passed over."""
    for key in ("videos/new.mp4", "videos/a.txt", "videos/folder/", "elsewhere/a.mp4"):
        world.put(key)
    world.put("videos/tagged.mp4", {"imm": f"{LATER}/task-1"})
    world.put("videos/old-tags.MOV", {"imm": f"{EARLIER}/task-1"})
    request = oss.PutObjectRequest(
        bucket=world.bucket, key="videos/cold.mp4", body=b"x", storage_class="ColdArchive"
    )
    world.oss().put_object(request)


PASSED_OVER = {"archived": 1, "not_video": 2, "tagged": 1}


def test_a_dry_run_counts_and_creates_nothing(world: World) -> None:
    library(world)
    summary = backfill(world, "--dry-run")
    assert (summary["found"], summary["submitted"], summary["dry_run"]) == (6, 2, True)
    assert (summary["skipped"], summary["bytes"]) == (PASSED_OVER, 2 * len(b"a video"))
    assert world.tasks() == {}


def test_what_has_no_labels_of_its_version_is_submitted_and_by_the_next_run_passed_over(world: World) -> None:
    library(world)
    assert backfill(world)["skipped"] == PASSED_OVER
    assert world.tasks().keys() == {world.uri("videos/new.mp4"), world.uri("videos/old-tags.MOV")}
    again = backfill(world)
    assert (again["submitted"], again["skipped"]) == (0, {**PASSED_OVER, "already_submitted": 2})


def test_objects_are_chosen_by_suffix_time_and_number(world: World) -> None:
    for number in range(5):
        world.put(f"videos/{number}.mp4")
    world.put("videos/a.mov")
    assert backfill(world, "--until", "2001-01-01")["skipped"] == {"other_time": 6}
    assert backfill(world, "--since", "2001-01-01", "--suffix", ".mov")["submitted"] == 1
    assert backfill(world, "--limit", "2")["submitted"] == 2
    assert world.tasks().total() == 3


def test_no_more_tasks_run_at_a_time_than_may(world: World) -> None:
    # Given as many tasks that run as may, somebody else's
    for number in range(3):
        world.task("others/a.mp4", task=f"{world.bucket}-{number}", status="Running")
    uri = world.put()
    with started(world, "--in-flight", "3"):
        # When it has looked for room several times, then there is no task
        asks_for_room(world)
        assert world.tasks()[uri] == 0
        # When one has ended, then there is
        world.task("others/a.mp4", task=f"{world.bucket}-0")
        until(lambda: world.tasks()[uri] == 1)


def test_a_library_that_has_few_tasks_is_not_asked_about_each_object(world: World) -> None:
    # Given a library of which one object has a task
    for number in range(30):
        world.put(f"videos/{number:02}.mp4")
    backfill(world, "--limit", "1")
    world.forget_calls()

    # When it is looked at, then IMM is asked once
    summary = backfill(world, "--dry-run")
    assert (summary["submitted"], summary["skipped"]) == (29, {"already_submitted": 1})
    assert len(world.calls("ListTasks")) == 1


def test_where_there_are_too_many_tasks_to_remember_each_object_is_asked_about(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("cli.submission.tasks.MOST_REMEMBERED", 3)
    for number in range(6):
        world.put(f"videos/{number}.mp4")
    assert backfill(world)["submitted"] == 6
    assert backfill(world)["skipped"] == {"already_submitted": 6}
    assert set(world.tasks().values()) == {1}


def test_thousands_of_tasks_of_others_are_no_obstacle(world: World) -> None:
    # Given more tasks than IMM lists at once, of which one runs
    for number in range(250):
        world.task("others/a.mp4", task=f"{world.bucket}-{number}")
    world.task("others/a.mp4", task=f"{world.bucket}-running", status="Running")
    uri = world.put()
    # Then with room for two, one is submitted
    assert backfill(world, "--in-flight", "2")["submitted"] == 1
    assert world.tasks()[uri] == 1


@pytest.mark.parametrize("room", [1, 3])
def test_room_that_is_taken_counts_before_imm_knows_the_task(world: World, room: int) -> None:
    # Given more objects than room, and new tasks that IMM takes long to create
    for number in range(12):
        world.put(f"videos/{number:02}.mp4")
    create = "CreateVideoLabelClassificationTask"
    world.break_call(create, FaultKind.DELAY, times=None, delay_seconds=0.05)
    world.forget_calls()

    # When they are submitted
    assert backfill(world, "--in-flight", str(room))["submitted"] == 12

    # Then no more than there is room for were being created at a time
    assert world.most_at_once(create) <= room
    assert sorted(world.tasks().values()) == [1] * 12


def test_any_name_is_submitted_once_or_told(world: World) -> None:
    for key in HOSTILE:
        world.put(key)
    for _ in range(2):
        summary = backfill(world)
        assert (summary["found"], summary["skipped"]["no_address"]) == (8, 2)
    assert world.tasks() == {world.uri(key): 1 for key in HOSTILE if key not in NOT_ADDRESSED}


def test_nothing_is_submitted_twice_however_often_it_is_killed(world: World) -> None:
    # Given
    seed = random.randrange(1_000_000)
    randomness = random.Random(seed)
    keys = [f"videos/{number:02}.mp4" for number in range(40)]
    for key in keys:
        world.put(key)

    # When it is killed a random moment after a random call, and begun again
    for _ in range(6):
        with started(world) as process:
            wait_for_calls(world, process, randomness.randrange(1, 16))
            time.sleep(randomness.uniform(0, 0.02))
    backfill(world)

    # Then
    assert world.tasks() == {world.uri(key): 1 for key in keys}, f"seed {seed}"


def wait_for_calls(world: World, process: subprocess.Popen[str], number: int) -> None:
    calls = world.cloud.calls
    enough = len(calls.list("imm")) + number
    until(lambda: len(calls.list("imm")) >= enough or process.poll() is not None)


# What it needs


def test_the_policy_is_enough_and_nothing_of_it_is_too_much(world: World) -> None:
    for name in ("a", "b", "c"):
        world.put(f"videos/{name}.mp4")
    # The inventory lies where it may read anyway.
    inventory = Inventory(world, folder="videos/inventory")
    inventory.add([inventory.row("videos/b.mp4")])
    world.check_policy(
        world.policy("backfill", prefix="videos/"),
        ("submit", world.uri("videos/a.mp4")),
        ("backfill", "--yes", "--json", "--inventory", inventory.write()),
        ("backfill", "--yes", "--json", "--bucket", world.bucket, "--prefix", "videos/"),
    )
