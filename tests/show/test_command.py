"""``imm-label-tags show`` against a local cloud, and against files alone."""

from __future__ import annotations

import json
import secrets
from collections.abc import Iterator, Mapping
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner, Result

from cli.cloud.access import Access, Endpoints
from cli.main import main
from cli.show.lookup import Lookup, NoResult
from imm_label_tags.results.target import ObjectPrefix, TargetObject
from imm_label_tags.services.credentials import Keys
from localcloud.accounts import Identity
from localcloud.cloud import LocalCloud
from localcloud.config import CloudConfig
from localcloud.imm.tasks import TaskRecord
from tests.policies.documents import asked_about, filled, unneeded
from tests.show.chromium import Page
from tests.show.films import OWN_TAGS, VIDEO, label, result
from tests.user import environment

LABELS = [label("椅子", 0.95, (1000, 3000), ParentLabelName="家具"), label("夜景", 0.35, (0, 20_000))]
BUCKET, PROJECT, KEY = "media", "immtest", "videos/a b 视频.webm"
URI = f"oss://{BUCKET}/{KEY}"


class Studio:
    """A region with one video and one task about it, and the command as a user types it."""

    def __init__(self, cloud: LocalCloud) -> None:
        self.cloud = cloud
        self.keys: Identity = cloud.accounts.owner
        self.task = f"VideoLabelClassification-{secrets.token_hex(8)}"
        cloud.call(cloud.objects.put_object, BUCKET, KEY, VIDEO.read_bytes(), OWN_TAGS)
        self.put_task(self.task)

    def put_task(self, task_id: str, **more: Any) -> None:
        """A task that began a second ago, when the object was there."""
        start = (self.cloud.clock.now() + timedelta(seconds=1)).isoformat().replace("+00:00", "Z")
        fields = {"status": "Succeeded", "end_time": start, "labels": LABELS, **more}
        record = TaskRecord(
            project=PROJECT,
            task_id=task_id,
            start_time=start,
            request={"ProjectName": PROJECT, "SourceURI": URI},
            **fields,
        )
        self.cloud.run(self.cloud.media.put_task(record, notify=False))

    def show(self, *arguments: str, **variables: str) -> Result:
        """Run the command; whatever it prints holds no secret."""
        found = CliRunner().invoke(main, ["show", *arguments], env={**self.environment(), **variables})
        assert self.keys.access_key_secret not in found.output
        return found

    def json(self, *arguments: str, **variables: str) -> Any:
        """The command's JSON document."""
        found = self.show(*arguments, "--json", **variables)
        assert found.exit_code == 0, found.output
        return json.loads(found.stdout)

    def environment(self) -> Mapping[str, str]:
        """What a user exports."""
        return {
            **environment(self.cloud, self.keys),
            "ALIBABA_CLOUD_ACCOUNT_ID": self.cloud.config.account_id,
            "FAILED_EVENTS": "oss://media/failed",
        }


@pytest.fixture(scope="module")
def cloud() -> Iterator[LocalCloud]:
    with LocalCloud(CloudConfig(policies=True)) as cloud:
        cloud.call(cloud.objects.create_bucket, BUCKET)
        for project in ("empty", PROJECT):
            cloud.call(cloud.media.put_project, project)
        yield cloud


@pytest.fixture
def studio(cloud: LocalCloud) -> Studio:
    return Studio(cloud)


EXPECTED = {**OWN_TAGS, "imm_yi-zi": "yes"}


def without_provenance(tags: Mapping[str, str]) -> dict[str, str]:
    return {key: value for key, value in tags.items() if key != "imm"}


# What it is given


def test_an_object_without_our_tags_is_shown_with_its_newest_task(studio: Studio) -> None:
    shown = studio.json(URI)

    assert (shown["object"], shown["task_id"], shown["status"]) == (URI, studio.task, "tagged")
    assert shown["before"] == OWN_TAGS
    assert without_provenance(shown["tags"]) == EXPECTED
    assert [(each["label"], each["tag"], each["reason"]) for each in shown["labels"]] == [
        ("椅子", "imm_yi-zi", None),
        ("夜景", None, "confidence"),
    ]
    assert shown["labels"][0]["clips"] == [[1000, 3000]]


def test_an_object_is_shown_with_the_task_that_its_tags_are_of(studio: Studio) -> None:
    # Given an object that was tagged, and a newer task that has not been heard of yet
    tags = studio.json(studio.task)["tags"]
    studio.cloud.call(studio.cloud.objects.put_object, BUCKET, KEY, b"x", tags)
    studio.put_task(f"{studio.task}-newer")

    shown = studio.json(URI)

    assert shown["task_id"] == studio.task
    # The object was uploaded anew by this test, so nothing is said against its tags but that
    assert shown["tags"] == tags
    assert shown["labels"][0]["tag"] == "imm_yi-zi"


def test_a_task_is_shown_with_the_object_that_imm_names(studio: Studio) -> None:
    shown = studio.json(studio.task, "--project", PROJECT)
    assert (shown["object"], shown["project_name"]) == (URI, PROJECT)


def test_a_task_that_failed_and_one_whose_object_is_gone_are_shown_as_such(studio: Studio) -> None:
    studio.put_task(f"{studio.task}-failed", status="Failed", code="E", message="no film", labels=[])
    assert studio.json(f"{studio.task}-failed")["status"] == "task_failed"
    assert "no film" in studio.show(f"{studio.task}-failed").output

    studio.cloud.call(studio.cloud.objects._objects.delete, BUCKET, KEY)

    gone = studio.json(studio.task)
    assert (gone["status"], gone["before"], gone["tags"]) == ("object_gone", None, {})


def test_an_archive_in_oss_is_shown(studio: Studio) -> None:
    archive = json.dumps(result(LABELS, SourceURI=URI, StartTime="2199-01-01T00:00:00Z")).encode()
    studio.cloud.call(studio.cloud.objects.put_object, BUCKET, "labels/t.json", archive, {})

    shown = studio.json("oss://media/labels/t.json")

    assert (shown["object"], without_provenance(shown["tags"])) == (URI, EXPECTED)


def test_an_archive_in_a_file_is_shown_without_any_keys(tmp_path: Path) -> None:
    path = tmp_path / "archive.json"
    path.write_text(json.dumps(result(LABELS)), "utf-8")

    found = CliRunner().invoke(main, ["show", str(path), "--json"])

    shown = json.loads(found.stdout)
    assert (shown["before"], shown["status"]) == (None, "tagged")
    assert without_provenance(shown["tags"]) == {"imm_yi-zi": "yes"}
    page = tmp_path / "page.html"
    found = CliRunner().invoke(main, ["show", str(path), "--html", str(page)])
    assert found.exit_code == 0
    assert "It has no video; --video gives it one." in found.output


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
    assert found.exit_code == 2
    assert "There are no keys" in found.output


@pytest.mark.parametrize("age", ["0s", "8d", "soon"])
def test_a_lifetime_that_oss_does_not_sign_is_refused(studio: Studio, age: str) -> None:
    assert studio.show(URI, "--expires", age).exit_code == 2


# How it is shown


def test_the_terminal_shows_labels_with_clips_and_reasons_and_obeys_nothing(studio: Studio) -> None:
    studio.put_task(
        f"{studio.task}-odd",
        labels=[*LABELS, label("\x1b[31mred\n", 0.9, LabelAlias="\u202e"), label("[bold]x[/]", 0.9)],
    )

    text = studio.show(f"{studio.task}-odd").output

    assert "家具 > 椅子" in text
    assert "from 0 to 20000" in text
    assert "- below the minimum" in text
    assert "\x1b" not in text and "\u202e" not in text
    assert "[bold]x[/]" in text


@pytest.mark.parametrize(("takes", "written"), [(True, "imm_椅子"), (False, "imm_yi-zi")])
def test_a_local_cloud_says_whether_it_takes_chinese_tags(takes: bool, written: str) -> None:
    with LocalCloud(CloudConfig(accept_unicode_tags=takes)) as cloud:
        cloud.call(cloud.objects.create_bucket, BUCKET)
        cloud.call(cloud.media.put_project, PROJECT)
        shown = Studio(cloud).json(URI, "--local", cloud.endpoints.control, LABEL_NAMES="raw")
    assert [key for key in shown["tags"] if key.startswith("imm_")] == [written]


@pytest.mark.parametrize(("path", "why"), [("/dev/full", "No space left"), ("/none/a.html", "No such file")])
def test_a_page_that_cannot_be_written_is_named_with_the_reason(studio: Studio, path: str, why: str) -> None:
    found = studio.show(URI, "--html", path)
    assert found.exit_code == 2
    assert f"The page cannot be written to {path}: {why}" in " ".join(found.output.split())


def test_a_video_in_which_nothing_was_found_is_said_to_have_no_labels(studio: Studio) -> None:
    studio.put_task(f"{studio.task}-empty", labels=[])
    assert "IMM found no labels in it" in studio.show(f"{studio.task}-empty").output


def test_names_are_shown_as_oss_takes_them_and_why(studio: Studio) -> None:
    # Given LABEL_NAMES=raw and a bucket that refuses Chinese tags, as OSS documents
    told = studio.show(URI, LABEL_NAMES="raw")
    assert "imm_yi-zi" in told.output and "imm_椅子" not in told.output
    assert "OSS documents ASCII tags only" in told.output
    # Then JSON stays JSON, and the reason stands beside it
    told = studio.show(URI, "--json", LABEL_NAMES="raw")
    assert without_provenance(json.loads(told.stdout)["tags"]) == EXPECTED
    assert "OSS documents ASCII tags only" in told.stderr


def test_the_page_plays_the_video_from_oss_and_asks_nothing_else(
    studio: Studio, page: Page, tmp_path: Path
) -> None:
    # Given a page with a presigned URL
    path = tmp_path / "page.html"
    found = studio.show(URI, "--html", str(path), "--expires", "10m")
    assert "Whoever has it can play the video until" in found.output
    assert studio.keys.access_key_secret not in path.read_text("utf-8")

    # When it is opened, then it plays, seeks, and nobody else is asked
    page.open(path.as_uri())
    page.wait("document.getElementById('video').readyState > 0")
    page.press("End")
    page.press("ArrowUp")
    page.press("Enter")
    page.wait("document.getElementById('video').currentTime >= 1")
    asked = {address for address in page.requests if not address.startswith(("data:", path.as_uri()))}
    assert asked and all(
        address.startswith(f"{studio.cloud.endpoints.oss}/media/videos/") for address in asked
    )


def test_the_page_plays_a_copy_of_the_video_beside_it(studio: Studio, page: Page, tmp_path: Path) -> None:
    (tmp_path / "a b#1.webm").write_bytes(VIDEO.read_bytes())
    path = tmp_path / "page.html"

    assert studio.show(URI, "--html", str(path), "--video", str(tmp_path / "a b#1.webm")).exit_code == 0

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

    assert studio.show(URI, "--open").exit_code == 0

    assert opened[0].startswith("file:///")
    assert "<!doctype html>" in Path(opened[0].removeprefix("file://")).read_text("utf-8")


# What it needs


def test_the_readers_policy_is_enough_and_nothing_of_it_is_too_much(studio: Studio) -> None:
    # Given somebody who may do what the document says
    policy = filled("show", account=studio.cloud.config.account_id, region=studio.cloud.config.region)
    user = studio.cloud.call(studio.cloud.access.put_user, "reader", {"show": json.dumps(policy)})
    studio.keys = user.keys

    with asked_about(user.keys) as asked:
        for what in (URI, studio.task):
            assert studio.show(what, "--project", PROJECT).exit_code == 0

    assert unneeded(policy, asked) == set()


def test_what_a_reader_may_not_do_is_named_with_where_it_is_listed(studio: Studio) -> None:
    studio.keys = studio.cloud.call(studio.cloud.access.put_user, "nobody", {}).keys

    said = " ".join(studio.show(URI).output.split())

    assert "the action oss:GetObjectTagging on" in said
    assert "deploy/policies/show.json" in said


def test_a_result_that_imm_has_no_more_is_read_from_the_archive_of_the_function(studio: Studio) -> None:
    # Given an object whose tags are of a task that IMM has forgotten, and the archive of its result
    studio.keys = studio.cloud.accounts.owner
    old = "VideoLabelClassification-old"
    tags = {**OWN_TAGS, "imm": f"2199-01-01T00:00:00.000Z/{old}"}
    studio.cloud.call(studio.cloud.objects.put_object, BUCKET, KEY, b"x", tags)
    content = result(LABELS, TaskId=old, SourceURI=URI, StartTime="2199-01-01T00:00:00Z")
    key = f"labels/{BUCKET}/{KEY}/{old}.json"
    studio.cloud.call(studio.cloud.objects.put_object, BUCKET, key, json.dumps(content).encode(), {})
    config, urls = studio.cloud.config, studio.cloud.endpoints
    endpoints = Endpoints(oss=urls.oss, imm=urls.imm).resolved(config.region, config.account_id)
    access = Access(config.region, Keys(config.access_key_id, config.access_key_secret, ""), endpoints)

    def lookup(archive: ObjectPrefix | None) -> Lookup:
        return Lookup(access, config.account_id, (PROJECT,), "imm", archive)

    found = lookup(ObjectPrefix(BUCKET, "labels")).by_object(TargetObject(BUCKET, KEY))

    assert found.answer.task_id == old
    with pytest.raises(NoResult, match="seven days"):
        lookup(None).by_object(TargetObject(BUCKET, KEY))
