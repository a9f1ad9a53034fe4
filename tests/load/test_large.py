"""Very large answers and batches, in their small form."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import pytest

from cli.checkout import DEPLOYMENT, ROOT
from proof.load import large_batch, large_result
from proof.load.large_result import LargeResults
from proof.load.promises import of_large_batch, of_large_results
from proof.load.report import large_batch_lines, large_result_lines
from proof.load.verification import Condition


@pytest.fixture(scope="module")
def cramped(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The deployment with little memory for the function, and without Function Compute's retries."""
    text = DEPLOYMENT.read_text("utf-8")
    for old, new in (
        ("cpu: 0.5\n      memorySize: 512", "cpu: 0.1\n      memorySize: 128"),
        ("maxAsyncRetryAttempts: 3", "maxAsyncRetryAttempts: 0"),
        ("code: ./functions", f"code: {ROOT / 'functions'}"),
    ):
        assert old in text
        text = text.replace(old, new)
    path = tmp_path_factory.mktemp("cramped") / "s.yaml"
    path.write_text(text, "utf-8")
    return path


@pytest.fixture(scope="module")
def results(cramped: Path) -> LargeResults:
    ladders = (((3, 0), (100, 20)), ((20_000, 0), (20_001, 0), (20_002, 0)))
    return large_result.climb(ladders, lambda text: None, cramped)


def test_the_first_answer_that_does_not_fit_is_found_and_the_last_step_is_tried_too(
    results: LargeResults,
) -> None:
    assert [(step.labels, step.error) for step in results.steps] == [
        (3, None),
        (100, None),
        (20_000, "AnswerTooLarge"),
        (20_002, "AnswerTooLarge"),
    ]


def test_what_fits_is_tagged_and_what_does_not_is_kept_without_harm_to_the_object(
    results: LargeResults,
) -> None:
    assert all(step.right for step in results.steps)
    assert [step.kept for step in results.steps] == [False, False, True, True]
    assert all(promise.kept for promise in of_large_results(results))


def test_sizes_are_measured(results: LargeResults) -> None:
    bodies = [step.body for step in results.steps]
    assert bodies == sorted(bodies)
    assert all(0 < step.peak_memory < results.memory_size == 128 for step in results.steps)
    lines = list(large_result_lines(results))
    assert lines[-1].endswith("AnswerTooLarge, kept")


def test_a_lost_notification_and_wrong_tags_are_noticed(results: LargeResults) -> None:
    lost = replace(results.steps[-1], kept=False)
    wrong = replace(results.steps[0], right=False)
    for step in (lost, wrong):
        assert not all(promise.kept for promise in of_large_results(replace(results, steps=(step,))))
    assert list(large_result_lines(replace(results, steps=(lost,))))[-1].endswith("lost")


def test_a_batch_ends_with_an_outcome_for_each_notification() -> None:
    told: list[str] = []
    batch = large_batch.send(100, 1, told.append)
    assert len(batch.tries) == len(told) == 1
    assert sum(batch.tries[0].outcomes.values()) == batch.notifications == 100
    assert batch.verification.conditions[Condition.NEWEST] == 20
    assert all(promise.kept for promise in of_large_batch(batch))
    assert 0 < batch.peak_memory < batch.memory_size
    assert any("of 150 s" in line for line in large_batch_lines(batch))

    failed = replace(batch, tries=(replace(batch.tries[0], error="BatchFailed"),))
    assert not all(promise.kept for promise in of_large_batch(failed))
    assert "BatchFailed" in list(large_batch_lines(failed))[-1]
    assert not all(promise.kept for promise in of_large_batch(replace(batch, peak_memory=600.0)))


def test_a_batch_has_the_form_of_an_eventbridge_stream() -> None:
    (sample,) = json.loads(
        (ROOT / "examples/events/tasks/eventbridge-stream-of-objects.json").read_text("utf-8")
    )
    task = large_result._target(3, 0).tasks[0]
    (item,) = json.loads(large_batch.batch_event([task], 1))
    assert item.keys() == sample.keys()
    content = json.loads(json.loads(item["data"]["messageBody"])["content"])
    assert (content["TaskId"], content["ProjectName"]) == (task.task_id, "immtest")
