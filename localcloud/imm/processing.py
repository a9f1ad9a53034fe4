"""Carries tasks out: after the time that a task takes, it has its labels or its failure."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import replace
from typing import Any

from localcloud.clock import Clock
from localcloud.database import StateInaccessible
from localcloud.imm.labels import SUFFIX, LabelFileInvalid, built_in_labels, read_labels
from localcloud.imm.tasks import FAILED, SUCCEEDED, TaskRecord, Tasks, Work
from localcloud.imm.timestamps import in_full, nanoseconds, nanoseconds_of
from localcloud.oss.service import ObjectStorage

# A project's EngineConcurrency, by the API reference of GetProject; further tasks wait for their turn.
ENGINE_CONCURRENCY = 100
_SECOND = 1_000_000_000
# How long a task that could not be kept waits for the disk.
_SECONDS_UNTIL_ROOM = 1.0
_LOG = logging.getLogger("localcloud.imm")


class _Unusable(Exception):
    """The video, or the label file beside it, cannot be used."""


class Processing:
    """The tasks that are being carried out. What remains to be done is in the database all the time."""

    def __init__(
        self,
        tasks: Tasks,
        objects: ObjectStorage,
        clock: Clock,
        finished: Callable[[TaskRecord], Awaitable[None]],
    ) -> None:
        self._tasks = tasks
        self._objects = objects
        self._clock = clock
        self._finished = finished
        self._running: dict[tuple[str, str], asyncio.Task[None]] = {}
        self._engines: dict[str, asyncio.Semaphore] = {}

    def begin(self, record: TaskRecord, work: Work) -> None:
        """Start a new task."""
        self._tasks.put(record, work)
        self._carry_out(record, work, work.seconds)

    def resume(self) -> None:
        """Go on with the tasks that an earlier process left."""
        now = nanoseconds_of(self._clock.now())
        for record, work in self._tasks.unfinished():
            passed = max(0.0, (now - nanoseconds(record.start_time)) / _SECOND)
            self._carry_out(record, work, max(0.0, work.seconds - passed))

    def abandon(self, project: str, task_id: str | None = None) -> None:
        """Stop carrying out a project's tasks, or one of them, because they are replaced or removed."""
        for key, running in list(self._running.items()):
            if key[0] == project and task_id in (None, key[1]):
                del self._running[key]
                running.cancel()

    async def stop(self) -> None:
        """Leave the rest of the work for a later process."""
        running = list(self._running.values())
        self._running.clear()
        for task in running:
            task.cancel()
        await asyncio.gather(*running, return_exceptions=True)

    def _carry_out(self, record: TaskRecord, work: Work, seconds: float) -> None:
        key = (record.project, record.task_id)
        if key not in self._running:
            self._running[key] = asyncio.create_task(self._run(record, work, seconds), name=record.task_id)

    async def _run(self, record: TaskRecord, work: Work, seconds: float) -> None:
        engine = self._engines.setdefault(record.project, asyncio.Semaphore(ENGINE_CONCURRENCY))
        async with engine:
            await asyncio.sleep(seconds)
        result = self._result(record, work)
        await self._keep(result)
        self._running.pop((record.project, record.task_id), None)
        await self._finished(result)

    async def _keep(self, result: TaskRecord) -> None:
        told = False
        while True:
            try:
                self._tasks.put(result)
            except StateInaccessible as error:
                if not told:
                    _LOG.error("Task %s goes on until its end can be kept. %s", result.task_id, error)
                told = True
                await asyncio.sleep(_SECONDS_UNTIL_ROOM)
            else:
                return

    def _result(self, record: TaskRecord, work: Work) -> TaskRecord:
        end = max(nanoseconds_of(self._clock.now()), nanoseconds(record.start_time))
        ended = replace(record, end_time=in_full(end))
        if work.code:
            return replace(ended, status=FAILED, code=work.code, message=work.message)
        try:
            labels = self._labels(record.request["SourceURI"])
        except _Unusable as error:
            return replace(ended, status=FAILED, code="InvalidArgument", message=str(error))
        return replace(ended, status=SUCCEEDED, labels=labels)

    def _labels(self, uri: str) -> Sequence[Mapping[str, Any]]:
        bucket, key = uri.removeprefix("oss://").split("/", 1)
        if self._objects.stat(bucket, key) is None:
            raise _Unusable(f"File does not exist. {uri}")
        content = self._objects.read(bucket, key + SUFFIX)
        if content is None:
            return built_in_labels()
        try:
            return read_labels(content)
        except LabelFileInvalid as error:
            raise _Unusable(f"The label file {uri}{SUFFIX} cannot be used: {error}.") from None
