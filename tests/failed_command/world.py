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

from click.testing import CliRunner, Result

from cli.main import main
from imm_label_tags.failures.failed_event import FailedEvent
from localcloud.accounts import Identity
from localcloud.cloud import LocalCloud
from localcloud.faults import Fault, FaultKind
from tests.localcloud.ram_world import caller
from tests.user import environment

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


class World:
    """A bucket of a test's own, and the commands as a user types them."""

    def __init__(self, cloud: LocalCloud, directory: Path) -> None:
        self.cloud = cloud
        self.directory = directory
        self.bucket = f"kept-{secrets.token_hex(4)}"
        self.place = f"oss://{self.bucket}/{PREFIX}"
        self.keys = cloud.accounts.owner
        cloud.call(cloud.objects.create_bucket, self.bucket)

    # Records

    def keep(self, task_id: str = "t-1", *, wanted: Mapping[str, str] | None = None, **of_record: Any) -> str:
        """Keep a failed event as ``keep_failed`` does; returns the record's name."""
        event = json.dumps(notification(task_id, **(wanted or {}))).encode()
        return self.keep_record(failure_record(event, **of_record))

    def keep_record(self, record: bytes) -> str:
        failed_event = FailedEvent.read(record)
        key = failed_event.key(PREFIX)
        self.put(key, failed_event.document())
        return key.removeprefix(f"{PREFIX}/")

    def put(self, key: str, content: bytes) -> None:
        self.put_all({key: content})

    def put_all(self, objects: Mapping[str, bytes]) -> None:
        def put() -> None:
            for key, content in objects.items():
                self.cloud.objects.put_object(self.bucket, key, content, {})

        self.cloud.call(put)

    def names(self) -> list[str]:
        """The names of what lies under the prefix."""
        store = self.cloud.objects._objects
        found, floor = [], f"{PREFIX}/".encode()
        while info := self.cloud.call(store.first_from, self.bucket, floor):
            if not info.key.startswith(f"{PREFIX}/"):
                break
            found.append(info.key.removeprefix(f"{PREFIX}/"))
            floor = info.key.encode() + b"\0"
        return found

    def etag(self, name: str) -> str:
        info = self.cloud.objects.stat(self.bucket, f"{PREFIX}/{name}")
        assert info is not None
        return info.etag

    # Commands

    def run(self, *arguments: str, stdin: str | None = None, **environment: str | None) -> Result:
        """Run a command; whatever it prints has no secret in it."""
        variables: dict[str, str | None] = {**self.environment(), **environment}
        result = CliRunner().invoke(main, ["failed", *arguments], input=stdin, env=variables)
        for secret in (self.keys.access_key_secret, self.keys.security_token):
            assert not secret or secret not in result.output
        return result

    def json(self, *arguments: str) -> Any:
        result = self.run("list", *arguments, "--json")
        assert result.exit_code == 0, result.output
        return json.loads(result.output)

    def environment(self) -> dict[str, str]:
        """What a user exports."""
        return {**environment(self.cloud, self.keys), "FAILED_EVENTS": self.place}

    # What happens meanwhile

    def calls(self, action: str) -> int:
        """How often something was called so far."""
        self.cloud.run(self.cloud.calls.settled())
        return len(self.cloud.calls.list(action=action))

    def most_at_once(self, action: str) -> int:
        """The greatest number of calls that were under way at the same moment."""
        self.cloud.run(self.cloud.calls.settled())
        calls = self.cloud.calls.list(action=action)
        return max(sum(other.started <= call.started < other.ended for other in calls) for call in calls)

    def break_call(self, fault: Fault) -> None:
        self.cloud.call(self.cloud.faults.order, fault)

    def first_read(self, content: bytes, etag: str) -> None:
        """The next read of a record finds this instead."""
        headers = {"etag": f'"{etag}"', "last-modified": "Sun, 22 Nov 2026 18:00:00 GMT"}
        answer = Fault(FaultKind.ANSWER, action="GetObject", status=200, body=content, headers=headers)
        self.break_call(answer)

    def caller(self, *statements: Mapping[str, Any]) -> Identity:
        """Keys of somebody who may do what these statements say."""
        return self.cloud.call(caller, self.cloud.access, *statements, name=f"person-{secrets.token_hex(4)}")

    def waiting(self, name: str) -> dict[str, str]:
        """How an event ends that says when it runs, and then waits until ``let_go``."""
        return {"started": str(self.directory / name), "go": str(self.directory / "go")}

    def let_go(self) -> None:
        (self.directory / "go").touch()

    def runs(self, *names: str) -> bool:
        """Whether all of these run."""
        return all((self.directory / name).exists() for name in names)


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
