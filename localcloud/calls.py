"""A record of every call that reached a service, for tests and for the terminal."""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass

REMEMBERED_CALLS = 200_000


@dataclass(frozen=True)
class Call:
    """One request: what was asked of what, how it ended, when it ran (seconds of a monotonic clock).

    ``status`` is None where no answer was sent (a broken connection, silence).
    ``connection`` is the client's port: equal ports mean a kept connection.
    """

    service: str
    action: str
    resource: str
    status: int | None
    started: float
    ended: float
    connection: int
    fault: str | None = None


class CallLog:
    """The calls of a cloud in the order of their ends; the oldest are forgotten first."""

    def __init__(self) -> None:
        self._calls: deque[Call] = deque(maxlen=REMEMBERED_CALLS)
        self._observers: list[Callable[[Call], None]] = []
        self.under_way = 0
        self._quiet = asyncio.Event()
        self._quiet.set()

    def begin(self) -> None:
        """Count a call that has arrived; ``add`` ends it."""
        self.under_way += 1
        self._quiet.clear()

    def add(self, call: Call) -> None:
        """Remember a call that has ended."""
        self._calls.append(call)
        for observe in self._observers:
            observe(call)
        self.under_way -= 1
        if not self.under_way:
            self._quiet.set()

    def watch(self, observe: Callable[[Call], None]) -> None:
        """Tell somebody of every call that ends from now on, in the services' event loop."""
        self._observers.append(observe)

    async def settled(self) -> None:
        """Wait until no call is under way: a client may have its answer before the call has ended here."""
        await self._quiet.wait()

    def list(self, service: str | None = None, action: str | None = None) -> list[Call]:
        """The remembered calls, of one service or action if named."""
        return [
            call
            for call in list(self._calls)
            if service in (None, call.service) and action in (None, call.action)
        ]

    def clear(self) -> None:
        """Forget every call."""
        self._calls.clear()
