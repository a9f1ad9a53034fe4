"""The window is as small as it can be: nothing that takes time stands between the reading and the write."""

from __future__ import annotations

import json

import pytest

from imm_label_tags.tagging import settings
from imm_label_tags.tags.romanisation import romanise
from proof.races.figures import courses
from proof.races.scenario import ONE_TASK, Other, Scenario
from proof.races.window import Measurement, Window, block, block_of_submissions
from tests.stage import CHAIR, Stage

RESULT, TASK = "GetVideoLabelClassificationResult", "GetTask"
HEAD, READ, WRITE = "HeadObject", "GetObjectTagging", "PutObjectTagging"


def test_where_answers_have_grown_old_the_tags_are_read_again_as_the_last_thing_before_the_write() -> None:
    # Given calls so slow that an answer is old once another's call has come after it
    scenario = Scenario(ONE_TASK, Other.ADDING)
    found = [
        [step.what for step in course.steps if step.who == "function"]
        for course in courses(scenario, thorough=True, slow=True)
    ]

    # Then there are writes right after both answers, and others after both were asked for again
    at_once = [course for course in found if course.count("reads") == 1]
    again = [course for course in found if course.count("reads") == 2]
    assert at_once
    assert again
    assert len(at_once) + len(again) == len(found)
    for course in again:
        assert sorted(course[-3:-1]) == ["looks for an upload", "reads"]
        assert course[-1] == "writes"


def test_an_answer_about_the_upload_that_has_grown_old_is_asked_for_again_too() -> None:
    # Otherwise an upload between a quick HeadObject and slow tags would get an older one's labels
    scenario = Scenario(ONE_TASK, Other.UPLOADING)
    between = (
        "function looks for an upload",
        "somebody uploads",
        "function reads",
        "function looks for an upload",
        "function reads",
    )
    found = {course.schedule: course for course in courses(scenario, slow=True)}
    assert found[between].writes == ()


class Spelling:
    """Notes which calls had been made when a text was first spelt in pinyin; that is remembered."""

    def __init__(self, stage: Stage, monkeypatch: pytest.MonkeyPatch) -> None:
        self._stage = stage
        self.calls: dict[str, list[str]] = {}
        monkeypatch.setattr(settings, "romanise", self)

    def __call__(self, text: str) -> str | None:
        if text not in self.calls:
            self.calls[text] = self._stage.calls()
        return romanise(text)


def test_names_are_worked_out_before_the_tags_are_read(stage: Stage, monkeypatch: pytest.MonkeyPatch) -> None:
    task_id = stage.task(stage.upload(), CHAIR)
    spelling = Spelling(stage, monkeypatch)
    stage.forget_calls()
    stage.handle(task_id)
    assert spelling.calls == {"椅子": sorted([RESULT, TASK])}
    assert "imm_yi-zi" in stage.tags()


def test_names_that_a_refusal_calls_for_are_worked_out_before_the_tags_are_read_again(
    stage: Stage, monkeypatch: pytest.MonkeyPatch
) -> None:
    # Given names that the cloud refuses as they are
    stage.set(LABEL_NAMES="raw")
    task_id = stage.task(stage.upload(), CHAIR)
    spelling = Spelling(stage, monkeypatch)
    stage.forget_calls()

    # When the task is handled, then pinyin comes after the refusal, and a reading after that
    stage.handle(task_id)
    assert spelling.calls == {"椅子": sorted([RESULT, TASK, HEAD, READ, WRITE])}
    assert stage.calls() == sorted([RESULT, TASK, HEAD, READ, WRITE, HEAD, READ, WRITE])


def test_the_log_has_the_window_of_each_write_and_none_where_nothing_was_written(
    stage: Stage, capsys: pytest.CaptureFixture[str]
) -> None:
    task_id = stage.task(stage.upload(), CHAIR)
    stage.handle(task_id)
    stage.handle(task_id)
    first, second = (json.loads(line) for line in capsys.readouterr().out.splitlines())
    assert first["window_milliseconds"] > 0
    assert "window_milliseconds" not in second


def test_the_document_says_what_was_measured_and_what_follows() -> None:
    slow = Measurement(20, [Window(whole=30.0, last=29.5)] * 3)
    quick = Measurement(0, [Window(whole=10.0, last=9.75)] * 3)
    text = block([quick, slow])
    assert text.startswith("3 events for each line")
    assert "| 0 ms | 10.0 ms | 10.0 ms | 0.2 ms |\n| 20 ms | 30.0 ms | 30.0 ms | 0.5 ms |\n" in text
    assert "| 10.0 ms | 1 in 100 | 1 in 6,000 | 1 in 360,000 |\n" in text
    # Either of two events may come within the window of the other
    assert "| 10.0 ms | 1 in 50 | 1 in 3,000 | 1 in 180,000 |\n" in block_of_submissions([quick, slow])
