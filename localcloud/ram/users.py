"""RAM users with an access key each."""

from __future__ import annotations

import re
import secrets
import sqlite3
from typing import NamedTuple

from localcloud.accounts import Accounts, Identity
from localcloud.database import Database
from localcloud.ram.refusals import InvalidCharacters, TooLong

_MAX_NAME = 64
_NAME = re.compile(r"[A-Za-z0-9._-]+", re.ASCII)
_SCHEMA = """
CREATE TABLE IF NOT EXISTS ram_users (
    name TEXT PRIMARY KEY COLLATE NOCASE,
    user_id TEXT NOT NULL,
    access_key_id TEXT NOT NULL,
    access_key_secret TEXT NOT NULL
) WITHOUT ROWID
"""


class User(NamedTuple):
    """A user and the keys."""

    name: str
    user_id: str
    keys: Identity


class Users:
    """Every RAM user of the account. They are made in process only: RAM's API has no users here."""

    def __init__(self, database: Database, accounts: Accounts) -> None:
        self._database = database
        self._accounts = accounts
        database.create(_SCHEMA)
        for row in database.all("SELECT * FROM ram_users"):
            accounts.add(_user(row).keys)

    def create(self, name: str) -> User:
        """Add a user who is not there yet, with an access key; raises a RequestRefused."""
        if len(name) > _MAX_NAME:
            raise TooLong("UserName")
        if not _NAME.fullmatch(name):
            raise InvalidCharacters("UserName")
        self._database.execute(
            "INSERT INTO ram_users VALUES (?, ?, ?, ?)",
            (
                name,
                f"2{secrets.randbelow(10**17):017d}",
                "LTAI" + secrets.token_hex(10),
                secrets.token_urlsafe(30),
            ),
        )
        user = self.find(name)
        assert user is not None, "it was just added"
        self._accounts.add(user.keys)
        return user

    def find(self, name: str) -> User | None:
        """A user by name, if there is one."""
        row = self._database.one("SELECT * FROM ram_users WHERE name = ?", (name,))
        return None if row is None else _user(row)


def _user(row: sqlite3.Row) -> User:
    keys = Identity(row["access_key_id"], row["access_key_secret"], user=row["name"])
    return User(row["name"], row["user_id"], keys)
