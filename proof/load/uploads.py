"""Uploads and nothing else, with ``s.uploads.yaml`` as it is: each video is to get one task, and its tags."""

from __future__ import annotations

import asyncio
import json
import time
from collections import Counter, defaultdict
from collections.abc import Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from dataclasses import dataclass
from itertools import combinations

from cli.checkout import SUBMITTING, TAGGING, UPLOADS
from localcloud.calls import Call
from localcloud.faults import Fault, FaultKind
from localcloud.fc.invocation import Invocation, InvocationRecord
from localcloud.upload_events import UploadEventOrder
from proof.load.disturbances import Killer
from proof.load.region import VIDEOS, Region, running_region
from proof.load.report import Promise, Tell
from proof.load.scenario import BUCKET, PROVENANCE, Tag, foreign_tags

_THROTTLED = ("CreateVideoLabelClassificationTask", "ListTasks", "Get*")
_UPLOADERS = 4
_TAGS: tuple[tuple[Tag, ...], ...] = ((("team", "a"),), (("z", ""), ("owner", "b/c")), ())


@dataclass(frozen=True)
class UploadPlan:
    """The numbers of one run.

    The share ``duplicates`` of the events is delivered twice, and each delivery is up to ``spread`` seconds
    late. IMM throttles the share ``throttled`` of its calls. Of each function ``kills`` instances are killed
    in the middle of their work.
    """

    objects: int
    instances: int
    duplicates: float
    spread: float
    throttled: float
    kills: int
    seed: int


@dataclass(frozen=True)
class UploadResult:
    """What was observed, counted in objects where nothing else is said.

    ``twice`` have two tasks or more; of these, ``raced`` were handled by two invocations at the same time.
    ``untagged`` lack the tags of a task of theirs, ``changed`` have other foreign tags than they were
    uploaded with. ``deliveries`` are events, ``refused`` calls that were throttled, ``lost`` events that
    neither succeeded nor were kept.
    """

    plan: UploadPlan
    seconds: float
    deliveries: int
    attempts: int
    killed: int
    refused: int
    tasks: int
    missing: int
    twice: int
    raced: int
    untagged: int
    changed: int
    kept: int
    lost: int

    title = "Uploads"

    def rows(self) -> Iterator[tuple[str, str]]:
        """Names and what was counted."""
        plan = self.plan
        yield "objects", f"{plan.objects:,}"
        yield (
            "events",
            f"{self.deliveries:,}, {self.deliveries - plan.objects:,} of them a second time, each up to "
            f"{plan.spread:g} s late",
        )
        yield (
            "invocations",
            f"{self.attempts:,} by {plan.instances} instances of each function, {self.killed} killed at work",
        )
        yield "calls that IMM throttled", f"{self.refused:,}"
        yield "objects with a task", f"{plan.objects - self.missing:,}"
        yield (
            "objects with two",
            f"{self.twice:,}, {self.raced:,} of them because two events were handled at the same moment",
        )
        yield "objects with its tags", f"{plan.objects - self.untagged:,}"
        yield "with wiped foreign tags", f"{self.changed:,}"
        yield "events kept, lost", f"{self.kept:,}, {self.lost:,}"
        yield "throughput", f"{plan.objects / self.seconds:.1f} objects a second, from upload to tags"

    def promises(self) -> list[Promise]:
        """What uploads must not break. A second task is excused only where two invocations asked at once."""
        objects = self.plan.objects
        return [
            Promise(
                "every object has a task",
                self.missing == 0,
                f"{objects - self.missing:,} of {objects:,}",
            ),
            Promise(
                "none has two, unless two events of it were handled at the same moment",
                self.twice == self.raced,
                f"{self.tasks:,} tasks; {self.twice} objects with two, {self.raced} of them so",
            ),
            Promise(
                "every object has the tags of a task of its own",
                self.untagged == 0,
                f"{objects - self.untagged:,} of {objects:,}",
            ),
            Promise(
                "every foreign tag is as it was uploaded",
                self.changed == 0,
                f"{self.changed} objects with other foreign tags",
            ),
            Promise(
                "no event is lost, and none had to be kept",
                self.lost == self.kept == 0,
                f"{self.deliveries:,} delivered, {self.kept} kept, {self.lost} lost",
            ),
        ]


class _Observations:
    """The attempts of both functions, and the calls that were throttled. Told in the cloud's event loop."""

    def __init__(self, region: Region) -> None:
        self._resources = {one.name: resource for resource, one in region.declared.resources.items()}
        self.ended: Counter[str] = Counter()
        self.attempts = 0
        self.deliveries: set[str] = set()
        self.refused = 0
        self._spans: defaultdict[str, list[tuple[float, float]]] = defaultdict(list)

    def invocation_ended(self, invocation: Invocation, record: InvocationRecord) -> None:
        resource = self._resources[record.function]
        self.attempts += 1
        if resource == SUBMITTING:
            self.deliveries.add(record.request_id)
        if record.error_type is not None:
            return
        self.ended[resource] += 1
        for outcome in json.loads(record.body)["outcomes"] if resource == SUBMITTING else []:
            if outcome["status"] == "submitted":
                end = record.ended.timestamp()
                self._spans[outcome["object"]].append((end - record.duration, end))

    def call_ended(self, call: Call) -> None:
        self.refused += call.fault is not None

    def raced(self) -> set[str]:
        """The objects for which two invocations that ran at the same time created a task each."""
        return {
            uri
            for uri, spans in self._spans.items()
            for one, other in combinations(spans, 2)
            if one[0] <= other[1] and other[0] <= one[1]
        }


def upload_all(plan: UploadPlan, tell: Tell) -> UploadResult:
    """Upload a plan's objects to a new bucket while everything goes wrong; then judge each."""
    with running_region(UPLOADS, instances=plan.instances) as region:
        seen = _Observations(region)
        foreign = {f"{VIDEOS}{number:05}.mp4": _TAGS[number % len(_TAGS)] for number in range(plan.objects)}
        began = time.monotonic()
        killed = region.cloud.run(_disturbed(region, plan, seen, foreign))
        seconds = time.monotonic() - began
        region.cloud.call(region.cloud.faults.clear)
        tell("all events and tasks have ended; every object is read")
        return _judged(region, plan, seen, foreign, seconds, killed)


async def _disturbed(
    region: Region, plan: UploadPlan, seen: _Observations, foreign: Mapping[str, tuple[Tag, ...]]
) -> int:
    """Upload, and wait for all that comes of it; returns how many instances were killed meanwhile."""
    cloud = region.cloud
    cloud.functions.watch(seen.invocation_ended)
    cloud.calls.watch(seen.call_ended)
    cloud.uploads.order(BUCKET, UploadEventOrder(plan.duplicates, plan.spread, seed=plan.seed))
    for number, action in enumerate(_THROTTLED):
        cloud.faults.order(
            Fault(
                FaultKind.ERROR,
                "imm",
                action,
                code="Throttling.User",
                times=None,
                rate=plan.throttled,
                seed=plan.seed + number,
            )
        )
    killers = [_killer(region, resource, seen, plan) for resource in (SUBMITTING, TAGGING)]
    killing = asyncio.gather(*(killer.run(plan.kills, plan.objects) for killer in killers))
    loop = asyncio.get_running_loop()
    try:
        with ThreadPoolExecutor(_UPLOADERS) as pool:
            await asyncio.gather(
                *(loop.run_in_executor(pool, region.upload, key, tags) for key, tags in foreign.items())
            )
        await region.settled()
    finally:
        killing.cancel()
        with suppress(asyncio.CancelledError):
            await killing
    return sum(killer.killed for killer in killers)


def _killer(region: Region, resource: str, seen: _Observations, plan: UploadPlan) -> Killer:
    return Killer(
        region.cloud.functions,
        region.declared.resources[resource].name,
        lambda: seen.ended[resource],
        seed=f"{plan.seed} {resource}",
    )


def _judged(
    region: Region,
    plan: UploadPlan,
    seen: _Observations,
    foreign: Mapping[str, tuple[Tag, ...]],
    seconds: float,
    killed: int,
) -> UploadResult:
    ids: defaultdict[str, set[str]] = defaultdict(set)
    for task in region.tasks():
        ids[str(task.request["SourceURI"])].add(task.task_id)
    uris = {f"oss://{BUCKET}/{key}": key for key in foreign}
    tags = {uri: region.tags(key) for uri, key in uris.items()}
    twice = {uri for uri in uris if len(ids[uri]) > 1}
    return UploadResult(
        plan=plan,
        seconds=seconds,
        deliveries=len(seen.deliveries),
        attempts=seen.attempts,
        killed=killed,
        refused=seen.refused,
        tasks=sum(len(ids[uri]) for uri in uris),
        missing=sum(not ids[uri] for uri in uris),
        twice=len(twice),
        raced=len(twice & seen.raced()),
        untagged=sum(dict(tags[uri]).get(PROVENANCE, "").partition("/")[2] not in ids[uri] for uri in uris),
        changed=sum(foreign_tags(tags[uri]) != foreign[key] for uri, key in uris.items()),
        kept=len(region.kept_events()),
        lost=len(region.cloud.functions.lost) + len(region.cloud.uploads.undelivered),
    )
