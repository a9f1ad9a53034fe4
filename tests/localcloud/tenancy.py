"""An account in a region for tests of single services, and how the official SDKs are its clients."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from alibabacloud_tea_openapi.utils_models import Config

from localcloud.accounts import Accounts, Identity
from localcloud.clock import Clock
from localcloud.database import Database
from localcloud.tenant import Tenant

ACCOUNT = "1234567890123456"
OWNER = Identity("LTAItest", "secret")


@contextmanager
def tenancy(directory: Path | None = None, region: str = "cn-beijing") -> Iterator[Tenant]:
    """A tenant without policies, whose state is in a directory or in memory."""
    clock, database = Clock(), Database(directory)
    try:
        yield Tenant(region, Accounts(ACCOUNT, OWNER, clock), clock, database)
    finally:
        database.close()


def sdk(address: str, identity: Identity = OWNER) -> Config:
    """What the official SDKs are made with to reach a service at an address in somebody's name."""
    return Config(
        endpoint=address.removeprefix("http://"),
        protocol="HTTP",
        region_id="cn-beijing",
        access_key_id=identity.access_key_id,
        access_key_secret=identity.access_key_secret,
        security_token=identity.security_token,
    )
