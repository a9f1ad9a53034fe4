"""The account's roles, and who may assume them.

Source: alibabacloud.com/help, API reference of RAM, CreateRole … DeleteRole.
"""

from __future__ import annotations

import re
import secrets
from dataclasses import dataclass, replace

from localcloud.accounts import Identity
from localcloud.ram.attachments import Holder
from localcloud.ram.conditions import CURRENT_TIME
from localcloud.ram.document import MalformedPolicy
from localcloud.ram.parameters import MAX_DESCRIPTION, check_length, check_name
from localcloud.ram.trust import TrustPolicy, parse_trust
from localcloud.records import Records
from localcloud.refusals import RequestRefused
from localcloud.tenant import Tenant

MAX_ROLES = 100
MIN_SESSION_SECONDS = 3_600
MAX_SESSION_SECONDS = 43_200
_MAX_NAME = 64
_MAX_TRUST = 2_048


class AssumptionRefused(Exception):
    """A service may not act in a role: there is none of that name, or the role does not trust the service."""


@dataclass(frozen=True, kw_only=True)
class Role(Holder):
    """A role; times are in the API's form."""

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
    """Every role of the account. What is refused raises a RequestRefused.

    Names differ by more than their case, and ARNs are compared without it: Serverless Devs' component writes
    a function's role in lower case, and the real service takes that.
    """

    def __init__(self, tenant: Tenant) -> None:
        self._account_id = tenant.account_id
        self._accounts = tenant.accounts
        self._clock = tenant.clock
        self.records = Records(tenant.database, "RAM role", Role, ignore_case=True)

    def create(
        self,
        name: str,
        trust_document: str,
        description: str = "",
        max_session_seconds: int = MIN_SESSION_SECONDS,
    ) -> Role:
        """Add a role."""
        _check_name(name)
        check_length("Description", len(description), MAX_DESCRIPTION)
        _check_trust(trust_document)
        if self.find(name) is not None:
            raise RequestRefused(409, "EntityAlreadyExists.Role", "The role does already EXIST.")
        if len(self.records) >= MAX_ROLES:
            message = "The count of roles beyond the current limits."
            raise RequestRefused(409, "LimitExceeded.Role", message)
        now = self._clock.timestamp()
        role = Role(
            name=name,
            role_id=f"3{secrets.randbelow(10**17):017d}",
            trust_document=trust_document,
            description=description,
            max_session_seconds=max_session_seconds,
            created=now,
            updated=now,
        )
        self.records.put(name, role)
        return role

    def find(self, name: str) -> Role | None:
        """A role by its name or ARN, if there is one."""
        plain = re.sub(rf"^acs:ram::{self._account_id}:role/", "", name, flags=re.IGNORECASE)
        return self.records.find(plain)

    def get(self, name: str) -> Role:
        """A role by its name."""
        _check_name(name)
        role = self.find(name)
        if role is None:
            raise RequestRefused(404, "EntityNotExist.Role", "The role does not exist.")
        return role

    def all(self) -> list[Role]:
        """Every role, by name."""
        return self.records.all()

    def put(self, name: str, trust_document: str) -> Role:
        """Have a role that has this trust policy."""
        role = self.find(name)
        if role is None:
            return self.create(name, trust_document)
        _check_trust(trust_document)
        changed = replace(role, trust_document=trust_document, updated=self._clock.timestamp())
        self.records.put(role.name, changed)
        return changed

    def delete(self, name: str) -> None:
        """Delete a role; its keys are good for nothing from now on."""
        self.records.remove(name)

    def arn(self, role: Role) -> str:
        """The role's ARN."""
        return f"acs:ram::{self._account_id}:role/{role.name}"

    def assume(self, role_arn: str, service: str) -> Identity:
        """Temporary keys of a role for a service (``fc.aliyuncs.com``); raises AssumptionRefused."""
        return self._accounts.issue_role_keys(self.arn(self.trusting(role_arn, service)))

    def trusting(self, role_arn: str, service: str) -> Role:
        """A role that a service may assume; raises AssumptionRefused."""
        role = self.find(role_arn)
        if role is None:
            raise AssumptionRefused(f"There is no role {role_arn}: create it, or correct its name.")
        if not role.trust.trusts(service, context={CURRENT_TIME: self._clock.timestamp()}):
            raise AssumptionRefused(
                f"The trust policy of the role {role.name} does not let {service} assume it: "
                f'add "Principal": {{"Service": ["{service}"]}}.'
            )
        return role


def _check_name(name: str) -> None:
    check_name("RoleName", name, _MAX_NAME, "A-Za-z0-9.-")


def _check_trust(document: str) -> None:
    check_length("AssumeRolePolicyDocument", len(document.encode()), _MAX_TRUST)
    try:
        parse_trust(document)
    except MalformedPolicy as error:
        raise RequestRefused(400, "MalformedPolicyDocument", str(error)) from None
