"""``failed replay``: events handed to the deployed function once more; a record goes after its outcome."""

from __future__ import annotations

import json
from datetime import timedelta

import pytest

from localcloud.faults import Fault, FaultKind
from tests.failed_command.world import (
    PREFIX,
    World,
    failure_record,
    meanwhile,
    notification,
)
from tests.localcloud.ram_world import allow, deny
from tests.localcloud.serving import until
from tests.user import flat


def test_events_are_replayed_and_their_records_removed(world: World) -> None:
    for number, status in enumerate(("tagged", "unchanged", "tagged")):
        world.keep(f"t-{number}", wanted={"status": status})
    result = world.run("replay", "--yes")
    assert result.exit_code == 0, result.output
    assert "To be replayed through function imm-label-tags in cn-hangzhou" in flat(result)
    assert "3 records replayed and removed: 2 tagged, 1 unchanged." in flat(result)
    assert world.names() == []
    assert world.calls("InvokeFunction") == 3
    assert f"There are no records under {world.place}." in world.run("replay", "--yes").output


def test_the_function_gets_the_original_bytes(world: World) -> None:
    copy = world.directory / "copy"
    event = json.dumps(notification("t-宜", copy=str(copy)), indent=7, ensure_ascii=False) + "\r\n\t"
    world.keep_record(failure_record(event.encode()))
    assert world.run("replay", "--yes").exit_code == 0
    assert copy.read_bytes() == event.encode()


def test_only_what_is_asked_for_is_replayed(world: World) -> None:
    kept = [
        world.keep("t-1", error="TaskNotFound"),
        world.keep("t-2", error="Throttled"),
        world.keep("t-3", error="Throttled", ago=timedelta(days=3)),
    ]
    result = world.run("replay", "--yes", "--error", "Throttled", "--newer-than", "1d")
    assert result.exit_code == 0
    assert sorted(world.names()) == sorted([kept[0], kept[2]])
    assert world.run("replay", "--yes", kept[2]).exit_code == 0
    assert world.run("replay", "--yes", "--task", "t-1").exit_code == 0
    assert world.names() == []


def test_dry_run_shows_what_would_be_replayed_and_does_not(world: World) -> None:
    names = [world.keep(f"t-{number}") for number in range(25)]
    result = world.run("replay", "--dry-run")
    assert result.exit_code == 0
    assert "25 ServiceUnavailable" in flat(result)
    assert [name in result.output for name in sorted(names)] == [True] * 20 + [False] * 5
    assert "and 5 more" in result.output
    assert "Nothing was replayed." in result.output
    assert len(world.names()) == 25
    assert world.calls("InvokeFunction") == 0


def test_json_tells_what_has_become_of_the_records_and_nothing_else(world: World) -> None:
    # Given an event that is handled now, one that fails again, and a record that cannot be read
    world.keep("t-1", wanted={"status": "tagged"})
    stays = world.keep("t-2", wanted={"error": "too fast"})
    world.put(f"{PREFIX}/2026-01-01/1-broken.json", b"{")
    dry = json.loads(world.run("replay", "--dry-run", "--json").stdout)
    assert (dry["records"], dry["removed"], dry["dry_run"]) == (3, 0, True)

    # When they are replayed, and the user agrees
    result = world.run("replay", "--json", stdin="y\n")

    # Then standard output has one document
    assert result.exit_code == 1
    told = json.loads(result.stdout)
    assert told["from"] == world.place
    assert (told["records"], told["removed"], told["gone"], told["stay"]) == (3, 1, 0, 1)
    assert told["left_out"] == {"cannot be read": 1}
    assert told["outcomes"] == {"tagged": 1}
    assert [(each["error"], each["count"]) for each in told["errors"]] == [("Throttled", 1)]
    assert stays in world.names()
    assert json.loads(world.run("drop", "--all", "--yes", "--json").stdout)["removed"] == 1


def test_nothing_is_replayed_before_the_user_agrees(world: World) -> None:
    world.keep()
    refused = world.run("replay", stdin="n\n")
    assert refused.exit_code == 1
    assert "Replay 1 record through function imm-label-tags in cn-hangzhou?" in flat(refused)
    assert len(world.names()) == 1
    assert world.run("replay", stdin="y\n").exit_code == 0
    assert world.names() == []


# What stays


def test_what_fails_again_stays_and_its_new_error_is_reported(world: World) -> None:
    # Given events of which two fail again
    stay = [world.keep(f"t-{number}", wanted={"error": f"task {number}f2a99: too fast"}) for number in (1, 2)]
    world.keep("t-3")

    # When all are replayed
    result = world.run("replay", "--yes")

    # Then those two stay, and the report has their new error once with its number and an example
    assert result.exit_code == 1
    assert sorted(world.names()) == sorted(stay)
    assert "1 record replayed and removed: 1 tagged. 2 records stay:" in flat(result)
    report = flat(result).partition("2 records stay:")[2]
    assert "2 Throttled yes task …: too fast for example 2026" in report
    assert any(name in report for name in stay)


def test_a_batch_is_removed_only_once_all_of_its_items_have_succeeded(world: World) -> None:
    good, bad = notification("t-1"), notification("t-2", error="not yet")
    stays = world.keep_record(failure_record(json.dumps([good, bad]).encode()))
    world.keep_record(failure_record(json.dumps([good, good]).encode()))
    result = world.run("replay", "--yes")
    assert result.exit_code == 1
    assert "1 record replayed and removed: 2 tagged." in flat(result)
    assert world.names() == [stays]


@pytest.mark.parametrize(
    "answer", [None, "done", [], {"outcomes": []}, {"outcomes": "all"}, {"outcomes": [{"status": "fine"}]}]
)
def test_an_answer_that_is_no_outcome_leaves_the_record(world: World, answer: object) -> None:
    # A function that answers otherwise is another one, or a later release of this
    event = notification("t-1") | {"UserData": json.dumps({"whole": answer})}
    world.keep_record(failure_record(json.dumps(event).encode()))
    result = world.run("replay", "--yes")
    assert result.exit_code == 1
    assert "1 UnknownAnswer unknown The answer is not that of tag_object" in flat(result)
    assert len(world.names()) == 1


@pytest.mark.parametrize(
    ("fault", "error"),
    [
        (
            Fault(FaultKind.ERROR, action="InvokeFunction", status=429, code="TooManyRequests"),
            "TooManyRequests",
        ),
        (Fault(FaultKind.ERROR, action="InvokeFunction", status=503, code="ServiceBusy"), "ServiceBusy"),
        (Fault(FaultKind.RESET_BEFORE, action="InvokeFunction"), "NoAnswer"),
        (Fault(FaultKind.RESET_AFTER, action="InvokeFunction"), "NoAnswer"),
        (Fault(FaultKind.ANSWER, action="InvokeFunction", status=200, body=b"<html>"), "UnknownAnswer"),
        (
            Fault(
                FaultKind.ANSWER,
                action="InvokeFunction",
                status=200,
                body=b"Process exited unexpectedly",
                headers={"x-fc-error-type": "UnhandledInvocationError"},
            ),
            "UnhandledInvocationError unknown Process exited unexpectedly",
        ),
        (Fault(FaultKind.ERROR, action="GetObject", skip=1, status=409, code="Conflict"), "Conflict"),
        (Fault(FaultKind.ERROR, action="HeadObject", status=409, code="Conflict"), "Conflict"),
        (Fault(FaultKind.ERROR, action="DeleteObject", status=409, code="Conflict"), "Conflict"),
    ],
)
def test_where_it_is_not_known_how_an_event_ended_its_record_stays(
    world: World, fault: Fault, error: str
) -> None:
    world.keep()
    world.break_call(fault)
    result = world.run("replay", "--yes")
    assert result.exit_code == 1
    assert f"1 {error}" in flat(result).partition("1 record stays:")[2]
    assert len(world.names()) == 1
    # and the next run gets it done
    assert world.run("replay", "--yes").exit_code == 0
    assert world.names() == []


def test_a_record_that_was_changed_meanwhile_stays(world: World) -> None:
    # Given a record whose event is under way
    name = world.keep("t-1", wanted=world.waiting("one"), request_id="1-2")

    def fail_again() -> None:
        until(lambda: world.runs("one"))
        assert world.keep("t-1", error="Throttled", request_id="1-2") == name
        world.let_go()

    # When a newer failure of the same request is kept meanwhile
    with meanwhile(fail_again):
        result = world.run("replay", "--yes")

    # Then that one is not removed, though the first has succeeded
    assert result.exit_code == 1
    assert "1 Changed unknown There is another failure of the same request now" in flat(result)
    assert world.json()["errors"][0]["error"] == "Throttled"


def test_a_record_that_was_changed_since_the_plan_is_not_replayed(world: World) -> None:
    world.keep("t-1", request_id="1-2")
    # Given a plan that was made of another version
    world.first_read(failure_record(json.dumps(notification("t-1")).encode(), request_id="1-2"), "OLD")
    result = world.run("replay", "--yes")
    assert result.exit_code == 1
    assert "1 Changed" in flat(result)
    assert world.calls("InvokeFunction") == 0
    assert len(world.names()) == 1


def test_a_record_that_somebody_else_removes_is_nobodys_failure(world: World) -> None:
    world.keep("t-1")
    world.break_call(Fault(FaultKind.ERROR, action="GetObject", skip=1, status=404, code="NoSuchKey"))
    result = world.run("replay", "--yes")
    assert result.exit_code == 0
    assert "1 record had been removed by somebody else." in flat(result)
    world.break_call(Fault(FaultKind.ERROR, action="HeadObject", status=404, code="NoSuchKey"))
    result = world.run("replay", "--yes")
    assert result.exit_code == 0
    assert "1 record replayed and removed: 1 tagged." in flat(result)


def test_what_cannot_be_read_is_neither_replayed_nor_removed(world: World) -> None:
    world.keep()
    world.put(f"{PREFIX}/2026-11-22/1-2.json", b"no record")
    result = world.run("replay", "--yes")
    assert result.exit_code == 1
    assert "1 record left out: cannot be read." in result.output
    assert world.names() == ["2026-11-22/1-2.json"]
    alone = world.run("replay", "--yes", "1-2")
    assert alone.exit_code == 1
    assert "0 records" in alone.output
    assert world.names() == ["2026-11-22/1-2.json"]


def test_a_record_that_became_unreadable_since_the_plan_stays(world: World) -> None:
    name = world.keep()
    world.put(f"{PREFIX}/{name}", b"no record")
    world.first_read(failure_record(b"{}"), world.etag(name))
    result = world.run("replay", "--yes")
    assert result.exit_code == 1
    assert "1 Unreadable" in flat(result)
    assert world.names() == [name]


def test_what_failed_in_another_function_is_left_out_unless_asked_for(world: World) -> None:
    world.keep("t-1", function="of-somebody-else")
    result = world.run("replay", "--yes")
    assert result.exit_code == 1
    arn = "acs:fc:cn-hangzhou:1234567890123456:functions/of-somebody-else"
    assert f"1 record left out: of {arn}; --any-function takes them, too." in flat(result)
    assert world.calls("InvokeFunction") == 0
    assert world.run("replay", "--yes", "--any-function").exit_code == 0
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
def test_whose_failure_it_is_stands_in_the_record(world: World, arn: str, ours: bool) -> None:
    record = json.loads(failure_record(json.dumps(notification("t-1")).encode()))
    record["requestContext"]["functionArn"] = arn
    world.keep_record(json.dumps(record).encode())
    assert world.run("replay", "--yes").exit_code == (0 if ours else 1)


def test_an_event_that_the_function_ignores_is_for_another_and_stays(world: World) -> None:
    # Given a kept event of which the function ignores everything, and one of which it ignores a part
    name = world.keep(wanted={"status": "ignored"})
    mixed = json.dumps([notification("t-2", status="ignored"), notification("t-3")]).encode()
    world.keep_record(failure_record(mixed, request_id="1-mixed"))

    # When both are replayed
    result = world.run("replay", "--yes")

    # Then only the one that the function has handled is gone
    assert result.exit_code == 1
    assert "The function ignores the event, which is for another" in flat(result)
    assert world.names() == [name]


# Problems that are not about one event


def test_the_function_has_to_be_there(world: World) -> None:
    world.keep()
    world.break_call(
        Fault(FaultKind.ERROR, action="InvokeFunction", status=404, code="FunctionNotFound", times=None)
    )
    result = world.run("replay", "--yes")
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
    world: World, lacking: str, resource: str
) -> None:
    for number in range(30):
        world.keep(f"t-{number}")
    world.keys = world.caller(allow(["oss:*", "fc:*"]), deny(lacking))
    result = world.run("replay", "--yes", "--concurrency", "2")
    assert result.exit_code == 2
    assert f"the action {lacking} on {resource.format(bucket=world.bucket)}" in flat(result)
    assert len(world.names()) == 30
    assert world.calls("InvokeFunction") <= 4


# Many at a time


def test_as_many_run_at_a_time_as_is_said(world: World) -> None:
    # Given events that each wait
    for number in range(5):
        world.keep(f"t-{number}", wanted=world.waiting(f"n{number}"))

    def watch() -> None:
        # Three run at the same time: none of them would end before it is let go
        until(lambda: sum(world.runs(f"n{number}") for number in range(5)) == 3)
        world.let_go()

    with meanwhile(watch):
        result = world.run("replay", "--yes", "--concurrency", "3")
    assert result.exit_code == 0
    assert world.names() == []
    assert world.most_at_once("InvokeFunction") == 3


@pytest.mark.parametrize("number", ["0", "65", "many"])
def test_the_number_is_bounded(world: World, number: str) -> None:
    assert world.run("replay", "--concurrency", number).exit_code == 2
