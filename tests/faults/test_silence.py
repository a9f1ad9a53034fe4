"""A service that says nothing: every call waits its time out, tries again, and gives up.

Waiting is all that these rows of the table cost, so they wait together, as the items of one list.
"""

from __future__ import annotations

import json
from typing import Any

import pytest

from imm_label_tags.errors import BatchFailed
from proof.faults.fault_case import ALL, IMM, Call
from proof.faults.table import TABLE, Row
from tests.faults.trial import FOREIGN
from tests.stage import CHAIR, Stage

# Long enough for an answer on a loaded machine, and there are attempts to spare.
READ_SECONDS = 0.75
ROWS = [row for row in TABLE if row.fault.name == "silence"]


class Items:
    """One object and one task for each call that is silent."""

    def __init__(self, stage: Stage) -> None:
        stage.retry_policy = stage.retry_policy._replace(read=READ_SECONDS)
        stage.set(RESULT_ARCHIVE=stage.uri("labels"))
        self._stage = stage
        self._tasks: dict[Call, str] = {}
        for row in ROWS:
            key = self._key(row.call)
            stage.cloud.call(stage.cloud.objects.put_object, stage.bucket, key, b"a video", FOREIGN)
            self._tasks[row.call] = stage.task(stage.uri(key), CHAIR)

    @property
    def event(self) -> list[dict[str, Any]]:
        return [self._stage.notification(task_id) for task_id in self._tasks.values()]

    def break_all(self, times: int | None) -> None:
        for row in ROWS:
            self._stage.break_call(row.fault.order(row.call, times, f"*{self.subject(row.call)}"))

    def subject(self, call: Call) -> str:
        if call is Call.KEEP:
            document = f"{self._stage.bucket}/{self._key(call)}/{self._tasks[call]}.json"
            return self._stage.uri(f"labels/{document}")
        return self._tasks[call] if call in IMM else self._stage.uri(self._key(call))

    def arrived(self, call: Call) -> int:
        calls = self._stage.raw_calls()
        return sum(made.action == call and made.resource.endswith(self.subject(call)) for made in calls)

    def tags(self, call: Call) -> dict[str, str]:
        info = self._stage.cloud.objects.stat(self._stage.bucket, self._key(call))
        assert info is not None
        return dict(info.tags)

    def tags_of_the_task(self, call: Call) -> dict[str, str]:
        return {**FOREIGN, "imm": f"2199-12-24T03:00:38.892Z/{self._tasks[call]}", "imm_yi-zi": "yes"}

    @staticmethod
    def _key(call: Call) -> str:
        return f"videos/{call.value}.mp4"


@pytest.fixture
def items(stage: Stage) -> Items:
    return Items(stage)


def statuses(result: dict[str, Any]) -> list[str]:
    return [outcome["status"] for outcome in result["outcomes"]]


def test_silence_that_lasts_and_has_ended_at_the_next_delivery(
    stage: Stage, items: Items, capsys: pytest.CaptureFixture[str]
) -> None:
    # Given notifications for each of which another call is silent
    items.break_all(None)

    # When they are delivered
    with pytest.raises(BatchFailed) as caught:
        stage.invoke(items.event)

    # Then each ends as the table says, and the tags of others are what they were
    failures: dict[int, Exception] = dict(caught.value.failures)
    assert len(failures) == len(ROWS)
    for index, row in enumerate(ROWS):
        assert type(failures[index]).__name__ == row.end
        assert row.seen in str(failures[index])
        assert items.subject(row.call) in str(failures[index])
        assert items.arrived(row.call) == row.attempts
        assert items.tags(row.call) == FOREIGN
    logged = [json.loads(line) for line in capsys.readouterr().out.splitlines()]
    assert [line["retryable"] for line in logged] == [row.retryable for row in ROWS]

    # When the services answer again and the same event is delivered
    stage.cloud.call(stage.cloud.faults.clear)
    result = stage.invoke(items.event)

    # Then every object has its tags
    assert statuses(result) == [row.afterwards for row in ROWS]
    for row in ROWS:
        assert items.tags(row.call) == items.tags_of_the_task(row.call)


def test_silence_that_passes(stage: Stage, items: Items) -> None:
    # Given calls that are not answered a single time
    items.break_all(1)
    stage.forget_calls()

    # When their notifications are delivered
    result = stage.invoke(items.event)

    # Then the second attempt of each does it
    assert statuses(result) == [row.once for row in ROWS]
    for row in ROWS:
        assert items.arrived(row.call) >= row.once_attempts
        assert items.tags(row.call) == items.tags_of_the_task(row.call)


def test_every_silent_call_is_in_the_table() -> None:
    def call(row: Row) -> Call:
        return row.call

    assert sorted(map(call, ROWS)) == sorted(ALL)
