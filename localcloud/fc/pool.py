"""The instances of one function: how many there are, which one serves next, and when idle ones end."""

from __future__ import annotations

import asyncio
from collections import deque
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
        self._limit = limit
        self._idle_seconds = idle_seconds
        self._clock = clock
        self._retire = retire
        self._places = 0
        self._instances: set[Instance] = set()
        self._idle: dict[Instance, tuple[datetime, asyncio.TimerHandle]] = {}
        self._waiting: deque[asyncio.Future[Instance | None]] = deque()
        self._endings: set[asyncio.Task[None]] = set()
        self._replaced = False
        self._empty = asyncio.Event()

    async def acquire(self) -> Instance | None:
        """An instance that is ready, or None: there is room for a new one, to be added.

        Raises PoolReplaced.
        """
        if self._replaced:
            raise PoolReplaced
        while self._idle:
            instance, (since, timer) = self._idle.popitem()
            timer.cancel()
            idle = (self._clock.now() - since).total_seconds()
            if instance.alive and idle < self._idle_seconds:
                return instance
            self._end(instance)
        if self._places < self._limit:
            self._places += 1
            return None
        return await self._wait()

    def add(self, instance: Instance) -> None:
        """An instance was started in the room that ``acquire`` gave."""
        self._instances.add(instance)

    def release(self, instance: Instance) -> None:
        """An instance has served its request."""
        if not instance.alive or self._replaced:
            self._end(instance)
            return
        waiter = self._next_waiter()
        if waiter is not None:
            waiter.set_result(instance)
        else:
            timer = asyncio.get_running_loop().call_later(self._idle_seconds, self._expire, instance)
            self._idle[instance] = (self._clock.now(), timer)

    def vacate(self) -> None:
        """No instance was started in the room that ``acquire`` gave."""
        self._give_place(self._next_waiter())

    def replace(self) -> None:
        """Let idle instances end now, and the others once they have served their request."""
        self._replaced = True
        for waiter in self._waiting:
            if not waiter.done():
                waiter.set_exception(PoolReplaced())
        self._waiting.clear()
        while self._idle:
            instance, (_, timer) = self._idle.popitem()
            timer.cancel()
            self._end(instance)
        self._look_whether_empty()

    async def emptied(self) -> None:
        """Wait until a replaced pool has no instance any more."""
        await self._empty.wait()

    def instances(self) -> list[Instance]:
        """The instances that live, whether they serve a request or not."""
        return [instance for instance in self._instances if instance.alive]

    async def close(self) -> None:
        """End every instance."""
        while self._idle:
            instance, (_, timer) = self._idle.popitem()
            timer.cancel()
            self._end(instance)
        for instance in self.instances():
            instance.kill()
        for instance in list(self._instances):
            await instance.close()
        await asyncio.gather(*self._endings)

    async def _wait(self) -> Instance | None:
        waiter: asyncio.Future[Instance | None] = asyncio.get_running_loop().create_future()
        self._waiting.append(waiter)
        try:
            return await waiter
        except asyncio.CancelledError:
            if waiter.done() and not waiter.cancelled():
                given = waiter.result()
                self.vacate() if given is None else self.release(given)
            raise

    def _next_waiter(self) -> asyncio.Future[Instance | None] | None:
        while self._waiting:
            waiter = self._waiting.popleft()
            if not waiter.done():
                return waiter
        return None

    def _give_place(self, waiter: asyncio.Future[Instance | None] | None) -> None:
        if waiter is None:
            self._places -= 1
            self._look_whether_empty()
        else:
            waiter.set_result(None)

    def _expire(self, instance: Instance) -> None:
        del self._idle[instance]
        self._end(instance)

    def _end(self, instance: Instance) -> None:
        """Let an instance end in the background; its place is free at once."""
        self._instances.discard(instance)
        self._give_place(self._next_waiter())
        task = asyncio.get_running_loop().create_task(self._finish(instance))
        self._endings.add(task)
        task.add_done_callback(self._ended)

    def _ended(self, task: asyncio.Task[None]) -> None:
        self._endings.discard(task)
        self._look_whether_empty()

    def _look_whether_empty(self) -> None:
        if self._replaced and not self._places and not self._endings:
            self._empty.set()

    async def _finish(self, instance: Instance) -> None:
        await self._retire(instance)
        await instance.close()
