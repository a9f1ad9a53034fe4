"""``failed list``: what has failed, by error class or one by one."""

from __future__ import annotations

import json
import shutil
from datetime import timedelta
from pathlib import Path

import pytest

from cli import checkout
from cli.failed import store
from cli.failed.selection import READERS
from localcloud.faults import Fault, FaultKind
from tests.failed_command.world import PREFIX, World, failure_record, notification
from tests.localcloud.ram_world import allow
from tests.user import flat

HOUR = timedelta(hours=1)
DAY = timedelta(days=1)


# Groups


def test_records_are_grouped_by_the_class_of_their_error(world: World) -> None:
    # Given failures of three classes
    for number, ago in enumerate((3, 1, 2)):
        message = f"IMM GetTask for VideoLabelClassification-{number}f2a was throttled (HTTP 429)."
        world.keep(error="Throttled", ago=ago * HOUR, message=message)
    world.keep(error="TaskNotFound", message="IMM knows no task x9.")
    world.keep(error="OutOfCheese", message="")

    # When they are listed
    groups = {group["error"]: group for group in world.json()["errors"]}

    # Then each class has its number, its oldest and newest, whether a retry may help, and what is common
    # to its messages
    assert [groups[name]["count"] for name in ("Throttled", "TaskNotFound", "OutOfCheese")] == [3, 1, 1]
    assert groups["Throttled"]["oldest"] < groups["Throttled"]["newest"]
    retryable = {name: group["retryable"] for name, group in groups.items()}
    assert retryable == {"Throttled": True, "TaskNotFound": False, "OutOfCheese": None}
    assert groups["Throttled"]["message"] == "IMM GetTask for … was throttled (HTTP 429)."


def test_the_most_frequent_message_is_shown_and_the_greatest_group_comes_first(world: World) -> None:
    world.keep(error="AccessDenied", message="rare")
    for message in ("rare", "frequent 1234567", "frequent 7654321"):
        world.keep(error="Throttled", message=message)
    result = world.run("list")
    assert result.exit_code == 0
    assert flat(result).startswith(
        f"4 records under {world.place} records error oldest (UTC) newest (UTC) retry"
    )
    assert "frequent …" in result.output
    assert result.output.index("Throttled") < result.output.index("AccessDenied")
    assert [line.split()[:2] for line in result.output.splitlines() if "Throttled" in line] == [
        ["3", "Throttled"]
    ]


def test_where_there_is_nothing_the_list_says_so(world: World) -> None:
    result = world.run("list")
    assert (result.exit_code, result.output) == (0, f"There are no records under {world.place}.\n")
    assert world.json() == {"from": world.place, "records": 0, "errors": [], "unreadable": None}
    assert world.json("--records") == {"from": world.place, "records": []}
    world.keep()
    assert flat(world.run("list", "--task", "t-2")) == f"No record meets the conditions under {world.place}."
    assert "No record meets" in world.run("list", "--records", "--task", "t-2").output


def test_objects_of_others_under_the_prefix_are_left_alone(world: World) -> None:
    name = world.keep()
    for key in ("readme.txt", "2026-11-22/notes.txt", "2026-11-22/deeper/1-2.json", "other/1-2.json"):
        world.put(f"{PREFIX}/{key}", b"{}")
    world.put(f"{PREFIX}-of-another/{name}", b"{}")
    assert [record["name"] for record in world.json("--records")["records"]] == [name]
    assert world.json()["records"] == 1


# Single records


def test_single_records_come_in_the_order_of_their_names(world: World) -> None:
    names = [world.keep(f"t-{number}", ago=number * DAY, message=f"message {number}") for number in (1, 3, 2)]
    result = world.run("list", "--records")
    lines = result.output.splitlines()
    assert [line.split()[0] for line in lines] == sorted(names)
    assert lines[0].endswith("Z  ServiceUnavailable  t-3  message 3")


def test_a_record_is_described_to_programs_in_full(world: World) -> None:
    batch = json.dumps([notification("t-1"), notification("t-2")]).encode()
    name = world.keep_record(failure_record(batch, request_id="1-abc", error="BatchFailed", message="both"))
    (record,) = world.json("--records")["records"]
    moments = {record.pop("failed_at")[:10], record.pop("kept_at")[:10]}
    assert name.partition("/")[0] in moments
    assert record == {
        "name": name,
        "uri": f"{world.place}/{name}",
        "readable": True,
        "request_id": "1-abc",
        "function": "acs:fc:cn-hangzhou:1234567890123456:functions/imm-label-tags",
        "condition": "UnhandledInvocationError",
        "attempts": 4,
        "error": "BatchFailed",
        "message": "both",
        "retryable": None,
        "tasks": [{"project": "immtest", "task": "t-1"}, {"project": "immtest", "task": "t-2"}],
    }


def test_what_an_event_smuggled_into_a_message_does_not_reach_the_terminal(world: World) -> None:
    world.keep(message="a\x1b[Jb\nc\u202ed")
    for options in ([], ["--records"]):
        output = world.run("list", *options).output
        assert r"a\u001b[Jb c\u202ed" in output


def test_a_record_without_a_time_is_as_old_as_its_object(world: World) -> None:
    record = json.loads(failure_record(json.dumps(notification("t-1")).encode()))
    del record["timestamp"]
    name = world.keep_record(json.dumps(record).encode())
    world.keep("t-2", ago=3 * DAY)
    assert name.startswith("undated/")
    assert [each["name"] for each in world.json("--records", "--newer-than", "1h")["records"]] == [name]
    assert world.json("--records", "--newer-than", "1h")["records"][0]["failed_at"] is None
    assert world.json("--older-than", "1h")["records"] == 1
    assert [each["tasks"][0]["task"] for each in world.json("--records")["records"]] == ["t-2", "t-1"]


# Conditions


@pytest.mark.parametrize(
    ("conditions", "tasks"),
    [
        ([], ["t-1", "t-2", "t-3", "t-4"]),
        (["--error", "Throttled"], ["t-2"]),
        (["--error", "Throttled", "--error", "TaskNotFound"], ["t-2", "t-3"]),
        (["--older-than", "2h"], ["t-3", "t-4"]),
        (["--newer-than", "90m"], ["t-1"]),
        (["--older-than", "90m", "--newer-than", "2d"], ["t-2"]),
        (["--older-than", "3d", "--newer-than", "2w"], ["t-4"]),
        (["--task", "t-4"], ["t-4"]),
        (["--task", "t-1", "--task", "t-2", "--error", "ServiceUnavailable"], ["t-1"]),
        (["--error", "NoSuchError"], []),
    ],
)
def test_only_what_meets_all_conditions_is_listed(
    world: World, conditions: list[str], tasks: list[str]
) -> None:
    # Given failures of an hour, 110 minutes, 49 hours and ten days ago
    world.keep("t-1", ago=HOUR)
    world.keep("t-2", ago=timedelta(minutes=110), error="Throttled")
    world.keep("t-3", ago=timedelta(hours=49), error="TaskNotFound")
    world.keep("t-4", ago=10 * DAY)
    records = world.json("--records", *conditions)["records"]
    assert sorted(record["tasks"][0]["task"] for record in records) == tasks
    assert world.json(*conditions)["records"] == len(tasks)


def test_records_can_be_named_by_name_by_request_id_and_by_uri(world: World) -> None:
    first, second, third, _ = (world.keep(f"t-{number}", request_id=f"1-{number}") for number in range(1, 5))
    named = [first.removesuffix(".json"), "1-2", f"{world.place}/{third}", first]
    assert world.json(*named)["records"] == 3
    listed = [each["name"] for each in world.json("--records", *named)["records"]]
    assert sorted(listed) == sorted([first, second, third])


@pytest.mark.parametrize(
    "name", ["2026-01-01/1-2", "1-2", "no/such/name", "oss://elsewhere/x/2026-01-01/1-2.json"]
)
def test_a_record_that_was_named_has_to_be_there(world: World, name: str) -> None:
    world.keep()
    result = world.run("list", name)
    assert result.exit_code == 2
    assert f"There is no record {name} under {world.place}" in flat(result)


@pytest.mark.parametrize(
    ("options", "said"),
    [
        (["--older-than", "2 days"], "'2 days' is no age"),
        (["--newer-than", "2h", "--older-than", "3h"], "No record can be newer than"),
        (["--older-than", "999999w"], "Nothing is as old as that."),
    ],
)
def test_ages_that_mean_nothing_are_refused(world: World, options: list[str], said: str) -> None:
    result = world.run("list", *options)
    assert result.exit_code == 2
    assert said in flat(result)


def test_days_outside_of_the_conditions_are_not_even_read(world: World) -> None:
    for days in range(6):
        world.keep(f"t-{days}", ago=days * DAY + HOUR)
    record = json.loads(failure_record(json.dumps(notification("t-9")).encode()))
    world.keep_record(json.dumps({**record, "timestamp": None}).encode())
    kept = world.json("--records", "--older-than", "2d", "--newer-than", "4d")["records"]
    assert [each["tasks"][0]["task"] for each in kept] == ["t-3", "t-2"]
    # Besides those: at most a day at either end, and the one without a date
    assert world.calls("GetObject") <= 5


# Many


def test_there_may_be_more_records_than_oss_lists_at_once(world: World) -> None:
    # Given a thousand objects on the first page, and more after it
    objects = {f"{PREFIX}/2026-11-22/1-{number:04}.json": b"{}" for number in range(1_003)}
    world.put_all(objects | {f"{PREFIX}/2026-11-22/1-1002.json": failure_record(b"{}")})

    # When records of both pages are asked for by their request ids
    records = world.json("--records", "1-0001", "1-1002")["records"]

    # Then they are found, and no other was read
    found = [(record["name"], record["readable"]) for record in records]
    assert found == [("2026-11-22/1-0001.json", False), ("2026-11-22/1-1002.json", True)]
    assert (world.calls("ListObjectsV2"), world.calls("GetObject")) == (2, 2)


def test_many_are_read_at_the_same_time_and_come_in_order(world: World) -> None:
    record = failure_record(b"{}")
    world.put_all({f"{PREFIX}/2026-11-22/1-{number:03}.json": record for number in range(150)})
    # None of the first is answered before all of them have been asked for
    world.break_call(Fault(FaultKind.MEET, action="GetObject", parties=READERS, times=READERS))
    names = [record["name"] for record in world.json("--records")["records"]]
    assert names == [f"2026-11-22/1-{number:03}.json" for number in range(150)]
    assert world.most_at_once("GetObject") >= READERS


# What cannot be read


def test_what_cannot_be_read_is_listed_as_such(world: World) -> None:
    world.keep()
    success = json.loads(failure_record(b"{}"))
    success["requestContext"]["condition"] = success["responseContext"]["functionError"] = ""
    success["responsePayload"] = "{}"
    for number, content in enumerate((b"", b"\xff\xfe", b"[]", json.dumps(success).encode())):
        world.put(f"{PREFIX}/2026-11-22/1-{number}.json", content)
    assert world.json()["unreadable"]["count"] == 4
    assert world.json()["errors"][0]["count"] == 1
    assert world.json("--error", "ServiceUnavailable")["unreadable"] is None
    unreadable = [each for each in world.json("--records")["records"] if not each["readable"]]
    assert {each["name"] for each in unreadable} == {f"2026-11-22/1-{number}.json" for number in range(4)}
    assert "no record of a failure" in unreadable[0]["reason"]
    assert "4 (unreadable)" in flat(world.run("list"))
    assert world.run("list", "--records").output.count("(unreadable)") == 4


def test_a_huge_object_is_not_read(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(store, "LARGEST_RECORD", 100)
    name = world.keep()
    (record,) = world.json("--records")["records"]
    assert (record["name"], record["readable"]) == (name, False)
    assert "more than any record" in record["reason"]


def test_an_archived_record_is_listed_as_such(world: World) -> None:
    world.keep()
    order = Fault(FaultKind.ERROR, action="GetObject", status=403, code="InvalidObjectState")
    world.break_call(order)
    assert "archived" in world.json()["unreadable"]["message"]


def test_a_record_that_is_gone_before_it_is_read_is_not_listed(world: World) -> None:
    world.keep()
    world.break_call(Fault(FaultKind.ERROR, action="GetObject", status=404, code="NoSuchKey"))
    assert world.json()["records"] == 0


def test_a_body_that_breaks_off_is_read_again(world: World) -> None:
    world.keep()
    world.break_call(Fault(FaultKind.RESET_DURING, action="GetObject", times=2))
    assert world.json()["errors"][0]["count"] == 1
    world.break_call(Fault(FaultKind.RESET_DURING, action="GetObject", times=None))
    result = world.run("list")
    assert result.exit_code == 2
    assert "OSS GetObject on oss://" in flat(result)


# Problems


def test_it_has_to_be_known_where_failed_events_are_kept(world: World) -> None:
    result = world.run("list", FAILED_EVENTS="")
    assert result.exit_code == 2
    assert "FAILED_EVENTS is not set" in flat(result)
    world.keep()
    assert world.run("list", "--from", f"{world.place}/", FAILED_EVENTS="").exit_code == 0


def test_the_place_may_stand_in_the_file_that_serverless_devs_reads(
    world: World, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    shutil.copytree(checkout.DEPLOYMENT.parent, tmp_path / "project")
    (tmp_path / "project" / ".env").write_text(f"FAILED_EVENTS={world.place}\n", "utf-8")
    monkeypatch.setattr(checkout, "DEPLOYMENT", tmp_path / "project" / "s.yaml")
    world.keep()
    assert "1 record under" in world.run("list", FAILED_EVENTS=None).output


@pytest.mark.parametrize("place", ["failed", "oss://bucket", "https://bucket/failed", "oss://bucket/a/../b"])
def test_a_place_that_is_none_is_refused(world: World, place: str) -> None:
    result = world.run("list", "--from", place)
    assert result.exit_code == 2
    assert f"FAILED_EVENTS is '{place}', but must be oss://bucket/prefix" in flat(result)


def test_the_bucket_has_to_exist(world: World) -> None:
    result = world.run("list", "--from", "oss://no-such-bucket/failed")
    assert result.exit_code == 2
    assert len(result.output.splitlines()) == 1
    assert "OSS ListObjectsV2 on bucket no-such-bucket failed" in result.output
    assert "NoSuchBucket" in result.output


@pytest.mark.parametrize(
    ("lacking", "resource"), [("oss:ListObjects", "{bucket}"), ("oss:GetObject", "{bucket}/failed/events/*")]
)
def test_a_permission_that_lacks_is_named(world: World, lacking: str, resource: str) -> None:
    world.keep()
    others = {"oss:ListObjects", "oss:GetObject"} - {lacking}
    world.keys = world.caller(allow(sorted(others)))
    result = world.run("list")
    assert result.exit_code == 2
    assert len(result.output.splitlines()) == 1
    named = resource.format(bucket=world.bucket)
    assert f"the action {lacking} on acs:oss:*:1234567890123456:{named};" in result.output
    assert "deploy/policies/failed.json" in result.output


def test_keys_are_needed(world: World) -> None:
    result = world.run("list", ALIBABA_CLOUD_ACCESS_KEY_SECRET="")
    assert result.exit_code == 2
    assert "ALIBABA_CLOUD_ACCESS_KEY_SECRET not set" in flat(result)


def test_wrong_keys_are_named_as_the_reason(world: World) -> None:
    result = world.run("list", ALIBABA_CLOUD_ACCESS_KEY_SECRET="not-the-secret-at-all")
    assert result.exit_code == 2
    assert "Check ALIBABA_CLOUD_ACCESS_KEY_ID" in flat(result)
    assert "not-the-secret-at-all" not in result.output
