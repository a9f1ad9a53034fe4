"""``imm-label-tags logs`` as a user types it."""

from __future__ import annotations

import json
import re

import pytest

from cli import sample
from tests.cli.logs.conftest import SLOW, World
from tests.installation.account import FUNCTION, KEEPER, LOG_PROJECT, LOGSTORE


def rows(text: str) -> list[list[str]]:
    """Status and function of each row."""
    return [re.split(r"\s+", line, maxsplit=4)[2:4] for line in text.splitlines()]


def test_the_lines_of_both_functions_are_shown_in_their_order(world: World) -> None:
    result = world.logs()

    assert result.exit_code == 0, result.output
    shown = rows(result.output)
    assert ["tagged", FUNCTION] in shown
    assert ["failed", FUNCTION] in shown
    assert ["kept", KEEPER] in shown
    assert re.search(rf"tagged +{FUNCTION} .*oss://media/videos/sample.mp4.*{sample.TASK_ID}", result.output)
    assert "InvalidNotification: " in result.output
    # The stack trace, which Function Compute logs as one text of many lines, is there with --json.
    assert re.search(r"\[ERROR\] \{ \.\.\. \d+ more lines with --json", result.output)
    assert "stackTrace" not in result.output
    assert "stackTrace" in world.logs("--json").output
    # What only marks the beginning and the end of an invocation is left out.
    assert "FC Invoke Start" not in result.output
    times = [line[:20] for line in result.output.splitlines()]
    assert times == sorted(times)


def test_lines_are_chosen_by_function_status_and_task(world: World) -> None:
    assert {function for _, function in rows(world.logs("--function", KEEPER).output)} == {KEEPER}
    assert {status for status, _ in rows(world.logs("--status", "failed").output)} == {"failed"}
    assert rows(world.logs("--task", sample.TASK_ID).output) == [["tagged", FUNCTION]]
    assert rows(world.logs("--status", "kept").output) == [["kept", KEEPER]] * 2


def test_what_function_compute_ended_counts_as_failed(world: World) -> None:
    result = world.logs("--function", SLOW, "--status", "failed")

    assert rows(result.output) == [["failed", SLOW]]
    assert "Function Compute: Function timed out after 1 seconds" in result.output


def test_lines_are_given_as_they_are(world: World) -> None:
    result = world.logs("--json")
    documents = [json.loads(line) for line in result.output.splitlines()]
    (tagged,) = [one for one in documents if one.get("status") == "tagged"]
    assert (tagged["function"], tagged["task_id"]) == (FUNCTION, sample.TASK_ID)
    assert tagged["milliseconds"]["GetTask"] >= 0

    (ended,) = [
        json.loads(line)
        for line in world.logs("--function", SLOW, "--status", "failed", "--json").output.splitlines()
    ]
    assert (ended["level"], ended["function"], ended["status"]) == ("ERROR", SLOW, "failed")
    assert ended["request_id"]


def test_lines_that_come_are_followed_and_none_is_shown_twice(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    pauses: list[float] = []

    def pause(seconds: float) -> None:
        pauses.append(seconds)
        if len(pauses) == 3:
            raise KeyboardInterrupt
        world.cloud.run(world.cloud.functions.invoke(KEEPER, b"not a record either"))

    before = rows(world.logs("--function", KEEPER, "--status", "failed").output)
    monkeypatch.setattr("cli.logs.command.time.sleep", pause)
    result = world.logs("--function", KEEPER, "--status", "failed", "--follow")

    assert len(rows(result.output.replace("\nAborted!\n", ""))) >= len(before) + 2
    after = rows(world.logs("--function", KEEPER, "--status", "failed").output)
    assert len(after) == len(rows(result.output.replace("\nAborted!\n", "")))


def test_nothing_is_said_where_there_is_nothing(world: World) -> None:
    result = world.logs("--task", "VideoLabelClassification-0")
    assert result.exit_code == 0
    assert f"Nothing in the log of {FUNCTION}, {KEEPER} since 20" in " ".join(result.output.split())


def test_who_may_not_read_the_log_is_told_what_is_missing(world: World) -> None:
    # Given keys that are not known
    keys = world.cloud.accounts.owner
    unknown = type(keys)("LTAIunknown", keys.access_key_secret)
    result = world.logs(keys=unknown)
    assert result.exit_code == 2
    assert "AccessKeyId not found" in " ".join(result.output.split())


@pytest.mark.parametrize("options", [("--since", "yesterday"), ("--task", 'a"b')])
def test_what_cannot_be_asked_is_refused(world: World, options: tuple[str, str]) -> None:
    result = world.logs(*options)
    assert result.exit_code == 2
    assert options[0] in result.output


def test_a_logstore_that_is_not_there_is_named(world: World) -> None:
    document = world.cloud.call(world.cloud.logs.store.get, LOG_PROJECT, "LogStore", LOGSTORE)
    index = world.cloud.call(world.cloud.logs.store.get, LOG_PROJECT, "IndexConfig", LOGSTORE)
    try:
        world.cloud.call(world.cloud.logs.store.remove, LOG_PROJECT, "IndexConfig", LOGSTORE)
        result = world.logs()
        assert result.exit_code == 2
        assert "IndexConfigNotExist" in result.output
        assert "imm-label-tags setup" in " ".join(result.output.split())
    finally:
        world.cloud.call(world.cloud.logs.store.keep, LOG_PROJECT, "LogStore", LOGSTORE, document)
        world.cloud.call(world.cloud.logs.store.keep, LOG_PROJECT, "IndexConfig", LOGSTORE, index)
