"""``submit`` and ``backfill`` on a stage, in this process or in one of their own."""

from __future__ import annotations

import json
import signal
import subprocess
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import alibabacloud_oss_v2 as oss
from click.testing import CliRunner, Result

from cli.main import main
from localcloud.faults import Fault, FaultKind
from localcloud.imm.tasks import TaskRecord
from tests.command_process import environment
from tests.command_process import started as process_started
from tests.localcloud.serving import until
from tests.stage import Stage

CREATE = "CreateVideoLabelClassificationTask"
TOPIC = "imm-label-tags"


def arguments(stage: Stage, command: str, *more: str) -> list[str]:
    return [command, "--local", stage.cloud.endpoints.control, "--project", stage.project, *more]


def run(stage: Stage, command: str, *more: str) -> Result:
    return CliRunner().invoke(main, arguments(stage, command, "--json", *more))


def backfill(stage: Stage, *more: str) -> dict[str, Any]:
    source = () if "--inventory" in more else ("--bucket", stage.bucket, "--prefix", "videos/")
    how = () if "--dry-run" in more else ("--yes",)
    result = run(stage, "backfill", "--rate", "100", *source, *how, *more)
    assert result.exit_code == 0, result.output
    summary: dict[str, Any] = json.loads(result.stdout)
    return summary


def tasks(stage: Stage) -> list[TaskRecord]:
    return stage.cloud.call(stage.cloud.media.list_tasks, stage.project)


def tasks_by_object(stage: Stage) -> Counter[str]:
    return Counter(str(task.request["SourceURI"]) for task in tasks(stage))


def tag(stage: Stage, key: str, start: str) -> None:
    stage.write_tags(key, {"imm": f"{start}/VideoLabelClassification-1"})


def put(stage: Stage, key: str, body: bytes) -> None:
    stage.oss().put_object(oss.PutObjectRequest(bucket=stage.bucket, key=key, body=body))


def refuse(stage: Stage, action: str, status: int, code: str) -> None:
    """Have every call of an action be refused."""
    stage.break_call(Fault(FaultKind.ERROR, action=action, status=status, code=code, times=None))


@contextmanager
def started(stage: Stage, *more: str) -> Iterator[subprocess.Popen[str]]:
    """A backfill in a process of its own, which is killed at the end."""
    command = arguments(stage, "backfill", "--bucket", stage.bucket, "--rate", "100", "--yes", *more)
    with process_started(*command, env=environment(LC_ALL="C.UTF-8")) as process:
        yield process


def interrupt_until_it_ends(process: subprocess.Popen[str]) -> None:
    """Press Ctrl-C as somebody does who does not want to wait."""

    def ended() -> bool:
        process.send_signal(signal.SIGINT)
        time.sleep(0.1)
        return process.poll() is not None

    until(ended)
