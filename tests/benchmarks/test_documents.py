"""The report is made of the results that are kept, and of nothing else; no target is asked for."""

from __future__ import annotations

import json
import platform
from contextlib import nullcontext
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

import pytest
from click.testing import CliRunner

from cli.checkout import ROOT
from cli.problems import Problem
from layers.interpreters import Interpreter
from proof.benchmarks import command, document, subjects
from proof.benchmarks.chart import picture
from proof.benchmarks.command import main
from proof.benchmarks.subjects import Runtime, Sizes
from tests.benchmarks.samples import measured


@pytest.fixture
def results() -> dict[str, Any]:
    return document.results({"python3.12": measured(), "python3.10": measured()}, 20)


def test_the_documents_and_the_picture_are_those_of_the_results_that_are_kept() -> None:
    kept = document.read_results(ROOT)
    for path, text in document.rendered(kept, ROOT).items():
        assert (ROOT / path).read_text("utf-8") == text, f"{path}: run `python -m proof.benchmarks --render`"


def test_the_page_shows_the_picture() -> None:
    assert f"]({document.PICTURE.name})" in (ROOT / "docs" / "PERFORMANCE.md").read_text("utf-8")


def test_the_kept_results_do_not_tell_whose_machine_it_was() -> None:
    assert platform.node() not in (ROOT / document.RESULTS).read_text("utf-8").split('"')


def page(results: dict[str, Any]) -> str:
    """PERFORMANCE.md with these results."""
    return document.rendered(results, ROOT)[Path("docs", "PERFORMANCE.md")]


def test_a_page_has_the_figures_of_its_results(results: dict[str, Any]) -> None:
    text = page(results)
    assert "| cold start, ASCII labels, CPU time | ≤ 0.4 (0.33) | 0.31, further goal met |" in text
    assert "| of that, first notification | 20.0 ms | 20.0 ms | 1.00 | 20.0 ms |" in text
    assert "155 ms of CPU time, of which 125 ms (81%) are the floor" in text


def test_a_target_that_was_missed_is_said_to_be(results: dict[str, Any]) -> None:
    results["runtimes"]["python3.10"]["batch"]["a_second"]["ratio"] = 7.0
    assert "| rate in a batch | ≥ 8 (12) | 11.00, met | 7.00, **missed** |" in page(results)


def test_every_row_of_a_table_is_as_wide_as_its_head(results: dict[str, Any]) -> None:
    for part in (part for blocks in document.BLOCKS.values() for part in blocks.values()):
        width = 0
        for line in part(results).splitlines():
            if not line.startswith("|"):
                width = 0
            else:
                width = width or line.count("|")
                assert line.count("|") == width


def test_the_picture_is_well_formed_and_readable_on_dark_pages(results: dict[str, Any]) -> None:
    drawn = picture(results)
    root = ElementTree.fromstring(drawn)
    assert root.attrib["role"] == "img"
    assert "prefers-color-scheme: dark" in drawn
    width = float(root.attrib["width"])
    for element in root.iter():
        x = float(element.get("x", 0))
        assert 0 <= x <= width
        if element.tag.endswith("rect"):
            assert x + float(element.attrib["width"]) <= width - 100, "room for the figure and the ratio"


def test_results_that_are_not_there_are_asked_for(tmp_path: Path) -> None:
    with pytest.raises(Problem, match="Run `make bench`"):
        document.read_results(tmp_path)


def test_a_whole_run_writes_results_and_documents(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    asked = []

    def measure(runtime: str, runs: int, parts: tuple[str, ...], built: Path | None) -> dict[str, Any]:
        asked.append((runtime, runs, parts, built))
        return measured()

    monkeypatch.setattr(command, "measure", measure)
    copy = tmp_path / "copy.json"
    arguments = ["--runs", "3", "--python", "3.12", "--json", str(copy), "--output", str(tmp_path)]
    outcome = CliRunner().invoke(main, arguments)
    assert outcome.exit_code == 0, outcome.output
    assert asked == [("python3.12", 3, ("cold", "memory", "warm", "batch", "imports"), None)]
    kept = document.read_results(tmp_path)
    assert kept["measured"]["runs"] == 3
    assert json.loads(copy.read_text("utf-8")) == kept
    for path, text in document.rendered(kept, ROOT).items():
        assert (tmp_path / path).read_text("utf-8") == text
    assert "further goal met" in outcome.output


def test_a_part_of_a_run_is_shown_and_writes_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(command, "measure", lambda *_: {"warm": {"calls": 5}})
    arguments = ["--only", "warm", "--python", "3.12", "--output", str(tmp_path)]
    outcome = CliRunner().invoke(main, arguments)
    assert outcome.exit_code == 0, outcome.output
    assert '"calls": 5' in outcome.output
    assert not list(tmp_path.iterdir())


def test_documents_can_be_made_again_without_measuring(tmp_path: Path) -> None:
    outcome = CliRunner().invoke(main, ["--render", "--output", str(tmp_path)])
    assert outcome.exit_code == 0, outcome.output
    assert {path.relative_to(tmp_path) for path in tmp_path.rglob("*.svg")} == {document.PICTURE}


def test_other_systems_are_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("sys.platform", "darwin")
    outcome = CliRunner().invoke(main, ["--runs", "2"])
    assert outcome.exit_code == 2
    assert "needs Linux" in outcome.output


def test_a_run_prepares_measures_and_prices(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    figures = measured()
    seen: list[Path] = []

    def prepare(runtime: str, built: Path, directory: Path, authority: Path) -> Runtime:
        assert built == tmp_path
        assert authority.is_file()
        seen.append(directory)
        return Runtime(runtime, Interpreter(Path("python"), "3.12.1"), {}, Sizes(1, 2, 3))

    monkeypatch.setattr(subjects, "prepare", prepare)
    monkeypatch.setattr(command, "Region", lambda certificate: nullcontext())
    parts = {name: (lambda bench, name=name: figures[name]) for name in command.PARTS}
    monkeypatch.setattr(command, "PARTS", parts)

    whole = command.measure("python3.12", 2, tuple(parts), tmp_path)
    assert whole["sizes"]["layer_bytes"]["ratio"] == 0.5
    declared = subjects.declaration()
    assert whole["cost"]["size"] == {"vcpu": declared.cpu, "memory_megabytes": declared.memory_size}
    assert whole["cold"] is figures["cold"]
    part = command.measure("python3.12", 2, ("warm",), tmp_path)
    assert part.keys() == {"interpreter", "sizes", "warm"}
    assert not [directory for directory in seen if directory.exists()]


def test_every_runtime_with_an_interpreter_is_measured(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    asked: list[str] = []

    def measure(runtime: str, *_: object) -> dict[str, Any]:
        asked.append(runtime)
        return measured()

    monkeypatch.setattr(command, "measure", measure)
    monkeypatch.setattr(command, "find_interpreter", lambda version, _: version == "3.10" or None)
    outcome = CliRunner().invoke(main, ["--only", "cold"])
    assert (outcome.exit_code, asked) == (0, ["python3.10"])

    monkeypatch.setattr(command, "find_interpreter", lambda version, _: None)
    outcome = CliRunner().invoke(main, ["--output", str(tmp_path)])
    assert outcome.exit_code == 2
    assert "no interpreter of any of python3.12, python3.10" in outcome.output
