"""``failed list``: what has failed, by error class or one by one."""

from __future__ import annotations

import json
from datetime import datetime, timedelta, timezone
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cli import checkout
from cli.cloud import objects
from cli.failed import store
from cli.failed.groups import LONGEST, Groups, form_of
from cli.failed.selection import READERS
from localcloud.faults import FaultKind
from tests.cli.failed.records import Records, failure_record, notification
from tests.installation.account import deployment
from tests.localcloud.ram_world import allow
from tests.user import flat

HOUR = timedelta(hours=1)
DAY = timedelta(days=1)


# Groups


def test_records_are_grouped_by_the_class_of_their_error(world: Records) -> None:
    # Given failures of three classes
    for number, ago in enumerate((3, 1, 2)):
        message = f"IMM GetTask for VideoLabelClassification-{number}f2a was throttled (HTTP 429)."
        world.keep(error="Throttled", ago=ago * HOUR, message=message)
    world.keep(error="TaskNotFound", message="IMM knows no task x9.")
    world.keep(error="OutOfCheese", message="")

    # When they are listed
    groups = {group["error"]: group for group in world.list()["errors"]}

    # Then each class has its number, its oldest and newest, whether a retry may help, and what is common
    # to its messages
    assert [groups[name]["count"] for name in ("Throttled", "TaskNotFound", "OutOfCheese")] == [3, 1, 1]
    assert groups["Throttled"]["oldest"] < groups["Throttled"]["newest"]
    retryable = {name: group["retryable"] for name, group in groups.items()}
    assert retryable == {"Throttled": True, "TaskNotFound": False, "OutOfCheese": None}
    assert groups["Throttled"]["message"] == "IMM GetTask for … was throttled (HTTP 429)."
    # and the greatest class comes first, with the most frequent form of its messages
    shown = world.failed("list")
    assert flat(shown).startswith(
        f"5 records under {world.place} records error oldest (UTC) newest (UTC) retry 3 Throttled"
    )
    assert "for … was throttled" in shown.output


@pytest.mark.parametrize(
    ("message", "form"),
    [
        (
            "OSS PutObjectTagging for oss://media/a b.mp4 failed: no (HTTP 503, request id 65A7C).",
            "OSS PutObjectTagging for oss://… … failed: no (HTTP 503, request id …).",
        ),
        ("IMM knows no task VideoLabelClassification-2f15: gone.", "IMM knows no task …: gone."),
        ("Not\n  found,\t404", "Not found, 404"),
        ("", ""),
        ("x" * 1000, "x" * (LONGEST - 1) + "…"),
    ],
)
def test_ids_times_and_objects_are_left_out_of_messages(message: str, form: str) -> None:
    assert form_of(message) == form


@given(st.text(max_size=400))
def test_a_form_is_one_short_line_that_can_be_printed(message: str) -> None:
    form = form_of(message)
    assert len(form) <= LONGEST
    assert form.isprintable()


def test_of_very_many_messages_the_frequent_one_is_found_in_little_memory() -> None:
    # Given one that makes up a third of many
    groups, now = Groups(), datetime.now(timezone.utc)
    for number in range(3_000):
        word = "".join(chr(ord("a") + int(digit)) for digit in str(number))
        groups.add("Throttled", now, None, "frequent" if number % 3 == 0 else f"rare {word}")
    (group,) = groups.greatest_first
    assert group.message == "frequent"
    assert len(group.forms) <= 500


def test_where_there_is_nothing_the_list_says_so(world: Records) -> None:
    result = world.failed("list")
    assert (result.exit_code, result.output) == (0, f"There are no records under {world.place}.\n")
    assert world.list() == {"from": world.place, "records": 0, "errors": [], "unreadable": None}
    assert world.list("--records") == {"from": world.place, "records": []}
    world.keep()
    assert (
        flat(world.failed("list", "--task", "t-2")) == f"No record meets the conditions under {world.place}."
    )
    assert "No record meets" in world.failed("list", "--records", "--task", "t-2").output


def test_objects_of_others_under_the_prefix_are_left_alone(world: Records) -> None:
    name = world.keep()
    for key in ("readme.txt", "2026-11-22/notes.txt", "2026-11-22/deeper/1-2.json", "other/1-2.json"):
        world.put_record(key, b"{}")
    world.put(f"failed/events-of-another/{name}", content=b"{}")
    assert [record["name"] for record in world.list("--records")["records"]] == [name]
    assert world.list()["records"] == 1


# Single records


def test_single_records_come_in_the_order_of_their_names(world: Records) -> None:
    names = [world.keep(f"t-{number}", ago=number * DAY, message=f"message {number}") for number in (1, 3, 2)]
    result = world.failed("list", "--records")
    lines = result.output.splitlines()
    assert [line.split()[0] for line in lines] == sorted(names)
    assert lines[0].endswith("Z  ServiceUnavailable  t-3  message 3")


def test_a_record_is_described_to_programs_in_full(world: Records) -> None:
    batch = json.dumps([notification("t-1"), notification("t-2")]).encode()
    name = world.keep_record(failure_record(batch, request_id="1-abc", error="BatchFailed", message="both"))
    (record,) = world.list("--records")["records"]
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


def test_what_an_event_smuggled_into_a_message_does_not_reach_the_terminal(world: Records) -> None:
    world.keep(message="a\x1b[Jb\nc\u202ed")
    for options in ([], ["--records"]):
        output = world.failed("list", *options).output
        assert r"a\u001b[Jb c\u202ed" in output


def test_a_record_without_a_time_is_as_old_as_its_object(world: Records) -> None:
    record = json.loads(failure_record(json.dumps(notification("t-1")).encode()))
    del record["timestamp"]
    name = world.keep_record(json.dumps(record).encode())
    world.keep("t-2", ago=3 * DAY)
    assert name.startswith("undated/")
    assert [each["name"] for each in world.list("--records", "--newer-than", "1h")["records"]] == [name]
    assert world.list("--records", "--newer-than", "1h")["records"][0]["failed_at"] is None
    assert world.list("--older-than", "1h")["records"] == 1
    assert [each["tasks"][0]["task"] for each in world.list("--records")["records"]] == ["t-2", "t-1"]


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
    world: Records, conditions: list[str], tasks: list[str]
) -> None:
    # Given failures of an hour, 110 minutes, 49 hours and ten days ago
    world.keep("t-1", ago=HOUR)
    world.keep("t-2", ago=timedelta(minutes=110), error="Throttled")
    world.keep("t-3", ago=timedelta(hours=49), error="TaskNotFound")
    world.keep("t-4", ago=10 * DAY)
    records = world.list("--records", *conditions)["records"]
    assert sorted(record["tasks"][0]["task"] for record in records) == tasks
    assert world.list(*conditions)["records"] == len(tasks)


def test_records_can_be_named_by_name_by_request_id_and_by_uri(world: Records) -> None:
    first, second, third, _ = (world.keep(f"t-{number}", request_id=f"1-{number}") for number in range(1, 5))
    named = [first.removesuffix(".json"), "1-2", f"{world.place}/{third}", first]
    assert world.list(*named)["records"] == 3
    listed = [each["name"] for each in world.list("--records", *named)["records"]]
    assert sorted(listed) == sorted([first, second, third])


@pytest.mark.parametrize(
    "name", ["2026-01-01/1-2", "1-2", "no/such/name", "oss://elsewhere/x/2026-01-01/1-2.json"]
)
def test_a_record_that_was_named_has_to_be_there(world: Records, name: str) -> None:
    world.keep()
    result = world.failed("list", name)
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
def test_ages_that_mean_nothing_are_refused(world: Records, options: list[str], said: str) -> None:
    result = world.failed("list", *options)
    assert result.exit_code == 2
    assert said in flat(result)


def test_days_outside_of_the_conditions_are_not_even_read(world: Records) -> None:
    for days in range(6):
        world.keep(f"t-{days}", ago=days * DAY + HOUR)
    record = json.loads(failure_record(json.dumps(notification("t-9")).encode()))
    world.keep_record(json.dumps({**record, "timestamp": None}).encode())
    kept = world.list("--records", "--older-than", "2d", "--newer-than", "4d")["records"]
    assert [each["tasks"][0]["task"] for each in kept] == ["t-3", "t-2"]
    # Besides those: at most a day at either end, and the one without a date
    assert len(world.calls("GetObject")) <= 5


# Many


def test_there_may_be_more_records_than_oss_lists_at_once(
    world: Records, monkeypatch: pytest.MonkeyPatch
) -> None:
    # Given three objects on the first page, and one after it
    monkeypatch.setattr(objects, "_PAGE", 3)
    for number in range(3):
        world.put_record(f"2026-11-22/1-000{number}.json", b"{}")
    world.put_record("2026-11-22/1-1002.json", failure_record(b"{}"))

    # When records of both pages are asked for by their request ids
    records = world.list("--records", "1-0001", "1-1002")["records"]

    # Then they are found, and no other was read
    found = [(record["name"], record["readable"]) for record in records]
    assert found == [("2026-11-22/1-0001.json", False), ("2026-11-22/1-1002.json", True)]
    assert (len(world.calls("ListObjectsV2")), len(world.calls("GetObject"))) == (2, 2)


def test_many_are_read_at_the_same_time_and_come_in_order(world: Records) -> None:
    record = failure_record(b"{}")
    for number in range(80):
        world.put_record(f"2026-11-22/1-{number:03}.json", record)
    # None of the first is answered before all of them have been asked for
    world.break_call("GetObject", FaultKind.MEET, parties=READERS, times=READERS)
    names = [record["name"] for record in world.list("--records")["records"]]
    assert names == [f"2026-11-22/1-{number:03}.json" for number in range(80)]
    assert world.most_at_once("GetObject") >= READERS


# What cannot be read


def test_what_cannot_be_read_is_listed_as_such(world: Records) -> None:
    world.keep()
    success = json.loads(failure_record(b"{}"))
    success["requestContext"]["condition"] = success["responseContext"]["functionError"] = ""
    success["responsePayload"] = "{}"
    for number, content in enumerate((b"", b"\xff\xfe", b"[]", json.dumps(success).encode())):
        world.put_record(f"2026-11-22/1-{number}.json", content)
    assert world.list()["unreadable"]["count"] == 4
    assert world.list()["errors"][0]["count"] == 1
    assert world.list("--error", "ServiceUnavailable")["unreadable"] is None
    unreadable = [each for each in world.list("--records")["records"] if not each["readable"]]
    assert {each["name"] for each in unreadable} == {f"2026-11-22/1-{number}.json" for number in range(4)}
    assert "no record of a failure" in unreadable[0]["reason"]
    assert "4 (unreadable)" in flat(world.failed("list"))
    assert world.failed("list", "--records").output.count("(unreadable)") == 4


def test_a_huge_object_is_not_read(world: Records, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(store, "LARGEST_RECORD", 100)
    name = world.keep()
    (record,) = world.list("--records")["records"]
    assert (record["name"], record["readable"]) == (name, False)
    assert "more than any record" in record["reason"]


def test_an_archived_record_is_listed_as_such(world: Records) -> None:
    world.keep()
    world.break_call("GetObject", status=403, code="InvalidObjectState")
    assert "archived" in world.list()["unreadable"]["message"]


def test_a_record_that_is_gone_before_it_is_read_is_not_listed(world: Records) -> None:
    world.keep()
    world.break_call("GetObject", status=404, code="NoSuchKey")
    assert world.list()["records"] == 0


def test_a_body_that_breaks_off_is_read_again(world: Records) -> None:
    world.keep()
    world.break_call("GetObject", FaultKind.RESET_DURING, times=2)
    assert world.list()["errors"][0]["count"] == 1
    world.break_call("GetObject", FaultKind.RESET_DURING, times=None)
    result = world.failed("list")
    assert result.exit_code == 2
    assert "OSS GetObject on oss://" in flat(result)


# Problems


def test_it_has_to_be_known_where_failed_events_are_kept(world: Records) -> None:
    result = world.failed("list", FAILED_EVENTS="")
    assert result.exit_code == 2
    assert "FAILED_EVENTS is not set" in flat(result)
    world.keep()
    assert world.failed("list", "--from", f"{world.place}/", FAILED_EVENTS="").exit_code == 0


def test_the_place_may_stand_in_the_file_that_serverless_devs_reads(
    world: Records, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    (tmp_path / ".env").write_text(f"FAILED_EVENTS={world.place}\n", "utf-8")
    monkeypatch.setattr(checkout, "DEPLOYMENT", deployment(tmp_path))
    world.keep()
    assert "1 record under" in world.failed("list", FAILED_EVENTS=None).output


@pytest.mark.parametrize("place", ["failed", "oss://bucket", "https://bucket/failed", "oss://bucket/a/../b"])
def test_a_place_that_is_none_is_refused(world: Records, place: str) -> None:
    result = world.failed("list", "--from", place)
    assert result.exit_code == 2
    assert f"FAILED_EVENTS is '{place}', but must be oss://bucket/prefix" in flat(result)


def test_the_bucket_has_to_exist(world: Records) -> None:
    result = world.failed("list", "--from", "oss://no-such-bucket/failed")
    assert result.exit_code == 2
    assert "OSS ListObjectsV2 on bucket no-such-bucket failed" in result.output
    assert "NoSuchBucket" in result.output


@pytest.mark.parametrize(
    ("lacking", "resource"), [("oss:ListObjects", "{bucket}"), ("oss:GetObject", "{bucket}/failed/events/*")]
)
def test_a_permission_that_lacks_is_named(world: Records, lacking: str, resource: str) -> None:
    world.keep()
    world.be_allowed(allow(sorted({"oss:ListObjects", "oss:GetObject"} - {lacking})))
    result = world.failed("list")
    assert result.exit_code == 2
    named = resource.format(bucket=world.bucket)
    assert f"the action {lacking} on acs:oss:*:1234567890123456:{named};" in result.output
    assert "deploy/policies/failed.json" in result.output
