"""docs/RACES.md says what was found."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from pathlib import Path

import pytest
from click.testing import CliRunner

from imm_label_tags.retries import CONNECT_SECONDS, MAX_SNAPSHOT_AGE_SECONDS, READ_SECONDS
from imm_label_tags.tagging.object_tagger import MAX_LOOKS
from imm_label_tags.tagging.settings import LONGEST_SECOND_LOOK
from proof.page import with_blocks
from proof.races import __main__ as command
from proof.races import document, submissions, window
from proof.races.cases import LOST_ANSWERS, SCHEDULES, SECOND_LOOK
from proof.races.document import DOCUMENT, blocks
from proof.races.figures import Figures
from proof.races.scenario import ONE_TASK, TWO_TASKS, Look, Other, Scenario
from proof.races.window import Measurement, Window

TEXT = DOCUMENT.read_text("utf-8")
PLAIN = " ".join(TEXT.split())


def test_its_tables_are_what_was_found(figures: Mapping[Scenario, Figures]) -> None:
    assert with_blocks(TEXT, blocks(figures)) == TEXT


def test_the_table_of_submissions_is_what_was_found() -> None:
    text = document.submissions_block(submissions.figures())
    assert with_blocks(TEXT, {"submissions": text}) == TEXT


@pytest.mark.parametrize(
    ("name", "in_words"),
    [("window", window.block), ("window of submissions", window.block_of_submissions)],
)
def test_it_has_what_was_measured(name: str, in_words: Callable[[list[Measurement]], str]) -> None:
    (block,) = re.findall(f"<!-- {name} -->\n(.*?)<!-- end of {name} -->", TEXT, re.DOTALL)
    number = int(block.split()[0])
    assert number >= 100
    # The forms of the lines, not their figures: those are of one machine.
    measurement = Measurement(0, [Window(1.0, 1.0)] * number)
    assert shape(block) == shape(in_words([measurement, measurement]))


def shape(text: str) -> str:
    return re.sub(
        r"\(\w+ [\d.]+, \d+ CPUs with a load of [\d.]+\)",
        "(a machine)",
        re.sub(r"\d[\d,.]*(?= ms| \|)", "n", text),
    )


def test_its_limits_are_those_of_the_code() -> None:
    assert f"{MAX_SNAPSHOT_AGE_SECONDS:g} seconds old" in PLAIN
    longest = MAX_SNAPSHOT_AGE_SECONDS + CONNECT_SECONDS + READ_SECONDS
    assert f"{longest:g} seconds at most" in PLAIN
    assert f"`SECOND_LOOK_SECONDS` (0 to {LONGEST_SECOND_LOOK}, off by default)" in PLAIN
    assert f"at most {('zero', 'one', 'two', 'three')[MAX_LOOKS]} times" in PLAIN


def test_a_mark_that_lacks_is_told_of() -> None:
    with pytest.raises(KeyError, match="schedules"):
        with_blocks("# Nothing here\n", {"schedules": ""})


def test_the_tables_are_written_between_their_marks(
    figures: Mapping[Scenario, Figures], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "RACES.md"
    path.write_text(re.sub(r"(<!-- schedules -->\n).*?(<!-- end)", r"\1\2", TEXT, flags=re.DOTALL), "utf-8")
    monkeypatch.setattr(document, "DOCUMENT", path)
    monkeypatch.setattr(document, "figures", lambda: figures)
    document.main()
    assert path.read_text("utf-8") == TEXT


def test_the_measurement_is_written_where_that_is_asked_for(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "RACES.md"
    path.write_text(TEXT, "utf-8")
    monkeypatch.setattr(window, "DOCUMENT", path)
    uploads = tmp_path / "UPLOADS.md"
    uploads.write_text(window.UPLOADS.read_text("utf-8"), "utf-8")
    monkeypatch.setattr(window, "UPLOADS", uploads)
    result = CliRunner().invoke(window.main, ["--number", "2", "--write"])
    assert result.exit_code == 0, result.output
    written = path.read_text("utf-8")
    assert written != TEXT
    assert [line for line in result.output.splitlines() if line not in written] == []
    assert result.output.count("2 events for each line") == 2
    assert re.search(r"takes 20 ms longer: 1 in [\d,]+ of the events", uploads.read_text("utf-8"))


@pytest.mark.parametrize("deep", [False, True])
def test_the_command_prints_each_race_and_what_it_ends_in(
    monkeypatch: pytest.MonkeyPatch, deep: bool
) -> None:
    monkeypatch.setattr(command, "SCHEDULES", (Scenario(TWO_TASKS),))
    monkeypatch.setattr(command, "SECOND_LOOK", (Scenario(TWO_TASKS, look=Look.LATER),))
    monkeypatch.setattr(command, "LOST_ANSWERS", ())
    monkeypatch.setattr(command, "deep", lambda: iter([(Scenario(ONE_TASK, Other.ADDING), True)]))
    result = CliRunner().invoke(command.main, ["--deep"] if deep else [])
    assert result.exit_code == 0
    assert "4 right, 2 an older task's labels, 0 with a change undone" in result.output
    assert ("every call chosen" in result.output) is deep
    assert "BROKEN" not in result.output


def test_the_command_fails_where_a_promise_is_broken(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(command, "SCHEDULES", (Scenario(TWO_TASKS),))
    monkeypatch.setattr(command, "SECOND_LOOK", ())
    monkeypatch.setattr(command, "LOST_ANSWERS", ())
    monkeypatch.setattr(command, "broken", lambda scenario, found: [f"{found.schedules} schedules"])
    result = CliRunner().invoke(command.main, [])
    assert result.exit_code == 1
    assert "BROKEN: 6 schedules" in result.output


def test_a_broken_promise_is_named(figures: Mapping[Scenario, Figures]) -> None:
    # Given the figures of two tasks without a second look, as if they were those of one
    wrong = figures[Scenario(TWO_TASKS)]
    assert command.broken(Scenario(TWO_TASKS), wrong) == []
    (promise,) = command.broken(Scenario(TWO_TASKS, look=Look.LATER), wrong)
    assert promise == "a second look that came late enough left wrong labels: 2 schedules"


def test_the_larger_races_are_others() -> None:
    larger = list(command.deep())
    assert len(set(larger)) == len(larger)
    known = {(scenario, False) for scenario in (*SCHEDULES, *SECOND_LOOK, *LOST_ANSWERS)}
    assert known.isdisjoint(larger)
