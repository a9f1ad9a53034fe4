"""Uploads and nothing else, with ``s.uploads.yaml`` as it is: each video is to get one task, and its tags."""

from __future__ import annotations

import asyncio
import json
import random
import time
from collections import Counter, defaultdict
from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from dataclasses import dataclass
from itertools import combinations
from types import TracebackType

from cli.checkout import ROOT, layer
from cli.clients import Account, Project
from cli.deployer import deploy
from localcloud.calls import Call
from localcloud.cloud import LocalCloud
from localcloud.config import CloudConfig
from localcloud.faults import Fault, FaultKind
from localcloud.fc.invocation import InvocationRecord
from localcloud.fc.runner import Invocation
from localcloud.imm.tasks import TaskRecord
from localcloud.upload_events import UploadEventOrder
from proof.load.bucket import Owner
from proof.load.killer import Killer
from proof.load.progress import Tell
from proof.load.region import KEPT_BUCKET, KEPT_PREFIX, TIME_SCALE
from proof.load.scenario import BUCKET, PROJECT, PROVENANCE, Tag, foreign_tags

PREFIX = "videos/"
VARIABLES = {
    "FAILED_EVENTS": f"oss://{KEPT_BUCKET}/{KEPT_PREFIX}",
    "IMM_LABEL_TAGS_BUCKET": BUCKET,
    "IMM_LABEL_TAGS_PREFIX": PREFIX,
    "IMM_LABEL_TAGS_PROJECT": PROJECT,
}
SUBMIT, TAG = "submit_video", "tag_object"
THROTTLED = ("CreateVideoLabelClassificationTask", "ListTasks", "Get*")

_UPLOADERS = 4
_TAGS = ((("team", "a"),), (("z", ""), ("owner", "b/c")), ())


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
    ``late`` have a second task although the invocations came one after the other. ``untagged`` lack the tags
    of a task of theirs, ``changed`` have other foreign tags than they were uploaded with. ``deliveries`` are
    events, ``refused`` calls that were throttled, ``lost`` events that neither succeeded nor were kept.
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

    @property
    def late(self) -> int:
        """The objects with a second task that the race does not explain."""
        return self.twice - self.raced


class Library:
    """A bucket of videos on a local cloud where ``s.uploads.yaml`` is deployed; used as a context.

    ``functions`` gives the functions' names by their resources.
    """

    def __init__(self, instances: int = 4) -> None:
        self.cloud = LocalCloud(
            CloudConfig(task_seconds=0.0, time_scale=TIME_SCALE, instance_limit=instances)
        )

    def __enter__(self) -> Library:
        cloud = self.cloud
        cloud.__enter__()
        try:
            for bucket in (BUCKET, KEPT_BUCKET):
                cloud.call(cloud.objects.create_bucket, bucket)
            config, urls = cloud.config, cloud.endpoints
            account = Account(
                config.region, config.access_key_id, config.access_key_secret, urls.oss, urls.imm
            )
            Project(account, PROJECT).create()
            declared = deploy(cloud, ROOT / "s.uploads.yaml", VARIABLES, layer())
            self.functions = {resource: one.name for resource, one in declared.resources.items()}
            self.owner = Owner(cloud)
        except BaseException:
            cloud.__exit__(None, None, None)
            raise
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        with self.owner:
            self.cloud.__exit__(kind, error, traceback)

    def tasks(self) -> list[TaskRecord]:
        """Every task of the project."""
        return self.cloud.call(self.cloud.media.list_tasks, PROJECT)

    async def settled(self) -> None:
        """Wait until no event, task or message is on its way; in the cloud's event loop."""
        running = True
        while running:
            await self.cloud.settled()
            running = any(task.status == "Running" for task in self.cloud.media.list_tasks(PROJECT))
            await asyncio.sleep(0.01)
        await self.cloud.settled()


class _Observations:
    """The attempts of both functions, and the calls that were throttled. Told in the cloud's event loop."""

    def __init__(self, library: Library) -> None:
        self._resources = {name: resource for resource, name in library.functions.items()}
        self.ended: Counter[str] = Counter()
        self.attempts = 0
        self.deliveries: set[str] = set()
        self.refused = 0
        self._spans: defaultdict[str, list[tuple[float, float]]] = defaultdict(list)

    def invocation_ended(self, invocation: Invocation, record: InvocationRecord) -> None:
        resource = self._resources[record.function]
        self.attempts += 1
        if resource == SUBMIT:
            self.deliveries.add(record.request_id)
        if record.error_type is not None:
            return
        self.ended[resource] += 1
        for outcome in json.loads(record.body)["outcomes"] if resource == SUBMIT else []:
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
    """Upload a plan's objects to a new library while everything goes wrong; then judge each."""
    with Library(plan.instances) as library:
        return _upload_all(library, plan, tell)


def _upload_all(library: Library, plan: UploadPlan, tell: Tell) -> UploadResult:
    seen = _Observations(library)
    foreign = {f"{PREFIX}{number:05}.mp4": _TAGS[number % len(_TAGS)] for number in range(plan.objects)}
    began = time.monotonic()
    killed = library.cloud.run(_disturbed(library, plan, seen, foreign))
    seconds = time.monotonic() - began
    library.cloud.call(library.cloud.faults.clear)
    tell("all events and tasks have ended; every object is read")
    return _judge(library, plan, seen, foreign, seconds, killed)


async def _disturbed(
    library: Library, plan: UploadPlan, seen: _Observations, foreign: Mapping[str, tuple[Tag, ...]]
) -> int:
    """Upload, and wait for all that comes of it; returns how many instances were killed meanwhile."""
    cloud = library.cloud
    cloud.functions.watch(seen.invocation_ended)
    cloud.calls.watch(seen.call_ended)
    cloud.uploads.order(BUCKET, UploadEventOrder(plan.duplicates, plan.spread, seed=plan.seed))
    for number, action in enumerate(THROTTLED):
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
    killers = [_killer(library, resource, seen, plan) for resource in (SUBMIT, TAG)]
    killing = asyncio.gather(*(killer.run(plan.objects) for killer in killers))
    loop = asyncio.get_running_loop()
    try:
        with ThreadPoolExecutor(_UPLOADERS) as pool:
            uploads = (
                loop.run_in_executor(pool, library.owner.upload, BUCKET, key, tags)
                for key, tags in foreign.items()
            )
            await asyncio.gather(*uploads)
        await library.settled()
    finally:
        killing.cancel()
        with suppress(asyncio.CancelledError):
            await killing
    return sum(killer.killed for killer in killers)


def _killer(library: Library, resource: str, seen: _Observations, plan: UploadPlan) -> Killer:
    return Killer(
        library.cloud.functions,
        library.functions[resource],
        lambda: seen.ended[resource],
        kills=plan.kills,
        randomness=random.Random(f"{plan.seed} {resource}"),
    )


def _judge(
    library: Library,
    plan: UploadPlan,
    seen: _Observations,
    foreign: Mapping[str, tuple[Tag, ...]],
    seconds: float,
    killed: int,
) -> UploadResult:
    ids: defaultdict[str, set[str]] = defaultdict(set)
    for task in library.tasks():
        ids[str(task.request["SourceURI"])].add(task.task_id)
    uris = {f"oss://{BUCKET}/{key}": key for key in foreign}
    tags = {uri: library.owner.tags(BUCKET, key) for uri, key in uris.items()}
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
        kept=sum(1 for _ in library.owner.keys(KEPT_BUCKET, f"{KEPT_PREFIX}/")),
        lost=len(library.cloud.functions.lost) + len(library.cloud.uploads.undelivered),
    )
