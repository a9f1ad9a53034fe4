"""Another kind of task beside labels: all that is particular to it is one object, made up here."""

from __future__ import annotations

import itertools
import os
from typing import Any

import pytest

import tag_object
from imm_label_tags.tagging.instance import Instance
from imm_label_tags.tags.plan import Places, TaskKind
from tests.stage import CHAIR, FURNITURE, Stage

VERDICT = "VideoVerdict"


def claim(found: str, places: Places) -> None:
    if found:
        places.claim(places.key("verdict", "verdict"), found, "verdict")


VERDICTS = TaskKind(
    VERDICT,
    "GetTask",
    name="verdict",
    read=lambda body: str(body.user_data).partition(" ")[0],
    claim=claim,
    owns=lambda name: name == "verdict",
    source_uri=lambda body: str(body.user_data).partition(" ")[2],
)


@pytest.fixture
def both(stage: Stage, monkeypatch: pytest.MonkeyPatch) -> Stage:
    """A function that knows both kinds."""
    instance = Instance(os.environ, stage.context, stage.retry_policy, (VERDICTS,))
    monkeypatch.setattr(tag_object._function, "instance", instance)
    return stage


def verdict(stage: Stage, said: str, second: int) -> dict[str, str]:
    task_id = f"Verdict-{second}"
    start = f"2199-12-24T03:00:{second:02}.000000000Z"
    user_data = f"{said} {stage.uri('videos/a.mp4')}"
    stage.task(None, task_id=task_id, task_type=VERDICT, user_data=user_data, start=start)
    return {"task_id": task_id, "TaskType": VERDICT}


def labels(stage: Stage, second: int, *found: dict[str, Any]) -> dict[str, str]:
    start = f"2199-12-24T03:00:{second:02}.000000000Z"
    stage.task(stage.uri("videos/a.mp4"), *found, task_id=f"Labels-{second}", start=start)
    return {"task_id": f"Labels-{second}"}


PROVENANCE = "2199-12-24T03:00:04.000Z/Labels-4 verdict=2199-12-24T03:00:03.000Z/Verdict-3"


def test_both_kinds_share_an_object_in_whatever_order_their_tasks_arrive(both: Stage) -> None:
    # Given two tasks of each kind about one object with a tag of its own
    both.upload(tags={"team": "a"})
    tasks = [
        verdict(both, "review", 1),
        verdict(both, "block", 3),
        labels(both, 2, CHAIR),
        labels(both, 4, FURNITURE),
    ]

    for order in itertools.permutations(tasks):
        # When they are delivered, each order on an object as it was in the beginning
        both.write_tags("videos/a.mp4", {"team": "a"})
        for task in order:
            both.handle(**task)

        # Then the newest of each kind stands, the verdict before the labels
        expected = {"team": "a", "imm": PROVENANCE, "imm_verdict": "block", "imm_jia-ju": "yes"}
        assert list(both.tags().items()) == list(expected.items())


def test_a_verdict_takes_the_place_of_the_last_label_whichever_comes_first(both: Stage) -> None:
    both.upload()
    found = [{"LabelName": f"label {n}", "LabelConfidence": 0.9 - n / 100} for n in range(9)]
    tasks = [labels(both, 1, *found), verdict(both, "block", 2)]
    ends = []
    for order in (tasks, tasks[::-1]):
        both.write_tags("videos/a.mp4", {})
        outcomes = [both.handle(**task) for task in order]
        assert outcomes[1]["dropped"][0]["reason"] == "limit"
        ends.append(both.tags())
    assert ends[0] == ends[1]
    assert len(ends[0]) == 10
    assert "imm_label-8" not in ends[0]


def test_an_older_task_of_a_kind_is_superseded_by_its_own_kind_only(both: Stage) -> None:
    both.upload()
    both.handle(**verdict(both, "block", 9))
    assert both.handle(**labels(both, 5, CHAIR))["status"] == "tagged"
    assert both.handle(**verdict(both, "pass", 8))["status"] == "superseded"
    assert both.handle(**labels(both, 5, CHAIR))["status"] == "unchanged"


def test_a_label_that_is_called_as_another_kinds_tag_is_dropped(both: Stage) -> None:
    both.upload()
    both.handle(**verdict(both, "block", 1))
    outcome = both.handle(**labels(both, 2, {"LabelName": "verdict", "LabelConfidence": 1}))
    assert outcome["dropped"] == [{"label": "verdict", "reason": "collision"}]
    assert both.tags()["imm_verdict"] == "block"


def test_a_function_that_does_not_know_a_kind_ignores_it_and_keeps_its_part_of_the_provenance(
    both: Stage,
) -> None:
    both.upload()
    task = verdict(both, "block", 1)
    both.handle(**task)
    both.new_instance()
    assert both.handle(**task)["status"] == "ignored"
    both.handle(**labels(both, 2, CHAIR))
    assert both.tags()["imm"] == (
        "2199-12-24T03:00:02.000Z/Labels-2 verdict=2199-12-24T03:00:01.000Z/Verdict-1"
    )
