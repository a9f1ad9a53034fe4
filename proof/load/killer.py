"""Kills instances of the function in the middle of their work, spread over a flood."""

from __future__ import annotations

import asyncio
import random

from localcloud.fc.service import FunctionCompute
from proof.load.observations import Observations

_LONGEST_WAIT_SECONDS = 0.03
_NEXT_LOOK_SECONDS = 0.003


class Killer:
    """Kills so many instances (SIGKILL), each at a random moment of its work.

    One instance is spared where there are several, so that there is one whose memory can be followed through
    the whole flood: ``witness``, the first that handled something.
    """

    def __init__(
        self,
        functions: FunctionCompute,
        function: str,
        observations: Observations,
        *,
        kills: int,
        spare: bool,
        randomness: random.Random,
    ) -> None:
        self._functions = functions
        self._function = function
        self._observations = observations
        self._kills = kills
        self._spare = spare
        self._randomness = randomness
        self.killed = 0

    @property
    def witness(self) -> str | None:
        """The instance that lives through the flood; None before anything was handled."""
        attempts = self._observations.attempts
        return attempts[0].instance_id if attempts else None

    async def run(self, deliveries: int) -> None:
        """Kill until every order is carried out or this is cancelled; ``deliveries`` are expected in all."""
        for number in range(self._kills):
            due = deliveries * (number + 1) / (self._kills + 1)
            while self._observations.ended < due:
                await asyncio.sleep(_NEXT_LOOK_SECONDS)
            await asyncio.sleep(self._randomness.uniform(0, _LONGEST_WAIT_SECONDS))
            while not self._kill():
                await asyncio.sleep(_NEXT_LOOK_SECONDS)

    def _kill(self) -> bool:
        spared = self.witness if self._spare else None
        busy = sorted(
            instance.instance_id
            for instance in self._functions.instances(self._function)
            if instance.busy and instance.instance_id != spared
        )
        if not busy or not self._functions.kill_instance(self._function, self._randomness.choice(busy)):
            return False
        self.killed += 1
        return True
