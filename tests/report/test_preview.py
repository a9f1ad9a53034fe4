"""``imm-label-tags preview``: what would be written, under settings that are tried out."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from tests.report.library import CHAIR, LATER, NIGHT, Library

KEY = "videos/a.mp4"
OWN = {"team": "a"}
PROVENANCE = f"{LATER}/task-1"


@pytest.fixture
def uri(library: Library) -> str:
    library.task(KEY, CHAIR, NIGHT)
    return library.put(KEY, OWN)


def test_it_tells_the_tags_before_and_after_and_why_a_label_gets_none(library: Library, uri: str) -> None:
    shown = library.preview(uri, LABEL_LIMIT="1")

    assert shown == {
        "object": uri,
        "task_id": "task-1",
        "status": "tagged",
        "before": OWN,
        "tags": {**OWN, "imm": PROVENANCE, "imm_yi-zi": "yes"},
        "dropped": [{"label": "夜景", "reason": "limit"}],
    }
    assert library.tags(KEY) == OWN


@pytest.mark.parametrize(
    ("tried", "ours"),
    [
        ("TAG_VALUE={confidence}", {"imm": PROVENANCE, "imm_yi-zi": "0.95", "imm_ye-jing": "0.60"}),
        ("LABEL_MIN_CONFIDENCE=0.9", {"imm": PROVENANCE, "imm_yi-zi": "yes"}),
        ("TAG_NAMESPACE=video", {"video": PROVENANCE, "video_yi-zi": "yes", "video_ye-jing": "yes"}),
        ("LABEL_LIMIT=", {"imm": PROVENANCE, "imm_yi-zi": "yes", "imm_ye-jing": "yes"}),
    ],
)
def test_any_setting_can_be_tried(library: Library, uri: str, tried: str, ours: dict[str, str]) -> None:
    library.settings["LABEL_LIMIT"] = "1" if tried == "LABEL_LIMIT=" else "9"
    assert library.preview("task-1", "--set", tried)["tags"] == {**OWN, **ours}
    assert library.tags(KEY) == OWN


def test_another_namespace_is_tried_on_an_object_whose_task_imm_has_forgotten(library: Library) -> None:
    # Given an object that was tagged, and the archive of its task's result
    library.archive(KEY, CHAIR, task="forgotten")
    ours = {"imm": f"{LATER}/forgotten", "imm_yi-zi": "yes"}
    uri = library.put(KEY, ours)

    shown = library.preview(uri, "--set", "TAG_NAMESPACE=video")

    # Then the tags of the namespace before it are somebody else's
    assert shown["tags"] == {**ours, "video": f"{LATER}/forgotten", "video_yi-zi": "yes"}


def test_a_file_of_rules_is_tried_wherever_it_is(library: Library, uri: str, tmp_path: Path) -> None:
    rules = tmp_path / "rules.json"
    rules.write_text(json.dumps({"content": {"furniture": ["chair"]}, "yi-zi": {"no": ["桌子"]}}), "utf-8")

    shown = library.preview(uri, "--rules", str(rules), "--set", "LABEL_LIMIT=0")

    assert shown["tags"] == {**OWN, "imm": PROVENANCE, "imm_content": "furniture"}
    assert [drop["reason"] for drop in shown["dropped"]] == ["limit", "limit"]


def test_rules_for_which_there_is_no_room_are_told(library: Library, tmp_path: Path) -> None:
    library.task(KEY, CHAIR)
    uri = library.put(KEY, {f"own{number}": "1" for number in range(9)})
    rules = tmp_path / "rules.json"
    rules.write_text(json.dumps({"a": {"b": "*"}, "c": {"d": "*"}}), "utf-8")

    told = library.run("preview", uri, "--rules", str(rules), "--project", "immtest").output

    assert "c=d of the rules is dropped: limit" in told
    assert "nothing was written" in told


def test_what_is_no_setting_and_what_the_function_would_refuse_is_said(library: Library, uri: str) -> None:
    for tried in ("TAG_VALEU=x", "TAG_VALUE"):
        unknown = library.run("preview", uri, "--set", tried)
        assert unknown.exit_code == 2
        assert "TAG_VALUE" in unknown.output
    refused = library.run("preview", uri, "--set", "LABEL_LIMIT=99")
    assert refused.exit_code == 2
    assert "LABEL_LIMIT" in refused.output


def test_a_terminal_shows_each_label_with_what_it_would_become(library: Library, uri: str) -> None:
    told = library.run("preview", uri, "--set", "LABEL_LIMIT=1").output

    assert "imm_yi-zi" in told
    assert "no room" in told
    assert "Planned with LABEL_LIMIT=1; nothing was written." in told
