"""Hostile answers of IMM. Its SDK reads them by itself; what comes of them has bounds all the same."""

from __future__ import annotations

import json
from typing import Any

import pytest

from imm_label_tags.errors import ServiceUnavailable, TaggingError, TargetUnknown
from imm_label_tags.tags.charset import is_legal
from localcloud.faults import Fault, FaultKind
from proof.fuzz.bounds import bounded
from tests.stage import CHAIR, Stage

RESULT, TASK = "GetVideoLabelClassificationResult", "GetTask"
OWN_TAGS = {"team": "a", "archived": ""}
DIGITS = "9" * 1_000_000


def result(labels: str = "[]", **fields: Any) -> bytes:
    answer = {"Status": "Succeeded", "StartTime": "2199-12-24T03:00:38.892462383Z", "UserData": "", **fields}
    return (json.dumps(answer)[:-1] + f', "Labels": {labels}' + "}").encode()


def label(name: str = "chair", **fields: str) -> str:
    """A label as JSON text; ``fields`` are JSON texts."""
    values = {"LabelName": json.dumps(name), "LabelConfidence": "0.9", **fields}
    return "{" + ", ".join(f'"{key}": {value}' for key, value in values.items()) + "}"


UNREADABLE = {
    "64 KiB of brackets": b"[" * 65536,
    "64 KiB of brackets, closed": b"[" * 32768 + b"]" * 32768,
    "brackets in a field": result("[" * 32768 + "]" * 32768),
    "braces in a field": result('{"a":' * 20_000 + "1" + "}" * 20_000),
    "a megabyte of text": b"x" * 1_000_000,
    "a megabyte of text in quotes": json.dumps("x" * 1_000_000).encode(),
    "a list of 100,000 objects": json.dumps([{}] * 100_000).encode(),
    "not UTF-8": b'{"Status": "\xff\xfe"}',
    "UTF-16": '{"Status": "Succeeded"}'.encode("utf-16"),
    "labels that are numbers": result("[1, 2, 3]"),
    "labels that are lists": result("[[[]]]"),
    "labels that are a text": result('"椅子"'),
    "names that are objects": result('[{"LabelName": {"a": 1}}, 5]'),
    "a status that is an object": b'{"Status": {"a": 1}, "Labels": []}',
    "another task": result(TaskId="VideoLabelClassification-of-somebody-else"),
    "a StartTime of a million digits": result(StartTime=DIGITS),
    "a StartTime that is a number": result(StartTime=1e308),
}


@pytest.mark.parametrize("answer", UNREADABLE.values(), ids=UNREADABLE.keys())
def test_a_result_that_is_none_fails_for_now_and_changes_nothing(stage: Stage, answer: bytes) -> None:
    task_id = stage.task(stage.upload(tags=OWN_TAGS), CHAIR)
    stage.break_call(Fault(FaultKind.ANSWER, action=RESULT, status=200, body=answer, times=None))
    with pytest.raises(ServiceUnavailable) as caught:
        bounded(lambda: stage.handle(task_id))
    # The SDK's own message repeats the whole body
    assert len(str(caught.value)) < 10_000
    assert stage.tags() == OWN_TAGS


# Normalising puts them in order, one after the other past all others.
ACCENTS = "\u0301\u0316"

EXTREME_LABELS = {
    "infinite confidence": f"[{label(LabelConfidence='Infinity')}]",
    "confidence that is no number": f"[{label(LabelConfidence='NaN')}]",
    "a huge exponent": f"[{label(LabelConfidence='1e999999999')}]",
    "a fraction of a million digits": f"[{label(LabelConfidence='0.' + DIGITS)}]",
    "a million digits in text": f"[{label(LabelConfidence=json.dumps(DIGITS))}]",
    "a level of many digits": f"[{label(LabelLevel='9' * 4000)}]",
    "a million digits where nobody looks": f"[{label(Clips=json.dumps([{'TimeRange': [0, 1]}]))}]",
    "a name of a megabyte": f"[{label('x' * 1_000_000)}]",
    "a Chinese name of a megabyte": f"[{label('椅' * 300_000)}]",
    "an alias of 500,000 accents": f"[{label(LabelAlias=json.dumps('e' + ACCENTS * 250_000))}]",
    "a million accents": f"[{label('e' + ACCENTS * 500_000)}]",
    "a name that grows": f"[{label(chr(0xFDFA) * 100_000)}]",
    "control characters": f"[{label(chr(0) + chr(10) + chr(27) + chr(0x2028) + chr(0x202E))}]",
    "half characters": '[{"LabelName": "\\ud800\\udfff\\udc00", "LabelConfidence": 1}]',
    "keys twice": '[{"LabelName": "a", "LabelName": "b", "LabelConfidence": 0, "LabelConfidence": 1}]',
    "20,000 labels": "[" + ", ".join(label(f"label {number}") for number in range(20_000)) + "]",
    "20,000 labels with one name": "[" + ", ".join([label("椅子")] * 20_000) + "]",
    "deep brackets beside": f"[{label(Clips='[' * 200 + ']' * 200)}]",
}


@pytest.mark.parametrize("labels", EXTREME_LABELS.values(), ids=EXTREME_LABELS.keys())
def test_extreme_labels_become_legal_tags_or_fail_and_foreign_tags_stay(stage: Stage, labels: str) -> None:
    stage.set(TAG_VALUE="{confidence}/{label}/{parent}/{alias}")
    uri = stage.upload(tags=OWN_TAGS)
    task_id = stage.task(uri, CHAIR)
    stage.break_call(Fault(FaultKind.ANSWER, action=RESULT, status=200, body=result(labels), times=None))
    try:
        outcome = bounded(lambda: stage.handle(task_id))
    except ServiceUnavailable:
        assert stage.tags() == OWN_TAGS
        return
    assert outcome["status"] == "tagged"
    tags = stage.tags()
    assert dict(list(tags.items())[:2]) == OWN_TAGS
    for key, value in list(tags.items())[2:]:
        assert key == "imm" or key.startswith("imm_")
        assert is_legal(key + value)


def test_numbers_of_a_million_digits_are_bounded_where_python_works_them_out(
    stage: Stage, digits_without_limit: None
) -> None:
    # Python 3.10 before 3.10.7 has no limit of its own, and the SDK reads with the standard library.
    uri = stage.upload(tags=OWN_TAGS)
    task_id = stage.task(uri, CHAIR)
    answer = result(f"[{label(LabelConfidence='9' * 200_000, LabelLevel='9' * 50_000)}]")
    stage.break_call(Fault(FaultKind.ANSWER, action=RESULT, status=200, body=answer, times=None))
    assert bounded(lambda: stage.handle(task_id))["status"] == "tagged"
    assert dict(list(stage.tags().items())[:2]) == OWN_TAGS


REQUESTS = {
    "brackets": "[" * 65536,
    "braces": '{"SourceURI":' * 5000,
    "digits": '{"SourceURI": ' + DIGITS + "}",
    "a list": '["oss://media/a.mp4"]',
    "a number": '{"SourceURI": 1}',
    "an object in an object": '{"SourceURI": {"SourceURI": "oss://media/a.mp4"}}',
    "another scheme": '{"SourceURI": "https://media/a.mp4"}',
    "a key of a megabyte": json.dumps({"SourceURI": "oss://media/" + "x" * 1_000_000}),
    "a bucket of a megabyte": json.dumps({"SourceURI": "oss://" + "x" * 1_000_000 + "/a.mp4"}),
    "a line break": json.dumps({"SourceURI": "oss://media/a\nb"}),
}


@pytest.mark.parametrize("request_definition", REQUESTS.values(), ids=REQUESTS.keys())
@pytest.mark.parametrize("where", ["the request", "UserData"])
def test_a_task_that_names_no_object_safely_changes_nothing(
    stage: Stage, request_definition: str, where: str
) -> None:
    stage.upload(tags=OWN_TAGS)
    if where == "UserData":
        # Somebody's own UserData is not an error: the task's request names the object, here none.
        task_id = stage.task(None, CHAIR, user_data=request_definition)
    else:
        task_id = stage.task(None, CHAIR)
        answer = json.dumps({"TaskId": task_id, "TaskRequestDefinition": request_definition}).encode()
        stage.break_call(Fault(FaultKind.ANSWER, action=TASK, status=200, body=answer, times=None))
    with pytest.raises(TargetUnknown) as caught:
        bounded(lambda: stage.handle(task_id))
    assert len(str(caught.value)) < 10_000
    assert str(caught.value).isprintable()
    assert stage.tags() == OWN_TAGS


ERRORS = {
    "a message of a megabyte": json.dumps({"Code": "Odd", "Message": "x" * 1_000_000}),
    "a code of a megabyte": json.dumps({"Code": "x" * 1_000_000, "Message": "no"}),
    "a request id of a megabyte": json.dumps({"Code": "Odd", "Message": "no", "RequestId": "x" * 1_000_000}),
    "brackets": "[" * 65536,
    "digits": '{"Code": ' + DIGITS + "}",
    "a message that is an object": '{"Code": "Odd", "Message": {"a": [1]}}',
    "a code that is a list": '{"Code": ["Odd"], "Message": "no"}',
    "nothing": "",
    "null": "null",
    "a list": "[]",
}


@pytest.mark.parametrize("status", [403, 503])
@pytest.mark.parametrize("answer", ERRORS.values(), ids=ERRORS.keys())
def test_an_error_of_imm_with_a_bomb_in_it_is_still_an_error(stage: Stage, status: int, answer: str) -> None:
    task_id = stage.task(stage.upload(tags=OWN_TAGS), CHAIR)
    stage.break_call(Fault(FaultKind.ANSWER, action=RESULT, status=status, body=answer.encode(), times=None))
    with pytest.raises(TaggingError) as caught:
        bounded(lambda: stage.handle(task_id))
    assert len(str(caught.value)) < 10_000
    assert stage.tags() == OWN_TAGS
