"""The function that keeps failed events, through its entry point, against the local cloud."""

from __future__ import annotations

import ast
import json
import os
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import alibabacloud_oss_v2 as oss
import pytest

import keep_failed
from imm_label_tags import errors
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
from imm_label_tags.failures.keeper import FailedKeeper
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
    # Then it is kept under its day and its request
    assert answer == {"kept": keeping.uri(), "error": "Throttled", "attempts": 4}
    assert keeping.keys() == [KEY]
    assert keeping.content_type() == "application/json"
    # And nothing of it is lost
    kept = FailedEvent.read(keeping.read())
    assert kept == FailedEvent.read(RECORD)
    assert keeping.read() == kept.document()
    assert kept.event == json.loads(RECORD)["requestPayload"].encode()


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


def test_the_same_record_twice_is_kept_once(keeping: Keeping) -> None:
    first = keeping.keep()
    before = keeping.read()
    # Whether to the same instance or to another one
    assert keeping.keep() == first
    keeping.new_instance()
    assert keeping.keep() == first
    assert (keeping.keys(), keeping.read()) == ([KEY], before)


def test_the_same_record_at_the_same_moment_is_kept_once(keeping: Keeping) -> None:
    # Given two instances that write at the same moment
    keeping.stage.break_call(Fault(FaultKind.MEET, action=PUT, times=None))
    instances = [FailedKeeper(os.environ, keeping.context, keeping.stage.retry_policy) for _ in range(2)]
    # When both get the record
    with ThreadPoolExecutor(2) as threads:
        answers = list(threads.map(lambda one: one.handle(RECORD, keeping.context), instances))
    # Then there is one document, and it is whole
    assert answers[0] == answers[1]
    assert keeping.keys() == [KEY]
    assert keeping.read() == FailedEvent.read(RECORD).document()


@pytest.mark.parametrize(
    ("record", "key", "error_name"),
    [
        (varied(requestPayload="x" * 131_072), KEY, "Throttled"),
        (varied(requestPayload="\0\ud800 椅子"), KEY, "Throttled"),
        (varied(requestPayload={"an": ["object"]}), KEY, "Throttled"),
        (varied(timestamp="xxxx"), f"failed/undated/{REQUEST_ID}.json", "Throttled"),
        (answering("Process exited unexpectedly before completing request"), KEY, "UnhandledInvocationError"),
        (answering("", "Expired"), KEY, "Expired"),
    ],
    ids=["128 KB", "surrogate", "object", "undated", "killed", "expired"],
)
def test_records_of_every_kind_are_kept(keeping: Keeping, record: bytes, key: str, error_name: str) -> None:
    assert keeping.keep(record) == {"kept": keeping.uri(key), "error": error_name, "attempts": 4}
    assert FailedEvent.read(keeping.read(key)) == FailedEvent.read(record)


def test_a_request_id_that_is_none_leads_to_no_other_place(keeping: Keeping) -> None:
    keeping.keep(with_context(requestId="../../videos/a.mp4", approximateInvokeCount=None))
    (key,) = keeping.keys()
    assert key.startswith("failed/2021-12-24/videos-a-mp4-")


def test_the_prefix_may_have_several_segments(keeping: Keeping) -> None:
    keeping.stage.set(FAILED_EVENTS=f"oss://{keeping.stage.bucket}/失败/events/")
    keeping.new_instance()
    keeping.keep()
    assert keeping.keys() == [f"失败/events/2021-12-24/{REQUEST_ID}.json"]


# What is no record


@pytest.mark.parametrize("raw", [b"hello topic", b"{}", b"\xff", b"[" * 70_000])
def test_what_is_no_record_is_refused_so_that_function_compute_hands_it_on(
    keeping: Keeping, raw: bytes
) -> None:
    with pytest.raises(InvalidFailureRecord):
        keeping.keep(raw)
    assert keeping.keys() == []


# Failures of OSS


@pytest.mark.parametrize(
    "fault",
    [
        error(times=2),
        error(times=2, status=503, code="SlowDown"),
        error(times=2, status=429, code="TooManyRequests"),
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
    ("fault", "raised"),
    [
        (error(times=None), ServiceUnavailable),
        (error(times=None, status=503, code="SlowDown"), Throttled),
        (Fault(FaultKind.RESET_BEFORE, action=PUT, times=None), ServiceUnavailable),
    ],
    ids=["503", "throttled", "reset"],
)
def test_what_does_not_pass_is_left_to_function_computes_retries(
    keeping: Keeping, fault: Fault, raised: type[TaggingError]
) -> None:
    keeping.stage.break_call(fault)
    keeping.stage.forget_calls()
    with pytest.raises(raised) as caught:
        keeping.keep()
    assert caught.value.retryable
    assert keeping.uri() in str(caught.value)
    assert keeping.stage.calls() == [PUT] * 3


@pytest.mark.parametrize(
    ("fault", "raised", "words"),
    [
        (
            error(status=403, code="AccessDenied"),
            AccessDenied,
            "the action oss:PutObject on the resource acs:oss:*",
        ),
        (error(status=400, code="InvalidArgument"), ServiceRejected, "code InvalidArgument"),
        (error(status=404, code="NoSuchKey"), ServiceRejected, "code NoSuchKey"),
    ],
    ids=["denied", "rejected", "not found"],
)
def test_what_cannot_pass_is_tried_once(
    keeping: Keeping, fault: Fault, raised: type[TaggingError], words: str
) -> None:
    keeping.stage.break_call(fault)
    keeping.stage.forget_calls()
    with pytest.raises(raised, match=words.replace("*", r"\*")) as caught:
        keeping.keep()
    assert not caught.value.retryable
    assert (caught.value.__cause__, caught.value.__context__) == (None, None)
    assert keeping.stage.calls() == [PUT]


def test_a_bucket_that_is_not_there_is_named(keeping: Keeping) -> None:
    keeping.stage.set(FAILED_EVENTS="oss://no-such-bucket/failed")
    keeping.new_instance()
    with pytest.raises(ServiceRejected, match=f"oss://no-such-bucket/{KEY}.*NoSuchBucket"):
        keeping.keep()


class Time:
    """A clock that only pauses move on."""

    def __init__(self) -> None:
        self.now = 0.0

    def pause(self, seconds: float) -> None:
        self.now += seconds


def test_nothing_is_begun_when_the_functions_timeout_is_near(keeping: Keeping) -> None:
    # Given a function with a timeout of 5 s whose pauses are 4 s, and an OSS that fails
    time = Time()
    retry_policy = RetryPolicy(
        first_pause=4, max_pause=4, jitter=lambda: 1.0, sleep=time.pause, clock=lambda: time.now
    )
    keeping.context = SimpleNamespace(**vars(keeping.context), function=SimpleNamespace(timeout=5))
    keeping.new_instance(retry_policy)
    keeping.stage.break_call(error(times=None))
    keeping.stage.forget_calls()
    # When it is given a record
    with pytest.raises(ServiceUnavailable):
        keeping.keep()
    # Then there is no third attempt, for which there would be no time
    assert keeping.stage.calls() == [PUT] * 2
    assert time.now < 5


def test_an_answer_that_comes_too_late_is_not_waited_for(keeping: Keeping) -> None:
    keeping.new_instance(RetryPolicy(read=0.05, sleep=keeping.stage.pauses.append))
    keeping.stage.break_call(Fault(FaultKind.SILENCE, action=PUT, times=1))
    assert keeping.keep()["kept"] == keeping.uri()
    assert len(keeping.stage.pauses) == 1


# Settings


@pytest.mark.parametrize(
    ("variable", "value"), [("FAILED_EVENTS", ""), ("FAILED_EVENTS", "oss://b"), ("LOG_LEVEL", "LOUD")]
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
        answering(
            {"errorType": "InvalidNotification", "errorMessage": f"neither JSON nor base64: '{SECRET}'"}
        ),
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
    ("record", "fault", "told"),
    [
        (b"hello", None, {"error": "InvalidFailureRecord", "retryable": False}),
        (
            RECORD,
            error(times=None),
            {
                "error": "ServiceUnavailable",
                "retryable": True,
                "failed_request_id": REQUEST_ID,
                "failed_error": "Throttled",
            },
        ),
    ],
)
def test_one_line_for_each_that_is_not(
    keeping: Keeping,
    capsys: pytest.CaptureFixture[str],
    record: bytes,
    fault: Fault | None,
    told: dict[str, object],
) -> None:
    if fault is not None:
        keeping.stage.break_call(fault)
    with pytest.raises(TaggingError) as caught:
        keeping.keep(record)
    (line,) = lines(capsys)
    assert (line["level"], line["status"], line["message"]) == ("ERROR", "failed", str(caught.value))
    assert {name: line.get(name) for name in told} == told
    assert "traceback" not in line


def test_an_error_that_nobody_expected_is_told_with_its_traceback(
    keeping: Keeping, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def broken(raw: bytes) -> FailedEvent:
        raise KeyError("nobody expected it")

    monkeypatch.setattr(FailedEvent, "read", broken)
    with pytest.raises(TaggingError, match="Unexpected KeyError: 'nobody expected it'") as caught:
        keeping.keep()
    assert type(caught.value) is TaggingError
    (line,) = lines(capsys)
    assert "def broken" in line["traceback"] or "in broken" in line["traceback"]


def test_names_in_the_log_have_a_length(keeping: Keeping, capsys: pytest.CaptureFixture[str]) -> None:
    keeping.keep(with_context(requestId="x" * 100_000, functionArn="y" * 100_000))
    assert all(len(json.dumps(line)) < 2000 for line in lines(capsys))


def test_a_variable_that_would_expose_requests_is_not_obeyed(
    keeping: Keeping, capsys: pytest.CaptureFixture[str]
) -> None:
    keeping.stage.set(HTTP_PROXY="http://127.0.0.1:9", http_proxy="http://127.0.0.1:9")
    keeping.new_instance()
    keeping.keep()
    told = [line["message"] for line in lines(capsys) if line["level"] == "WARNING"]
    assert sorted(told) == [
        f"The variable {name} is not obeyed: it would expose signed requests."
        for name in ("HTTP_PROXY", "http_proxy")
    ]


def test_no_key_is_in_an_error(keeping: Keeping, capsys: pytest.CaptureFixture[str]) -> None:
    keys = keeping.stage.keys
    keeping.stage.break_call(error(times=None, status=400, code="X", message=f"of {keys.access_key_secret}"))
    with pytest.raises(ServiceRejected) as caught:
        keeping.keep()
    written = capsys.readouterr().out + str(caught.value) + repr(vars(caught.value))
    for secret in (keys.access_key_id, keys.access_key_secret, keys.security_token):
        assert secret
        assert secret not in written


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


def test_it_has_one_error_of_its_own() -> None:
    assert issubclass(errors.InvalidFailureRecord, errors.PermanentError)
    assert "- InvalidFailureRecord" in str(errors.__doc__)
