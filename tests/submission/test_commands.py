"""``submit`` and ``backfill`` on the local cloud."""

from __future__ import annotations

import gzip
import json
import os
import secrets
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any
from urllib.parse import quote

import alibabacloud_oss_v2 as oss
import pytest
from click.testing import CliRunner, Result

from cli.checkout import ROOT
from cli.main import main
from localcloud.cloud import LocalCloud
from localcloud.config import CloudConfig
from localcloud.faults import Fault, FaultKind
from localcloud.imm.tasks import TaskRecord
from tests.stage import CHAIR, Stage

CREATE = "CreateVideoLabelClassificationTask"
TOPIC = "imm-label-tags"


@pytest.fixture(scope="module")
def cloud() -> Iterator[LocalCloud]:
    with LocalCloud(CloudConfig(task_seconds=0.0, time_scale=0.001)) as cloud:
        cloud.call(cloud.messages.create_topic, TOPIC)
        yield cloud


@pytest.fixture
def stage(cloud: LocalCloud, monkeypatch: pytest.MonkeyPatch) -> Iterator[Stage]:
    with Stage(cloud, monkeypatch) as stage:
        yield stage
    cloud.call(cloud.faults.clear)


def arguments(stage: Stage, command: str, *more: str) -> list[str]:
    return [command, "--local", stage.cloud.endpoints.control, "--project", stage.project, "--json", *more]


def run(stage: Stage, command: str, *more: str) -> Result:
    return CliRunner().invoke(main, arguments(stage, command, *more))


def backfill(stage: Stage, *more: str) -> dict[str, Any]:
    source = () if "--inventory" in more else ("--bucket", stage.bucket, "--prefix", "videos/")
    how = () if "--dry-run" in more else ("--yes",)
    result = run(stage, "backfill", "--rate", "100", *source, *how, *more)
    assert result.exit_code == 0, result.output
    summary: dict[str, Any] = json.loads(result.stdout)
    return summary


def tasks(stage: Stage) -> list[TaskRecord]:
    return stage.cloud.call(stage.cloud.media.list_tasks, stage.project)


def tag(stage: Stage, key: str, start: str) -> None:
    stage.write_tags(key, {"imm": f"{start}/VideoLabelClassification-1"})


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
    denied = Fault(FaultKind.ERROR, action="HeadObject", status=403, code="AccessDenied", times=None)
    stage.break_call(denied)
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
        wait_for(lambda: len(stage.cloud.calls.list("imm", "ListTasks")) >= before + 4)
        assert len(tasks(stage)) == 3
        # When one has ended, then there is
        stage.task(stage.uri("videos/x0"), CHAIR, task_id=others[0])
        wait_for(lambda: len(tasks(stage)) == 4)
    assert uri in [task.request["SourceURI"] for task in tasks(stage)]


def test_an_inventory_is_read_in_place_of_the_bucket(stage: Stage) -> None:
    keys = ["videos/a b+椅.mp4", "videos/b.mp4", "elsewhere/c.mp4"]
    rows = ""
    for key in keys:
        stage.upload(key)
        info = stage.cloud.call(stage.cloud.objects.stat, stage.bucket, key)
        assert info is not None
        written = info.last_modified.strftime("%Y-%m-%dT%H-%M-%SZ")
        rows += f'"{stage.bucket}","{quote(key)}","{info.size}","Standard","{written}","{info.etag}"\n'
    manifest = {
        "fileFormat": "CSV",
        "fileSchema": "Bucket, Key, Size, StorageClass, LastModifiedDate, ETag",
        "files": [{"key": "inventory/data/1.csv.gz", "size": 1, "MD5checksum": "0C"}],
    }
    put(stage, "inventory/data/1.csv.gz", gzip.compress(rows.encode()))
    put(stage, "inventory/manifest.json", json.dumps(manifest).encode())
    summary = backfill(stage, "--inventory", stage.uri("inventory/manifest.json"), "--prefix", "videos/")
    assert (summary["found"], summary["submitted"]) == (2, 2)
    assert {str(task.request["SourceURI"]) for task in tasks(stage)} == {stage.uri(key) for key in keys[:2]}


def put(stage: Stage, key: str, body: bytes) -> None:
    stage.oss().put_object(oss.PutObjectRequest(bucket=stage.bucket, key=key, body=body))


@pytest.mark.parametrize(
    ("manifest", "said"),
    [
        (b"{", "no manifest"),
        (b'{"fileSchema": "Bucket, Key", "files": []}', "has no Size, ETag, LastModifiedDate"),
        (b'{"fileFormat": "ORC", "fileSchema": "Bucket", "files": []}', "only CSV"),
    ],
)
def test_an_inventory_that_cannot_be_read_is_told(stage: Stage, manifest: bytes, said: str) -> None:
    put(stage, "manifest.json", manifest)
    result = run(stage, "backfill", "--yes", "--inventory", stage.uri("manifest.json"))
    assert result.exit_code == 2
    assert said in " ".join(result.stderr.split())


def test_a_permission_that_lacks_ends_the_run(stage: Stage) -> None:
    stage.upload()
    stage.break_call(Fault(FaultKind.ERROR, action="ListTasks", status=403, code="NoPermission", times=None))
    result = run(stage, "backfill", "--yes", "--bucket", stage.bucket)
    assert (result.exit_code, "imm:ListTasks" in result.stderr) == (2, True)


@contextmanager
def started(stage: Stage, *more: str) -> Iterator[subprocess.Popen[bytes]]:
    """The command in a process of its own, which is killed at the end."""
    command = arguments(stage, "backfill", "--bucket", stage.bucket, "--rate", "100", "--yes", *more)
    with subprocess.Popen(
        [sys.executable, "-c", "from cli.main import main; main()", *command],
        cwd=ROOT,
        env={"PYTHONPATH": f"{ROOT}:{ROOT}/functions", "PATH": os.environ["PATH"], "LC_ALL": "C.UTF-8"},
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    ) as process:
        try:
            yield process
        finally:
            process.kill()


def wait_for(happened: Any) -> None:
    deadline = time.monotonic() + 60
    while not happened():
        assert time.monotonic() < deadline
        time.sleep(0.005)


def test_nothing_is_submitted_twice_however_often_it_is_killed(stage: Stage) -> None:
    # Given
    keys = [f"videos/{number:02}.mp4" for number in range(24)]
    for key in keys:
        stage.upload(key)
    # When it is killed at some call, and begun again
    for _ in range(3):
        kill_after(stage, 4 + secrets.randbelow(12))
    backfill(stage)
    # Then
    assert Counter(str(task.request["SourceURI"]) for task in tasks(stage)) == {
        stage.uri(key): 1 for key in keys
    }


def kill_after(stage: Stage, calls: int) -> None:
    enough = len(stage.cloud.calls.list("imm")) + calls
    with started(stage) as process:
        wait_for(lambda: len(stage.cloud.calls.list("imm")) >= enough or process.poll() is not None)
