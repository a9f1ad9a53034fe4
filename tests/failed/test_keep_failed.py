"""The function that keeps failed events, through its entry point, against the local cloud."""

from __future__ import annotations

import ast
import json
import os
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import alibabacloud_oss_v2 as oss
import pytest

import keep_failed
from imm_label_tags.errors import (
    AccessDenied,
    InvalidFailureRecord,
    InvalidSetting,
    ServiceRejected,
    ServiceUnavailable,
    TaggingError,
    Throttled,
)
from imm_label_tags.failures.failed_event import FailedEvent
from imm_label_tags.failures.keeper import FailedKeeper, FailedSettings, read_failed_settings
from imm_label_tags.results.target import ObjectPrefix
from imm_label_tags.retries import RetryPolicy
from localcloud.faults import Fault, FaultKind
from tests.failed.records import FUNCTION, KEY, RECORD, REQUEST_ID, answering, varied, with_context
from tests.stage import Stage

PUT = "PutObject"
FUNCTIONS = Path(__file__).parents[2] / "functions"


class Keeping:
    """The function on a stage, with a bucket of its own."""

    def __init__(self, stage: Stage, monkeypatch: pytest.MonkeyPatch) -> None:
        self.stage = stage
        self._monkeypatch = monkeypatch
        self.context = stage.context
        stage.set(FAILED_EVENTS=f"oss://{stage.bucket}/failed")
        self.new_instance()

    def new_instance(self, retry_policy: RetryPolicy | None = None) -> None:
        """Have an instance that has not served yet; its pauses are those of the stage."""
        instance = FailedKeeper(os.environ, self.context, retry_policy or self.stage.retry_policy)
        self._monkeypatch.setattr(keep_failed._function, "instance", instance)

    def keep(self, record: bytes = RECORD) -> dict[str, Any]:
        return keep_failed.handler(record, self.context)

    def uri(self, key: str = KEY) -> str:
        return f"oss://{self.stage.bucket}/{key}"

    def keys(self) -> list[str]:
        """Every object in the bucket."""
        result = self.stage.oss().list_objects_v2(oss.ListObjectsV2Request(bucket=self.stage.bucket))
        return [found.key for found in result.contents or []]

    def read(self, key: str = KEY) -> bytes:
        with self._get(key).body as body:
            return bytes(body.read())

    def content_type(self, key: str = KEY) -> str:
        result = self._get(key)
        result.body.close()
        return str(result.content_type)

    def _get(self, key: str) -> Any:
        return self.stage.oss().get_object(oss.GetObjectRequest(bucket=self.stage.bucket, key=key))


@pytest.fixture
def keeping(stage: Stage, monkeypatch: pytest.MonkeyPatch) -> Iterator[Keeping]:
    yield Keeping(stage, monkeypatch)


def lines(capsys: pytest.CaptureFixture[str]) -> list[dict[str, Any]]:
    captured = capsys.readouterr()
    assert captured.err == ""
    return [json.loads(line) for line in captured.out.splitlines()]


def error(**changes: Any) -> Fault:
    return Fault(FaultKind.ERROR, action=PUT, **changes)


# What is kept


def test_a_failed_event_is_kept_with_its_error_its_attempts_and_the_event_itself(keeping: Keeping) -> None:
    # When Function Compute hands over the record of a failure
    answer = keeping.keep()
    # Then it is kept under its day and its request, and nothing of it is lost
    assert answer == {"kept": keeping.uri(), "error": "Throttled", "attempts": 4}
    assert keeping.keys() == [KEY]
    assert keeping.content_type() == "application/json"
    assert keeping.read() == FailedEvent.read(RECORD).document()


@pytest.mark.parametrize("runtime", ["python3.12", "python3.10"])
def test_in_either_runtime_and_without_the_initializer(
    keeping: Keeping, monkeypatch: pytest.MonkeyPatch, runtime: str
) -> None:
    monkeypatch.setattr(keep_failed._function, "instance", None)
    keeping.context = keeping.stage.context_of(runtime)
    if runtime == "python3.10":
        monkeypatch.delenv("ALIBABA_CLOUD_ACCESS_KEY_ID")
    assert keeping.keep()["kept"] == keeping.uri()
    # An initializer that runs later does no harm
    keep_failed.initialize(keeping.context)
    assert keeping.keep()["kept"] == keeping.uri()


def test_the_same_record_is_kept_once_also_at_the_same_moment(keeping: Keeping) -> None:
    first = keeping.keep()
    before = keeping.read()
    # Given two instances that write at the same moment
    keeping.stage.break_call(Fault(FaultKind.MEET, action=PUT, times=None))
    instances = [FailedKeeper(os.environ, keeping.context, keeping.stage.retry_policy) for _ in range(2)]
    # When both get the record again
    with ThreadPoolExecutor(2) as threads:
        answers = list(threads.map(lambda one: one.handle(RECORD, keeping.context), instances))
    # Then there is still the one document
    assert answers == [first, first]
    assert (keeping.keys(), keeping.read()) == ([KEY], before)


@pytest.mark.parametrize(
    ("record", "key", "error_name"),
    [
        (varied(requestPayload="x" * 131_072), KEY, "Throttled"),
        (varied(requestPayload="\0\ud800 椅子"), KEY, "Throttled"),
        (varied(timestamp="xxxx"), f"failed/undated/{REQUEST_ID}.json", "Throttled"),
        (answering("", "Expired"), KEY, "Expired"),
    ],
    ids=["128 KB", "surrogate", "undated", "expired"],
)
def test_records_of_every_kind_are_kept(keeping: Keeping, record: bytes, key: str, error_name: str) -> None:
    assert keeping.keep(record) == {"kept": keeping.uri(key), "error": error_name, "attempts": 4}
    assert FailedEvent.read(keeping.read(key)) == FailedEvent.read(record)


def test_a_request_id_that_is_none_leads_to_no_other_place(keeping: Keeping) -> None:
    keeping.keep(with_context(requestId="../../videos/a.mp4", approximateInvokeCount=None))
    (key,) = keeping.keys()
    assert key.startswith("failed/2021-12-24/videos-a-mp4-")


def test_what_is_no_record_is_refused_so_that_function_compute_hands_it_on(keeping: Keeping) -> None:
    with pytest.raises(InvalidFailureRecord):
        keeping.keep(b"hello topic")
    assert keeping.keys() == []


# Failures of OSS


@pytest.mark.parametrize(
    "fault",
    [
        error(times=2),
        error(times=2, status=503, code="SlowDown"),
        Fault(FaultKind.RESET_BEFORE, action=PUT, times=2),
        Fault(FaultKind.RESET_AFTER, action=PUT, times=2),
        Fault(FaultKind.ANSWER, action=PUT, times=2, status=502, body=b"<html>"),
    ],
    ids=lambda fault: f"{fault.kind.value}-{fault.code}",
)
def test_what_passes_is_tried_three_times(keeping: Keeping, fault: Fault) -> None:
    keeping.stage.break_call(fault)
    assert keeping.keep()["kept"] == keeping.uri()
    assert keeping.read() == FailedEvent.read(RECORD).document()
    assert len(keeping.stage.pauses) == 2


@pytest.mark.parametrize(
    ("fault", "raised", "attempts", "words"),
    [
        (error(), ServiceUnavailable, 3, "A retry may help"),
        (error(status=503, code="SlowDown"), Throttled, 3, "A retry helps"),
        (error(status=403, code="AccessDenied"), AccessDenied, 1, "the action oss:PutObject on the resource"),
        (error(status=400, code="InvalidArgument"), ServiceRejected, 1, "code InvalidArgument"),
        # An object that is being written need not be there
        (error(status=404, code="NoSuchKey"), ServiceRejected, 1, "code NoSuchKey"),
    ],
    ids=["unavailable", "throttled", "denied", "rejected", "not found"],
)
def test_what_does_not_pass_is_left_to_function_compute(
    keeping: Keeping, fault: Fault, raised: type[TaggingError], attempts: int, words: str
) -> None:
    keeping.stage.break_call(replace(fault, times=None))
    keeping.stage.forget_calls()
    with pytest.raises(raised, match=words) as caught:
        keeping.keep()
    assert caught.value.retryable is (attempts > 1)
    assert keeping.uri() in str(caught.value)
    assert keeping.stage.calls() == [PUT] * attempts


def test_a_bucket_that_is_not_there_is_named(keeping: Keeping) -> None:
    keeping.stage.set(FAILED_EVENTS="oss://no-such-bucket/失败/events/")
    keeping.new_instance()
    with pytest.raises(ServiceRejected, match=r"oss://no-such-bucket/失败/events/2021.*NoSuchBucket"):
        keeping.keep()


def test_nothing_is_begun_when_the_functions_timeout_is_near(keeping: Keeping) -> None:
    # Given a function with a timeout of 5 s whose pauses are 4 s and move the clock, and an OSS that fails
    now = [0.0]
    policy = keeping.stage.retry_policy._replace(
        first_pause=4,
        max_pause=4,
        jitter=lambda: 1.0,
        sleep=lambda seconds: now.append(now[-1] + seconds),
        clock=lambda: now[-1],
    )
    keeping.context = SimpleNamespace(**vars(keeping.context), function=SimpleNamespace(timeout=5))
    keeping.new_instance(policy)
    keeping.stage.break_call(error(times=None))
    keeping.stage.forget_calls()
    # When it is given a record, then there is no third attempt, for which there would be no time
    with pytest.raises(ServiceUnavailable):
        keeping.keep()
    assert keeping.stage.calls() == [PUT] * 2


# Settings

PLACE = "oss://records/failed"


def test_only_the_place_has_no_default() -> None:
    environment = {"FAILED_EVENTS": PLACE, "OSS_ENDPOINT": "", "LOG_LEVEL": " "}
    assert read_failed_settings(environment) == FailedSettings(
        ObjectPrefix("records", "failed"), None, "INFO"
    )


@pytest.mark.parametrize("text", [f"{PLACE}/", "oss://records//failed//", f" {PLACE} "])
def test_slashes_and_spaces_around_a_place_do_not_matter(text: str) -> None:
    assert read_failed_settings({"FAILED_EVENTS": text}).failed_events.uri == PLACE


@pytest.mark.parametrize("prefix", ["失败/事件", "a.b-c_d=e+f", "x" * 512, "...", "a/..b"])
def test_prefixes(prefix: str) -> None:
    environment = {"FAILED_EVENTS": f"oss://records/{prefix}"}
    assert read_failed_settings(environment).failed_events.prefix == prefix


@pytest.mark.parametrize(
    "text",
    [
        *("", "records/failed", "s3://records/failed", "oss:///failed", "oss://records", "oss://records///"),
        *("oss://Records/failed", "oss://re.cords/failed", "oss://r/failed", "oss://records/a//b"),
        *("oss://records/./a", "oss://records/a/..", "oss://records/a b", "oss://records/a\u3000b"),
        *("oss://records/a\nb", "oss://records/a\0", "oss://records/a\ud800", "oss://records/*"),
        *("oss://records/a?", "oss://records/${x}", 'oss://records/"', "oss://records/a\\b"),
        *("oss://records/" + "x" * 513, "oss://records/" + "失" * 171),
    ],
)
def test_places_that_are_none(text: str) -> None:
    with pytest.raises(InvalidSetting, match="must be oss://bucket/prefix") as caught:
        read_failed_settings({"FAILED_EVENTS": text})
    assert caught.value.variable == "FAILED_EVENTS"


@pytest.mark.parametrize(
    ("variable", "value"), [("FAILED_EVENTS", ""), ("OSS_ENDPOINT", "ftp://x"), ("LOG_LEVEL", "LOUD")]
)
def test_a_bad_setting_fails_the_initializer(keeping: Keeping, variable: str, value: str) -> None:
    keeping.stage.set(**{variable: value})
    with pytest.raises(InvalidSetting) as caught:
        keep_failed.initialize(keeping.context)
    assert caught.value.variable == variable


def test_without_a_role_the_initializer_fails_too(keeping: Keeping, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("ALIBABA_CLOUD_ACCESS_KEY_ID")
    with pytest.raises(InvalidSetting, match="ALIBABA_CLOUD_ACCESS_KEY_ID"):
        keep_failed.initialize(keeping.context)


# The log


def test_one_line_for_each_event_that_is_kept(keeping: Keeping, capsys: pytest.CaptureFixture[str]) -> None:
    keeping.keep()
    keeping.keep()
    first, second = lines(capsys)
    assert first.pop("milliseconds").keys() == {PUT}
    assert {name: value for name, value in first.items() if name != "time"} == {
        "level": "INFO",
        "message": f"The failed event is kept as {keeping.uri()}.",
        "status": "kept",
        "request_id": keeping.context.request_id,
        "cold_start": True,
        "failed_request_id": REQUEST_ID,
        "failed_function": FUNCTION,
        "failed_error": "Throttled",
        "failed_attempts": 4,
        "bytes": len(FailedEvent.read(RECORD).event),
        "object": keeping.uri(),
    }
    assert second["cold_start"] is False


SECRET = "a word of the event"


@pytest.mark.parametrize(
    "record",
    [
        varied(requestPayload=SECRET),
        # The function's own messages may quote it
        answering({"errorType": "InvalidNotification", "errorMessage": f"neither JSON: '{SECRET}'"}),
        varied(requestPayload=SECRET, requestContext="?"),
        SECRET.encode(),
    ],
)
def test_the_event_is_not_in_the_log(
    keeping: Keeping, capsys: pytest.CaptureFixture[str], record: bytes
) -> None:
    try:
        keeping.keep(record)
    except InvalidFailureRecord as refused:
        assert SECRET not in str(refused)
    assert SECRET not in json.dumps(lines(capsys))


def test_what_the_function_said_is_in_the_log_on_request(
    keeping: Keeping, capsys: pytest.CaptureFixture[str]
) -> None:
    keeping.stage.set(LOG_LEVEL="DEBUG")
    keeping.new_instance()
    keeping.keep()
    levels = {line["level"]: line["message"] for line in lines(capsys)}
    assert levels["DEBUG"] == "IMM GetTask was throttled"


@pytest.mark.parametrize(
    ("record", "told"),
    [
        (b"hello", {"error": "InvalidFailureRecord", "retryable": False}),
        (RECORD, {"error": "ServiceUnavailable", "retryable": True, "failed_request_id": REQUEST_ID}),
    ],
)
def test_one_line_for_each_that_is_not(
    keeping: Keeping, capsys: pytest.CaptureFixture[str], record: bytes, told: dict[str, object]
) -> None:
    keeping.stage.break_call(error(times=None))
    with pytest.raises(TaggingError) as caught:
        keeping.keep(record)
    (line,) = lines(capsys)
    assert (line["level"], line["status"], line["message"]) == ("ERROR", "failed", str(caught.value))
    assert {name: line.get(name) for name in told} == told
    assert "traceback" not in line


def test_names_in_the_log_have_a_length(keeping: Keeping, capsys: pytest.CaptureFixture[str]) -> None:
    keeping.keep(with_context(requestId="x" * 100_000, functionArn="y" * 100_000))
    assert all(len(json.dumps(line)) < 2000 for line in lines(capsys))


# The other function


def imported(entry: str) -> set[str]:
    """The modules of the package that an entry module imports, at its start or later, and those import."""
    found, pending = set(), [FUNCTIONS / f"{entry}.py"]
    while pending:
        for node in ast.walk(ast.parse(pending.pop().read_text("utf-8"))):
            names = [alias.name for alias in node.names] if isinstance(node, ast.Import) else []
            if isinstance(node, ast.ImportFrom):
                names = [str(node.module), *(f"{node.module}.{alias.name}" for alias in node.names)]
            for name in names:
                path = FUNCTIONS / (name.replace(".", "/") + ".py")
                if path.is_file() and name not in found:
                    found.add(name)
                    pending.append(path)
    return found


def test_the_function_that_tags_imports_nothing_of_this_one() -> None:
    own = {f"imm_label_tags.failures.{name}" for name in ("failed_event", "keeper")}
    assert own <= imported("keep_failed")
    assert "imm_label_tags.services.oss" in imported("tag_object")
    assert not own & imported("tag_object")
