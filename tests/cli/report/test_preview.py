"""``imm-label-tags preview``: what would be written, under settings that are tried out."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from tests.cli.world import ARCHIVE, CHAIR, LATER, NIGHT, World

KEY = "videos/a.mp4"
OWN = {"team": "a"}
PROVENANCE = f"{LATER}/task-1"


@pytest.fixture
def uri(world: World) -> str:
    world.task(KEY, CHAIR, NIGHT)
    return world.put(KEY, OWN)


def preview(world: World, *arguments: str, **settings: str) -> Any:
    return world.json("preview", *arguments, "--project", world.project, **settings)


def test_it_tells_the_tags_before_and_after_and_why_a_label_gets_none(world: World, uri: str) -> None:
    shown = preview(world, uri, LABEL_LIMIT="1")

    assert shown == {
        "object": uri,
        "task_id": "task-1",
        "status": "tagged",
        "before": OWN,
        "tags": {**OWN, "imm": PROVENANCE, "imm_yi-zi": "yes"},
        "dropped": [{"label": "夜景", "reason": "limit"}],
    }
    assert world.tags(KEY) == OWN


@pytest.mark.parametrize(
    ("tried", "ours"),
    [
        ("TAG_VALUE={confidence}", {"imm": PROVENANCE, "imm_yi-zi": "0.95", "imm_ye-jing": "0.60"}),
        ("LABEL_MIN_CONFIDENCE=0.9", {"imm": PROVENANCE, "imm_yi-zi": "yes"}),
        ("TAG_NAMESPACE=video", {"video": PROVENANCE, "video_yi-zi": "yes", "video_ye-jing": "yes"}),
        ("LABEL_LIMIT=", {"imm": PROVENANCE, "imm_yi-zi": "yes", "imm_ye-jing": "yes"}),
    ],
)
def test_any_setting_can_be_tried(world: World, uri: str, tried: str, ours: dict[str, str]) -> None:
    world.settings["LABEL_LIMIT"] = "1" if tried == "LABEL_LIMIT=" else "9"
    assert preview(world, "task-1", "--set", tried)["tags"] == {**OWN, **ours}
    assert world.tags(KEY) == OWN


def test_another_namespace_is_tried_on_an_object_whose_task_imm_has_forgotten(world: World) -> None:
    # Given an object that was tagged, and the archive of its task's result
    world.archive(KEY, CHAIR, task="forgotten")
    world.settings["RESULT_ARCHIVE"] = world.uri(ARCHIVE)
    ours = {"imm": f"{LATER}/forgotten", "imm_yi-zi": "yes"}
    uri = world.put(KEY, ours)

    shown = preview(world, uri, "--set", "TAG_NAMESPACE=video")

    # Then the tags of the namespace before it are somebody else's
    assert shown["tags"] == {**ours, "video": f"{LATER}/forgotten", "video_yi-zi": "yes"}


def test_a_file_of_rules_is_tried_wherever_it_is(world: World, uri: str, tmp_path: Path) -> None:
    rules = tmp_path / "rules.json"
    rules.write_text(json.dumps({"content": {"furniture": ["chair"]}, "yi-zi": {"no": ["桌子"]}}), "utf-8")

    shown = preview(world, uri, "--rules", str(rules), "--set", "LABEL_LIMIT=0")

    assert shown["tags"] == {**OWN, "imm": PROVENANCE, "imm_content": "furniture"}
    assert [drop["reason"] for drop in shown["dropped"]] == ["limit", "limit"]


def test_rules_for_which_there_is_no_room_are_told(world: World, tmp_path: Path) -> None:
    world.task(KEY, CHAIR)
    uri = world.put(KEY, {f"own{number}": "1" for number in range(9)})
    rules = tmp_path / "rules.json"
    rules.write_text(json.dumps({"a": {"b": "*"}, "c": {"d": "*"}}), "utf-8")

    told = world.run("preview", uri, "--rules", str(rules), "--project", world.project).output

    assert "c=d of the rules is dropped: limit" in told
    assert "nothing was written" in told


def test_what_is_no_setting_and_what_the_function_would_refuse_is_said(world: World, uri: str) -> None:
    for tried in ("TAG_VALEU=x", "TAG_VALUE"):
        unknown = world.run("preview", uri, "--set", tried)
        assert unknown.exit_code == 2
        assert "TAG_VALUE" in unknown.output
    refused = world.run("preview", uri, "--set", "LABEL_LIMIT=99")
    assert refused.exit_code == 2
    assert "LABEL_LIMIT" in refused.output


def test_a_terminal_shows_each_label_with_what_it_would_become(world: World, uri: str) -> None:
    told = world.run("preview", uri, "--set", "LABEL_LIMIT=1").output

    assert "imm_yi-zi" in told
    assert "no room" in told
    assert "Planned with LABEL_LIMIT=1; nothing was written." in told
