"""Tells the topic of the tasks' ends: in any order, some of them twice, never too many at a time."""

from __future__ import annotations

import asyncio
import random
from collections import Counter, deque
from collections.abc import Sequence
from typing import NamedTuple

from proof.load.observations import Observations
from proof.load.region import Region
from proof.load.scenario import PROJECT, FloodPlan, PlannedTask

STANDSTILL_SECONDS = 120.0


class Standstill(Exception):
    """Nothing has come to an end for a long time."""

    def __init__(self, under_way: int, seconds: float) -> None:
        super().__init__(
            f"No delivery has come to an end for {seconds:.0f} s; {under_way} are still on their way."
        )


class Publication(NamedTuple):
    """One message to the topic, and how often MNS delivers it."""

    task: PlannedTask
    copies: int


def publications(plan: FloodPlan, tasks: Sequence[PlannedTask]) -> list[Publication]:
    """Every task once, and some twice: half of those by MNS, half because IMM tells twice; all shuffled."""
    randomness = random.Random(plan.seed + 1)
    repeated = plan.notifications - len(tasks)
    again = randomness.sample(tasks, repeated)
    by_mns = {task.task_id for task in again[: repeated // 2]}
    messages = [Publication(task, 2 if task.task_id in by_mns else 1) for task in tasks]
    messages += [Publication(task, 1) for task in again[repeated // 2 :]]
    randomness.shuffle(messages)
    return messages


class Publisher:
    """Publishes through IMM and MNS, as long as there is room among the deliveries that are on their way."""

    def __init__(self, region: Region, plan: FloodPlan, tasks: Sequence[PlannedTask]) -> None:
        self._region = region
        self._plan = plan
        self._waiting = deque(publications(plan, tasks))
        self._keys = {task.task_id: task.key for task in tasks}
        self._under_way: Counter[str] = Counter()
        self.messages = 0
        self.deliveries = 0

    def ended(self, task_id: str) -> None:
        """A delivery of a task's notification has come to an end."""
        self._under_way[self._keys[task_id]] -= 1

    async def run(self, observations: Observations) -> None:
        """Publish everything. Raises Standstill."""
        while self._waiting:
            publication = self._next() if self.deliveries - observations.ended < self._plan.backlog else None
            if publication is None:
                observations.moved.clear()
                try:
                    await asyncio.wait_for(observations.moved.wait(), STANDSTILL_SECONDS)
                except asyncio.TimeoutError:
                    under_way = self.deliveries - observations.ended
                    raise Standstill(under_way, STANDSTILL_SECONDS) from None
                continue
            await self._publish(publication)
            # Publishing waits for nothing; the services have to get their turn.
            await asyncio.sleep(0)

    def _next(self) -> Publication | None:
        """The next publication, of an object that nothing is on its way for where that is asked."""
        for _ in range(len(self._waiting)):
            publication = self._waiting.popleft()
            if self._plan.overlapping or not self._under_way[publication.task.key]:
                return publication
            self._waiting.append(publication)
        return None

    async def _publish(self, publication: Publication) -> None:
        cloud, (task, copies) = self._region.cloud, publication
        if copies > 1:
            cloud.messages.duplicate_next(self._region.topic, copies - 1)
        await cloud.media.notify(PROJECT, task.task_id)
        self._under_way[task.key] += copies
        self.messages += 1
        self.deliveries += copies
