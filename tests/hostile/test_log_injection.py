"""Text that others wrote, on the function's standard output: each line is one JSON object, and printable."""

from __future__ import annotations

import json
import traceback
from typing import Any

import pytest

from imm_label_tags.errors import MAX_MESSAGE, BatchFailed, InvalidNotification, TaggingError
from imm_label_tags.log import MAX_LINE_BYTES
from localcloud.faults import Fault, FaultKind
from tests.stage import CHAIR, Stage

RESULT = "GetVideoLabelClassificationResult"
FORGED_LINE = '\n{"time": "2026-01-01T00:00:00.000Z", "level": "INFO", "status": "tagged"}\n'

INJECTIONS = {
    "a forged line": FORGED_LINE,
    # Ends of lines, a terminal's escapes, NUL and backspaces, other directions, and nothing to see
    "everything unprintable": "a\r\nb\rc\vd\fe\x1cf\x1dg\x1eh\x85i\u2028j\u2029k"
    "\x1b[2J\x1b]0;title\x07\x9b31m\0\b\bl\u202em\u2066n\u061co\u200fp\u200bq\u2060r\ufeffs\u00adt\U000e0041u\u180ev",
    "quotes": '"}\\", "level": "INFO',
    "a megabyte": "x" * 1_000_000,
    "much of another direction": "\u202e" * 50_000,
    "much Chinese": "椅" * 50_000,
}


def lines(capsys: pytest.CaptureFixture[str]) -> list[dict[str, Any]]:
    """The lines that were written, each checked to be one object and nothing else."""
    captured = capsys.readouterr()
    assert captured.err == ""
    assert captured.out.endswith("\n")
    written = captured.out[:-1].split("\n")
    for line in written:
        assert line.isprintable()
        assert len(line.encode()) < MAX_LINE_BYTES
    records = [json.loads(line) for line in written]
    assert all(list(record)[:3] == ["time", "level", "message"] for record in records)
    return records


def raised(stage: Stage, task_id: str, **fields: Any) -> TaggingError:
    with pytest.raises(TaggingError) as caught:
        stage.handle(task_id, **fields)
    return caught.value


def assert_one_line(error: TaggingError) -> None:
    # Function Compute writes the error of a failed invocation to the same log.
    assert str(error).isprintable()
    assert len(str(error)) < MAX_MESSAGE + 100
    assert "".join(traceback.format_exception_only(type(error), error)).count("\n") == 1


@pytest.mark.parametrize("text", INJECTIONS.values(), ids=INJECTIONS.keys())
def test_names_of_labels(stage: Stage, capsys: pytest.CaptureFixture[str], text: str) -> None:
    labels = [{"LabelName": text, "LabelConfidence": confidence} for confidence in (0.9, 0.1)]
    labels.append({"LabelName": "x", "LabelConfidence": 0.1, "LabelAlias": text, "ParentLabelName": text})
    assert stage.handle(stage.task(stage.upload(), *labels))["status"] == "tagged"
    (line,) = lines(capsys)
    assert line["status"] == "tagged"


@pytest.mark.parametrize("text", INJECTIONS.values(), ids=INJECTIONS.keys())
@pytest.mark.parametrize("field", ["TaskId", "TaskType", "UserData"])
def test_fields_of_the_message(
    stage: Stage, capsys: pytest.CaptureFixture[str], field: str, text: str
) -> None:
    # Such a task or project cannot be asked for, such a type is not ours, and the rest is not used
    task_id = stage.task(stage.upload(), CHAIR)
    try:
        stage.handle(task_id, **{field: text})
    except TaggingError as error:
        assert_one_line(error)
    (line,) = lines(capsys)
    assert line["status"] == {"TaskType": "ignored", "UserData": "tagged"}.get(field, "failed")


@pytest.mark.parametrize("text", INJECTIONS.values(), ids=INJECTIONS.keys())
def test_events_that_nobody_understands(stage: Stage, capsys: pytest.CaptureFixture[str], text: str) -> None:
    events: list[object] = [text, {"Message": text, "TopicName": text}, {text: text}, [text]]
    events.append({"specversion": "1.0", "type": text, "source": text})
    for event in events:
        try:
            stage.invoke(event)
        except (InvalidNotification, BatchFailed) as error:
            assert_one_line(error)
    assert len(lines(capsys)) == len(events)


@pytest.mark.parametrize(
    "text",
    [text for text in INJECTIONS.values() if len(text) < 1000],
    ids=[name for name, text in INJECTIONS.items() if len(text) < 1000],
)
@pytest.mark.parametrize("allowed", ["", "other/*"])
def test_keys_of_objects(stage: Stage, capsys: pytest.CaptureFixture[str], text: str, allowed: str) -> None:
    # Given a task for an object with such a key, which exists only in IMM's answer
    stage.set(ALLOWED_OBJECTS=allowed)
    task_id = stage.task(stage.uri(f"videos/{text}.mp4"), CHAIR)

    # When it is handled, whether or not the key can be sent
    try:
        outcome = stage.handle(task_id)
    except TaggingError as error:
        assert_one_line(error)
        expected = "failed"
    else:
        expected = "not_allowed" if allowed else "object_gone"
        assert outcome["status"] == expected
    (line,) = lines(capsys)
    assert line["status"] == expected


@pytest.mark.parametrize("text", INJECTIONS.values(), ids=INJECTIONS.keys())
def test_why_imm_says_a_task_failed(stage: Stage, capsys: pytest.CaptureFixture[str], text: str) -> None:
    task_id = stage.task(stage.upload(), status="Failed", code=text, message=text)
    assert stage.handle(task_id)["status"] == "task_failed"
    (line,) = lines(capsys)
    assert line["message"].startswith("IMM reports the task as failed: ")


@pytest.mark.parametrize("text", INJECTIONS.values(), ids=INJECTIONS.keys())
def test_statuses_and_times_of_imm(stage: Stage, capsys: pytest.CaptureFixture[str], text: str) -> None:
    stage.task(stage.upload(), task_id="task-1")
    for fields in ({"Status": text}, {"Status": "Succeeded", "StartTime": text}):
        answer = json.dumps({"Labels": [], **fields}).encode()
        stage.break_call(Fault(FaultKind.ANSWER, action=RESULT, status=200, body=answer, times=None))
        assert_one_line(raised(stage, "task-1"))
        stage.cloud.call(stage.cloud.faults.clear)
    assert [line["error"] for line in lines(capsys)] == ["ServiceUnavailable"] * 2


@pytest.mark.parametrize("text", INJECTIONS.values(), ids=INJECTIONS.keys())
@pytest.mark.parametrize("status", [400, 503])
def test_errors_of_imm(stage: Stage, capsys: pytest.CaptureFixture[str], text: str, status: int) -> None:
    answer = json.dumps({"Code": text, "Message": text, "RequestId": text, "HostId": text}).encode()
    stage.break_call(Fault(FaultKind.ANSWER, action=RESULT, status=status, body=answer, times=None))
    assert_one_line(raised(stage, "task-1", UserData=stage.uri("a.mp4")))
    (line,) = lines(capsys)
    assert RESULT in line["message"]
    assert line["message"].rstrip(".").endswith("may help" if status == 503 else "does not help")


@pytest.mark.parametrize("text", INJECTIONS.values(), ids=INJECTIONS.keys())
@pytest.mark.parametrize("status", [200, 502])
def test_answers_of_imm_that_are_no_json(
    stage: Stage, capsys: pytest.CaptureFixture[str], text: str, status: int
) -> None:
    # The SDK repeats the whole body in its own message
    body = text.encode() + b"]"
    stage.break_call(Fault(FaultKind.ANSWER, action=RESULT, status=status, body=body, times=None))
    assert_one_line(raised(stage, "task-1", UserData=stage.uri("a.mp4")))
    (line,) = lines(capsys)
    assert line["error"] == "ServiceUnavailable"


def xml_text(text: str) -> str:
    """The text as far as XML can hold it."""
    allowed = (c for c in text if c in "\t\n\r" or c >= " ")
    return "".join({"<": "&lt;", "&": "&amp;", "\r": "&#13;"}.get(c, c) for c in allowed)


@pytest.mark.parametrize("text", INJECTIONS.values(), ids=INJECTIONS.keys())
@pytest.mark.parametrize(("action", "status"), [("GetObjectTagging", 403), ("PutObjectTagging", 500)])
def test_errors_of_oss(
    stage: Stage, capsys: pytest.CaptureFixture[str], text: str, action: str, status: int
) -> None:
    said = xml_text(text)
    answer = f"<Error><Code>{said}</Code><Message>{said}</Message><EC>{said}</EC></Error>".encode()
    stage.break_call(Fault(FaultKind.ANSWER, action=action, status=status, body=answer, times=None))
    assert_one_line(raised(stage, stage.task(stage.upload(), CHAIR)))
    (line,) = lines(capsys)
    assert action in line["message"]


@pytest.mark.parametrize("text", INJECTIONS.values(), ids=INJECTIONS.keys())
def test_tags_that_others_wrote(stage: Stage, capsys: pytest.CaptureFixture[str], text: str) -> None:
    # The provenance of a newer task is repeated in the reason
    stage.upload()
    tags = f"<Tag><Key>imm</Key><Value>2299-12-24T03:00:38.892Z/{xml_text(text)}</Value></Tag>"
    body = f"<Tagging><TagSet>{tags}</TagSet></Tagging>".encode()
    stage.break_call(Fault(FaultKind.ANSWER, action="GetObjectTagging", status=200, body=body, times=None))
    try:
        stage.handle(stage.task(stage.uri("videos/a.mp4"), CHAIR))
    except TaggingError as error:
        assert_one_line(error)
    (line,) = lines(capsys)
    assert line["status"] in ("superseded", "tagged", "failed")


@pytest.mark.parametrize("text", INJECTIONS.values(), ids=INJECTIONS.keys())
def test_an_error_that_nobody_foresaw(
    stage: Stage, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, text: str
) -> None:
    def broken(*_: object) -> None:
        raise ZeroDivisionError(text)

    monkeypatch.setattr("imm_label_tags.tagging.tagger.target_of_task", broken)
    assert_one_line(raised(stage, stage.task(stage.upload(), CHAIR)))
    (line,) = lines(capsys)
    # Where the trace had to be cut, it still says where it begins and what it ends in
    assert line["traceback"].startswith("Traceback")
    assert "ZeroDivisionError" in line["message"]


def test_a_request_id_is_a_field_like_any_other(stage: Stage, capsys: pytest.CaptureFixture[str]) -> None:
    stage.context.request_id = FORGED_LINE
    stage.invoke({"TaskType": "X"})
    (line,) = lines(capsys)
    assert line["request_id"] == FORGED_LINE


def test_a_failure_of_a_large_list_stays_one_line(stage: Stage, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(BatchFailed) as caught:
        stage.invoke(["\n" * 100] * 2000)
    assert_one_line(caught.value)
    assert len(caught.value.failures) == 2000
    assert str(caught.value).startswith("2000 of 2000 notifications failed: [0] InvalidNotification: ")
    assert str(caught.value).endswith("[1999] InvalidNotification")
    assert len(lines(capsys)) == 2000
