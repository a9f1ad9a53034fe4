"""The tasks of an IMM project: new ones, those for an object, and how many run and may run.

IMM's concurrency is the real limit: tasks beyond it queue, and fail after tens of minutes. How many run is
what ListTasks says, so tasks of others in the project count too, and those of an earlier run of the command.
"""

from __future__ import annotations

import math
import threading
import time
from collections import defaultdict
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any, NamedTuple

from cli.cloud.ends import TIMEOUTS
from imm_label_tags.results.task import RUNNING, VERSION_TAG, SubmittedTask
from imm_label_tags.retries import Timeouts
from imm_label_tags.services.imm import ImmTasks, submitted_task
from imm_label_tags.text import text_of

_LOOK_SECONDS = 0.5
# More tasks are not remembered.
MOST_REMEMBERED = 10_000


class Stopped(Exception):
    """Nothing more is to be begun."""


class Page(NamedTuple):
    """Tasks of one answer: how many, those of ours by their versions, and the token of the next answer."""

    number: int
    by_version: Mapping[str, list[SubmittedTask]]
    next_token: str


class Room:
    """Room for one task; ``used`` once it was created."""

    used = False


class Limits(NamedTuple):
    """So many calls a second, and so many tasks that run; ``stopped`` ends a wait with Stopped."""

    rate: float = math.inf
    in_flight: int = 0
    stopped: Callable[[], bool] = lambda: False


class ProjectTasks(ImmTasks):
    """The tasks of one project, within limits; each call is one attempt.

    ``running`` is how many tasks run, as far as is known.
    """

    def __init__(self, *client: Any, project: str, limits: Limits) -> None:
        super().__init__(*client)
        self._project = project
        self._limits = limits
        self._turn = threading.Lock()
        self._next = time.monotonic()
        self._guard = threading.Lock()
        self._free = 0
        # Rooms that are taken, for tasks that IMM need not know yet.
        self._taken = 0
        self.running = 0

    def attempt(self, *call: Any) -> Any:
        """Make a call when it is its turn; raises Stopped, else as the function's own calls do."""
        self._check()
        with self._turn:
            now = time.monotonic()
            begin = max(now, self._next)
            self._next = begin + 1 / self._limits.rate
        time.sleep(begin - now)
        return super().attempt(*call)

    def page(self, token: str, timeouts: Timeouts, status: str | None = None) -> Page:
        """A page of the tasks of the last seven days, the newest first: ListTasks. Raises as ``tasks_of``."""
        return self.list_tasks(
            self._project,
            f"the tasks of project {self._project}",
            timeouts,
            _read_page,
            status=status,
            next_token=token or None,
        )

    @contextmanager
    def room(self) -> Iterator[Room]:
        """Wait until fewer tasks run than may; raises Stopped, and the errors of ListTasks."""
        while not self._take_room():
            self._check()
            time.sleep(_LOOK_SECONDS)
        room = Room()
        try:
            yield room
        finally:
            with self._guard:
                self._taken -= 1
                if not room.used:
                    self._free += 1
                    self.running -= 1

    def _take_room(self) -> bool:
        with self._guard:
            if self._free <= 0:
                self.running = self._count_running() + self._taken
                self._free = self._limits.in_flight - self.running
            if self._free <= 0:
                return False
            self._free -= 1
            self._taken += 1
            self.running += 1
            return True

    def _count_running(self) -> int:
        """How many tasks of the project run, counted up to as many as may."""
        number, token = 0, ""
        while True:
            page = self.page(token, TIMEOUTS, RUNNING)
            number, token = number + page.number, page.next_token
            if number >= self._limits.in_flight or not token:
                return number

    def _check(self) -> None:
        if self._limits.stopped():
            raise Stopped


def remembered(page_at: Callable[[str], Page]) -> Mapping[str, Sequence[SubmittedTask]] | None:
    """All tasks of ours that a project has now, by version, page after page; raises what a page raises.

    Read once, they spare the question for each object of a library that has few. None where there are more
    than MOST_REMEMBERED.
    """
    by_version: defaultdict[str, list[SubmittedTask]] = defaultdict(list)
    number, token = 0, ""
    while True:
        page = page_at(token)
        number, token = number + page.number, page.next_token
        if number > MOST_REMEMBERED:
            return None
        for version, tasks in page.by_version.items():
            by_version[version] += tasks
        if not token:
            return by_version


def _read_page(body: Any) -> Page:
    by_version: defaultdict[str, list[SubmittedTask]] = defaultdict(list)
    for info in body.tasks:
        version = (info.tags or {}).get(VERSION_TAG)
        if version:
            by_version[version].append(submitted_task(info))
    return Page(len(body.tasks), by_version, text_of(body.next_token))
