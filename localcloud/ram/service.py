"""RAM and STS over HTTP, and what the other services and a test ask of them in process."""

from __future__ import annotations

import secrets
from collections.abc import Mapping
from typing import Any

from localcloud.accounts import Accounts, Identity
from localcloud.clock import Clock
from localcloud.database import Database
from localcloud.openapi import OpenApi
from localcloud.ram.actions import Actions
from localcloud.ram.attachments import Attachments, Holder, User
from localcloud.ram.authorization import Authorization, Principal
from localcloud.ram.parameters import check_name
from localcloud.ram.policies import Policies
from localcloud.ram.roles import Role, Roles
from localcloud.ram.sts import TokenActions
from localcloud.records import Records
from localcloud.tenant import Tenant


class AccessManagement(OpenApi):
    """The RAM of an account, with its STS on the same endpoint. RAM's API has no users here.

    ``authorization`` is for the services that are to obey RAM's policies; RAM's own API always does.
    """

    name = "ram"

    def __init__(self, *, account_id: str, database: Database, accounts: Accounts, clock: Clock) -> None:
        self._accounts = accounts
        self._users = Records(database, "RAM user", User, ignore_case=True)
        for user in self._users.all():
            accounts.add(user.keys)
        self.policies = Policies(database, clock)
        self.roles = Roles(account_id, database, accounts, clock)
        holders: Mapping[type[Holder], Records[Any]] = {Role: self.roles.records, User: self._users}
        self.attachments = Attachments(self.policies, clock, holders)
        self.authorization = Authorization(account_id, self._principal, clock)
        actions = Actions(account_id, self.roles, self.policies, self.attachments)
        tokens = TokenActions(account_id, accounts, self.roles, self._users, self.authorization, clock)
        super().__init__(
            product="Ram",
            host="ram.aliyuncs.com",
            kinds={"role": "RoleName", "policy": "PolicyName"},
            tenant=Tenant("", accounts, clock, database, self.authorization),
            apis=[actions.api, tokens.api],
        )

    def put_role(self, name: str, trust_document: str, policies: Mapping[str, str]) -> Role:
        """Have a role of this name with exactly these policies, by their names; raises a RequestRefused."""
        role = self.roles.put(name, trust_document)
        self.attachments.replace(role, policies)
        return role

    def put_user(self, name: str, policies: Mapping[str, str]) -> User:
        """Have a RAM user with an access key and exactly these policies; raises a RequestRefused."""
        user = self._users.find(name)
        if user is None:
            check_name("UserName", name, 64, "A-Za-z0-9._-")
            user = User(
                name=name,
                user_id=f"2{secrets.randbelow(10**17):017d}",
                access_key_id="LTAI" + secrets.token_hex(10),
                access_key_secret=secrets.token_urlsafe(30),
            )
            self._accounts.add(user.keys)
        self.attachments.replace(user, policies)
        return user

    def _principal(self, identity: Identity) -> Principal | None:
        """The role or user whose policies limit an identity; None for the account itself.

        Keys of a role that does not exist (any more) have no policies at all.
        """
        if identity.role is not None:
            role = self.roles.find(identity.role)
            if role is None:
                return Principal("AssumedRoleUser", f"{identity.role}:{identity.session}", ())
            policies = self.attachments.policies_of(role)
            return Principal("AssumedRoleUser", f"{role.name}:{identity.session}", policies)
        if identity.user is not None:
            user = self._users.find(identity.user)
            assert user is not None, "users are never deleted"
            return Principal("SubUser", user.user_id, self.attachments.policies_of(user))
        return None
