"""``failed replay``: events handed to the deployed function once more; a record goes after its outcome.

And ``failed drop``: records removed for good, after a look at them.
"""

from __future__ import annotations

import hashlib
import json
from datetime import timedelta
from typing import Any

import pytest

from localcloud.faults import FaultKind
from tests.cli.failed.records import Records, failure_record, meanwhile, notification
from tests.localcloud.ram_world import allow, deny
from tests.user import flat
from tests.waiting import until


def test_events_are_replayed_and_their_records_removed(world: Records) -> None:
    for number, status in enumerate(("tagged", "unchanged", "tagged")):
        world.keep(f"t-{number}", wanted={"status": status})
    # Nothing is, before the user agrees
    refused = world.failed("replay", typed="n\n")
    assert refused.exit_code == 1
    assert "Replay 3 records through function imm-label-tags in cn-hangzhou?" in flat(refused)
    assert (len(world.names()), len(world.calls("InvokeFunction"))) == (3, 0)

    result = world.failed("replay", typed="y\n")
    assert result.exit_code == 0, result.output
    assert "To be replayed through function imm-label-tags in cn-hangzhou" in flat(result)
    assert "3 records replayed and removed: 2 tagged, 1 unchanged." in flat(result)
    assert world.names() == []
    assert len(world.calls("InvokeFunction")) == 3
    assert f"There are no records under {world.place}." in world.failed("replay", "--yes").output


def test_the_function_gets_the_original_bytes(world: Records) -> None:
    copy = world.directory / "copy"
    event = json.dumps(notification("t-宜", copy=str(copy)), indent=7, ensure_ascii=False) + "\r\n\t"
    world.keep_record(failure_record(event.encode()))
    assert world.failed("replay", "--yes").exit_code == 0
    assert copy.read_bytes() == event.encode()


def test_only_what_is_asked_for_is_replayed(world: Records) -> None:
    kept = [
        world.keep("t-1", error="TaskNotFound"),
        world.keep("t-2", error="Throttled"),
        world.keep("t-3", error="Throttled", ago=timedelta(days=3)),
    ]
    result = world.failed("replay", "--yes", "--error", "Throttled", "--newer-than", "1d")
    assert result.exit_code == 0
    assert sorted(world.names()) == sorted([kept[0], kept[2]])
    assert world.failed("replay", "--yes", kept[2]).exit_code == 0
    assert world.failed("replay", "--yes", "--task", "t-1").exit_code == 0
    assert world.names() == []


def test_dry_run_shows_what_would_be_replayed_and_does_not(world: Records) -> None:
    names = [world.keep(f"t-{number}") for number in range(25)]
    result = world.failed("replay", "--dry-run")
    assert result.exit_code == 0
    assert "25 ServiceUnavailable" in flat(result)
    assert [name in result.output for name in sorted(names)] == [True] * 20 + [False] * 5
    assert "and 5 more" in result.output
    assert "Nothing was replayed." in result.output
    assert len(world.names()) == 25
    assert len(world.calls("InvokeFunction")) == 0


def test_json_tells_what_has_become_of_the_records_and_nothing_else(world: Records) -> None:
    # Given an event that is handled now, one that fails again, and a record that cannot be read
    world.keep("t-1", wanted={"status": "tagged"})
    stays = world.keep("t-2", wanted={"error": "too fast"})
    world.put_record("2026-01-01/1-broken.json", b"{")
    dry = json.loads(world.failed("replay", "--dry-run", "--json").stdout)
    assert (dry["records"], dry["removed"], dry["dry_run"]) == (3, 0, True)

    # When they are replayed, and the user agrees
    result = world.failed("replay", "--json", typed="y\n")

    # Then standard output has one document
    assert result.exit_code == 1
    told = json.loads(result.stdout)
    assert told["from"] == world.place
    assert (told["records"], told["removed"], told["gone"], told["stay"]) == (3, 1, 0, 1)
    assert told["left_out"] == {"cannot be read": 1}
    assert told["outcomes"] == {"tagged": 1}
    assert [(each["error"], each["count"]) for each in told["errors"]] == [("Throttled", 1)]
    assert stays in world.names()
    assert json.loads(world.failed("drop", "--all", "--yes", "--json").stdout)["removed"] == 1


# What stays


def test_what_fails_again_stays_and_its_new_error_is_reported(world: Records) -> None:
    # Given events of which two fail again
    stay = [world.keep(f"t-{number}", wanted={"error": f"task {number}f2a99: too fast"}) for number in (1, 2)]
    world.keep("t-3")

    # When all are replayed
    result = world.failed("replay", "--yes")

    # Then those two stay, and the report has their new error once with its number and an example
    assert result.exit_code == 1
    assert sorted(world.names()) == sorted(stay)
    assert "1 record replayed and removed: 1 tagged. 2 records stay:" in flat(result)
    report = flat(result).partition("2 records stay:")[2]
    assert "2 Throttled yes task …: too fast for example 2026" in report
    assert any(name in report for name in stay)


def test_a_batch_is_removed_only_once_all_of_its_items_have_succeeded(world: Records) -> None:
    good, bad = notification("t-1"), notification("t-2", error="not yet")
    stays = world.keep_record(failure_record(json.dumps([good, bad]).encode()))
    world.keep_record(failure_record(json.dumps([good, good]).encode()))
    result = world.failed("replay", "--yes")
    assert result.exit_code == 1
    assert "1 record replayed and removed: 2 tagged." in flat(result)
    assert world.names() == [stays]


@pytest.mark.parametrize(
    "answer", [None, "done", [], {"outcomes": []}, {"outcomes": "all"}, {"outcomes": [{"status": "fine"}]}]
)
def test_an_answer_that_is_no_outcome_leaves_the_record(world: Records, answer: object) -> None:
    # A function that answers otherwise is another one, or a later release of this
    event = notification("t-1") | {"UserData": json.dumps({"whole": answer})}
    world.keep_record(failure_record(json.dumps(event).encode()))
    result = world.failed("replay", "--yes")
    assert result.exit_code == 1
    assert "1 UnknownAnswer unknown The answer is not that of tag_object" in flat(result)
    assert len(world.names()) == 1


INVOKE = "InvokeFunction"


@pytest.mark.parametrize(
    ("action", "kind", "answer", "error"),
    [
        (INVOKE, FaultKind.ERROR, {"status": 429, "code": "TooManyRequests"}, "TooManyRequests"),
        (INVOKE, FaultKind.ERROR, {"status": 503, "code": "ServiceBusy"}, "ServiceBusy"),
        (INVOKE, FaultKind.RESET_BEFORE, {}, "NoAnswer"),
        (INVOKE, FaultKind.RESET_AFTER, {}, "NoAnswer"),
        (INVOKE, FaultKind.ANSWER, {"status": 200, "body": b"<html>"}, "UnknownAnswer"),
        (
            INVOKE,
            FaultKind.ANSWER,
            {"status": 200, "body": b"Process exited", "headers": {"x-fc-error-type": "UnhandledError"}},
            "UnhandledError unknown Process exited",
        ),
        ("GetObject", FaultKind.ERROR, {"skip": 1, "status": 409, "code": "Conflict"}, "Conflict"),
        ("HeadObject", FaultKind.ERROR, {"status": 409, "code": "Conflict"}, "Conflict"),
        ("DeleteObject", FaultKind.ERROR, {"status": 409, "code": "Conflict"}, "Conflict"),
    ],
)
def test_where_it_is_not_known_how_an_event_ended_its_record_stays(
    world: Records, action: str, kind: FaultKind, answer: dict[str, Any], error: str
) -> None:
    world.keep()
    world.break_call(action, kind, **answer)
    result = world.failed("replay", "--yes")
    assert result.exit_code == 1
    assert f"1 {error}" in flat(result).partition("1 record stays:")[2]
    assert len(world.names()) == 1
    # and the next run gets it done
    assert world.failed("replay", "--yes").exit_code == 0
    assert world.names() == []


def test_a_record_that_was_changed_meanwhile_stays(world: Records) -> None:
    # Given a record whose event is under way
    name = world.keep("t-1", wanted=world.waiting("one"), request_id="1-2")

    def fail_again() -> None:
        until(lambda: world.running("one") == 1)
        assert world.keep("t-1", error="Throttled", request_id="1-2") == name
        world.let_go()

    # When a newer failure of the same request is kept meanwhile
    with meanwhile(fail_again):
        result = world.failed("replay", "--yes")

    # Then that one is not removed, though the first has succeeded
    assert result.exit_code == 1
    assert "1 Changed unknown There is another failure of the same request now" in flat(result)
    assert world.list()["errors"][0]["error"] == "Throttled"


def test_a_record_that_was_changed_since_the_plan_is_not_replayed(world: Records) -> None:
    world.keep("t-1", request_id="1-2")
    # Given a plan that was made of another version
    world.first_read(failure_record(json.dumps(notification("t-1")).encode(), request_id="1-2"), "OLD")
    result = world.failed("replay", "--yes")
    assert result.exit_code == 1
    assert "1 Changed" in flat(result)
    assert len(world.calls("InvokeFunction")) == 0
    assert len(world.names()) == 1


def test_a_record_that_somebody_else_removes_is_nobodys_failure(world: Records) -> None:
    world.keep("t-1")
    world.break_call("GetObject", skip=1, status=404, code="NoSuchKey")
    result = world.failed("replay", "--yes")
    assert result.exit_code == 0
    assert "1 record had been removed by somebody else." in flat(result)
    world.break_call("HeadObject", status=404, code="NoSuchKey")
    result = world.failed("replay", "--yes")
    assert result.exit_code == 0
    assert "1 record replayed and removed: 1 tagged." in flat(result)


def test_what_cannot_be_read_is_neither_replayed_nor_removed(world: Records) -> None:
    world.keep()
    world.put_record("2026-11-22/1-2.json", b"no record")
    result = world.failed("replay", "--yes")
    assert result.exit_code == 1
    assert "1 record left out: cannot be read." in result.output
    assert world.names() == ["2026-11-22/1-2.json"]
    alone = world.failed("replay", "--yes", "1-2")
    assert alone.exit_code == 1
    assert "0 records" in alone.output
    assert world.names() == ["2026-11-22/1-2.json"]


def test_a_record_that_became_unreadable_since_the_plan_stays(world: Records) -> None:
    name = world.keep()
    content = b"no record"
    world.put_record(name, content)
    world.first_read(failure_record(b"{}"), hashlib.md5(content).hexdigest().upper())
    result = world.failed("replay", "--yes")
    assert result.exit_code == 1
    assert "1 Unreadable" in flat(result)
    assert world.names() == [name]


def test_what_failed_in_another_function_is_left_out_unless_asked_for(world: Records) -> None:
    world.keep("t-1", function="of-somebody-else")
    result = world.failed("replay", "--yes")
    assert result.exit_code == 1
    arn = "acs:fc:cn-hangzhou:1234567890123456:functions/of-somebody-else"
    assert f"1 record left out: of {arn}; --any-function takes them, too." in flat(result)
    assert len(world.calls("InvokeFunction")) == 0
    assert world.failed("replay", "--yes", "--any-function").exit_code == 0
    assert world.names() == []


@pytest.mark.parametrize(
    ("arn", "ours"),
    [
        ("", True),
        ("acs:fc:::services/Video-tagging.LATEST/functions/imm-label-tags", True),
        ("acs:fc:cn-hangzhou:1234567890123456:functions/imm-label-tags/LATEST", True),
        ("acs:fc:cn-beijing:1234567890123456:functions/imm-label-tags", False),
        ("acs:fc:cn-hangzhou:1234567890123456:functions/imm-label-tags-failed", False),
        ("something else", False),
    ],
)
def test_whose_failure_it_is_stands_in_the_record(world: Records, arn: str, ours: bool) -> None:
    record = json.loads(failure_record(json.dumps(notification("t-1")).encode()))
    record["requestContext"]["functionArn"] = arn
    world.keep_record(json.dumps(record).encode())
    assert world.failed("replay", "--yes").exit_code == (0 if ours else 1)


def test_an_event_that_the_function_ignores_is_for_another_and_stays(world: Records) -> None:
    # Given a kept event of which the function ignores everything, and one of which it ignores a part
    name = world.keep(wanted={"status": "ignored"})
    mixed = json.dumps([notification("t-2", status="ignored"), notification("t-3")]).encode()
    world.keep_record(failure_record(mixed, request_id="1-mixed"))

    # When both are replayed
    result = world.failed("replay", "--yes")

    # Then only the one that the function has handled is gone
    assert result.exit_code == 1
    assert "The function ignores the event, which is for another" in flat(result)
    assert world.names() == [name]


# Problems that are not about one event


def test_the_function_has_to_be_there(world: Records) -> None:
    world.keep()
    world.break_call("InvokeFunction", status=404, code="FunctionNotFound", times=None)
    result = world.failed("replay", "--yes")
    assert result.exit_code == 2
    assert "FC InvokeFunction on function imm-label-tags failed" in flat(result)
    assert "1 record not replayed." in result.output
    assert len(world.names()) == 1


@pytest.mark.parametrize(
    ("lacking", "resource"),
    [
        ("fc:InvokeFunction", "acs:fc:cn-hangzhou:1234567890123456:functions/imm-label-tags"),
        ("oss:DeleteObject", "acs:oss:*:1234567890123456:{bucket}/failed/events/*"),
    ],
)
def test_a_permission_that_lacks_ends_the_replay_and_loses_nothing(
    world: Records, lacking: str, resource: str
) -> None:
    for number in range(30):
        world.keep(f"t-{number}")
    world.be_allowed(allow(["oss:*", "fc:*"]), deny(lacking))
    result = world.failed("replay", "--yes", "--concurrency", "2")
    assert result.exit_code == 2
    assert f"the action {lacking} on {resource.format(bucket=world.bucket)}" in flat(result)
    assert len(world.names()) == 30
    assert len(world.calls("InvokeFunction")) <= 4


# Many at a time


def test_as_many_run_at_a_time_as_is_said(world: Records) -> None:
    # Given events that each wait
    names = [f"n{number}" for number in range(5)]
    for name in names:
        world.keep(name, wanted=world.waiting(name))

    def watch() -> None:
        # Three run at the same time: none of them would end before it is let go
        until(lambda: world.running(*names) == 3)
        world.let_go()

    with meanwhile(watch):
        result = world.failed("replay", "--yes", "--concurrency", "3")
    assert result.exit_code == 0
    assert world.names() == []
    assert world.most_at_once("InvokeFunction") == 3


@pytest.mark.parametrize("number", ["0", "65", "many"])
def test_the_number_is_bounded(world: Records, number: str) -> None:
    assert world.failed("replay", "--concurrency", number).exit_code == 2


# Dropping


def test_records_are_dropped_after_the_user_agrees(world: Records) -> None:
    stays = world.keep("t-1", error="Throttled")
    for number in range(3):
        world.keep(f"t-{number}", error="TaskNotFound", ago=timedelta(days=8))
    options = ("--error", "TaskNotFound", "--older-than", "7d")
    dry = world.failed("drop", *options, "--dry-run")
    assert (dry.exit_code, "3 TaskNotFound" in flat(dry), len(world.names())) == (0, True, 4)
    refused = world.failed("drop", *options, typed="n\n")
    assert (refused.exit_code, "Drop 3 records?" in refused.output, len(world.names())) == (1, True, 4)
    agreed = world.failed("drop", *options, typed="y\n")
    assert (agreed.exit_code, world.names()) == (0, [stays])
    assert "3 records dropped." in agreed.output
    assert len(world.calls("InvokeFunction")) == 0


def test_everything_is_only_dropped_where_that_is_said(world: Records) -> None:
    world.keep()
    assert "Say which records to drop, or --all." in world.failed("drop", "--yes").output
    both = world.failed("drop", "--yes", "--all", "--error", "Throttled")
    assert (both.exit_code, "leave it out, or the conditions" in flat(both)) == (2, True)
    assert len(world.names()) == 1
    for _ in range(2):
        assert world.failed("drop", "--yes", "--all").exit_code == 0
        assert world.names() == []


def test_what_cannot_be_read_is_only_dropped_by_its_name(world: Records) -> None:
    world.put_record("2026-11-22/1-2.json", b"no record")
    world.put_record("notes.txt", b"of somebody else")
    kept = world.failed("drop", "--yes", "--all")
    assert kept.exit_code == 1
    assert "1 record left out: cannot be read; name them to drop them." in kept.output
    assert world.failed("drop", "--yes", "2026-11-22/1-2").exit_code == 0
    assert world.names() == ["notes.txt"]


def test_a_record_that_was_changed_since_the_plan_is_not_dropped(world: Records) -> None:
    world.keep(request_id="1-2")
    world.first_read(failure_record(b"{}", request_id="1-2"), "OLD")
    assert world.failed("drop", "--yes", "--all").exit_code == 1
    assert len(world.names()) == 1


@pytest.mark.parametrize(("kind", "status"), [(FaultKind.ERROR, 1), (FaultKind.RESET_AFTER, 0)])
def test_one_that_cannot_be_removed_now_stays_for_the_next_time(
    world: Records, kind: FaultKind, status: int
) -> None:
    for number in range(3):
        world.keep(f"t-{number}")
    world.break_call("DeleteObject", kind, status=409, code="Conflict")
    assert world.failed("drop", "--yes", "--all").exit_code == status
    assert len(world.names()) == status
