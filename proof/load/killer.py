"""Kills instances of the function in the middle of their work, spread over a flood."""

from __future__ import annotations

import asyncio
import random
from collections.abc import Callable

from localcloud.fc.service import FunctionCompute

_LONGEST_WAIT_SECONDS = 0.03
_NEXT_LOOK_SECONDS = 0.003


class Killer:
    """Kills so many instances (SIGKILL), each at a random moment of its work.

    ``ended`` says how many events have come to an end, by which the kills are spread. ``spared`` is an
    instance that must live; without one any may die.
    """

    def __init__(
        self,
        functions: FunctionCompute,
        function: str,
        ended: Callable[[], int],
        *,
        kills: int,
        randomness: random.Random,
        spared: Callable[[], str | None] = lambda: None,
    ) -> None:
        self._functions = functions
        self._function = function
        self._ended = ended
        self._kills = kills
        self._spared = spared
        self._randomness = randomness
        self.killed = 0

    async def run(self, deliveries: int) -> None:
        """Kill until every order is carried out or this is cancelled; ``deliveries`` are expected in all."""
        for number in range(self._kills):
            due = deliveries * (number + 1) / (self._kills + 1)
            while self._ended() < due:
                await asyncio.sleep(_NEXT_LOOK_SECONDS)
            await asyncio.sleep(self._randomness.uniform(0, _LONGEST_WAIT_SECONDS))
            while not self._kill():
                await asyncio.sleep(_NEXT_LOOK_SECONDS)

    def _kill(self) -> bool:
        spared = self._spared()
        busy = sorted(
            instance.instance_id
            for instance in self._functions.instances(self._function)
            if instance.busy and instance.instance_id != spared
        )
        if not busy or not self._functions.kill_instance(self._function, self._randomness.choice(busy)):
            return False
        self.killed += 1
        return True
