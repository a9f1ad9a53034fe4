"""From a function that fails to the document in OSS, with both functions as they are deployed."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import alibabacloud_oss_v2 as oss
import pytest
import yaml

from cli.checkout import DEPLOYMENT, KEEPING, ROOT, TAGGING, layer
from cli.local_deployment import load_deployment
from imm_label_tags.failures.failed_event import FailedEvent
from localcloud.cloud import LocalCloud
from localcloud.config import CloudConfig
from localcloud.faults import Fault, FaultKind
from localcloud.fc.invocation import InvocationRecord
from localcloud.imm.tasks import TaskRecord
from localcloud.mns.service import Subscription
from tests.failed.records import EVENTS
from tests.stage import CHAIR
from tests.user import oss_client

BUCKET = "media"
PLACE = f"oss://{BUCKET}/failed"
TASK_ID = "VideoLabelClassification-2f157087-91df-4fda-8c3e-232407ec0001"
# Fails in the way that the event says.
FAILING = """
import os, time

def handler(event, context):
    if event == b"exit":
        os._exit(1)
    if event == b"sleep":
        time.sleep(60)
    raise ValueError("bad: " + event.decode()[:20])

def initialize(context):
    raise LookupError("nothing to begin with")
"""


class Account:
    """A cloud with a bucket, and what lies in it."""

    def __init__(self, cloud: LocalCloud) -> None:
        self.cloud = cloud
        resources = cloud.functions.deployment.resources
        self.tagging, self.keeping = resources[TAGGING].name, resources[KEEPING].name
        cloud.call(cloud.objects.create_bucket, BUCKET)
        self.oss = oss_client(cloud)

    def fail(self, event: bytes, function: str = "") -> str:
        """Hand a function an event, and wait for all that follows; returns the request id."""
        name = function or self.tagging
        request_id = self.cloud.run(self.cloud.functions.invoke_async(name, event))
        self.settle()
        return request_id

    def publish(self, message: bytes) -> None:
        (trigger,) = self.cloud.functions.deployment.mns_topic_triggers
        self.cloud.run(self.cloud.messages.publish(trigger.topic, message))
        self.settle()

    def settle(self) -> None:
        self.cloud.run(self.cloud.settled())

    def documents(self) -> dict[str, bytes]:
        """What is kept, by key."""
        request = oss.ListObjectsV2Request(bucket=BUCKET, prefix="failed/")
        return {
            found.key: self._read(found.key) for found in self.oss.list_objects_v2(request).contents or []
        }

    def only(self) -> FailedEvent:
        ((key, document),) = self.documents().items()
        kept = FailedEvent.read(document)
        assert key == kept.key("failed")
        return kept

    def forget(self) -> None:
        for key in self.documents():
            self.oss.delete_object(oss.DeleteObjectRequest(bucket=BUCKET, key=key))

    def records(self, function: str) -> list[InvocationRecord]:
        return [record for record in self.cloud.functions.invocations() if record.function == function]

    def log(self, function: str) -> list[str]:
        return [line.text for line in self.cloud.functions.logs(function)]

    def _read(self, key: str) -> bytes:
        with self.oss.get_object(oss.GetObjectRequest(bucket=BUCKET, key=key)).body as body:
            return bytes(body.read())


@contextmanager
def account(deployment: Path = DEPLOYMENT, **variables: str) -> Iterator[Account]:
    """A cloud that runs a deployment's functions with the built layer."""
    config = CloudConfig(
        deployment=load_deployment(deployment, {"FAILED_EVENTS": PLACE, **variables}),
        layer=layer(),
        task_seconds=0.0,
        time_scale=0.001,
    )
    with LocalCloud(config) as cloud:
        yield Account(cloud)


# Every way to fail


@pytest.fixture(scope="module")
def failing_functions(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The function that keeps as it is deployed, behind functions that fail in every way, once each."""
    directory = tmp_path_factory.mktemp("failing")
    (directory / "code").mkdir()
    (directory / "code" / "index.py").write_text(FAILING)
    content = yaml.safe_load(DEPLOYMENT.read_text("utf-8"))
    keeping, tagging = (content["resources"][name]["props"] for name in (KEEPING, TAGGING))
    keeping["code"] = str(ROOT / "functions")
    tagging.update(code="./code", handler="index.handler", timeout=1, triggers=[])
    tagging["asyncInvokeConfig"]["maxAsyncRetryAttempts"] = 0
    del tagging["instanceLifecycleConfig"]
    starting = {**tagging, "functionName": "starting"}
    starting["instanceLifecycleConfig"] = {"initializer": {"handler": "index.initialize", "timeout": 10}}
    content["resources"]["starting"] = {"component": "fc3", "props": starting}
    path = directory / "s.yaml"
    path.write_text(yaml.safe_dump(content, sort_keys=False))
    return path


@pytest.fixture(scope="module")
def running(failing_functions: Path) -> Iterator[Account]:
    with account(failing_functions) as here:
        yield here


@pytest.fixture
def failing(running: Account) -> Account:
    """Functions that fail, and nothing that is kept."""
    running.cloud.call(running.cloud.faults.clear)
    running.forget()
    running.cloud.functions.lost.clear()
    return running


@pytest.mark.parametrize(
    ("event", "function", "error", "message"),
    [
        (b"raise", "", "ValueError", "bad: raise"),
        ('{"a": "椅子\\ud800\\u0000\x1f"}'.encode(), "", "ValueError", "bad: {"),
        (b"", "", "ValueError", "bad: "),
        (b"exit", "", "UnhandledInvocationError", "Process exited unexpectedly before completing request"),
        (b"sleep", "", "UnhandledInvocationError", "Function timed out after 1 seconds"),
        (b"any", "starting", "LookupError", "nothing to begin with"),
    ],
    ids=["raises", "characters", "empty", "exits", "times out", "does not start"],
)
def test_an_event_is_kept_however_its_function_failed(
    failing: Account, event: bytes, function: str, error: str, message: str
) -> None:
    # When an event exhausts its retries
    request_id = failing.fail(event, function)
    # Then it is kept, with what Function Compute tells of it
    kept = failing.only()
    assert kept.event == event
    assert (kept.request_id, kept.attempts, kept.error) == (request_id, 1, error)
    assert message in kept.message
    assert kept.function.endswith(f":functions/{function or failing.tagging}")
    assert kept.failed_at is not None
    assert failing.cloud.functions.lost == []


def test_an_event_is_kept_up_to_nearly_128_kb_and_reported_as_lost_where_its_record_has_more(
    failing: Account,
) -> None:
    failing.fail(b"x" * 127_000)
    assert failing.only().event == b"x" * 127_000
    failing.forget()
    # The limit of the call is not known to be another for destinations
    failing.fail(b"x" * 131_072)
    (lost,) = failing.cloud.functions.lost
    assert "did not reach" in lost.reason
    assert failing.documents() == {}


def test_a_kept_event_succeeds_once_its_cause_is_gone() -> None:
    with account(IMM_LABEL_TAGS_RUNTIME="python3.10") as here:
        # Given a notification of a task that IMM does not know
        message = json.loads((EVENTS / "tasks" / "mns-topic-json.json").read_bytes())["Message"]
        here.publish(message.encode())
        kept = here.only()
        assert (kept.error, kept.attempts, kept.retryable) == ("TaskNotFound", 4, False)
        assert json.loads(kept.event)["Message"] == message
        assert len(here.records(here.keeping)) == 1

        # When IMM knows it
        here.oss.put_object(oss.PutObjectRequest(bucket=BUCKET, key="a.mp4", body=b"a video"))
        here.cloud.call(here.cloud.media.put_project, "immtest")
        here.cloud.run(here.cloud.media.put_task(_task(), notify=False))

        # Then the event succeeds, and so does the document as it is
        invoke = here.cloud.functions.invoke
        (document,) = here.documents().values()
        for event, status in ((kept.event, "tagged"), (document, "unchanged")):
            answer = json.loads(here.cloud.run(invoke(here.tagging, event)).body)
            assert [outcome["status"] for outcome in answer["outcomes"]] == [status]


def _task() -> TaskRecord:
    return TaskRecord(
        project="immtest",
        task_id=TASK_ID,
        start_time="2199-12-24T03:00:00Z",
        end_time="2199-12-24T03:00:03Z",
        status="Succeeded",
        request={"ProjectName": "immtest", "SourceURI": f"oss://{BUCKET}/a.mp4"},
        labels=(CHAIR,),
    )


class Letters:
    """What reaches the topic for what could not even be kept."""

    def __init__(self, here: Account) -> None:
        self.received: list[dict[str, Any]] = []
        name = "imm-label-tags-failed"
        subscription = Subscription(name, "letters", "STREAM", "BACKOFF_RETRY", None)
        here.cloud.call(here.cloud.messages.subscribe, subscription, self._take)

    async def _take(self, event: bytes) -> bool:
        self.received.append(json.loads(event))
        return True

    def event(self) -> bytes:
        """The event in the only letter: the record of a failure to keep a record of a failure."""
        (letter,) = self.received
        return FailedEvent.read(FailedEvent.read(json.dumps(letter).encode()).event).event


def test_function_computes_retries_bridge_an_outage_of_oss(failing: Account) -> None:
    # Given an OSS that fails for longer than one invocation waits
    before = len(failing.records(failing.keeping))
    failing.cloud.call(failing.cloud.faults.order, Fault(FaultKind.ERROR, action="PutObject", times=4))
    # When an event fails
    failing.fail(b"hello")
    # Then it is kept in a second attempt
    assert failing.only().event == b"hello"
    first, second = failing.records(failing.keeping)[before:]
    assert json.loads(first.body)["errorType"] == "ServiceUnavailable"
    assert (second.attempt, second.error_type) == (2, None)


def test_what_cannot_be_kept_goes_to_the_topic(failing: Account) -> None:
    letters = Letters(failing)
    # Given an OSS that refuses for good
    denied = Fault(FaultKind.ERROR, action="PutObject", status=403, code="AccessDenied", times=None)
    failing.cloud.call(failing.cloud.faults.order, denied)
    # When an event fails
    failing.fail(b"goodbye")
    # Then it is in the topic, with why it is not kept
    assert failing.documents() == {}
    assert letters.event() == b"goodbye"
    (letter,) = letters.received
    assert json.loads(letter["responsePayload"])["errorType"] == "AccessDenied"
    assert failing.cloud.functions.lost == []
    # And not in the log
    assert "goodbye" not in "\n".join(failing.log(failing.keeping))


def test_without_a_place_every_failed_event_goes_to_the_topic(failing_functions: Path) -> None:
    with account(failing_functions, FAILED_EVENTS="") as here:
        letters = Letters(here)
        here.fail(b"hello")
        assert letters.event() == b"hello"
        (letter,) = letters.received
        answer = json.loads(letter["responsePayload"])
        assert answer["errorType"] == "InvalidSetting"
        assert "FAILED_EVENTS" in answer["errorMessage"]
        assert here.cloud.functions.lost == []
