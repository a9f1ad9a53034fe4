"""``submit`` and ``backfill`` on the local cloud."""

from __future__ import annotations

import json
import random
import subprocess
import time

import alibabacloud_oss_v2 as oss
import pytest

from localcloud.faults import Fault, FaultKind
from tests.localcloud.serving import until
from tests.stage import CHAIR, Stage
from tests.submission.world import (
    backfill,
    refuse,
    run,
    started,
    tag,
    tasks,
    tasks_by_object,
)


def test_named_objects_are_submitted_once(stage: Stage) -> None:
    uris = [stage.upload("videos/a.mp4"), stage.upload("videos/名 b.bin")]
    first = run(stage, "submit", *uris)
    assert first.exit_code == 0, first.output
    outcomes = [json.loads(line) for line in first.stdout.splitlines()]
    assert [(one["status"], one["object"]) for one in outcomes] == [("submitted", uri) for uri in uris]
    again = run(stage, "submit", *uris)
    assert [json.loads(line)["status"] for line in again.stdout.splitlines()] == ["already_submitted"] * 2
    assert len(tasks(stage)) == 2


def test_what_has_no_task_in_the_end_is_told_by_the_status(stage: Stage) -> None:
    missing = run(stage, "submit", stage.uri("videos/none.mp4"))
    assert (missing.exit_code, json.loads(missing.stdout)["status"]) == (1, "object_gone")
    refuse(stage, "HeadObject", 403, "AccessDenied")
    failed = run(stage, "submit", stage.upload())
    assert (failed.exit_code, json.loads(failed.stdout)["error"]) == (1, "AccessDenied")
    assert run(stage, "submit", "http://media/a.mp4").exit_code == 2


def test_a_failed_task_is_tried_again_where_its_object_is_named(stage: Stage) -> None:
    uri = stage.upload()
    stage.cloud.call(stage.cloud.media.fail_next_task, "OperationFailed", "No.")
    run(stage, "submit", uri)
    stage.cloud.run(stage.cloud.settled())
    while tasks(stage)[0].status == "Running":
        time.sleep(0.01)
    assert backfill(stage)["skipped"] == {"already_submitted": 1}
    assert json.loads(run(stage, "submit", uri).stdout)["status"] == "submitted"


def test_wait_follows_an_object_to_its_tags(stage: Stage, monkeypatch: pytest.MonkeyPatch) -> None:
    uri = stage.upload()
    task_id = json.loads(run(stage, "submit", uri).stdout)["task_id"]
    # What tag_object does
    stage.write_tags("videos/a.mp4", {"imm": f"2199-01-01T00:00:00.000Z/{task_id}"})
    followed = run(stage, "submit", uri, "--wait")
    assert (followed.exit_code, json.loads(followed.stdout)["status"]) == (0, "tagged")


def library(stage: Stage) -> None:
    """Two videos to submit, and one of each kind that is passed over."""
    for key in ("new.mp4", "old-tags.MOV", "tagged.mp4", "a.txt", "folder/"):
        stage.upload(f"videos/{key}")
    stage.upload("elsewhere/a.mp4")
    tag(stage, "videos/tagged.mp4", "2199-01-01T00:00:00.000Z")
    tag(stage, "videos/old-tags.MOV", "2001-01-01T00:00:00.000Z")
    request = oss.PutObjectRequest(
        bucket=stage.bucket, key="videos/cold.mp4", body=b"x", storage_class="ColdArchive"
    )
    stage.oss().put_object(request)


PASSED_OVER = {"archived": 1, "not_video": 2, "tagged": 1}


def test_a_dry_run_counts_and_creates_nothing(stage: Stage) -> None:
    library(stage)
    summary = backfill(stage, "--dry-run")
    assert (summary["found"], summary["submitted"], summary["dry_run"]) == (6, 2, True)
    assert (summary["skipped"], summary["bytes"]) == (PASSED_OVER, 2 * len(b"a video"))
    assert tasks(stage) == []


def test_what_has_no_labels_of_its_version_is_submitted_and_by_the_next_run_passed_over(stage: Stage) -> None:
    library(stage)
    assert backfill(stage)["skipped"] == PASSED_OVER
    uris = {str(task.request["SourceURI"]) for task in tasks(stage)}
    assert uris == {stage.uri("videos/new.mp4"), stage.uri("videos/old-tags.MOV")}
    again = backfill(stage)
    assert (again["submitted"], again["skipped"]) == (0, {**PASSED_OVER, "already_submitted": 2})


def test_objects_are_chosen_by_suffix_time_and_number(stage: Stage) -> None:
    for number in range(5):
        stage.upload(f"videos/{number}.mp4")
    stage.upload("videos/a.mov")
    assert backfill(stage, "--until", "2001-01-01")["skipped"] == {"other_time": 6}
    assert backfill(stage, "--since", "2001-01-01", "--suffix", ".mov")["submitted"] == 1
    assert backfill(stage, "--limit", "2")["submitted"] == 2
    assert len(tasks(stage)) == 3


def test_no_more_tasks_run_at_a_time_than_may(stage: Stage) -> None:
    # Given as many tasks that run as may, somebody else's
    others = [stage.task(stage.uri(f"videos/x{number}"), CHAIR, status="Running") for number in range(3)]
    uri = stage.upload("videos/a.mp4")
    with started(stage, "--in-flight", "3"):
        # When it has looked for room several times, then there is no task
        before = len(stage.cloud.calls.list("imm", "ListTasks"))
        until(lambda: len(stage.cloud.calls.list("imm", "ListTasks")) >= before + 4)
        assert len(tasks(stage)) == 3
        # When one has ended, then there is
        stage.task(stage.uri("videos/x0"), CHAIR, task_id=others[0])
        until(lambda: len(tasks(stage)) == 4)
    assert uri in [task.request["SourceURI"] for task in tasks(stage)]


def test_a_library_that_has_few_tasks_is_not_asked_about_each_object(stage: Stage) -> None:
    # Given a library of which one object has a task
    for number in range(30):
        stage.upload(f"videos/{number:02}.mp4")
    backfill(stage, "--limit", "1")
    stage.forget_calls()

    # When it is looked at, then IMM is asked once
    summary = backfill(stage, "--dry-run")
    assert (summary["submitted"], summary["skipped"]) == (29, {"already_submitted": 1})
    assert stage.calls().count("ListTasks") == 1


def test_where_there_are_too_many_tasks_to_remember_each_object_is_asked_about(
    stage: Stage, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("cli.submission.tasks.MOST_REMEMBERED", 3)
    for number in range(6):
        stage.upload(f"videos/{number}.mp4")
    assert backfill(stage)["submitted"] == 6
    assert backfill(stage)["skipped"] == {"already_submitted": 6}
    assert set(tasks_by_object(stage).values()) == {1}


def test_thousands_of_tasks_of_others_are_no_obstacle(stage: Stage) -> None:
    # Given more tasks than IMM lists at once, of which one runs
    for number in range(250):
        stage.task(stage.uri(f"others/{number}.mp4"), CHAIR)
    stage.task(stage.uri("others/running.mp4"), CHAIR, status="Running")
    uri = stage.upload()
    # Then with room for two, one is submitted
    assert backfill(stage, "--in-flight", "2")["submitted"] == 1
    assert tasks_by_object(stage)[uri] == 1


@pytest.mark.parametrize("room", [1, 3])
def test_room_that_is_taken_counts_before_imm_knows_the_task(stage: Stage, room: int) -> None:
    # Given more objects than room, and new tasks that IMM takes long to create
    for number in range(12):
        stage.upload(f"videos/{number:02}.mp4")
    create = "CreateVideoLabelClassificationTask"
    stage.break_call(Fault(FaultKind.DELAY, action=create, times=None, delay_seconds=0.05))
    stage.forget_calls()

    # When they are submitted
    assert backfill(stage, "--in-flight", str(room))["submitted"] == 12

    # Then no more than there is room for were being created at a time
    spans = [(call.started, call.ended) for call in stage.raw_calls() if call.action == create]
    assert max(sum(begun <= start < ended for begun, ended in spans) for start, _ in spans) <= room
    assert sorted(tasks_by_object(stage).values()) == [1] * 12


HOSTILE = (
    "videos/a\nb.mp4",
    "videos/\"quoted\" 'too'.mp4",
    "videos/100%25+%2B.mp4",
    "videos/椅子 😀.mp4",
    "videos//leading.mp4",
    "videos/&<>;=.mp4",
    "videos/../up.mp4",
    f"videos/{'x' * (1023 - 11)}.mp4",
)
# What the SDK would address wrongly, or cannot send.
NOT_ADDRESSED = (HOSTILE[0], HOSTILE[6])


def test_any_name_is_submitted_once_or_told(stage: Stage) -> None:
    for key in HOSTILE:
        stage.cloud.call(stage.cloud.objects.put_object, stage.bucket, key, b"a video", {})
    for _ in range(2):
        summary = backfill(stage)
        assert (summary["found"], summary["skipped"]["no_address"]) == (8, 2)
    assert dict(tasks_by_object(stage)) == {stage.uri(key): 1 for key in HOSTILE if key not in NOT_ADDRESSED}


def test_nothing_is_submitted_twice_however_often_it_is_killed(stage: Stage) -> None:
    # Given
    seed = random.randrange(1_000_000)
    randomness = random.Random(seed)
    keys = [f"videos/{number:02}.mp4" for number in range(40)]
    for key in keys:
        stage.upload(key)

    # When it is killed a random moment after a random call, and begun again
    for _ in range(6):
        with started(stage) as process:
            wait_for_calls(stage, process, randomness.randrange(1, 16))
            time.sleep(randomness.uniform(0, 0.02))
    backfill(stage)

    # Then
    assert dict(tasks_by_object(stage)) == {stage.uri(key): 1 for key in keys}, f"seed {seed}"


def wait_for_calls(stage: Stage, process: subprocess.Popen[str], number: int) -> None:
    enough = len(stage.cloud.calls.list("imm")) + number
    until(lambda: len(stage.cloud.calls.list("imm")) >= enough or process.poll() is not None)
