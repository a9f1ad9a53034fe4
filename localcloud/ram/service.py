"""RAM and STS over HTTP, and what the other services and a test ask of them in process."""

from __future__ import annotations

from collections.abc import Mapping

from starlette.types import ASGIApp

from localcloud.accounts import Accounts, Identity
from localcloud.clock import Clock
from localcloud.database import Database
from localcloud.openapi import OpenApi
from localcloud.ram.actions import Actions
from localcloud.ram.attachments import Attachments, Holder
from localcloud.ram.authorization import Authorization, Principal
from localcloud.ram.policies import CUSTOM, Policies
from localcloud.ram.roles import Role, Roles
from localcloud.ram.sts import TokenActions
from localcloud.ram.users import User, Users
from localcloud.tenant import Tenant


class AccessManagement:
    """The RAM of an account, with its STS on the same endpoint.

    ``authorization`` is for the services that are to obey RAM's policies; RAM's own API always does.
    """

    name = "ram"

    def __init__(self, *, account_id: str, database: Database, accounts: Accounts, clock: Clock) -> None:
        self._policies = Policies(database, clock)
        self._attachments = Attachments(database, self._policies, clock)
        self._users = Users(database, accounts)
        self.roles = Roles(account_id, database, accounts, clock)
        self.authorization = Authorization(account_id, self, clock)
        actions = Actions(account_id, self.roles, self._policies, self._attachments)
        tokens = TokenActions(account_id, accounts, self.roles, self._users, self.authorization, clock)
        gateway = OpenApi(
            product="Ram",
            host="ram.aliyuncs.com",
            kinds={"role": "RoleName", "policy": "PolicyName"},
            tenant=Tenant("", accounts, clock, database, self.authorization),
            apis=[actions.api, tokens.api],
        )
        self.app: ASGIApp = gateway.app
        self.operation, self.error = gateway.operation, gateway.error

    def principal(self, identity: Identity) -> Principal | None:
        """The role or user whose policies limit an identity; None for the account itself.

        Keys of a role that does not exist (any more) have no policies at all.
        """
        if identity.role is not None:
            role = self.roles.find(identity.role)
            if role is None:
                return Principal("AssumedRoleUser", f"{identity.role}:{identity.session}", ())
            policies = self._attachments.policies_of(Holder("Role", role.name))
            return Principal("AssumedRoleUser", f"{role.name}:{identity.session}", policies)
        if identity.user is not None:
            user = self._users.find(identity.user)
            assert user is not None, "users are never deleted"
            return Principal(
                "SubUser", user.user_id, self._attachments.policies_of(Holder("User", user.name))
            )
        return None

    def put_role(self, name: str, trust_document: str, policies: Mapping[str, str]) -> Role:
        """Have a role of this name with exactly these policies, by their names; raises a RequestRefused."""
        role = self.roles.put(name, trust_document)
        self._put_policies(Holder("Role", role.name), policies)
        return role

    def put_user(self, name: str, policies: Mapping[str, str]) -> User:
        """Have a RAM user with an access key and exactly these policies; raises a RequestRefused."""
        user = self._users.find(name) or self._users.create(name)
        self._put_policies(Holder("User", user.name), policies)
        return user

    def _put_policies(self, holder: Holder, documents: Mapping[str, str]) -> None:
        for attachment in self._attachments.of(holder):
            self._attachments.detach(holder, attachment.policy.kind, attachment.policy.name)
        for name, document in documents.items():
            self._policies.put(name, document)
            self._attachments.attach(holder, CUSTOM, name)
