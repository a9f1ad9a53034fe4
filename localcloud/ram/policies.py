"""The account's policies, and the system's. A policy has one version, which is its default: ``v1``.

Source: alibabacloud.com/help, API reference of RAM, CreatePolicy … DeletePolicy.
"""

from __future__ import annotations

import re
import sqlite3
from dataclasses import dataclass

from localcloud.clock import Clock
from localcloud.database import Database
from localcloud.ram.document import MalformedPolicy
from localcloud.ram.policy import parse_policy
from localcloud.ram.refusals import (
    EntityAlreadyExists,
    EntityNotExist,
    InvalidCharacters,
    LimitExceeded,
    MalformedDocument,
    TooLong,
)
from localcloud.ram.system_policies import SYSTEM_POLICIES
from localcloud.ram.timestamps import shown

CUSTOM = "Custom"
SYSTEM = "System"
VERSION = "v1"
# PoliciesQuota of GetAccountSummary (IMS 2019-08-15).
MAX_POLICIES = 1500
MAX_DESCRIPTION = 1024
_MAX_NAME = 128
_MAX_DOCUMENT = 6144
_NAME = re.compile(r"[A-Za-z0-9-]+", re.ASCII)
_SYSTEM_DATE = "2015-05-01T00:00:00Z"
_SCHEMA = """
CREATE TABLE IF NOT EXISTS ram_custom_policies (
    name TEXT PRIMARY KEY,
    description TEXT NOT NULL,
    document TEXT NOT NULL,
    created TEXT NOT NULL,
    updated TEXT NOT NULL
) WITHOUT ROWID;
"""


@dataclass(frozen=True)
class ManagedPolicy:
    """A policy; times are in the API's form."""

    kind: str
    name: str
    description: str
    document: str
    created: str
    updated: str


class Policies:
    """Every policy of the account."""

    def __init__(self, database: Database, clock: Clock) -> None:
        self._database = database
        self._clock = clock
        database.create(_SCHEMA)

    def create(self, name: str, document: str, description: str) -> ManagedPolicy:
        """Add a policy; raises a RequestRefused."""
        check_policy_name(name)
        _check_document(document)
        if len(description) > MAX_DESCRIPTION:
            raise TooLong("Description")
        if self._find(name) is not None:
            # RAM's own words.
            raise EntityAlreadyExists("Policy", "The group does already EXIST.")
        count = self._database.one("SELECT count(*) FROM ram_custom_policies")
        if count is not None and count[0] >= MAX_POLICIES:
            raise LimitExceeded("Policy", "The count of policy beyond the current limits.")
        now = shown(self._clock.now())
        policy = ManagedPolicy(CUSTOM, name, description, document, now, now)
        row = (name, description, document, now, now)
        self._database.execute("INSERT INTO ram_custom_policies VALUES (?, ?, ?, ?, ?)", row)
        return policy

    def put(self, name: str, document: str) -> None:
        """Have a policy with this document; raises a RequestRefused."""
        if self._find(name) is None:
            self.create(name, document, "")
            return
        _check_document(document)
        self._database.execute(
            "UPDATE ram_custom_policies SET document = ?, updated = ? WHERE name = ?",
            (document, shown(self._clock.now()), name),
        )

    def get(self, kind: str, name: str) -> ManagedPolicy:
        """A policy; raises EntityNotExist."""
        check_policy_name(name)
        found = self._find(name) if kind == CUSTOM else _SYSTEM.get(name)
        if found is None:
            raise EntityNotExist("Policy", "The policy does not exist.")
        return found

    def all(self, kind: str | None = None) -> list[ManagedPolicy]:
        """Every policy, or those of a kind, by name."""
        custom = [_policy(row) for row in self._database.all("SELECT * FROM ram_custom_policies")]
        found = [policy for policy in (*custom, *_SYSTEM.values()) if kind in (None, policy.kind)]
        return sorted(found, key=lambda policy: policy.name)

    def delete(self, name: str) -> None:
        """Delete a policy."""
        self._database.execute("DELETE FROM ram_custom_policies WHERE name = ?", (name,))

    def _find(self, name: str) -> ManagedPolicy | None:
        row = self._database.one("SELECT * FROM ram_custom_policies WHERE name = ?", (name,))
        return None if row is None else _policy(row)


def check_policy_name(name: str) -> None:
    """1 to 128 letters, digits and hyphens; raises a RequestRefused."""
    if len(name) > _MAX_NAME:
        raise TooLong("PolicyName")
    if not _NAME.fullmatch(name):
        raise InvalidCharacters("PolicyName")


def _check_document(document: str) -> None:
    if len(document.encode()) > _MAX_DOCUMENT:
        raise TooLong("PolicyDocument")
    try:
        parse_policy(document)
    except MalformedPolicy as error:
        raise MalformedDocument(str(error)) from None


def _policy(row: sqlite3.Row) -> ManagedPolicy:
    return ManagedPolicy(CUSTOM, *row)


_SYSTEM = {
    name: ManagedPolicy(SYSTEM, name, "", document, _SYSTEM_DATE, _SYSTEM_DATE)
    for name, document in SYSTEM_POLICIES.items()
}
