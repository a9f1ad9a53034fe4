"""One flood from beginning to end: tell of every task while everything goes wrong, then read every object."""

from __future__ import annotations

import asyncio
import json
import time
from collections import Counter, defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from proof.load.disturbances import Killer, faults, outages
from proof.load.observations import Observations, growth
from proof.load.publishing import Publisher, Standstill
from proof.load.region import KeptEvent, Region, running_region
from proof.load.report import Promise, Tell, counts, percentiles
from proof.load.scenario import FloodPlan, PlannedObject, draw
from proof.load.verification import Condition, Verification, verify

DRAIN_SECONDS = 600.0
# A leak of one kilobyte for each notification would be 1 MB for a thousand.
GROWTH_ALLOWED = 1.0
_SAMPLE_SECONDS = 0.25
_PROGRESS_SECONDS = 10.0
_REPLAYS = 3


@dataclass(frozen=True)
class FloodResult:
    """What was observed, all of it counted; times are in seconds, memory in MB.

    ``accepted`` counts the deliveries that Function Compute took from MNS, ``undelivered`` those that it
    never took; ``lost`` the events that neither succeeded nor reached a failure destination; ``outages`` the
    calls for objects that could not be reached. ``replayed`` are the outcomes of the kept events once the
    faults were over. ``growth`` is what 1,000 notifications add to each instance that lived long enough.
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
    outcomes: Mapping[str, int]
    errors: Mapping[str, int]
    given_up: int
    kept: int
    kept_errors: Mapping[str, int]
    lost: int
    replayed: Mapping[str, int]
    before_replay: Verification
    after_replay: Verification
    calls: Mapping[str, int]
    broken: Mapping[str, int]
    outages: int
    durations: Mapping[str, float]
    latencies: Mapping[str, float]
    growth: Sequence[float]
    memory_size: int
    peak_memory: float

    title = "Flood"

    def rows(self) -> Iterator[tuple[str, str]]:
        """Names and what was counted."""
        plan, broken, calls = self.plan, sum(self.broken.values()), sum(self.calls.values())
        after = self.after_replay
        yield "seed", f"{plan.seed} (--seed repeats objects, tasks and order, not the timing)"
        yield "objects, tasks", f"{plan.objects:,}, {plan.distinct:,}"
        yield (
            "notifications",
            f"{self.messages:,} published, {self.deliveries:,} delivered, "
            f"{self.deliveries - plan.distinct:,} of them a second time",
        )
        yield (
            "invocations",
            f"{self.attempts:,}, {self.retries:,} of them retries of Function Compute, "
            f"{self.cold_starts:,} cold",
        )
        yield "instances", f"{plan.instances} at a time, {self.killed} killed at work"
        yield "outcomes", counts(self.outcomes)
        yield "errors of invocations", counts(self.errors)
        yield "exhausted its retries", f"{self.given_up:,}"
        yield "kept", f"{self.kept:,}: {counts(self.kept_errors)}"
        yield "lost", f"{self.lost:,}"
        yield "calls", counts(self.calls)
        share = broken / max(1, calls)
        yield "broken calls", f"{broken:,} of {calls:,} ({share:.1%}): {counts(self.broken)}"
        yield "calls into outages", f"{self.outages:,}"
        yield "throughput", f"{self.deliveries / self.seconds:.1f} notifications a second"
        yield "invocation", _milliseconds(self.durations)
        yield "publish to outcome", f"{_milliseconds(self.latencies)}, {plan.backlog} on their way"
        yield "second look", f"{plan.second_look:g} s" if plan.second_look else "none"
        yield "objects then", str(self.before_replay)
        yield "replayed", counts(self.replayed)
        yield "objects after that", str(after)
        yield "with an older task's tags", f"{after.conditions[Condition.OLDER.value]:,}"
        yield "with wiped foreign tags", f"{after.conditions[Condition.FOREIGN.value]:,}"
        for example in after.examples:
            yield f"{example.condition}: {example.key}", ""
            for name, tags in (("expected", example.expected), ("found", example.found)):
                yield f"  {name}", ", ".join(f"{key}={value}" for key, value in tags) or "no tags"

    def promises(self) -> list[Promise]:
        """What a flood must not break."""
        ended = sum(self.outcomes.values()) + self.given_up
        wiped = [look.conditions[Condition.FOREIGN.value] for look in (self.before_replay, self.after_replay)]
        replayed = sum(self.replayed.values())
        grown = max(self.growth, default=None)
        return [
            Promise(
                "every notification was delivered and has come to an end",
                self.plan.notifications == self.deliveries == self.accepted == ended
                and self.undelivered == 0,
                f"{self.deliveries} delivered, {self.accepted} accepted, {ended} ended, "
                f"{self.undelivered} never taken",
            ),
            Promise(
                "what exhausted its retries is kept, nothing is lost",
                self.lost == 0 and self.kept == self.given_up,
                f"{self.given_up} failed, {self.kept} kept, {self.lost} lost",
            ),
            Promise(
                "every foreign tag is as it was, byte for byte and in its order",
                wiped == [0, 0],
                f"{wiped[1]} objects with other foreign tags",
            ),
            self._tags("every object has its newest task's tags, or the event is kept", self.before_replay),
            self._tags("after the replay every object has its newest task's tags", self.after_replay),
            Promise(
                "every kept event has an outcome once the faults are over",
                replayed == self.kept,
                f"{replayed} of {self.kept} replayed",
            ),
            Promise(
                f"no instance grows by more than {GROWTH_ALLOWED:g} MB for 1,000 notifications, or beyond "
                f"{self.memory_size} MB",
                (grown is None or grown <= GROWTH_ALLOWED) and self.peak_memory <= self.memory_size,
                ("too few notifications to tell" if grown is None else f"at most {grown:+.2f} MB")
                + f", peak {self.peak_memory:.0f} MB",
            ),
        ]

    def _tags(self, text: str, look: Verification) -> Promise:
        """Without a second look nobody promises which of two tasks at the same moment writes last."""
        found, said = look.conditions, str(look)
        good = found[Condition.NEWEST.value]
        if look is self.before_replay:
            good += found[Condition.WAITING.value]
        if found[Condition.OLDER.value] and self.plan.overlapping and not self.plan.second_look:
            good += found[Condition.OLDER.value]
            said += (
                " (of two tasks at the same moment the older wrote last: only promised with a second look)"
            )
        return Promise(text, good == self.plan.objects, said)


def flood(plan: FloodPlan, tell: Tell) -> FloodResult:
    """Carry a flood out. Raises Standstill, and Problem where the deployment cannot be run."""
    with running_region(instances=plan.instances, second_look=plan.second_look) as region:
        objects = draw(plan)
        region.furnish(objects)
        tell(f"{len(objects)} objects are there, and their tasks")
        return _Flood(plan, region, objects, tell).run()


class _Flood:
    def __init__(self, plan: FloodPlan, region: Region, objects: Sequence[PlannedObject], tell: Tell) -> None:
        self._plan = plan
        self._region = region
        self._cloud = region.cloud
        self._objects = objects
        self._tell = tell
        self._publisher = Publisher(region, plan, [task for target in objects for task in target.tasks])

    def run(self) -> FloodResult:
        observations, killed, seconds = self._cloud.run(self._disturbed())
        self._tell("the faults are over; every object is read")
        self._cloud.call(self._cloud.faults.clear)
        kept = self._region.kept_events()
        before = self._verify({event.task_id for event in kept})
        self._tell(f"{len(kept)} kept events are replayed")
        replayed, failing = self._cloud.run(self._replay(kept))
        records = observations.records
        return FloodResult(
            plan=self._plan,
            messages=self._publisher.messages,
            deliveries=self._publisher.deliveries,
            accepted=len({record.request_id for record in records}),
            undelivered=len(self._cloud.messages.undelivered),
            seconds=seconds,
            attempts=len(records),
            retries=sum(record.attempt > 1 for record in records),
            cold_starts=sum(record.cold_start for record in records),
            killed=killed,
            outcomes=observations.outcomes,
            errors=observations.errors,
            given_up=observations.ended - len(observations.latencies),
            kept=len(kept),
            kept_errors=dict(Counter(event.error for event in kept)),
            lost=len(self._cloud.functions.lost),
            replayed=dict(replayed),
            before_replay=before,
            after_replay=self._verify({event.task_id for event in failing}),
            calls=dict(observations.calls),
            broken=dict(observations.broken),
            outages=observations.outages,
            durations=percentiles([record.duration for record in records]),
            latencies=percentiles(observations.latencies),
            growth=growth(observations.memory),
            memory_size=self._region.tagging.memory_size,
            peak_memory=observations.peak_memory,
        )

    async def _disturbed(self) -> tuple[Observations, int, float]:
        plan, functions = self._plan, self._cloud.functions
        observations = Observations(self._region, self._publisher.ended)
        for fault in (*outages(), *faults(plan.faults, plan.seed, long_waits=plan.long_waits)):
            self._cloud.faults.order(fault)
        killer = Killer(
            functions,
            self._region.tagging.name,
            lambda: observations.ended,
            seed=str(plan.seed),
            # So that the memory of one can be followed through the whole flood.
            spared=lambda: observations.witness if plan.instances > 1 else None,
        )
        beside = [
            asyncio.ensure_future(self._watch(observations, killer)),
            asyncio.ensure_future(killer.run(plan.kills, plan.notifications)),
        ]
        started = time.monotonic()
        try:
            await self._publisher.run(observations)
            await asyncio.wait_for(self._cloud.settled(), DRAIN_SECONDS)
        except asyncio.TimeoutError:
            raise Standstill(self._publisher.deliveries - observations.ended, DRAIN_SECONDS) from None
        finally:
            for task in beside:
                task.cancel()
            ends = await asyncio.gather(*beside, return_exceptions=True)
            observations.stop()
        for problem in (end for end in ends if isinstance(end, Exception)):
            raise problem
        return observations, killer.killed, time.monotonic() - started

    async def _watch(self, observations: Observations, killer: Killer) -> None:
        """Note how much memory the instances hold, and now and then say how far it is."""
        started = told = time.monotonic()
        while True:
            observations.sample(self._cloud.functions.instances(self._region.tagging.name))
            await asyncio.sleep(_SAMPLE_SECONDS)
            now = time.monotonic()
            if now - told >= _PROGRESS_SECONDS:
                told = now
                self._tell(
                    f"{observations.ended} of {self._plan.notifications} deliveries have ended, "
                    f"{observations.ended / (now - started):.0f} a second; {killer.killed} instances killed"
                )

    async def _replay(self, kept: Sequence[KeptEvent]) -> tuple[Counter[str], list[KeptEvent]]:
        """Hand each event to the function again, up to three times; returns outcomes and what still fails.

        Where no two tasks of an object were to be on their way at the same time, they are not now.
        """
        outcomes: Counter[str] = Counter()
        room = asyncio.Semaphore(self._plan.instances)
        alone: defaultdict[str, asyncio.Lock] = defaultdict(asyncio.Lock)
        keys = {task.task_id: task.key for target in self._objects for task in target.tasks}

        async def hand_over(event: KeptEvent) -> bool:
            together = event.request_id if self._plan.overlapping else keys[event.task_id]
            async with alone[together], room:
                result = await self._cloud.functions.invoke(self._region.tagging.name, event.event)
            if result.error_type is None:
                outcomes[json.loads(result.body)["outcomes"][0]["status"]] += 1
            return result.error_type is None

        failing = list(kept)
        for _ in range(_REPLAYS):
            done = await asyncio.gather(*map(hand_over, failing))
            failing = [event for event, succeeded in zip(failing, done, strict=True) if not succeeded]
        return outcomes, failing

    def _verify(self, kept: set[str]) -> Verification:
        return verify(self._objects, self._region.tags, kept)


def _milliseconds(seconds: Mapping[str, float]) -> str:
    return ", ".join(f"{name} {value * 1000:,.0f}" for name, value in seconds.items()) + " ms"
