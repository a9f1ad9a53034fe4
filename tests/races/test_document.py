"""docs/RACES.md says what was found."""

from __future__ import annotations

import re
from collections.abc import Mapping
from pathlib import Path

import pytest
from click.testing import CliRunner

from imm_label_tags.retries import CONNECT_SECONDS, MAX_SNAPSHOT_AGE_SECONDS, READ_SECONDS
from imm_label_tags.tagging.object_tagger import MAX_LOOKS
from imm_label_tags.tagging.settings import LONGEST_SECOND_LOOK
from proof.page import with_blocks
from proof.races import __main__ as command
from proof.races import window
from proof.races.document import DOCUMENT, blocks
from proof.races.figures import Figures
from proof.races.scenario import ONE_TASK, Other, Scenario

TEXT = DOCUMENT.read_text("utf-8")
PLAIN = " ".join(TEXT.split())


def test_its_tables_are_what_was_found(figures: Mapping[Scenario, Figures]) -> None:
    assert with_blocks(TEXT, blocks(figures)) == TEXT, "run: python -m proof.races --write"


def test_its_limits_are_those_of_the_code() -> None:
    assert f"{MAX_SNAPSHOT_AGE_SECONDS:g} seconds old" in PLAIN
    longest = MAX_SNAPSHOT_AGE_SECONDS + CONNECT_SECONDS + READ_SECONDS
    assert f"{longest:g} seconds at most" in PLAIN
    assert f"`SECOND_LOOK_SECONDS` (0 to {LONGEST_SECOND_LOOK}, off by default)" in PLAIN
    assert f"at most {('zero', 'one', 'two', 'three')[MAX_LOOKS]} times" in PLAIN


def test_a_mark_that_lacks_is_told_of() -> None:
    with pytest.raises(KeyError, match="schedules"):
        with_blocks("# Nothing here\n", {"schedules": ""})


def test_the_measurement_is_written_where_that_is_asked_for(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("DOCUMENT", "UPLOADS"):
        page: Path = getattr(window, name)
        monkeypatch.setattr(window, name, tmp_path / page.name)
        (tmp_path / page.name).write_text(page.read_text("utf-8"), "utf-8")
    result = CliRunner().invoke(window.main, ["--number", "2", "--write"])
    assert result.exit_code == 0, result.output
    written = (tmp_path / "RACES.md").read_text("utf-8")
    assert written != TEXT
    assert [line for line in result.output.splitlines() if line not in written] == []
    assert result.output.count("2 events for each line") == 2
    uploads = (tmp_path / "UPLOADS.md").read_text("utf-8")
    assert re.search(r"takes 20 ms longer: 1 in [\d,]+ of the events", uploads)


def test_the_command_writes_the_tables_and_tells_of_broken_promises(
    figures: Mapping[Scenario, Figures], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    # Given the page without its tables, and a larger race in which a tag of others is lost
    page = tmp_path / "RACES.md"
    page.write_text(re.sub(r"(<!-- schedules -->\n).*?(<!-- end)", r"\1\2", TEXT, flags=re.DOTALL), "utf-8")
    monkeypatch.setattr(command, "DOCUMENT", page)
    monkeypatch.setattr(command, "figures", lambda: dict(figures))
    race = Scenario(ONE_TASK, Other.ADDING)
    monkeypatch.setattr(command, "larger", lambda: iter([race]))

    # When all is printed and written
    result = CliRunner().invoke(command.main, ["--write", "--deep"])
    assert result.exit_code == 0, result.output
    assert page.read_text("utf-8") == TEXT
    assert re.search(
        r"one notification \| a tool that adds a tag in a single step \|  \| no \| 3 \| 2 \|", result.output
    )

    # And when a promise was broken
    monkeypatch.setattr(command, "count", lambda scenario, courses: figures[race]._replace(forgetful=2))
    result = CliRunner().invoke(command.main, ["--deep"])
    assert result.exit_code == 1
    assert "BROKEN PROMISE in 2 of them" in result.output
