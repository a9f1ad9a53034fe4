"""Whose services these are: what all services of a region share."""

from __future__ import annotations

from dataclasses import dataclass

from localcloud.accounts import Accounts, Identity
from localcloud.clock import Clock
from localcloud.database import Database
from localcloud.ram.authorization import Authorization
from localcloud.ram.conditions import NO_CONTEXT, Context


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

    def check(self, identity: Identity, action: str, resource: str, context: Context = NO_CONTEXT) -> None:
        """Raise AccessRefused unless RAM's policies let a caller do something."""
        if self.authorization is not None:
            self.authorization.check(identity, action, resource, context)

    def arn(self, service: str, resource: str) -> str:
        """``acs:<service>:<region>:<account>:<resource>``."""
        return f"acs:{service}:{self.region}:{self.account_id}:{resource}"
