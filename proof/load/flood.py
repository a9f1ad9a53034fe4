"""One flood from beginning to end: tell of every task while everything goes wrong, then read every object."""

from __future__ import annotations

import asyncio
import random
import time
from collections import Counter
from dataclasses import dataclass
from pathlib import Path

from cli.checkout import DEPLOYMENT
from localcloud.faults import FaultKind
from proof.load.bucket import Owner
from proof.load.disturbances import faults, outages
from proof.load.figures import MemoryTrend, Percentiles, trend
from proof.load.kept import FailedTopics, Replay, kept_events, replay
from proof.load.killer import Killer
from proof.load.observations import Observations
from proof.load.plan import FloodPlan
from proof.load.progress import Tell
from proof.load.publishing import Publisher, Standstill
from proof.load.region import Region, check_second_look, present
from proof.load.scenario import BUCKET, Scenario, draw
from proof.load.verification import Verification, verify

DRAIN_SECONDS = 600.0
_SAMPLE_SECONDS = 0.25
_PROGRESS_SECONDS = 10.0


@dataclass(frozen=True)
class FloodResult:
    """What was observed, all of it counted; times are in seconds, memory in MB.

    ``accepted`` counts the deliveries that Function Compute took from MNS, ``undelivered`` those that it
    never took; ``lost`` the events that neither succeeded nor reached a failure destination; ``outages`` the
    calls for objects that could not be reached.
    """

    plan: FloodPlan
    messages: int
    deliveries: int
    accepted: int
    undelivered: int
    seconds: float
    attempts: int
    retries: int
    cold_starts: int
    killed: int
    outcomes: dict[str, int]
    errors: dict[str, int]
    given_up: int
    kept: int
    kept_errors: dict[str, int]
    kept_places: dict[str, int]
    lost: int
    replay: Replay
    before_replay: Verification
    after_replay: Verification
    calls: dict[str, int]
    broken: dict[str, int]
    outages: int
    repeated: dict[str, int]
    durations: Percentiles
    latencies: Percentiles
    windows: Percentiles
    memory: tuple[MemoryTrend, ...]
    witness: str | None
    memory_size: int
    peak_memory: float

    @property
    def looks(self) -> tuple[Verification, Verification]:
        """Both readings of all objects."""
        return (self.before_replay, self.after_replay)


def flood(plan: FloodPlan, tell: Tell, deployment: Path = DEPLOYMENT) -> FloodResult:
    """Carry a flood out. Raises Standstill, and Problem where the deployment cannot be run."""
    with Region(instances=plan.instances, second_look=plan.second_look, deployment=deployment) as region:
        check_second_look(region, plan.second_look)
        scenario = draw(plan, present())
        region.furnish(scenario)
        tell(f"{len(scenario.objects)} objects and {len(scenario.tasks)} tasks are there")
        return _Flood(plan, region, scenario, tell).run()


class _Flood:
    def __init__(self, plan: FloodPlan, region: Region, scenario: Scenario, tell: Tell) -> None:
        self._plan = plan
        self._region = region
        self._cloud = region.cloud
        self._scenario = scenario
        self._tell = tell
        self._topics = FailedTopics(region)
        self._publisher = Publisher(region, plan, scenario.tasks)

    def run(self) -> FloodResult:
        observations, killer, seconds = self._cloud.run(self._disturbed())
        self._tell("the faults are over; every object is read")
        self._cloud.call(self._cloud.faults.clear)
        with Owner(self._cloud) as owner:
            return self._conclude(owner, observations, killer, seconds)

    async def _disturbed(self) -> tuple[Observations, Killer, float]:
        plan, functions = self._plan, self._cloud.functions
        observations = Observations(self._region.function, self._region.attempts)
        functions.watch(observations.invocation_ended)
        functions.watch_log(observations.line_written)
        self._cloud.calls.watch(observations.call_ended)
        for fault in (*outages(), *faults(plan.faults, plan.seed, long_waits=plan.long_waits)):
            self._cloud.faults.order(fault)
        killer = Killer(
            functions,
            self._region.function,
            lambda: observations.ended,
            kills=plan.kills,
            randomness=random.Random(plan.seed + 2),
            # So that the memory of one can be followed through the whole flood.
            spared=lambda: observations.witness if plan.instances > 1 else None,
        )
        beside = [
            asyncio.ensure_future(self._sample(observations)),
            asyncio.ensure_future(self._show_progress(observations, killer)),
            asyncio.ensure_future(killer.run(plan.notifications)),
        ]
        started = time.monotonic()
        try:
            await self._publisher.run(observations)
            await self._drain(observations)
        finally:
            for task in beside:
                task.cancel()
            ends = await asyncio.gather(*beside, return_exceptions=True)
            observations.stop()
        for problem in (end for end in ends if isinstance(end, Exception)):
            raise problem
        return observations, killer, time.monotonic() - started

    async def _drain(self, observations: Observations) -> None:
        try:
            await asyncio.wait_for(self._cloud.settled(), DRAIN_SECONDS)
        except asyncio.TimeoutError:
            raise Standstill(self._publisher.deliveries - observations.ended, DRAIN_SECONDS) from None

    async def _sample(self, observations: Observations) -> None:
        while True:
            observations.sample(self._cloud.functions.instances(self._region.function))
            await asyncio.sleep(_SAMPLE_SECONDS)

    async def _show_progress(self, observations: Observations, killer: Killer) -> None:
        started = time.monotonic()
        while True:
            await asyncio.sleep(_PROGRESS_SECONDS)
            ended = observations.ended
            self._tell(
                f"{ended} of {self._plan.notifications} deliveries have ended, "
                f"{ended / (time.monotonic() - started):.0f} a second; {killer.killed} instances killed"
            )

    def _conclude(
        self, owner: Owner, observations: Observations, killer: Killer, seconds: float
    ) -> FloodResult:
        kept = kept_events(owner, self._topics)
        before = self._verify(owner, {event.task_id for event in kept})
        self._tell(f"{len(kept)} kept events are replayed")
        apart = {} if self._plan.overlapping else {task.task_id: task.key for task in self._scenario.tasks}
        replayed = self._cloud.run(replay(self._region, kept, self._plan.instances, apart))
        after = self._verify(owner, {event.task_id for event in replayed.still_failing})
        attempts = observations.attempts
        messages = self._cloud.messages
        return FloodResult(
            plan=self._plan,
            messages=self._publisher.messages,
            deliveries=self._publisher.deliveries,
            accepted=len({attempt.request_id for attempt in attempts}),
            undelivered=len([m for m in messages.undelivered if m.message.topic == self._region.topic]),
            seconds=seconds,
            attempts=len(attempts),
            retries=sum(attempt.number > 1 for attempt in attempts),
            cold_starts=sum(attempt.cold_start for attempt in attempts),
            killed=killer.killed,
            outcomes=dict(observations.outcomes),
            errors=dict(observations.errors),
            given_up=observations.given_up,
            kept=len(kept),
            kept_errors=dict(Counter(event.error for event in kept)),
            kept_places=dict(Counter(event.place for event in kept)),
            lost=len(self._cloud.functions.lost),
            replay=replayed,
            before_replay=before,
            after_replay=after,
            calls=dict(observations.calls),
            broken={kind.value: observations.broken[kind.value] for kind in FaultKind},
            outages=observations.outages,
            repeated=dict(observations.repeated),
            durations=Percentiles.of([attempt.seconds for attempt in attempts]),
            latencies=Percentiles.of(observations.latencies),
            windows=Percentiles.of(observations.windows),
            memory=tuple(trend(name, samples) for name, samples in observations.memory.items()),
            witness=observations.witness,
            memory_size=self._region.declaration.memory_size,
            peak_memory=observations.peak_memory,
        )

    def _verify(self, owner: Owner, kept: set[str]) -> Verification:
        return verify(self._scenario.objects, lambda key: owner.tags(BUCKET, key), kept)
