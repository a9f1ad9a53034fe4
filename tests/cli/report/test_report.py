"""``imm-label-tags report``: what the videos of a bucket carry, and what today's settings would change."""

from __future__ import annotations

import csv
import json
import random
import subprocess
import threading
import time
from pathlib import Path
from typing import Any
from urllib.parse import parse_qsl

import pytest
from click.testing import Result

from tests.cli.world import ARCHIVE, CHAIR, EARLIER, LATER, NIGHT, World
from tests.command_process import environment, started
from tests.waiting import until

OURS = {"imm": f"{LATER}/task-1", "imm_yi-zi": "yes"}
FULL = {f"own{number}": "1" for number in range(10)}
RULES = {"content": {"furniture": ["椅子"], "other": "*"}}


@pytest.fixture
def world(world: World) -> World:
    """Results are kept."""
    world.settings["RESULT_ARCHIVE"] = world.uri(ARCHIVE)
    return world


def report(world: World, *arguments: str, **more: Any) -> Result:
    return world.run("report", "--bucket", world.bucket, *arguments, **more)


def totals(world: World, *arguments: str, **settings: str) -> Any:
    return world.json("report", "--bucket", world.bucket, *arguments, **settings)


def read_header(text: str) -> dict[str, str]:
    """A tag set of a row, as a mapping."""
    return dict(parse_qsl(text, strict_parsing=bool(text)))


def rule_file(directory: Path) -> str:
    path = directory / "rules.json"
    path.write_text(json.dumps(RULES), "utf-8")
    return str(path)


# What is counted


def test_every_video_is_in_one_state(world: World) -> None:
    world.put("a/tagged.mp4", {"team": "a", **OURS})
    world.put("a/stale.MOV", {"imm": f"{EARLIER}/task-1", "imm_yi-zi": "yes"})
    world.put("a/not-analysed.mkv", {"team": "a"})
    world.put("a/full.mp4", FULL)
    world.put("a/one-place.mp4", {**dict(list(FULL.items())[:9]), "imm_ye-jing": "yes"})
    # And what is no video, and one of another prefix
    for key, content in (("a/film.txt", b"x"), ("a/empty.mp4", b"")):
        world.put(key, content=content)
    world.put("b/other.mp4", OURS)

    counted = totals(world, "--prefix", "a/")

    assert counted == {
        "bucket": world.bucket,
        "prefix": "a/",
        "objects": 5,
        "tagged": 2,
        "not_analysed": 1,
        "stale": 1,
        "full": 1,
        "differs": 0,
        "not_compared": 2,
        "labels": {"yi-zi": 2, "ye-jing": 1},
        "rules": {},
        "skipped": {"not_video": 2},
        "failed": 0,
    }


def test_tags_of_rules_are_counted_with_their_values(world: World, tmp_path: Path) -> None:
    for number, content in enumerate(("furniture", "furniture", "other")):
        world.put(f"{number}.mp4", {"imm": f"{LATER}/t", "imm_content": content, "imm_yi-zi": "yes"})

    counted = totals(world, TAG_RULES=rule_file(tmp_path))

    assert counted["rules"] == {"content=furniture": 2, "content=other": 1}
    assert counted["labels"] == {"yi-zi": 3}


def test_objects_that_the_function_may_not_touch_are_left_out(world: World) -> None:
    world.put("in/a.mp4", OURS)
    world.put("out/a.mp4", OURS)

    counted = totals(world, ALLOWED_OBJECTS=f"{world.bucket}/in/")

    assert (counted["objects"], counted["skipped"]) == (1, {"not_allowed": 1})


def test_what_was_tagged_under_other_settings_differs(world: World) -> None:
    for number in range(3):
        key = f"{number}.mp4"
        world.archive(key, CHAIR)
        world.put(key, OURS if number else {**OURS, "imm_yi-zi": "0.95"})

    assert totals(world)["differs"] == 1
    assert totals(world, TAG_VALUE="chair")["differs"] == 3
    assert totals(world)["not_compared"] == 0


def test_without_an_archive_it_is_not_known_what_differs(world: World) -> None:
    world.put("a.mp4", {**OURS, "imm_yi-zi": "0.95"})
    counted = totals(world, RESULT_ARCHIVE="")
    assert (counted["differs"], counted["not_compared"]) == (None, 1)
    assert "RESULT_ARCHIVE is not set" in report(world, RESULT_ARCHIVE="").output


def test_an_archive_of_a_newer_upload_or_one_that_is_broken_is_not_compared(world: World) -> None:
    world.archive("a.mp4", NIGHT, start=EARLIER)
    world.put("a.mp4", OURS)
    world.put("b.mp4", OURS)
    world.put(f"{ARCHIVE}/{world.bucket}/b.mp4/task-1.json", content=b"{")

    counted = totals(world)

    assert (counted["differs"], counted["not_compared"]) == (0, 2)


def test_keys_that_the_sdk_would_change_are_told_and_not_asked_for(world: World) -> None:
    world.put("a/../b.mp4", OURS)

    found = report(world, "--json")

    assert found.exit_code == 1
    assert json.loads(found.stdout)["failed"] == 1
    assert "TargetUnknown" in report(world).output


# How it is told


def test_the_terminal_tells_counts_and_obeys_nothing(world: World) -> None:
    world.put("a.mp4", OURS)
    world.put("\x1b[31m.mp4", FULL)

    told = report(world).output

    assert f"1 video below oss://{world.bucket}/" in told
    assert "\x1b[31m" not in told


def test_rows_have_every_video_with_its_tags(world: World, tmp_path: Path) -> None:
    world.archive("a,b.mp4", CHAIR)
    uri = world.put("a,b.mp4", {"=own": "+1", **OURS, "imm_yi-zi": "0.95"})
    world.put("film.txt")
    path = tmp_path / "rows.csv"

    assert report(world, "--csv", str(path)).exit_code == 0

    (row,) = csv.DictReader(path.read_text("utf-8").splitlines())
    assert (row["object"], row["state"], row["differs"], row["task_id"]) == (uri, "tagged", "yes", "task-1")
    assert read_header(row["tags"]) == {"=own": "+1", **OURS, "imm_yi-zi": "0.95"}
    assert read_header(row["wanted_tags"]) == {"=own": "+1", **OURS}


def test_rows_on_standard_output_stand_there_alone(world: World) -> None:
    world.put("a.mp4", OURS)
    rows = report(world, "--csv", "-").stdout.splitlines()
    assert [row.split(",")[0] for row in rows] == ["object", f"oss://{world.bucket}/a.mp4"]


def test_the_page_stands_alone_and_escapes_what_others_have_written(world: World, tmp_path: Path) -> None:
    world.put("<script>.mp4", FULL)
    world.put("a.mp4", OURS)
    path = tmp_path / "page.html"

    found = report(world, "--html", str(path))
    assert found.exit_code == 0
    assert f"The page is {path}." in found.output

    page = path.read_text("utf-8")
    assert "<script>" not in page
    assert "&lt;script&gt;.mp4" in page
    assert "default-src &#x27;none&#x27;" in page or "default-src 'none'" in page
    assert "http" not in page.replace("http-equiv", "")


def test_other_suffixes_can_be_videos(world: World) -> None:
    world.put("a.WebM", OURS)
    world.put("a.mp4", OURS)
    world.put("b.mp4", OURS)
    assert totals(world, "--suffix", ".webm")["objects"] == 1


# Which videos have a tag


@pytest.fixture
def furnished(world: World, tmp_path: Path) -> World:
    world.settings["TAG_RULES"] = rule_file(tmp_path)
    world.put("a/chair.mp4", {**OURS, "imm_content": "furniture"})
    world.put("a/night.mp4", {"imm": f"{LATER}/t", "imm_ye-jing": "yes", "imm_content": "other"})
    world.put("a/none.mp4")
    world.put("b/chair.mp4", {**OURS, "imm_content": "furniture"})
    world.put("b/chair.txt", {**OURS, "imm_content": "furniture"})
    return world


QUESTIONS: list[tuple[list[str], list[str]]] = [
    (["--label", "椅子"], ["a/chair.mp4", "b/chair.mp4"]),
    (["--label", "yi-zi", "--prefix", "b/"], ["b/chair.mp4"]),
    (["--rule", "content=other"], ["a/night.mp4"]),
    (["--rule", "content=other", "--label", "椅子"], []),
]


@pytest.mark.parametrize("indexed", [False, True])
@pytest.mark.parametrize(("asked", "keys"), QUESTIONS)
def test_videos_with_a_tag_are_listed_alike_with_and_without_an_index(
    furnished: World, asked: list[str], keys: list[str], indexed: bool
) -> None:
    if indexed:
        store = furnished.cloud.objects._objects
        furnished.cloud.call(store.configure, furnished.bucket, "metaQuery", "basic")

    found = report(furnished, *asked)

    assert found.exit_code == 0
    assert found.stdout.split() == [f"oss://{furnished.bucket}/{key}" for key in keys]
    assert json.loads(report(furnished, *asked, "--json").stdout) == found.stdout.split()


def test_labels_whose_values_vary_are_found_by_reading(furnished: World) -> None:
    store = furnished.cloud.objects._objects
    furnished.cloud.call(store.configure, furnished.bucket, "metaQuery", "basic")

    found = report(furnished, "--label", "椅子", "--prefix", "a/", TAG_VALUE="{confidence}")

    assert found.stdout.split() == [f"oss://{furnished.bucket}/a/chair.mp4"]


# Tagging again


@pytest.fixture
def outdated(world: World) -> World:
    """Two videos that were tagged under other settings, and one that was not."""
    for key in ("a.mp4", "b.mp4", "c.mp4"):
        world.archive(key, CHAIR, NIGHT)
        world.put(key, {"team": key})
        archive = world.uri(f"{ARCHIVE}/{world.bucket}/{key}/task-1.json")
        tags = world.json("preview", archive)["tags"]
        world.put(key, tags if key == "c.mp4" else {"team": key, **OURS})
    return world


WANTED = {**OURS, "imm_ye-jing": "yes"}


def test_what_differs_is_tagged_again_after_a_plan_and_a_yes(outdated: World) -> None:
    found = report(outdated, "--retag", typed="y\n")

    assert found.exit_code == 0, found.output
    assert "the tags of 2 videos" in found.output
    assert "imm_ye-jing" in found.output
    for key in ("a.mp4", "b.mp4", "c.mp4"):
        assert outdated.tags(key) == {"team": key, **WANTED}
    assert totals(outdated)["differs"] == 0
    assert "nothing to write" in report(outdated, "--retag", "--yes").output


@pytest.mark.parametrize("options", [["--retag"], ["--retag", "--dry-run"]])
def test_without_a_yes_nothing_is_written(outdated: World, options: list[str]) -> None:
    found = report(outdated, *options, typed="n\n")
    assert found.exit_code == (0 if "--dry-run" in options else 1)
    assert outdated.tags("a.mp4") == {"team": "a.mp4", **OURS}


def test_programs_are_told_how_it_ended(outdated: World) -> None:
    assert totals(outdated, "--retag", "--yes")["retagged"] == {"tagged": 2}
    assert outdated.tags("b.mp4") == {"team": "b.mp4", **WANTED}


def test_videos_that_were_uploaded_again_are_tagged_where_the_settings_say_so(world: World) -> None:
    world.archive("a.mp4", CHAIR, start=EARLIER)
    world.put("a.mp4", {"imm": f"{EARLIER}/task-1", "imm_yi-zi": "0.95"})

    assert totals(world)["differs"] == 0
    counted = totals(world, "--retag", "--yes", STALE_OBJECTS="tag")

    assert (counted["stale"], counted["differs"], counted["retagged"]) == (1, 1, {"tagged": 1})
    assert world.tags("a.mp4")["imm_yi-zi"] == "yes"


def test_killed_at_any_moment_it_leaves_each_video_as_it_was_or_as_it_should_be(world: World) -> None:
    # Given videos that other settings tagged, each with a tag of others
    seed = random.randrange(1_000_000)
    randomness = random.Random(seed)
    before, after = {}, {}
    for number in range(40):
        key = f"{number:02}.mp4"
        world.archive(key, CHAIR, NIGHT)
        before[key] = {"team": key, **OURS}
        after[key] = {"team": key, **WANTED}
        world.put(key, before[key])

    # When it is killed a random moment after a random write, and begun again
    for _ in range(5):
        arguments = ("report", "--bucket", world.bucket, "--retag", "--yes", "--json")
        with started(*arguments, env=environment(**world.environment, LC_ALL="C.UTF-8")) as process:
            wait_for_writes(world, process, randomness.randrange(1, 10))
            time.sleep(randomness.uniform(0, 0.02))

        # Then each video is as it was or as it should be
        for key in before:
            assert world.tags(key) in (before[key], after[key]), f"seed {seed}"

    # And the last run writes what is left, and nothing else
    left = sum(world.tags(key) == before[key] for key in before)
    assert totals(world, "--retag", "--yes").get("retagged", {}).get("tagged", 0) == left, f"seed {seed}"
    assert {key: world.tags(key) for key in after} == after
    assert totals(world)["differs"] == 0


def wait_for_writes(world: World, process: subprocess.Popen[str], number: int) -> None:
    """Wait until so many more writes of tags have been carried out, or there are no more."""

    def writes() -> int:
        return len(world.cloud.calls.list("oss", "PutObjectTagging"))

    enough = writes() + number
    until(lambda: writes() >= enough or process.poll() is not None)


# What keeps it from its work


@pytest.mark.parametrize(
    "arguments",
    [
        ["--label", "x", "--retag"],
        ["--rule", "x"],
        ["--yes"],
        ["--retag", "--json"],
    ],
)
def test_options_that_contradict_each_other_are_refused(world: World, arguments: list[str]) -> None:
    assert report(world, *arguments).exit_code == 2


def test_a_bucket_that_is_not_there_is_told(world: World) -> None:
    found = world.run("report", "--bucket", "no-such-bucket-here")
    assert found.exit_code == 2
    assert "ListObjectsV2 on bucket no-such-bucket-here failed" in found.output


@pytest.mark.parametrize(
    ("code", "said"),
    [
        ("SecurityTokenExpired", "The keys have expired, and there are no others."),
        ("RequestTimeTooSkewed", "The clock of this machine is wrong"),
    ],
)
def test_what_every_video_would_meet_ends_it(world: World, code: str, said: str) -> None:
    # Given many more videos than are read ahead
    for number in range(1000):
        world.put(f"{number:03}.mp4")
    world.break_call("GetObjectTagging", status=403, code=code, times=None)
    world.forget_calls()

    # When, then it ends before it has tried them all, each of them twice
    found = report(world)
    world.heal()
    for thread in threading.enumerate():
        # What it had begun ends by itself.
        if thread.name.startswith("reader"):
            thread.join()
    assert (found.exit_code, said in found.output) == (75, True)
    assert "run the command again" in found.output
    assert len(world.calls("GetObjectTagging")) < 1200


def test_the_readers_policy_is_enough_and_nothing_of_it_is_too_much(outdated: World) -> None:
    command = ("report", "--bucket", outdated.bucket)
    outdated.check_policy(
        outdated.policy("report"), (*command, "--retag", "--yes"), (*command, "--label", "x")
    )


def test_what_a_reader_may_not_do_is_named_with_where_it_is_listed(world: World) -> None:
    policy = world.policy("report")
    policy["Statement"] = [one for one in policy["Statement"] if "oss:ListObjects" in one["Action"]]
    world.put("a.mp4", OURS)
    world.become(policy)

    said = " ".join(report(world).output.split())

    assert "oss:GetObjectTagging" in said
    assert "deploy/policies/report.json" in said
