"""The account's roles, and who may assume them.

Source: alibabacloud.com/help, API reference of RAM, CreateRole … DeleteRole.
"""

from __future__ import annotations

import re
import secrets
import sqlite3
from dataclasses import dataclass, replace
from datetime import timedelta

from localcloud.accounts import DEFAULT_SESSION, ROLE_KEY_LIFETIME, Accounts, Identity
from localcloud.clock import Clock
from localcloud.database import Database
from localcloud.ram.conditions import CURRENT_TIME
from localcloud.ram.document import MalformedPolicy
from localcloud.ram.policies import MAX_DESCRIPTION
from localcloud.ram.refusals import (
    EntityAlreadyExists,
    InvalidCharacters,
    LimitExceeded,
    MalformedDocument,
    NoSuchRole,
    TooLong,
)
from localcloud.ram.timestamps import shown
from localcloud.ram.trust import TrustPolicy, parse_trust

MAX_ROLES = 100
MIN_SESSION_SECONDS = 3_600
MAX_SESSION_SECONDS = 43_200
_MAX_NAME = 64
_MAX_TRUST = 2_048
_NAME = re.compile(r"[A-Za-z0-9.-]+", re.ASCII)
_SCHEMA = """
CREATE TABLE IF NOT EXISTS ram_roles (
    name TEXT PRIMARY KEY COLLATE NOCASE,
    role_id TEXT NOT NULL,
    trust TEXT NOT NULL,
    description TEXT NOT NULL,
    max_session INTEGER NOT NULL,
    created TEXT NOT NULL,
    updated TEXT NOT NULL
) WITHOUT ROWID
"""


class AssumptionRefused(Exception):
    """A service may not act in a role: there is none of that name, or the role does not trust the service."""


@dataclass(frozen=True)
class Role:
    """A role; times are in the API's form."""

    name: str
    role_id: str
    trust_document: str
    description: str
    max_session_seconds: int
    created: str
    updated: str

    @property
    def trust(self) -> TrustPolicy:
        """Who may assume the role."""
        return parse_trust(self.trust_document)


class Roles:
    """Every role of the account.

    Names differ by more than their case, and ARNs are compared without it: Serverless Devs' component writes
    a function's role in lower case, and the real service takes that.
    """

    def __init__(self, account_id: str, database: Database, accounts: Accounts, clock: Clock) -> None:
        self._account_id = account_id
        self._database = database
        self._accounts = accounts
        self._clock = clock
        database.create(_SCHEMA)

    def create(
        self,
        name: str,
        trust_document: str,
        description: str = "",
        max_session_seconds: int = MIN_SESSION_SECONDS,
    ) -> Role:
        """Add a role; raises a RequestRefused."""
        check_role_name(name)
        now = shown(self._clock.now())
        role_id = f"3{secrets.randbelow(10**17):017d}"
        role = Role(name, role_id, trust_document, description, max_session_seconds, now, now)
        _check(role)
        if self.find(name) is not None:
            raise EntityAlreadyExists("Role", "The role does already EXIST.")
        if len(self.all()) >= MAX_ROLES:
            raise LimitExceeded("Role", "The count of roles beyond the current limits.")
        self._database.execute(
            "INSERT INTO ram_roles VALUES (?, ?, ?, ?, ?, ?, ?)",
            (name, role_id, trust_document, description, max_session_seconds, now, now),
        )
        return role

    def find(self, name: str) -> Role | None:
        """A role by its name or ARN, if there is one."""
        plain = re.sub(rf"^acs:ram::{self._account_id}:role/", "", name, flags=re.IGNORECASE)
        row = self._database.one("SELECT * FROM ram_roles WHERE name = ?", (plain,))
        return None if row is None else _role(row)

    def get(self, name: str) -> Role:
        """A role by its name; raises a RequestRefused."""
        check_role_name(name)
        role = self.find(name)
        if role is None:
            raise NoSuchRole
        return role

    def all(self) -> list[Role]:
        """Every role, by name."""
        return [_role(row) for row in self._database.all("SELECT * FROM ram_roles ORDER BY name")]

    def put(self, name: str, trust_document: str) -> Role:
        """Have a role that has this trust policy; raises a RequestRefused."""
        role = self.find(name)
        if role is None:
            return self.create(name, trust_document)
        changed = replace(role, trust_document=trust_document, updated=shown(self._clock.now()))
        _check(changed)
        self._database.execute(
            "UPDATE ram_roles SET trust = ?, updated = ? WHERE name = ?",
            (trust_document, changed.updated, name),
        )
        return changed

    def delete(self, name: str) -> None:
        """Delete a role; its keys are good for nothing from now on."""
        self._database.execute("DELETE FROM ram_roles WHERE name = ?", (name,))

    def arn(self, role: Role) -> str:
        """The role's ARN."""
        return f"acs:ram::{self._account_id}:role/{role.name}"

    def assume(
        self,
        role_arn: str,
        service: str,
        *,
        session: str = DEFAULT_SESSION,
        lifetime: timedelta = ROLE_KEY_LIFETIME,
    ) -> Identity:
        """Temporary keys of a role for a service (``fc.aliyuncs.com``); raises AssumptionRefused."""
        role = self.trusting(role_arn, service)
        return self._accounts.issue_role_keys(self.arn(role), lifetime, session=session)

    def trusting(self, role_arn: str, service: str) -> Role:
        """A role that a service may assume; raises AssumptionRefused."""
        role = self.find(role_arn)
        if role is None:
            raise AssumptionRefused(f"There is no role {role_arn}: create it, or correct its name.")
        if not role.trust.trusts(service, context={CURRENT_TIME: shown(self._clock.now())}):
            raise AssumptionRefused(
                f"The trust policy of the role {role.name} does not let {service} assume it: "
                f'add "Principal": {{"Service": ["{service}"]}}.'
            )
        return role


def check_role_name(name: str) -> None:
    """1 to 64 letters, digits, periods and hyphens; raises a RequestRefused."""
    if len(name) > _MAX_NAME:
        raise TooLong("RoleName")
    if not _NAME.fullmatch(name):
        raise InvalidCharacters("RoleName")


def _check(role: Role) -> None:
    if len(role.description) > MAX_DESCRIPTION:
        raise TooLong("Description")
    if len(role.trust_document.encode()) > _MAX_TRUST:
        raise TooLong("AssumeRolePolicyDocument")
    try:
        parse_trust(role.trust_document)
    except MalformedPolicy as error:
        raise MalformedDocument(str(error)) from None


def _role(row: sqlite3.Row) -> Role:
    return Role(
        name=row["name"],
        role_id=row["role_id"],
        trust_document=row["trust"],
        description=row["description"],
        max_session_seconds=row["max_session"],
        created=row["created"],
        updated=row["updated"],
    )
