"""Where a task's labels come from, and which label files are refused."""

from __future__ import annotations

import json
from collections import Counter
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from localcloud.imm.labels import LabelFileInvalid, built_in_labels, read_labels
from tests.localcloud.imm_world import VIDEO, Imm

LABEL = {
    "Language": "zh-Hans",
    "LabelName": "椅子",
    "LabelLevel": 2,
    "LabelConfidence": 0.95,
    "ParentLabelName": "家具",
}


def label(**changes: Any) -> dict[str, Any]:
    return {**LABEL, **changes}


def problem(content: bytes) -> str:
    with pytest.raises(LabelFileInvalid) as caught:
        read_labels(content)
    return str(caught.value)


def problem_of(changed: dict[str, Any]) -> str:
    return problem(json.dumps([LABEL, changed], ensure_ascii=False).encode())


def test_a_file_beside_the_video_says_its_labels(imm: Imm) -> None:
    # given a label file
    labels = [
        label(LabelConfidence=1, CentricScore=0.877, LabelAlias="座椅", Clips=[{"TimeRange": [5000, 6000]}]),
        label(LabelName="沙发"),
    ]
    imm.upload(f"{VIDEO}.labels.json", json.dumps(labels).encode())

    # when a task of the video has ended
    task_id = imm.create_task()
    imm.finished(task_id)

    # then these are its labels, field by field
    first, second = imm.get_result(task_id).labels
    assert first.to_map() == labels[0]
    assert {**second.to_map(), "Clips": None} == {**labels[1], "Clips": None}


def test_a_wrong_file_makes_the_task_fail_and_says_what_is_wrong(imm: Imm) -> None:
    imm.upload(f"{VIDEO}.labels.json", json.dumps([label(LabelLevel=4)]).encode())

    task = imm.finished(imm.create_task())

    assert (task.status, task.code) == ("Failed", "InvalidArgument")
    assert task.message == (
        f"The label file {VIDEO}.labels.json cannot be used: LabelLevel of label 0 must be 1, 2 or 3, not 4."
    )


def test_a_file_may_hold_no_labels(imm: Imm) -> None:
    imm.upload(f"{VIDEO}.labels.json", b"[]")

    task_id = imm.create_task()

    assert imm.finished(task_id).status == "Succeeded"
    assert imm.get_result(task_id).labels == []


def test_without_a_file_the_built_in_labels_count() -> None:
    # given the built-in labels, which reading has checked
    labels = built_in_labels()
    confidences = [found["LabelConfidence"] for found in labels]

    # then they are what makes naming and choosing hard
    assert len(labels) == 14
    assert len({found["LabelName"] for found in labels}) == 14
    assert {found["LabelLevel"] for found in labels} == {1, 2, 3}
    assert Counter(found["Language"] for found in labels) == {"zh-Hans": 14}
    assert {"食物", "事物", "KTV包厢"} < {found["LabelName"] for found in labels}
    assert any(found["LabelName"].isascii() for found in labels)
    assert (min(confidences), max(confidences)) == (0.35, 1)
    assert [type(confidence) for confidence in confidences].count(int) == 1
    assert sum(confidence < 0.5 for confidence in confidences) == 1
    for optional in ("CentricScore", "LabelAlias", "Clips"):
        assert 0 < sum(optional in found for found in labels) < 14


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        (b"{", "it is not JSON"),
        (b"\xff", "it is not JSON"),
        (b'{"Labels": []}', "it is not an array of labels"),
        (b'["\xe6\xa4\x85\xe5\xad\x90"]', "label 0 is not an object"),
        (b'[{"LabelConfidence": NaN}]', "NaN is no number"),
        (rb'[{"LabelName": "\ud83d"}]', "surrogates not allowed"),
    ],
)
def test_a_file_that_is_no_array_of_labels_is_refused(content: bytes, reason: str) -> None:
    assert reason in problem(content)


def test_a_label_has_the_fields_that_imm_gives_and_no_others() -> None:
    for name in LABEL:
        incomplete = {field: value for field, value in LABEL.items() if field != name}
        assert problem_of(incomplete) == f"label 1 has no {name}"
    assert problem_of(label(Score=1)) == "label 1 has fields that IMM does not know: Score"


@pytest.mark.parametrize(
    ("name", "values"),
    [
        ("LabelName", ["", 1]),
        ("Language", [None]),
        ("ParentLabelName", [None]),
        ("LabelAlias", [1]),
        ("LabelLevel", [0, 2.0, True]),
        ("LabelConfidence", [1.01, -0.1, "0.9", True]),
        ("CentricScore", [2]),
        ("Clips", [{}, [5000], *([{"TimeRange": times}] for times in (5000, [5000], [0.5, 1], [2, 1]))]),
        ("Clips", [[{"TimeRange": [1, 2], "Score": 1}]]),
    ],
)
def test_a_field_of_a_wrong_kind_is_refused_by_name(name: str, values: list[Any]) -> None:
    for value in values:
        assert problem_of(label(**{name: value})).startswith(f"{name} of label 1 must be ")


@given(
    confidence=st.one_of(st.integers(0, 1), st.floats(0, 1)),
    level=st.sampled_from([1, 2, 3]),
    name=st.text(min_size=1),
)
def test_numbers_and_names_stay_as_they_are_written(confidence: float, level: int, name: str) -> None:
    written = [label(LabelConfidence=confidence, LabelLevel=level, LabelName=name)]

    (read,) = read_labels(json.dumps(written).encode())

    assert read == written[0]
    assert type(read["LabelConfidence"]) is type(confidence)
