"""The account's policies with their versions, and the system's.

Source: alibabacloud.com/help, API reference of RAM, CreatePolicy … DeletePolicyVersion.
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
    DeleteConflict,
    EntityAlreadyExists,
    EntityNotExist,
    InvalidCharacters,
    InvalidParameter,
    LimitExceeded,
    MalformedDocument,
    TooLong,
    no_such_policy,
)
from localcloud.ram.system_policies import SYSTEM_POLICIES
from localcloud.ram.timestamps import shown

CUSTOM = "Custom"
SYSTEM = "System"
MAX_POLICIES = 200
MAX_VERSIONS = 5
MAX_DESCRIPTION = 1024
_MAX_NAME = 128
_MAX_DOCUMENT = 6144
_NAME = re.compile(r"[A-Za-z0-9-]+", re.ASCII)
_VERSION = re.compile(r"v[1-9][0-9]{0,8}", re.ASCII)
_SYSTEM_DATE = "2015-05-01T00:00:00Z"
_SCHEMA = """
CREATE TABLE IF NOT EXISTS ram_policies (
    name TEXT PRIMARY KEY,
    description TEXT NOT NULL,
    current INTEGER NOT NULL,
    latest INTEGER NOT NULL,
    created TEXT NOT NULL,
    updated TEXT NOT NULL
) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS ram_policy_versions (
    policy TEXT NOT NULL REFERENCES ram_policies (name) ON DELETE CASCADE,
    number INTEGER NOT NULL,
    document TEXT NOT NULL,
    created TEXT NOT NULL,
    PRIMARY KEY (policy, number)
) WITHOUT ROWID;
"""


@dataclass(frozen=True)
class ManagedPolicy:
    """A policy; times are in the API's form."""

    kind: str
    name: str
    description: str
    default_version: str
    created: str
    updated: str


@dataclass(frozen=True)
class PolicyVersion:
    """One of a policy's documents."""

    version_id: str
    document: str
    created: str
    is_default: bool


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
        if self._row(name) is not None:
            # RAM's own words.
            raise EntityAlreadyExists("Policy", "The group does already EXIST.")
        if len(self.all(CUSTOM)) >= MAX_POLICIES:
            raise LimitExceeded("Policy", "The count of policy beyond the current limits.")
        now = self._now()
        with self._database.transaction():
            self._database.execute(
                "INSERT INTO ram_policies VALUES (?, ?, 1, 1, ?, ?)", (name, description, now, now)
            )
            self._database.execute(
                "INSERT INTO ram_policy_versions VALUES (?, 1, ?, ?)", (name, document, now)
            )
        return self.get(CUSTOM, name)

    def get(self, kind: str, name: str) -> ManagedPolicy:
        """A policy; raises EntityNotExist."""
        check_policy_name(name)
        if kind == SYSTEM:
            if name not in SYSTEM_POLICIES:
                raise no_such_policy()
            return _system_policy(name)
        return _policy(self._existing(name))

    def all(self, kind: str | None = None) -> list[ManagedPolicy]:
        """Every policy, or those of a kind, by name."""
        custom = [_policy(row) for row in self._database.all("SELECT * FROM ram_policies")]
        system = [_system_policy(name) for name in SYSTEM_POLICIES]
        found = [policy for policy in (*custom, *system) if kind in (None, policy.kind)]
        return sorted(found, key=lambda policy: policy.name)

    def document(self, kind: str, name: str) -> str:
        """The document of a policy's default version; raises EntityNotExist."""
        return next(version.document for version in self.versions(kind, name) if version.is_default)

    def versions(self, kind: str, name: str) -> list[PolicyVersion]:
        """The versions of a policy, the newest first; raises EntityNotExist."""
        policy = self.get(kind, name)
        if kind == SYSTEM:
            return [PolicyVersion(policy.default_version, SYSTEM_POLICIES[name], policy.created, True)]
        rows = self._database.all(
            "SELECT * FROM ram_policy_versions WHERE policy = ? ORDER BY number DESC", (name,)
        )
        return [_version(row, policy.default_version) for row in rows]

    def add_version(self, name: str, document: str, *, as_default: bool, rotate: bool) -> PolicyVersion:
        """Add a version; with ``rotate`` the oldest that is not the default makes room.

        Raises a RequestRefused.
        """
        check_policy_name(name)
        _check_document(document)
        versions = self.versions(CUSTOM, name)
        full = len(versions) >= MAX_VERSIONS
        if full and not rotate:
            message = "The count of policy version beyond the current limits."
            raise LimitExceeded("Policy.Version", message)
        # The number of a version that was deleted is not given again.
        number = int(self._existing(name)["latest"]) + 1
        now = self._now()
        with self._database.transaction():
            if full:
                oldest = [version for version in versions if not version.is_default][-1]
                self._remove_version(name, oldest.version_id)
            self._database.execute(
                "INSERT INTO ram_policy_versions VALUES (?, ?, ?, ?)", (name, number, document, now)
            )
            if as_default:
                self._database.execute("UPDATE ram_policies SET current = ? WHERE name = ?", (number, name))
            self._database.execute(
                "UPDATE ram_policies SET latest = ?, updated = ? WHERE name = ?", (number, now, name)
            )
        return self.versions(CUSTOM, name)[0]

    def delete_version(self, name: str, version_id: str) -> None:
        """Delete a version that is not the default; raises a RequestRefused."""
        if not _VERSION.fullmatch(version_id):
            problem = 'The format of the parameter - "VersionId" is incorrect.'
            raise InvalidParameter("VersionId", "Format", problem)
        found = [item for item in self.versions(CUSTOM, name) if item.version_id == version_id]
        if not found:
            raise EntityNotExist("Policy.Version", "The policy version does not exist.")
        if found[0].is_default:
            message = "The default policy version CAN NOT been deleted directly."
            raise DeleteConflict("Policy.Version.Default", message)
        self._remove_version(name, version_id)

    def delete(self, name: str, *, with_versions: bool) -> None:
        """Delete a policy; raises a RequestRefused."""
        if len(self.versions(CUSTOM, name)) > 1 and not with_versions:
            message = "The policy CAN NOT has any version except the default version."
            raise DeleteConflict("Policy.Version", message)
        self._database.execute("DELETE FROM ram_policies WHERE name = ?", (name,))

    def _remove_version(self, name: str, version_id: str) -> None:
        self._database.execute(
            "DELETE FROM ram_policy_versions WHERE policy = ? AND number = ?", (name, _number(version_id))
        )

    def _row(self, name: str) -> sqlite3.Row | None:
        return self._database.one("SELECT * FROM ram_policies WHERE name = ?", (name,))

    def _existing(self, name: str) -> sqlite3.Row:
        row = self._row(name)
        if row is None:
            raise no_such_policy()
        return row

    def _now(self) -> str:
        return shown(self._clock.now())


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


def _number(version_id: str) -> int:
    return int(version_id.removeprefix("v"))


def _policy(row: sqlite3.Row) -> ManagedPolicy:
    current = f"v{row['current']}"
    return ManagedPolicy(CUSTOM, row["name"], row["description"], current, row["created"], row["updated"])


def _system_policy(name: str) -> ManagedPolicy:
    return ManagedPolicy(SYSTEM, name, "", "v1", _SYSTEM_DATE, _SYSTEM_DATE)


def _version(row: sqlite3.Row, default: str) -> PolicyVersion:
    version_id = f"v{row['number']}"
    return PolicyVersion(version_id, row["document"], row["created"], version_id == default)
