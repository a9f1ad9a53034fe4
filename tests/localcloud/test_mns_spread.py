"""How far messages may overtake each other."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from localcloud.accounts import Accounts
from localcloud.clock import Clock
from localcloud.database import Database
from localcloud.mns.service import MessageService
from tests.localcloud.mns_region import ACCOUNT, OWNER, Endpoint, Region
from tests.localcloud.serving import serve

MESSAGES = 40


@pytest.fixture
def database() -> Iterator[Database]:
    database = Database()
    yield database
    database.close()


def received(database: Database, spread: float) -> list[str]:
    """The order in which messages arrive that are published one after the other."""
    clock = Clock()
    accounts = Accounts(ACCOUNT, OWNER, clock)
    service = MessageService(
        region="cn-beijing",
        account_id=ACCOUNT,
        database=database,
        accounts=accounts,
        clock=clock,
        delivery_spread_seconds=spread,
    )
    service.create_topic("labels")
    with serve(service) as serving:
        region, endpoint = Region(service, serving, accounts, clock), Endpoint()
        region.subscribe("all", endpoint)

        async def publish() -> None:
            for number in range(MESSAGES):
                await service.publish("labels", f"{number:02d}".encode())

        serving.run(publish())
        region.settled()
        return [event.decode() for event in endpoint.events]


def test_messages_arrive_in_any_order_within_the_spread(database: Database) -> None:
    arrived = received(database, spread=0.2)
    assert arrived != sorted(arrived)
    assert sorted(arrived) == [f"{number:02d}" for number in range(MESSAGES)]
