"""What the function writes on standard output."""

from __future__ import annotations

import json
import logging
import os
from typing import Any

import pytest

from imm_label_tags.errors import TaggingError, TaskNotFound
from imm_label_tags.tags.plan import TagScheme
from localcloud.faults import Fault, FaultKind
from tests.stage import CHAIR, Stage


def lines(capsys: pytest.CaptureFixture[str]) -> list[dict[str, Any]]:
    captured = capsys.readouterr()
    assert captured.err == ""
    return [json.loads(line) for line in captured.out.splitlines()]


def test_one_line_for_each_notification_with_all_that_an_operator_asks(
    stage: Stage, capsys: pytest.CaptureFixture[str]
) -> None:
    task_id = stage.task(stage.upload(), CHAIR, {"LabelName": "x", "LabelConfidence": 0.1})
    stage.handle(task_id)
    (line,) = lines(capsys)
    assert line["level"] == "INFO"
    assert line["status"] == "tagged"
    assert line["request_id"] == stage.context.request_id
    assert line["task_id"] == task_id
    assert line["project"] == stage.project
    assert line["object"] == stage.uri("videos/a.mp4")
    assert (line["labels"], line["tags"], line["dropped"]) == (2, 2, 1)
    assert line["cold_start"] is True
    assert sorted(line["milliseconds"]) == [
        "GetObjectTagging",
        "GetTask",
        "GetVideoLabelClassificationResult",
        "HeadObject",
        "PutObjectTagging",
    ]
    assert all(spent > 0 for spent in line["milliseconds"].values())


def test_only_the_first_invocation_of_an_instance_is_a_cold_start(
    stage: Stage, capsys: pytest.CaptureFixture[str]
) -> None:
    for _ in range(2):
        stage.invoke({"TaskType": "X"})
    assert [line["cold_start"] for line in lines(capsys)] == [True, False]


def test_an_outcome_that_changed_nothing_says_why(stage: Stage, capsys: pytest.CaptureFixture[str]) -> None:
    stage.handle(stage.task(stage.uri("gone.mp4"), CHAIR))
    (line,) = lines(capsys)
    assert "gone.mp4" in line["message"]
    assert "does not exist" in line["message"]
    assert "tags" not in line


def test_a_failure_is_logged_once_with_its_class_and_whether_a_retry_helps(
    stage: Stage, capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(TaskNotFound):
        stage.handle("VideoLabelClassification-0")
    (line,) = lines(capsys)
    assert line["level"] == "ERROR"
    assert line["error"] == "TaskNotFound"
    assert line["retryable"] is False
    assert line["task_id"] == "VideoLabelClassification-0"


def test_an_event_that_cannot_be_understood_is_logged(
    stage: Stage, capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(TaggingError):
        stage.invoke("hello\ntopic")
    (line,) = lines(capsys)
    assert line["error"] == "InvalidNotification"


def test_a_failure_that_nobody_foresaw_is_logged_with_its_trace_and_fails_the_invocation(
    stage: Stage, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    def broken(*_: object) -> None:
        raise ZeroDivisionError(f"with {stage.keys.access_key_secret} in it")

    monkeypatch.setattr(TagScheme, "plan", broken)
    with pytest.raises(TaggingError, match="ZeroDivisionError") as caught:
        stage.handle(stage.task(stage.upload(), CHAIR))
    (line,) = lines(capsys)
    assert "ZeroDivisionError" in line["traceback"]
    assert stage.keys.access_key_secret not in json.dumps(line) + str(caught.value)


def test_the_level_silences_lines_below_it(stage: Stage, capsys: pytest.CaptureFixture[str]) -> None:
    stage.set(LOG_LEVEL="ERROR")
    stage.invoke({"TaskType": "X"})
    assert lines(capsys) == []


def test_the_sdks_write_nothing_of_their_own(stage: Stage, capsys: pytest.CaptureFixture[str]) -> None:
    # Function Compute puts a handler on the root logger; the IMM SDK adds more, at level DEBUG.
    stage.set(DEBUG="sdk")
    root = logging.getLogger()
    handler = logging.StreamHandler()
    level = root.level
    root.addHandler(handler)
    root.setLevel(logging.DEBUG)
    try:
        stage.break_call(Fault(FaultKind.RESET_BEFORE, action="HeadObject"))
        stage.handle(stage.task(stage.upload(), CHAIR))
    finally:
        root.removeHandler(handler)
        root.setLevel(level)
    out = capsys.readouterr()
    sdk = [line for line in out.err.splitlines() if "Authorization" in line or "security-token" in line]
    assert sdk == []
    assert [json.loads(line)["status"] for line in out.out.splitlines() if "status" in json.loads(line)] == [
        "tagged"
    ]
    assert "DEBUG" not in os.environ
