"""``imm-label-tags show`` against a local cloud, and against files alone."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner, Result

from cli.main import main
from localcloud.cloud import LocalCloud
from localcloud.config import CloudConfig
from tests.cli.show.chromium import Page
from tests.cli.show.films import OWN_TAGS, VIDEO
from tests.cli.world import ARCHIVE, LATER, World, label, result

LABELS = [label("椅子", 0.95, (1000, 3000), ParentLabelName="家具"), label("夜景", 0.35, (0, 20_000))]
KEY = "videos/a b 视频.webm"
EXPECTED = {**OWN_TAGS, "imm_yi-zi": "yes"}


class Studio(World):
    """A world with one video, and one task about it."""

    def __init__(self, cloud: LocalCloud, directory: Path) -> None:
        super().__init__(cloud, directory)
        self.object = self.put(KEY, OWN_TAGS, VIDEO.read_bytes())
        self.newest = self.task(KEY, *LABELS, task=f"task-of-{self.bucket}")

    def show(self, *arguments: str, **variables: str) -> Result:
        return self.run("show", *arguments, **variables)

    def shown(self, *arguments: str, **variables: str | None) -> Any:
        """What the command prints as JSON."""
        return self.json("show", *arguments, **variables)


@pytest.fixture
def studio(world: World) -> Studio:
    return Studio(world.cloud, world.directory)


def without_provenance(tags: Mapping[str, str]) -> dict[str, str]:
    return {key: value for key, value in tags.items() if key != "imm"}


# What it is given


def test_an_object_without_our_tags_is_shown_with_its_newest_task(studio: Studio) -> None:
    # Given no project that is named
    shown = studio.shown(studio.object, IMM_LABEL_TAGS_PROJECT=None)

    assert (shown["object"], shown["task_id"], shown["status"]) == (studio.object, studio.newest, "tagged")
    assert shown["project_name"] == studio.project
    assert shown["before"] == OWN_TAGS
    assert without_provenance(shown["tags"]) == EXPECTED
    assert [(each["label"], each["tag"], each["reason"]) for each in shown["labels"]] == [
        ("椅子", "imm_yi-zi", None),
        ("夜景", None, "confidence"),
    ]
    assert shown["labels"][0]["clips"] == [[1000, 3000]]


def test_an_object_is_shown_with_the_task_that_its_tags_are_of(studio: Studio) -> None:
    # Given an object that was tagged, and a newer task that has not been heard of yet
    tags = studio.shown(studio.newest)["tags"]
    studio.put(KEY, tags)
    studio.task(KEY, task="task-newer")

    shown = studio.shown(studio.object)

    assert (shown["task_id"], shown["tags"], shown["labels"][0]["tag"]) == (
        studio.newest,
        tags,
        "imm_yi-zi",
    )


def test_a_task_that_failed_and_one_whose_object_is_gone_are_shown_as_such(studio: Studio) -> None:
    studio.task(KEY, task="failed", status="Failed", code="E", message="no film")
    assert studio.shown("failed")["status"] == "task_failed"
    assert "no film" in studio.show("failed").output

    studio.cloud.call(studio.cloud.objects._objects.delete, studio.bucket, KEY)

    gone = studio.shown(studio.newest)
    assert (gone["object"], gone["status"]) == (studio.object, "object_gone")
    assert (gone["before"], gone["tags"]) == (None, {})


def test_an_archive_in_oss_is_shown(studio: Studio) -> None:
    studio.archive(KEY, *LABELS)
    shown = studio.shown(studio.uri(f"{ARCHIVE}/{studio.bucket}/{KEY}/task-1.json"))
    assert (shown["object"], without_provenance(shown["tags"])) == (studio.object, EXPECTED)


def test_an_archive_in_a_file_is_shown_without_any_keys(tmp_path: Path) -> None:
    path, page = tmp_path / "archive.json", tmp_path / "page.html"
    path.write_text(json.dumps(result(LABELS)), "utf-8")

    shown = json.loads(CliRunner().invoke(main, ["show", str(path), "--json"]).stdout)
    assert (shown["before"], shown["status"]) == (None, "tagged")
    assert without_provenance(shown["tags"]) == {"imm_yi-zi": "yes"}
    found = CliRunner().invoke(main, ["show", str(path), "--html", str(page)])
    assert found.exit_code == 0
    assert "It has no video; --video gives it one." in found.output


def test_a_result_that_imm_has_no_more_is_read_from_the_archive_of_the_function(studio: Studio) -> None:
    # Given an object whose tags are of a task that IMM has forgotten, and the archive of its result
    studio.put(KEY, {**OWN_TAGS, "imm": f"{LATER}/forgotten"})
    studio.archive(KEY, *LABELS, task="forgotten")

    assert studio.shown(studio.object, RESULT_ARCHIVE=studio.uri(ARCHIVE))["task_id"] == "forgotten"
    assert "seven days" in studio.show(studio.object).output


@pytest.mark.parametrize(
    ("what", "said"),
    [
        ("oss://media/nothing.mp4", "There is no object oss://media/nothing.mp4"),
        ("oss://media/nothing.json", "There is no object oss://media/nothing.json"),
        ("oss://nowhere/", "no object of the form oss://bucket/key"),
        ("VideoLabelClassification-0", "IMM keeps results for seven days"),
        (__file__, "is no archive of a result: it is not JSON"),
        ("results/mistyped.json", "There is no file results/mistyped.json"),
    ],
)
def test_what_cannot_be_shown_is_said_in_a_sentence(studio: Studio, what: str, said: str) -> None:
    found = studio.show(what)

    assert found.exit_code == 2
    assert said in " ".join(found.output.split())


def test_without_keys_it_is_said_that_there_are_none() -> None:
    found = CliRunner().invoke(main, ["show", "some-task"])
    assert (found.exit_code, "There are no keys" in found.output) == (2, True)


@pytest.mark.parametrize("age", ["0s", "8d", "soon"])
def test_a_lifetime_that_oss_does_not_sign_is_refused(studio: Studio, age: str) -> None:
    assert studio.show(studio.object, "--expires", age).exit_code == 2


# How it is shown


def test_the_terminal_shows_labels_with_clips_and_reasons_and_obeys_nothing(studio: Studio) -> None:
    hostile = [label("\x1b[31mred\n", 0.9, LabelAlias="\u202e"), label("[bold]x[/]", 0.9)]
    studio.task(KEY, *LABELS, *hostile, task="odd")

    text = studio.show("odd").output

    assert "家具 > 椅子" in text
    assert "from 0 to 20000" in text
    assert "- below the minimum" in text
    assert "\x1b" not in text and "\u202e" not in text
    assert "[bold]x[/]" in text


@pytest.mark.parametrize(("takes", "written"), [(True, "imm_椅子"), (False, "imm_yi-zi")])
def test_a_local_cloud_says_whether_it_takes_chinese_tags(tmp_path: Path, takes: bool, written: str) -> None:
    with LocalCloud(CloudConfig(accept_unicode_tags=takes)) as cloud:
        studio = Studio(cloud, tmp_path)
        shown = studio.shown(studio.object, "--local", cloud.endpoints.control, LABEL_NAMES="raw")
    assert [key for key in shown["tags"] if key.startswith("imm_")] == [written]


@pytest.mark.parametrize(("path", "why"), [("/dev/full", "No space left"), ("/none/a.html", "No such file")])
def test_a_page_that_cannot_be_written_is_named_with_the_reason(studio: Studio, path: str, why: str) -> None:
    found = studio.show(studio.object, "--html", path)
    assert found.exit_code == 2
    assert f"The page cannot be written to {path}: {why}" in " ".join(found.output.split())


def test_a_video_in_which_nothing_was_found_is_said_to_have_no_labels(studio: Studio) -> None:
    studio.task(KEY, task="empty")
    assert "IMM found no labels in it" in studio.show("empty").output


def test_names_are_shown_as_oss_takes_them_and_why(studio: Studio) -> None:
    # Given LABEL_NAMES=raw and a bucket that refuses Chinese tags, as OSS documents
    told = studio.show(studio.object, LABEL_NAMES="raw")
    assert "imm_yi-zi" in told.output and "imm_椅子" not in told.output
    assert "OSS documents ASCII tags only" in told.output
    # Then JSON stays JSON, and the reason stands beside it
    told = studio.show(studio.object, "--json", LABEL_NAMES="raw")
    assert without_provenance(json.loads(told.stdout)["tags"]) == EXPECTED
    assert "OSS documents ASCII tags only" in told.stderr


def test_the_page_plays_the_video_from_oss_and_asks_nothing_else(
    studio: Studio, page: Page, tmp_path: Path
) -> None:
    # Given a page with a presigned URL
    path = tmp_path / "page.html"
    found = studio.show(studio.object, "--html", str(path), "--expires", "10m")
    assert "Whoever has it can play the video until" in found.output
    assert studio.keys.access_key_secret not in path.read_text("utf-8")

    # When it is opened, then it plays, seeks, and nobody else is asked
    page.open(path.as_uri())
    page.wait("document.getElementById('video').readyState > 0")
    for key in ("End", "ArrowUp", "Enter"):
        page.press(key)
    page.wait("document.getElementById('video').currentTime >= 1")
    asked = {address for address in page.requests if not address.startswith(("data:", path.as_uri()))}
    videos = f"{studio.cloud.endpoints.oss}/{studio.bucket}/videos/"
    assert asked and all(address.startswith(videos) for address in asked)


def test_the_page_plays_a_copy_of_the_video_beside_it(studio: Studio, page: Page, tmp_path: Path) -> None:
    copy, path = tmp_path / "a b#1.webm", tmp_path / "page.html"
    copy.write_bytes(VIDEO.read_bytes())

    assert studio.show(studio.object, "--html", str(path), "--video", str(copy)).exit_code == 0

    page.open(path.as_uri())
    page.wait("document.getElementById('video').readyState > 0")


def test_the_browser_is_opened_where_that_is_asked_for(
    studio: Studio, monkeypatch: pytest.MonkeyPatch
) -> None:
    opened: list[str] = []

    def browse(url: str) -> bool:
        opened.append(url)
        return True

    monkeypatch.setattr("webbrowser.open", browse)

    assert studio.show(studio.object, "--open").exit_code == 0

    assert opened[0].startswith("file:///")
    assert "<!doctype html>" in Path(opened[0].removeprefix("file://")).read_text("utf-8")


# What it needs


def test_the_readers_policy_is_enough_and_nothing_of_it_is_too_much(studio: Studio) -> None:
    studio.check_policy(studio.policy("show"), ("show", studio.object), ("show", studio.newest))


def test_what_a_reader_may_not_do_is_named_with_where_it_is_listed(studio: Studio) -> None:
    studio.become()

    said = " ".join(studio.show(studio.object).output.split())

    assert "the action oss:GetObjectTagging on" in said
    assert "deploy/policies/show.json" in said
