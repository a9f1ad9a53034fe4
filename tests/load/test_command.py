"""The command: its parts, its report, its exit status."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner

from cli.checkout import ROOT
from cli.problems import Problem
from proof.load import command, flood, large_batch, large_result, uploads
from proof.load.command import main
from proof.load.large_batch import LargeBatch, Try
from proof.load.large_result import LargeResult, LargeResults
from proof.load.plan import FloodPlan
from proof.load.promises import Promise
from proof.load.publishing import Standstill
from proof.load.region import Region, check_second_look
from proof.load.verification import Condition, Verification
from tests.load.test_uploads import RESULT as UPLOADED
from tests.localcloud.fc_world import write_deployment

# Without a second look, so that the verdict does not depend on which of two tasks writes last.
SMALL = [
    "--notifications",
    "20",
    "--objects",
    "10",
    "--instances",
    "2",
    "--kills",
    "1",
    "--faults",
    "0",
    "--second-look",
    "0",
]
STEP = LargeResult(3, 2, 0.1, 1, 0.5, 90.0, None, right=True, kept=False)
BATCH = LargeBatch(
    notifications=20,
    event=0.1,
    memory_size=512,
    timeout=150,
    cpu=0.5,
    cpu_seconds=2.0,
    tries=(Try(3.0, None, {"tagged": 20}, 20),),
    peak_memory=90.0,
    verification=Verification({**dict.fromkeys(Condition, 0), Condition.NEWEST: 20}),
)


def test_all_parts_are_reported_in_words_and_in_a_file(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    # Given a small flood; the other parts have tests of their own
    monkeypatch.setattr(large_result, "climb", lambda *_: LargeResults(512, (STEP,)))
    monkeypatch.setattr(large_batch, "send", lambda *_: BATCH)
    monkeypatch.setattr(uploads, "upload_all", lambda *_: UPLOADED)
    figures = tmp_path / "figures.json"
    result = CliRunner().invoke(main, [*SMALL, "--seed", "7", "--json", str(figures)])
    assert result.exit_code == 0, result.output
    for shown in (
        "seed 7",
        "20 delivered",
        "1 killed at work",
        "lost                      0",
        "with wiped foreign tags   0",
        "publish to outcome",
        "never killed",
        "Tasks with very many labels, in 512 MB",
        "A batch of 20 notifications",
        "2 s, at least 4 s with the function's 0.5 CPU",
        "objects with a task       40",
        "promises were kept.",
    ):
        assert shown in result.output
    assert "BROKEN" not in result.output
    document = json.loads(figures.read_text("utf-8"))
    assert set(document) == {"flood", "labels", "batch", "uploads"}
    figures_of_flood = document["flood"]
    plan = figures_of_flood["plan"]
    assert (figures_of_flood["deliveries"], figures_of_flood["lost"], plan["seed"]) == (20, 0, 7)
    assert set(figures_of_flood["latencies"]) == {"count", "p50", "p95", "p99", "largest"}
    assert all(promise["kept"] for part in document.values() for promise in part["promises"])


def test_a_broken_promise_ends_with_status_1(monkeypatch: pytest.MonkeyPatch) -> None:
    def carry_out(plan: Any, parts: Any, progress: Any, run: Any, **_: Any) -> None:
        run.add("flood", {}, ["a line"], [Promise("nothing is lost", kept=False, found="1 lost")])

    monkeypatch.setattr(command, "carry_out", carry_out)
    result = CliRunner().invoke(main, ["--only", "flood"])
    assert result.exit_code == 1
    assert "BROKEN  nothing is lost: 1 lost" in result.output
    assert "0 of 1 promises were kept." in result.output


def test_a_standstill_is_a_problem_and_names_the_seed(monkeypatch: pytest.MonkeyPatch) -> None:
    def carry_out(*_: Any, **__: Any) -> None:
        raise Standstill(5, 120)

    monkeypatch.setattr(command, "carry_out", carry_out)
    result = CliRunner().invoke(main, ["--seed", "42"])
    assert result.exit_code == 2
    assert "for 120 s; 5 are still on their way. The seed was 42." in result.output


def test_a_flood_that_does_not_drain_is_a_standstill(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(flood, "DRAIN_SECONDS", 0.0)
    plan = FloodPlan(2, 2, 1, 0.0, 0.0, 0, 0.0, 1)
    with pytest.raises(Standstill, match="for 0 s; 2 are still on their way"):
        flood.flood(plan, lambda text: None)


def test_the_package_runs_as_a_module() -> None:
    shown = subprocess.run(
        [sys.executable, "-m", "proof.load", "--help"], cwd=ROOT, capture_output=True, text=True, check=True
    )
    assert "Usage: python -m proof.load" in shown.stdout


def test_a_deployment_without_the_function_is_a_problem(tmp_path: Path) -> None:
    deployment = write_deployment(tmp_path, "def handler(event, context): pass")
    with (
        pytest.raises(Problem, match="declares 0 functions with the handler"),
        Region(instances=1, deployment=deployment),
    ):
        raise AssertionError


def test_a_second_look_reaches_the_function() -> None:
    with Region(instances=1, second_look=0.25) as region:
        check_second_look(region, 0.25)
        with pytest.raises(Problem, match="--second-look 0"):
            check_second_look(region, 0.5)
