"""Very large answers and batches, uploads that become tasks and tags, and the command, in small form."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner

from cli.checkout import DEPLOYMENT, ROOT
from proof.load import __main__ as command
from proof.load.__main__ import main
from proof.load.large import LargeAnswers, read_large_answers, send_batch
from proof.load.publishing import Standstill
from proof.load.report import Result
from proof.load.uploads import UploadPlan, UploadResult, upload_all
from proof.page import PERFORMANCE

UPLOADS = UploadPlan(objects=40, instances=4, duplicates=0.1, spread=2.0, throttled=0.1, kills=2, seed=12)


def broken(result: Result) -> list[str]:
    return [promise.text for promise in result.promises() if not promise.kept]


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
def answers(cramped: Path) -> LargeAnswers:
    return read_large_answers(((3, 0), (100, 20), (20_000, 0)), lambda text: None, cramped)


def test_what_fits_is_tagged_and_what_does_not_is_kept_without_harm_to_the_object(
    answers: LargeAnswers,
) -> None:
    assert [(step.labels, step.end) for step in answers.steps] == [
        (3, "tagged"),
        (100, "tagged"),
        (20_000, "AnswerTooLarge, kept"),
    ]
    assert broken(answers) == []
    bodies = [step.body for step in answers.steps]
    assert bodies == sorted(bodies)
    assert all(0 < step.peak_memory < answers.memory_size == 128 for step in answers.steps)


def test_a_lost_notification_wrong_tags_and_too_much_memory_are_noticed(answers: LargeAnswers) -> None:
    first, *_, last = answers.steps
    for step in (replace(last, kept=False), replace(first, right=False)):
        assert broken(replace(answers, steps=[step])) != []
    assert broken(replace(answers, steps=[replace(last, error="FunctionOOMError")])) != []


def test_a_batch_ends_with_an_outcome_for_each_notification() -> None:
    told: list[str] = []
    batch = send_batch(100, 1, told.append)
    assert len(batch.tries) == len(told) == 1
    assert (sum(batch.tries[0].outcomes.values()), batch.tries[0].right) == (100, 20)
    assert broken(batch) == []
    assert dict(batch.rows())["invocation 1"].endswith("20 objects right then")
    assert broken(replace(batch, tries=[replace(batch.tries[0], error="BatchFailed")])) != []
    assert broken(replace(batch, tries=[replace(batch.tries[0], right=19)])) != []
    assert broken(replace(batch, peak_memory=600.0)) != []


@pytest.fixture(scope="module")
def uploaded() -> UploadResult:
    return upload_all(UPLOADS, lambda text: None)


def test_each_upload_has_a_task_and_its_tags_whatever_happens(uploaded: UploadResult) -> None:
    """A tenth of the events come twice and in any order, functions are killed, IMM throttles."""
    assert broken(uploaded) == []
    assert uploaded.deliveries > UPLOADS.objects
    assert uploaded.killed > 0
    assert uploaded.refused > 0
    assert uploaded.attempts > 2 * UPLOADS.objects


@pytest.mark.parametrize(
    ("fault", "promise"),
    [
        ({"missing": 1}, "every object has a task"),
        ({"twice": 3, "raced": 2}, "none has two"),
        ({"untagged": 1}, "every object has the tags"),
        ({"changed": 1}, "every foreign tag"),
        ({"lost": 1}, "no event is lost"),
        ({"kept": 1}, "no event is lost"),
    ],
)
def test_what_is_broken_is_told(uploaded: UploadResult, fault: dict[str, int], promise: str) -> None:
    (told,) = broken(replace(uploaded, **fault))  # type: ignore[arg-type]
    assert told.startswith(promise)


# The command


def test_parts_are_shown_and_written_into_a_file_and_the_page(
    uploaded: UploadResult, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    page, figures = tmp_path / "PERFORMANCE.md", tmp_path / "figures.json"
    page.write_text(PERFORMANCE.read_text("utf-8"), "utf-8")
    monkeypatch.setattr(command, "PERFORMANCE", page)
    monkeypatch.setattr(command, "upload_all", lambda plan, tell: replace(uploaded, plan=plan))
    options = ["--only", "uploads", "--objects", "40", "--seed", "7", "--json", str(figures), "--write"]
    result = CliRunner().invoke(main, options)
    assert result.exit_code == 0, result.output
    assert "seed 7" in result.output
    assert "5 of 5 promises were kept." in result.output
    for name, value in replace(uploaded, plan=replace(UPLOADS, spread=30.0)).rows():
        if name in ("events", "objects with two"):
            assert value in result.output
            assert f"| {name} | {value} |" in page.read_text("utf-8")
    document = json.loads(figures.read_text("utf-8"))["uploads"]
    assert (document["plan"]["seed"], document["killed"]) == (7, uploaded.killed)
    assert all(promise["kept"] for promise in document["promises"])


def test_a_broken_promise_ends_with_status_1(uploaded: UploadResult, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(command, "upload_all", lambda *_: replace(uploaded, lost=1))
    result = CliRunner().invoke(main, ["--only", "uploads"])
    assert result.exit_code == 1
    assert "BROKEN  no event is lost" in result.output
    assert "4 of 5 promises were kept." in result.output


def test_a_standstill_is_a_problem_and_names_the_seed(monkeypatch: pytest.MonkeyPatch) -> None:
    def stand_still(*_: Any) -> Any:
        raise Standstill(5, 120)

    monkeypatch.setattr(command, "upload_all", stand_still)
    result = CliRunner().invoke(main, ["--only", "uploads", "--seed", "42"])
    assert result.exit_code == 2
    assert "for 120 s; 5 are still on their way. The seed was 42." in result.output
