"""A region with records of failed events, and a function of which an event itself says how it is to end."""

from __future__ import annotations

import json
import secrets
import threading
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from datetime import datetime, timedelta, timezone
from pathlib import Path
from typing import Any

import alibabacloud_oss_v2 as oss
from click.testing import Result

from imm_label_tags.failures.failed_event import FailedEvent
from localcloud.cloud import LocalCloud
from localcloud.faults import FaultKind
from tests.cli.world import World
from tests.localcloud.ram_world import caller

FUNCTION = "imm-label-tags"
PREFIX = "failed/events"
NOW = datetime.now(timezone.utc)

# What stands for the function: an event's UserData says how it ends, and what to wait for.
CODE = """
import json
import pathlib
import time


class Throttled(Exception):
    pass


def initialize(context):
    pass


def handler(event, context):
    notifications = json.loads(event)
    for one in notifications if isinstance(notifications, list) else [notifications]:
        if "copy" in json.loads(one["UserData"]):
            pathlib.Path(json.loads(one["UserData"])["copy"]).write_bytes(event)
    if isinstance(notifications, dict):
        notifications = [notifications]
    if "whole" in json.loads(notifications[0]["UserData"]):
        return json.loads(notifications[0]["UserData"])["whole"]
    return {"outcomes": [end(json.loads(one["UserData"])) for one in notifications]}


def end(wanted):
    if "started" in wanted:
        pathlib.Path(wanted["started"]).touch()
        while not pathlib.Path(wanted["go"]).exists():
            time.sleep(0.005)
    if "error" in wanted:
        raise Throttled(wanted["error"])
    return {"status": wanted.get("status", "tagged")}
"""


def notification(task_id: str, **wanted: str) -> dict[str, str]:
    """IMM's message about a task."""
    return {
        "ProjectName": "immtest",
        "TaskType": "VideoLabelClassification",
        "TaskId": task_id,
        "Status": "Succeeded",
        "UserData": json.dumps(wanted),
    }


def failure_record(
    event: bytes,
    *,
    error: str = "ServiceUnavailable",
    message: str = "IMM GetTask for t-1 failed: later (HTTP 503). A retry may help.",
    ago: timedelta = timedelta(hours=1),
    function: str = FUNCTION,
    request_id: str = "",
) -> bytes:
    """Function Compute's record of an event that exhausted its retries."""
    record = {
        "timestamp": int((NOW - ago).timestamp() * 1000),
        "requestContext": {
            "requestId": request_id or f"1-{secrets.token_hex(12)}",
            "functionArn": f"acs:fc:cn-hangzhou:1234567890123456:functions/{function}",
            "condition": "UnhandledInvocationError",
            "approximateInvokeCount": 4,
        },
        "requestPayload": event.decode(),
        "responseContext": {"statusCode": 200, "functionError": "UnhandledInvocationError"},
        "responsePayload": json.dumps({"errorMessage": message, "errorType": error, "stackTrace": []}),
    }
    return json.dumps(record).encode()


class Records(World):
    """A world with records of failed events, and the commands of ``failed``."""

    def __init__(self, cloud: LocalCloud, directory: Path) -> None:
        super().__init__(cloud, directory)
        self.place = self.uri(PREFIX)
        self.settings["FAILED_EVENTS"] = self.place

    def keep(self, task_id: str = "t-1", *, wanted: Mapping[str, str] | None = None, **of_record: Any) -> str:
        """Keep a failed event as ``keep_failed`` does; returns the record's name."""
        event = json.dumps(notification(task_id, **(wanted or {}))).encode()
        return self.keep_record(failure_record(event, **of_record))

    def keep_record(self, record: bytes) -> str:
        failed_event = FailedEvent.read(record)
        key = failed_event.key(PREFIX)
        self.put(key, content=failed_event.document())
        return key.removeprefix(f"{PREFIX}/")

    def put_record(self, name: str, content: bytes) -> None:
        """Put something under a name of a record."""
        self.put(f"{PREFIX}/{name}", content=content)

    def names(self) -> list[str]:
        """The names of what lies under the prefix."""
        request = oss.ListObjectsV2Request(bucket=self.bucket, prefix=f"{PREFIX}/", max_keys=1000)
        return [
            item.key.removeprefix(f"{PREFIX}/") for item in self.oss().list_objects_v2(request).contents or []
        ]

    def failed(self, *arguments: str, typed: str | None = None, **variables: str | None) -> Result:
        """Run a command of ``failed``."""
        return self.run("failed", *arguments, typed=typed, **variables)

    def list(self, *arguments: str) -> Any:
        """The JSON document of ``failed list``."""
        return self.json("failed", "list", *arguments)

    def first_read(self, content: bytes, etag: str) -> None:
        """The next read of a record finds this instead."""
        headers = {"etag": f'"{etag}"', "last-modified": "Sun, 22 Nov 2026 18:00:00 GMT"}
        self.break_call("GetObject", FaultKind.ANSWER, status=200, body=content, headers=headers)

    def be_allowed(self, *statements: Mapping[str, Any]) -> None:
        """Have temporary keys of somebody who may do what these statements say."""
        name = f"person-{secrets.token_hex(4)}"
        self.keys = self.cloud.call(caller, self.cloud.access, *statements, name=name)

    def waiting(self, name: str) -> dict[str, str]:
        """How an event ends that says when it runs, and then waits until ``let_go``."""
        return {"started": str(self.directory / name), "go": str(self.directory / "go")}

    def let_go(self) -> None:
        (self.directory / "go").touch()

    def running(self, *names: str) -> int:
        """How many of these run."""
        return sum((self.directory / name).exists() for name in names)


@contextmanager
def meanwhile(act: Callable[[], None]) -> Iterator[None]:
    """Do something in another thread; what goes wrong there fails the test."""
    errors: list[BaseException] = []

    def guarded() -> None:
        try:
            act()
        except BaseException as error:
            errors.append(error)

    thread = threading.Thread(target=guarded)
    thread.start()
    try:
        yield
    finally:
        thread.join()
    if errors:
        raise errors[0]
