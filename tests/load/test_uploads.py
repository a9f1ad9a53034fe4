"""Uploads that become tasks and tags, in the small form of the load test."""

from __future__ import annotations

from dataclasses import replace

import pytest

from proof.load import uploads
from proof.load.promises import of_uploads
from proof.load.report import upload_block, upload_lines
from proof.load.uploads import UploadPlan, UploadResult

PLAN = UploadPlan(objects=40, instances=4, duplicates=0.1, spread=2.0, throttled=0.1, kills=2, seed=12)
RESULT = UploadResult(
    PLAN,
    seconds=10.0,
    deliveries=44,
    attempts=95,
    killed=3,
    refused=9,
    tasks=42,
    missing=0,
    twice=2,
    raced=2,
    untagged=0,
    changed=0,
    kept=0,
    lost=0,
)


@pytest.fixture(scope="module")
def result() -> UploadResult:
    return uploads.upload_all(PLAN, lambda text: None)


def test_each_object_has_a_task_and_its_tags_whatever_happens(result: UploadResult) -> None:
    """A tenth of the events come twice and in any order, functions are killed, IMM throttles."""
    assert [promise for promise in of_uploads(result) if not promise.kept] == []


def test_it_was_as_bad_as_it_was_meant_to_be(result: UploadResult) -> None:
    assert result.deliveries > PLAN.objects
    assert result.killed > 0
    assert result.refused > 0
    assert result.attempts > 2 * PLAN.objects


@pytest.mark.parametrize(
    ("broken", "promise"),
    [
        (replace(RESULT, missing=1), "every object has a task"),
        (replace(RESULT, twice=3), "none has two"),
        (replace(RESULT, untagged=1), "every object has the tags"),
        (replace(RESULT, changed=1), "every foreign tag"),
        (replace(RESULT, lost=1), "no event is lost"),
        (replace(RESULT, kept=1), "no event is lost"),
    ],
)
def test_what_is_broken_is_told(broken: UploadResult, promise: str) -> None:
    assert [one for one in of_uploads(RESULT) if not one.kept] == []
    (told,) = (one for one in of_uploads(broken) if not one.kept)
    assert told.text.startswith(promise)


def test_the_report_and_the_page_have_the_same_figures() -> None:
    told = "\n".join(upload_lines(RESULT))
    for figure in ("44, 4 of them a second time", "3 killed at work", "2, 2 of them", "4.0 objects a second"):
        assert figure in told
        assert figure in upload_block(RESULT)
