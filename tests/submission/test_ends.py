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
from localcloud.faults import Fault, FaultKind
from tests.command_process import environment
from tests.command_process import started as process_started
from tests.localcloud.serving import until
from tests.stage import CHAIR, Stage
from tests.submission.world import (
    backfill,
    interrupt_until_it_ends,
    refuse,
    run,
    started,
    tasks_by_object,
)

KEYS = 5
PAST = datetime(2001, 1, 1, tzinfo=timezone.utc)


@pytest.fixture
def blocked(stage: Stage) -> Callable[[], None]:
    """Five videos, and as many tasks of others that run as may; gives what lets one of these end."""
    for number in range(KEYS):
        stage.upload(f"videos/{number}.mp4")
    other = stage.task(stage.uri("others/a.mp4"), CHAIR, status="Running")

    def let_go() -> None:
        stage.task(stage.uri("others/a.mp4"), CHAIR, task_id=other)

    return let_go


def asks_for_room(stage: Stage) -> None:
    """Wait until it has looked for room several times more."""
    before = len(stage.cloud.calls.list("imm", "ListTasks"))
    until(lambda: len(stage.cloud.calls.list("imm", "ListTasks")) >= before + 3)


def check_that_the_next_run_submits_the_rest(stage: Stage) -> None:
    stage.cloud.call(stage.cloud.faults.clear)
    backfill(stage)
    expected = {stage.uri(f"videos/{number}.mp4"): 1 for number in range(KEYS)}
    found = {uri: number for uri, number in tasks_by_object(stage).items() if "/videos/" in uri}
    assert found == expected


class Profile:
    """The account's keys in the file of `aliyun configure`."""

    def __init__(self, stage: Stage, home: Path) -> None:
        self._stage = stage
        self._path = home / ".aliyun" / "config.json"
        self._path.parent.mkdir()
        urls = stage.cloud.endpoints
        self.env = environment(
            LC_ALL="C.UTF-8",
            HOME=str(home),
            OSS_ENDPOINT=urls.oss,
            IMM_ENDPOINT=urls.imm,
            STS_ENDPOINT=urls.ram,
            FC_DEPLOY_REGION=stage.cloud.config.region,
            ALIBABA_CLOUD_ACCOUNT_ID=stage.cloud.config.account_id,
        )
        self._written = 0

    def write(self) -> Identity:
        """Write new temporary keys."""
        keys = self._stage.cloud.accounts.issue_role_keys("operator")
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
        self._stage.cloud.call(self._stage.cloud.accounts.add, replace(keys, expires=PAST))


def test_keys_that_are_renewed_while_it_runs_are_used(
    stage: Stage, blocked: Callable[[], None], tmp_path: Path
) -> None:
    profile = Profile(stage, tmp_path)
    first = profile.write()
    arguments = ("--project", stage.project, "--bucket", stage.bucket, "--prefix", "videos/")
    more = ("--in-flight", "1", "--rate", "100", "--yes", "--json")
    with process_started("backfill", *arguments, *more, env=profile.env) as process:
        asks_for_room(stage)
        # When there are new keys in the profile, and the old ones have expired
        profile.write()
        profile.expire(first)
        asks_for_room(stage)
        blocked()
        output, errors = process.communicate()
    # Then it goes on as if nothing had been
    assert (process.returncode, json.loads(output)["submitted"]) == (0, KEYS), errors


def test_keys_that_expire_and_are_not_renewed_end_the_run_and_the_next_one_goes_on(
    stage: Stage, blocked: Callable[[], None], tmp_path: Path
) -> None:
    profile = Profile(stage, tmp_path)
    first = profile.write()
    arguments = ("--project", stage.project, "--bucket", stage.bucket, "--prefix", "videos/")
    more = ("--in-flight", "1", "--rate", "100", "--yes", "--json")
    with process_started("backfill", *arguments, *more, env=profile.env) as process:
        asks_for_room(stage)
        profile.expire(first)
        output, errors = process.communicate()
    assert (process.returncode, json.loads(output)["submitted"]) == (75, 0)
    said = " ".join(errors.split())
    assert "The keys have expired, and there are no others." in said
    assert "run the command again: it goes on where it ended" in said
    assert "invocation" not in said
    blocked()
    check_that_the_next_run_submits_the_rest(stage)


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
    stage: Stage, action: str, code: str, said: str, status: int
) -> None:
    # Given many more objects than are handled at a time
    for number in range(40):
        stage.upload(f"videos/{number:02}.mp4")
    refuse(stage, action, 403, code)
    stage.forget_calls()

    # When, then it ends soon, with a summary and with what is to be done
    result = run(stage, "backfill", "--yes", "--bucket", stage.bucket, "--rate", "100")
    assert (result.exit_code, said in " ".join(result.stderr.split())) == (status, True)
    assert json.loads(result.stdout)["submitted"] == 0
    assert stage.calls().count("GetObjectTagging") <= 16


def test_a_run_that_cannot_go_on_waits_for_no_room(stage: Stage, blocked: Callable[[], None]) -> None:
    # Given a project without room, and an object of which the tags may not be read
    stage.upload("videos/z.mp4")
    denied = Fault(
        FaultKind.ERROR,
        action="GetObjectTagging",
        resource=f"*{stage.uri('videos/z.mp4')}",
        status=403,
        code="AccessDenied",
        times=None,
    )
    stage.break_call(denied)

    # When, then it ends although there is never any room
    result = run(stage, "backfill", "--yes", "--bucket", stage.bucket, "--rate", "100", "--in-flight", "1")
    assert (result.exit_code, "oss:GetObjectTagging" in result.stderr) == (2, True)
    assert json.loads(result.stdout)["submitted"] == 0


def test_the_first_ctrl_c_ends_it_in_order(stage: Stage, blocked: Callable[[], None]) -> None:
    with started(stage, "--json", "--in-flight", "1") as process:
        asks_for_room(stage)
        process.send_signal(signal.SIGINT)
        output, _ = process.communicate()
    assert (process.returncode, json.loads(output)["submitted"]) == (130, 0)
    blocked()
    check_that_the_next_run_submits_the_rest(stage)


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
    stage: Stage, blocked: Callable[[], None], silent: str, before: str, answered: int
) -> None:
    blocked()
    stage.forget_calls()
    stage.break_call(Fault(FaultKind.SILENCE, action=silent, times=None, skip=answered))
    with started(stage, "--json") as process:
        until(lambda: bool(stage.cloud.calls.list(action=before)))
        interrupt_until_it_ends(process)
        output, errors = process.communicate()
    assert process.returncode == 130
    # It may have been told to stop before it began to wait.
    assert ("Ended at once. The next run finds what was done." in errors) is (output == "")
    check_that_the_next_run_submits_the_rest(stage)
