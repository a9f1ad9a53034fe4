"""Limits on what is asked of IMM: calls a second, and tasks that run at the same time.

IMM's concurrency is the real limit: tasks beyond it queue, and fail after tens of minutes. How many run is
what ListTasks says, so tasks of others in the project count too, and those of an earlier run of the command.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from cli.submission.project import Page, ProjectTasks
from imm_label_tags.results.target import TargetObject
from imm_label_tags.results.task import SubmittedTask
from imm_label_tags.retries import Timeouts

_LOOK_SECONDS = 0.5


class Stopped(Exception):
    """Nothing more is to be begun."""


class Room:
    """Room for one task; ``used`` once it was created."""

    used = False


class PacedTasks:
    """IMM's tasks, with at most ``rate`` calls a second and ``in_flight`` tasks that run.

    ``stopped`` tells whether a wait is to end with Stopped.
    """

    def __init__(
        self,
        tasks: ProjectTasks,
        project: str,
        *,
        rate: float,
        in_flight: int,
        stopped: Callable[[], bool] = lambda: False,
    ) -> None:
        self._tasks = tasks
        self._project = project
        self._interval = 1 / rate
        self._in_flight = in_flight
        self._stopped = stopped
        self._turn = threading.Lock()
        self._next = time.monotonic()
        self._guard = threading.Lock()
        self._free = 0
        # Rooms that are taken, for tasks that IMM need not know yet.
        self._taken = 0
        self.running = 0

    def tasks_of(
        self, project: str, target: TargetObject, version: str, timeouts: Timeouts
    ) -> tuple[SubmittedTask, ...]:
        """The tasks that were created for an object's version."""
        self._pace()
        return self._tasks.tasks_of(project, target, version, timeouts)

    def page(self, token: str, timeouts: Timeouts) -> Page:
        """A page of the project's tasks."""
        self._pace()
        return self._tasks.page(self._project, token, timeouts)

    def create(self, project: str, target: TargetObject, version: str, topic: str, timeouts: Timeouts) -> str:
        """Create a task, inside of ``room``."""
        self._pace()
        return self._tasks.create(project, target, version, topic, timeouts)

    @contextmanager
    def room(self) -> Iterator[Room]:
        """Wait until fewer tasks run than may; raises Stopped, and the errors of ListTasks."""
        self._take_room()
        room = Room()
        try:
            yield room
        finally:
            with self._guard:
                self._taken -= 1
                if not room.used:
                    self._free += 1
                    self.running -= 1

    def _take_room(self) -> None:
        while True:
            with self._guard:
                if self._free <= 0:
                    self._pace()
                    known = self._tasks.running(self._project, self._in_flight, _PATIENT)
                    self.running = known + self._taken
                    self._free = self._in_flight - self.running
                if self._free > 0:
                    self._free -= 1
                    self._taken += 1
                    self.running += 1
                    return
            self._check()
            time.sleep(_LOOK_SECONDS)

    def _pace(self) -> None:
        self._check()
        with self._turn:
            now = time.monotonic()
            begin = max(now, self._next)
            self._next = begin + self._interval
        time.sleep(begin - now)

    def _check(self) -> None:
        if self._stopped():
            raise Stopped


_PATIENT = Timeouts(connect=5.0, read=20.0)
