"""The room for instances: nothing of it is lost when requests are given up at the wrong moment."""

from __future__ import annotations

import asyncio
from typing import cast

import pytest

from localcloud.clock import Clock
from localcloud.fc.instance import Instance
from localcloud.fc.pool import Pool


class Alive:
    """An instance that is always ready."""

    alive = True

    async def close(self) -> None:
        """End."""

    def kill(self) -> None:
        """End at once."""


async def _retire(_instance: Instance) -> None:
    """Nothing to do before the end."""


def pool() -> Pool:
    return Pool(limit=1, idle_seconds=300, clock=Clock(), retire=_retire)


def test_a_request_that_is_given_up_just_as_it_gets_room_gives_it_back() -> None:
    async def scenario() -> None:
        # Given a pool without room, and a request that waits
        room = pool()
        assert await room.acquire() is None
        waiting = asyncio.ensure_future(room.acquire())
        await asyncio.sleep(0)
        # When the room is handed over and the request is given up in the same moment
        room.vacate()
        waiting.cancel()
        with pytest.raises(asyncio.CancelledError):
            await waiting
        # Then there is room for the next one
        assert await asyncio.wait_for(room.acquire(), 1) is None

    asyncio.run(scenario())


def test_and_so_with_an_instance() -> None:
    async def scenario() -> None:
        room = pool()
        instance = cast("Instance", Alive())
        assert await room.acquire() is None
        room.add(instance)
        waiting = asyncio.ensure_future(room.acquire())
        await asyncio.sleep(0)
        room.release(instance)
        waiting.cancel()
        with pytest.raises(asyncio.CancelledError):
            await waiting
        assert await asyncio.wait_for(room.acquire(), 1) is instance
        await room.close()

    asyncio.run(scenario())
