"""The instances of one function: how many there are, which one serves next, and when idle ones end."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from datetime import datetime

from localcloud.clock import Clock
from localcloud.fc.instance import Instance


class PoolReplaced(Exception):
    """The function has another version now, or none: whoever waited has to look again."""


class Pool:
    """Hands out instances, one request each; beyond the limit requests wait in the order they came.

    The instance that served last serves next, so that the others can end for idleness: in real time, or
    because the services' clock was moved. ``retire`` ends an instance properly.
    """

    def __init__(
        self, *, limit: int, idle_seconds: float, clock: Clock, retire: Callable[[Instance], Awaitable[None]]
    ) -> None:
        # A new instance is started only where none is idle, so there are never more than requests at a time.
        self._room = asyncio.Semaphore(limit)
        self._waiting = 0
        self._served = 0
        self._idle_seconds = idle_seconds
        self._clock = clock
        self._retire = retire
        self._instances: set[Instance] = set()
        self._idle: dict[Instance, tuple[datetime, asyncio.TimerHandle]] = {}
        self._endings: set[asyncio.Task[None]] = set()
        self._replaced = False
        self._empty = asyncio.Event()

    async def acquire(self) -> Instance | None:
        """An instance that is ready, or None: there is room for a new one, to be added.

        Whatever comes of it, the room is given back by ``release``. Raises PoolReplaced.
        """
        if not self._replaced:
            self._waiting += 1
            try:
                await self._room.acquire()
            finally:
                self._waiting -= 1
        if self._replaced:
            raise PoolReplaced
        self._served += 1
        while self._idle:
            instance, (since, timer) = self._idle.popitem()
            timer.cancel()
            idle = (self._clock.now() - since).total_seconds()
            if instance.alive and idle < self._idle_seconds:
                return instance
            self._end(instance)
        return None

    def add(self, instance: Instance) -> None:
        """An instance was started in the room that ``acquire`` gave."""
        self._instances.add(instance)

    def release(self, instance: Instance | None) -> None:
        """A request has been served by an instance, or by none because none could be started."""
        self._served -= 1
        if instance is not None and instance.alive and not self._replaced:
            timer = asyncio.get_running_loop().call_later(self._idle_seconds, self._expire, instance)
            self._idle[instance] = (self._clock.now(), timer)
        elif instance is not None:
            self._end(instance)
        self._room.release()
        self._look_whether_empty()

    def replace(self) -> None:
        """Let idle instances end now, and the others once they have served their request."""
        self._replaced = True
        for _ in range(self._waiting):
            self._room.release()
        self._end_idle()
        self._look_whether_empty()

    async def emptied(self) -> None:
        """Wait until a replaced pool has no instance any more."""
        await self._empty.wait()

    def instances(self) -> list[Instance]:
        """The instances that live, whether they serve a request or not."""
        return [instance for instance in self._instances if instance.alive]

    async def close(self) -> None:
        """End every instance."""
        self._end_idle()
        for instance in self.instances():
            instance.kill()
        for instance in list(self._instances):
            await instance.close()
        await asyncio.gather(*self._endings)

    def _end_idle(self) -> None:
        while self._idle:
            instance, (_, timer) = self._idle.popitem()
            timer.cancel()
            self._end(instance)

    def _expire(self, instance: Instance) -> None:
        del self._idle[instance]
        self._end(instance)

    def _end(self, instance: Instance) -> None:
        """Let an instance end in the background."""
        self._instances.discard(instance)
        task = asyncio.get_running_loop().create_task(self._finish(instance))
        self._endings.add(task)
        task.add_done_callback(self._ended)

    def _ended(self, task: asyncio.Task[None]) -> None:
        self._endings.discard(task)
        self._look_whether_empty()

    def _look_whether_empty(self) -> None:
        if self._replaced and not self._served and not self._endings:
            self._empty.set()

    async def _finish(self, instance: Instance) -> None:
        await self._retire(instance)
        await instance.close()
