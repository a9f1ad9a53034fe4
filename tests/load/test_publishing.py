"""In which order the topic is told, how often, and how much may be on its way."""

from __future__ import annotations

import asyncio
import json
from collections import Counter
from dataclasses import dataclass, field, replace
from datetime import datetime, timezone
from types import SimpleNamespace
from typing import Any, cast

import pytest

from proof.load import publishing
from proof.load.observations import Observations
from proof.load.plan import FloodPlan
from proof.load.publishing import Publisher, Standstill, publications
from proof.load.region import Region
from proof.load.scenario import PlannedTask, draw

PLAN = FloodPlan(220, 20, 2, 0.05, 0.1, 0, 0.0, 1)
TASKS = draw(PLAN, datetime(2026, 1, 2, tzinfo=timezone.utc)).tasks


def test_every_task_is_told_of_and_some_twice() -> None:
    told = publications(PLAN, TASKS)
    deliveries = Counter[str]()
    for publication in told:
        deliveries[publication.task.task_id] += publication.copies
    assert sum(deliveries.values()) == PLAN.notifications
    assert Counter(deliveries.values()) == {1: 180, 2: 20}


def test_half_of_the_duplicates_are_mnss_and_half_are_told_twice() -> None:
    told = publications(PLAN, TASKS)
    assert sum(publication.copies == 2 for publication in told) == 10
    assert len(told) - len({publication.task.task_id for publication in told}) == 10


def test_the_order_is_any_and_the_seeds() -> None:
    told = publications(PLAN, TASKS)
    assert told == publications(PLAN, TASKS)
    assert [publication.task for publication in told] != TASKS
    assert told != publications(replace(PLAN, seed=2), TASKS)


@dataclass
class Chain:
    """IMM, MNS and the function in one: whatever is told of ends a moment later, if ever."""

    observations: Observations
    ends: bool = True
    most_under_way: int = 0
    most_of_one_object: int = 0
    under_way: Counter[str] = field(default_factory=Counter)
    extra: int = 0
    endings: list[asyncio.Task[None]] = field(default_factory=list)

    def region(self) -> Region:
        cloud = SimpleNamespace(
            messages=SimpleNamespace(duplicate_next=self._duplicate),
            media=SimpleNamespace(notify=self._notify),
        )
        return cast("Region", SimpleNamespace(cloud=cloud, topic="imm-label-tags"))

    def _duplicate(self, topic: str, extra: int) -> None:
        self.extra = extra

    async def _notify(self, project: str, task_id: str) -> None:
        task = next(task for task in TASKS if task.task_id == task_id)
        copies, self.extra = 1 + self.extra, 0
        self.under_way[task.key] += copies
        self.most_under_way = max(self.most_under_way, self.under_way.total())
        self.most_of_one_object = max(self.most_of_one_object, self.under_way[task.key] - copies + 1)
        if self.ends:
            self.endings += [asyncio.ensure_future(self._end(task)) for _ in range(copies)]

    async def _end(self, task: PlannedTask) -> None:
        await asyncio.sleep(0)
        self.under_way[task.key] -= 1
        invocation: Any = SimpleNamespace(event=_event(task.task_id))
        self.observations.invocation_ended(invocation, cast("Any", _record()))


def _event(task_id: str) -> bytes:
    content = json.dumps({"TaskId": task_id})
    return json.dumps({"Message": json.dumps({"content": content}), "PublishTime": 0}).encode()


def _record() -> SimpleNamespace:
    return SimpleNamespace(
        function="f",
        instance_id="c-1",
        request_id="r",
        attempt=1,
        duration=0.1,
        cold_start=False,
        asynchronous=True,
        max_memory=1.0,
        error_type=None,
        failure=None,
        ended=datetime(2026, 1, 2, tzinfo=timezone.utc),
        body=b'{"outcomes": [{"status": "tagged"}]}',
    )


def publish(plan: FloodPlan, *, ends: bool = True) -> tuple[Publisher, Chain]:
    async def scenario() -> tuple[Publisher, Chain]:
        observations = Observations("f", 4)
        chain = Chain(observations, ends)
        publisher = Publisher(chain.region(), plan, TASKS)
        await publisher.run(observations)
        await asyncio.gather(*chain.endings)
        return publisher, chain

    return asyncio.run(scenario())


def test_no_more_than_the_backlog_is_on_its_way() -> None:
    publisher, chain = publish(PLAN)
    assert (publisher.messages, publisher.deliveries) == (210, 220)
    # The last message may be delivered twice.
    assert 1 < chain.most_under_way <= PLAN.backlog + 1


def test_two_tasks_of_one_object_never_overlap_where_that_is_not_wanted() -> None:
    publisher, chain = publish(replace(PLAN, overlapping=False))
    assert publisher.deliveries == 220
    assert chain.most_of_one_object == 1


def test_a_chain_that_stands_still_is_reported(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(publishing, "STANDSTILL_SECONDS", 0.01)
    with pytest.raises(Standstill, match="are still on their way"):
        publish(PLAN, ends=False)
