"""Whose services these are: what all services of a region share."""

from __future__ import annotations

from dataclasses import dataclass

from localcloud.accounts import Accounts
from localcloud.clock import Clock
from localcloud.database import Database
from localcloud.ram.authorization import Authorization


@dataclass(frozen=True)
class Tenant:
    """An account in a region: its keys, its time and its state.

    Without an ``authorization`` everybody with keys may do everything.
    """

    region: str
    accounts: Accounts
    clock: Clock
    database: Database
    authorization: Authorization | None = None

    @property
    def account_id(self) -> str:
        """The account's number."""
        return self.accounts.account_id

    def arn(self, service: str, resource: str) -> str:
        """``acs:<service>:<region>:<account>:<resource>``."""
        return f"acs:{service}:{self.region}:{self.account_id}:{resource}"
