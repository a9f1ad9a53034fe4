"""``failed show``: everything about one record, and the event as it was."""

from __future__ import annotations

import json

import pytest

from tests.cli.failed.records import Records, failure_record, notification
from tests.user import flat


def test_a_record_is_shown_with_its_failure_its_tasks_and_its_event(world: Records) -> None:
    # Given the failure of an event in which JSON stands in a text
    inner = json.dumps(notification("t-7"), ensure_ascii=False)
    event = json.dumps({"TopicName": "imm", "MessageId": "m-1", "Message": inner}).encode()
    name = world.keep_record(failure_record(event, request_id="1-abc", error="TaskNotFound", message="Gone."))

    # When it is shown by its request id
    result = world.failed("show", "1-abc")

    # Then everything stands there, and the inner JSON is opened
    assert result.exit_code == 0
    assert result.output.splitlines()[0] == f"{world.place}/{name}"
    for facts in (
        "request id 1-abc",
        "function acs:fc:cn-hangzhou:1234567890123456:functions/imm-label-tags",
        "condition UnhandledInvocationError",
        "attempts 4",
        "error TaskNotFound",
        "a retry may help no",
        "message Gone.",
        "task t-7 of project immtest",
        '"Message": { "ProjectName": "immtest",',
    ):
        assert facts in flat(result)
    # and programs have it as one document
    shown = world.json("failed", "show", name)
    assert shown == {**world.list("--records")["records"][0], "event": shown["event"]}
    assert (shown["error"], shown["event"]["Message"]["TaskId"]) == ("TaskNotFound", "t-7")
    assert world.failed("show", name, "--json", "--event").exit_code == 2


@pytest.mark.parametrize(
    ("event", "said"),
    [
        (b"plain text", "not understood: The event is neither JSON nor XML nor base64"),
        (
            json.dumps(notification("t-1") | {"TaskType": "MediaConvert"}).encode(),
            "not about a video label task",
        ),
        (b'[{"TaskType": "VideoLabelClassification"}]', "has no ProjectName"),
        (b"[" * 9_999, "not understood"),
        (b'{"half":', "not understood"),
        (b'[[[[[[[[[["deep"]]]]]]]]]]', "not understood"),
    ],
)
def test_an_event_that_is_about_no_task_is_shown_too(world: Records, event: bytes, said: str) -> None:
    name = world.keep_record(failure_record(event))
    result = world.failed("show", name)
    assert result.exit_code == 0, result.output
    assert said in flat(result)
    assert world.list("--records")["records"][0]["tasks"] == []


def test_what_a_record_does_not_tell_is_said(world: Records) -> None:
    record = json.loads(failure_record(b"{}"))
    del record["timestamp"], record["requestContext"]["approximateInvokeCount"]
    name = world.keep_record(json.dumps(record).encode())
    output = flat(world.failed("show", name))
    assert "attempts unknown" in output
    assert "the record does not tell when" in output


@pytest.mark.parametrize(
    "event", ['{"a":  1}\r\n', "\ufeff{}", "宜家 \u2028 \0 \x1b[2J", " ", '{"n": 1e999}', "x" * 300_000]
)
def test_the_event_is_written_byte_for_byte(world: Records, event: str) -> None:
    name = world.keep_record(failure_record(event.encode()))
    result = world.failed("show", name, "--event")
    assert result.exit_code == 0
    assert result.stdout_bytes == event.encode()


def test_a_request_id_that_several_records_have_is_not_enough(world: Records) -> None:
    for day in ("2026-11-21", "2026-11-22"):
        world.put_record(f"{day}/1-2.json", failure_record(b"{}"))
    result = world.failed("show", "1-2")
    assert result.exit_code == 2
    assert "several records; name one of 2026-11-21/1-2.json, 2026-11-22/1-2.json" in flat(result)


def test_a_record_that_cannot_be_read_is_a_problem(world: Records) -> None:
    world.put_record("2026-11-22/1-2.json", b"no record")
    result = world.failed("show", "1-2")
    assert result.exit_code == 2
    assert f"The record {world.place}/2026-11-22/1-2.json cannot be read." in flat(result)
    name = world.keep()
    world.break_call("GetObject", status=404, code="NoSuchKey")
    assert "It was removed meanwhile." in flat(world.failed("show", name))
