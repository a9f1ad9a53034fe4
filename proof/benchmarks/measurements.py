"""What is measured: cold starts, memory, warm notifications, batches, and where the imports' time goes."""

from __future__ import annotations

import json
import re
import sys
import time
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, ExitStack
from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path
from typing import Any

from localcloud.accounts import Identity
from localcloud.fc.declaration import FunctionDeclaration
from localcloud.fc.environment import instance_variables
from proof.benchmarks.figures import critical_path, spread, spreads
from proof.benchmarks.function_process import CallFailed, FunctionProcess, running
from proof.benchmarks.region import BUCKET, LABELS, OWN_TAGS, PROJECT, Region, Task, batch
from proof.benchmarks.subjects import BARE, FLOOR, FUNCTION, REFERENCE, Runtime

# Added to each remote call where the waiting counts.
DELAY_SECONDS = 0.02
BATCH = 500
# The reference handles a list one by one, so a part of the list tells its rate.
REFERENCE_BATCH = 50
MANY = 1000
_MANY_OBJECTS = 50
_WARM_UP = 3
_WARM_NOTIFICATIONS = 20
# Far fewer are enough where a run takes seconds.
_RUNS_OF_LONG_ONES = 3


@dataclass(frozen=True)
class Bench:
    """Where a runtime is measured, and how often. ``declared`` is the function as ``s.yaml`` declares it."""

    runtime: Runtime
    region: Region
    declared: FunctionDeclaration
    runs: int
    tell: Callable[[str], None]

    @cached_property
    def batch_keys(self) -> list[str]:
        """The objects of a batch: its tasks are about the same ones in every run."""
        return self.region.upload(BATCH)

    def process(self, name: str, options: Sequence[str] = ()) -> AbstractContextManager[FunctionProcess]:
        """A fresh process of a subject."""
        return running(self.runtime.subjects[name], self._environments[name], options)

    def task(self, kind: str) -> Task:
        """A task about a new object."""
        return self.region.task(self.region.upload()[0], LABELS[kind])

    def turns(self, names: Sequence[str]) -> Iterator[str]:
        """Every run of every subject, one after the other; each run begins with another subject."""
        for run in range(self.runs):
            shift = run % len(names)
            yield from (*names[shift:], *names[:shift])

    @cached_property
    def _environments(self) -> dict[str, dict[str, str]]:
        return {name: self._environment(name) for name in self.runtime.subjects}

    def _environment(self, name: str) -> dict[str, str]:
        """The variables of an instance, as Function Compute would set them."""
        subject, region, keys = self.runtime.subjects[name], self.region, self.region.keys()
        function = replace(self.declared, code=subject.code, runtime=subject.runtime, region=region.name)
        return instance_variables(
            replace(function, opt=subject.layer),
            account_id=region.account_id,
            instance_id="c-00000000-benchmark",
            keys=Identity(keys["access_key_id"], keys["access_key_secret"], keys["security_token"]),
            # Each process has a directory of its own in its place.
            home=Path("/"),
            # The values that the reference writes, so that both do the same.
            overrides={
                "IMM_ENDPOINT": region.imm,
                "OSS_ENDPOINT": region.oss,
                "TAG_VALUE": "{confidence}",
            },
        )


def cold(bench: Bench) -> dict[str, Any]:
    """From before the interpreter starts to the answer, after which the tags are written."""
    measured = {}
    for kind in LABELS:
        bench.tell(f"cold start, {kind} labels")
        names = (FUNCTION, REFERENCE, FLOOR) if kind == "ascii" else (FUNCTION, REFERENCE)
        starts: dict[str, list[_ColdStart]] = {name: [] for name in names}
        for name in bench.turns(names):
            starts[name].append(_cold_start(bench, name, kind))
        measured[kind] = {
            "cpu_milliseconds": _column(starts, lambda start: start.cpu),
            "wall_milliseconds": _column(starts, lambda start: start.wall),
            "resident_megabytes": _column(starts, lambda start: start.resident),
            "modules": {name: starts[name][0].modules for name in names},
            "phases_cpu_milliseconds": {name: _phases(starts[name]) for name in names},
        }
    return measured


def memory(bench: Bench) -> dict[str, Any]:
    """Resident memory after many notifications, with Chinese labels."""
    resident: dict[str, list[float]] = {FUNCTION: [], REFERENCE: []}
    for name in resident:
        bench.tell(f"memory after {MANY:,} notifications: {name}")
        with bench.process(name) as process:
            process.initialize()
            keys = bench.region.upload(_MANY_OBJECTS)
            for number in range(MANY):
                task = bench.region.task(keys[number % len(keys)], LABELS["chinese"])
                _check(name, process.invoke(task.event))
            resident[name].append(process.state().resident_megabytes)
    return {"notifications": MANY, "resident_megabytes": spreads(resident)}


def warm(bench: Bench) -> dict[str, Any]:
    """One notification of an instance that has had some: its own CPU time, its calls, and its waiting."""
    bench.tell("warm notifications")
    names = (FUNCTION, REFERENCE, BARE)
    cpu: dict[str, list[float]] = {name: [] for name in names}
    waits: dict[str, list[float]] = {FUNCTION: [], REFERENCE: []}
    unchanged: list[float] = []
    shapes: dict[str, tuple[int, int]] = {}
    answers: list[float] = []
    with ExitStack() as stack:
        processes = {name: stack.enter_context(bench.process(name)) for name in names}
        stack.callback(bench.region.delay, 0)
        for name, process in processes.items():
            process.initialize()
            _warm(bench, name, process, _WARM_UP)
        for name in bench.turns(names):
            cpu[name].append(_warm(bench, name, processes[name], _WARM_NOTIFICATIONS))
        for name in bench.turns(tuple(waits)):
            task = bench.task("ascii")
            waits[name].append(_delayed(bench, processes[name], task))
            shapes[name] = _shape(bench)
            answers += [(ended - began) * 1000 for began, ended in bench.region.calls()]
            if name == FUNCTION:
                unchanged.append(_delayed(bench, processes[name], task))
                shapes["unchanged"] = _shape(bench)
    own = [one - bare for one, bare in zip(cpu[FUNCTION], cpu[BARE], strict=True)]
    return {
        "cpu_milliseconds": spreads(cpu),
        "own_cpu_milliseconds": spread(own),
        "delay_milliseconds": DELAY_SECONDS * 1000,
        "wall_milliseconds": spreads(waits),
        "unchanged_wall_milliseconds": spread(unchanged),
        "answer_milliseconds": spread(answers),
        "calls": {name: calls for name, (calls, _) in shapes.items()},
        "round_trips": {name: rounds for name, (_, rounds) in shapes.items()},
    }


def large_batch(bench: Bench) -> dict[str, Any]:
    """Notifications a second, where they come in one list and each remote call takes longer."""
    rates: dict[str, list[float]] = {FUNCTION: [], REFERENCE: []}
    cpu: dict[str, list[float]] = {FUNCTION: [], REFERENCE: []}
    sizes = {FUNCTION: BATCH, REFERENCE: REFERENCE_BATCH}
    for run in range(min(bench.runs, _RUNS_OF_LONG_ONES)):
        for name, size in sizes.items():
            bench.tell(f"batch of {size}, run {run + 1}: {name}")
            with bench.process(name) as process:
                process.initialize()
                process.invoke(bench.task("ascii").event)
                keys = bench.batch_keys[:size]
                event = batch([bench.region.task(key, LABELS["ascii"]) for key in keys])
                spent = process.state().cpu_milliseconds
                bench.region.delay(DELAY_SECONDS)
                began = time.perf_counter()
                answer = process.invoke(event)
                rates[name].append(size / (time.perf_counter() - began))
                bench.region.delay(0)
                cpu[name].append((process.state().cpu_milliseconds - spent) / size)
                _check(name, answer, size)
    return {
        "notifications": sizes,
        "delay_milliseconds": DELAY_SECONDS * 1000,
        "a_second": spreads(rates),
        "cpu_milliseconds": spreads(cpu),
    }


def imports(bench: Bench) -> dict[str, dict[str, float]]:
    """The milliseconds that each top-level package's own code takes when it is imported in a cold start.

    They are wall time, so the least of a few runs counts: the others were disturbed.
    """
    bench.tell("imports")
    found: dict[str, dict[str, float]] = {}
    for _ in range(min(bench.runs, _RUNS_OF_LONG_ONES)):
        for name in (FUNCTION, REFERENCE):
            with bench.process(name, ("-X", "importtime")) as process:
                process.initialize()
                process.invoke(bench.task("ascii").event)
                times = import_times(process.output())
            least = found.setdefault(name, times)
            found[name] = {one: min(spent, least.get(one, spent)) for one, spent in times.items()}
    return found


def import_times(output: str) -> dict[str, float]:
    """Milliseconds by top-level package out of what ``-X importtime`` wrote."""
    totals: Counter[str] = Counter()
    line = re.compile(r"^import time:\s+(\d+) \|\s+\d+ \|\s+(\S+)$", re.MULTILINE)
    for microseconds, module in line.findall(output):
        package = module.partition(".")[0]
        if package in ("tag_object", "imm_label_tags"):
            package = "own code"
        elif package in sys.stdlib_module_names:
            package = "standard library"
        totals[package] += int(microseconds)
    return {package: round(total / 1000, 1) for package, total in totals.items()}


@dataclass(frozen=True)
class _ColdStart:
    """Milliseconds, MB, and a number of modules; ``phases`` are CPU milliseconds."""

    wall: float
    cpu: float
    resident: float
    modules: int
    phases: Mapping[str, float]


def _cold_start(bench: Bench, name: str, kind: str) -> _ColdStart:
    task = bench.task(kind)
    with bench.process(name) as process:
        at_start = process.cpu_milliseconds()
        process.initialize()
        initialized = process.cpu_milliseconds()
        answer = process.invoke(task.event)
        wall = (time.perf_counter() - process.began) * 1000
        ended = process.cpu_milliseconds()
        state = process.state()
    _check(name, answer)
    if name != FLOOR:
        _check_tags(name, bench.region.tags(task.key), kind)
    phases = {"start": at_start, "initialize": initialized - at_start, "first": ended - initialized}
    return _ColdStart(wall, state.cpu_milliseconds, state.resident_megabytes, len(state.modules), phases)


def _column(
    starts: Mapping[str, Sequence[_ColdStart]], read: Callable[[_ColdStart], float]
) -> dict[str, dict[str, float]]:
    return spreads({name: [read(start) for start in each] for name, each in starts.items()})


def _phases(starts: Sequence[_ColdStart]) -> dict[str, dict[str, float]]:
    return {phase: spread([start.phases[phase] for start in starts]) for phase in starts[0].phases}


def _warm(bench: Bench, name: str, process: FunctionProcess, count: int) -> float:
    """CPU milliseconds a notification, of several that each have something to write."""
    tasks = [bench.task("ascii") for _ in range(count)]
    spent = process.state().cpu_milliseconds
    looking = process.state().cpu_milliseconds - spent
    for task in tasks:
        _check(name, process.invoke(_event(name, task)))
    return (process.state().cpu_milliseconds - spent - 2 * looking) / count


def _event(name: str, task: Task) -> bytes:
    if name != BARE:
        return task.event
    tags = {**OWN_TAGS, **{f"imm_{label}": "yes" for label in LABELS["ascii"]}}
    order = {"project": PROJECT, "bucket": BUCKET, "key": task.key, "task_id": task.task_id, "tags": tags}
    return json.dumps(order).encode()


def _delayed(bench: Bench, process: FunctionProcess, task: Task) -> float:
    """Wall milliseconds of a notification while each remote call takes longer."""
    bench.region.delay(DELAY_SECONDS)
    bench.region.forget_calls()
    began = time.perf_counter()
    process.invoke(task.event)
    return (time.perf_counter() - began) * 1000


def _shape(bench: Bench) -> tuple[int, int]:
    """How many calls the last notification made, and how many of them one after the other."""
    calls = bench.region.calls()
    return len(calls), critical_path(calls)


def _check(name: str, answer: Any, count: int = 1) -> None:
    """Raise CallFailed where a subject says that it did something else."""
    if name != FUNCTION:
        return
    statuses = [outcome["status"] for outcome in answer["outcomes"]]
    if statuses != ["tagged"] * count:
        raise CallFailed(name, f": the outcomes were {sorted(set(statuses))}, not tagged.")


def _check_tags(name: str, tags: Mapping[str, str], kind: str) -> None:
    """Raise CallFailed where an object's tags are not what they should be now."""
    kept = {key: tags.get(key) for key in OWN_TAGS} == OWN_TAGS
    written = [value for key, value in tags.items() if key.startswith("imm_")]
    expected = [f"{0.95 - number / 100:.2f}" for number in range(len(LABELS[kind]))]
    if not kept or sorted(written, reverse=True) != expected:
        raise CallFailed(name, f" left the tags {tags}.")
