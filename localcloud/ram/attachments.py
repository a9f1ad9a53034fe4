"""Which policies are attached to which role or user."""

from __future__ import annotations

from typing import NamedTuple

from localcloud.clock import Clock
from localcloud.database import Database
from localcloud.ram.policies import CUSTOM, ManagedPolicy, Policies
from localcloud.ram.policy import Policy, parse_policy
from localcloud.ram.refusals import DeleteConflict, EntityAlreadyExists, EntityNotExist, LimitExceeded
from localcloud.ram.timestamps import shown

# AttachedPoliciesPerRoleQuota and its neighbours of GetAccountSummary (IMS 2019-08-15).
MAX_CUSTOM = {"Role": 5, "User": 10}
MAX_SYSTEM = 20
_SCHEMA = """
CREATE TABLE IF NOT EXISTS ram_attached_policies (
    holder TEXT NOT NULL COLLATE NOCASE,
    kind TEXT NOT NULL,
    policy TEXT NOT NULL,
    attached TEXT NOT NULL,
    PRIMARY KEY (holder, kind, policy)
) WITHOUT ROWID
"""


class Holder(NamedTuple):
    """Somebody who has policies: ``Role`` or ``User``, and a name."""

    kind: str
    name: str

    def __str__(self) -> str:
        return f"{self.kind}/{self.name}"


class Attachment(NamedTuple):
    """An attached policy, and since when."""

    policy: ManagedPolicy
    attached: str


class Attachments:
    """Every attachment of the account."""

    def __init__(self, database: Database, policies: Policies, clock: Clock) -> None:
        self._database = database
        self._policies = policies
        self._clock = clock
        database.create(_SCHEMA)

    def attach(self, holder: Holder, kind: str, name: str) -> None:
        """Attach a policy; raises a RequestRefused."""
        policy = self._policies.get(kind, name)
        mine = [attachment.policy for attachment in self.of(holder)]
        entity = f"{holder.kind}.Policy"
        if policy in mine:
            message = f"The {holder.kind.lower()} has already been attached this policy."
            raise EntityAlreadyExists(entity, message)
        limit = MAX_CUSTOM[holder.kind] if kind == CUSTOM else MAX_SYSTEM
        if sum(other.kind == kind for other in mine) >= limit:
            subject = holder.kind.lower()
            message = f"The count of policies attached to the {subject} beyond the current limits."
            raise LimitExceeded(entity, message)
        self._database.execute(
            "INSERT INTO ram_attached_policies VALUES (?, ?, ?, ?)",
            (str(holder), kind, policy.name, shown(self._clock.now())),
        )

    def detach(self, holder: Holder, kind: str, name: str) -> None:
        """Detach a policy; raises a RequestRefused."""
        self._policies.get(kind, name)
        detached = self._database.execute(
            "DELETE FROM ram_attached_policies WHERE holder = ? AND kind = ? AND policy = ?",
            (str(holder), kind, name),
        )
        if not detached:
            subject = holder.kind.lower()
            message = f"The indicate policy attached to the {subject} does not exist."
            raise EntityNotExist(f"{holder.kind}.Policy", message)

    def of(self, holder: Holder) -> list[Attachment]:
        """What is attached to a role or user, by name."""
        rows = self._database.all(
            "SELECT * FROM ram_attached_policies WHERE holder = ? ORDER BY policy, kind", (str(holder),)
        )
        return [Attachment(self._policies.get(row["kind"], row["policy"]), row["attached"]) for row in rows]

    def policies_of(self, holder: Holder) -> list[Policy]:
        """The policies that decide what a role or user may do."""
        attached = [attachment.policy for attachment in self.of(holder)]
        return [parse_policy(policy.document) for policy in attached]

    def count(self, policy: ManagedPolicy) -> int:
        """How many roles and users have a policy."""
        return len(self._holders(policy.kind, policy.name))

    def check_unattached(self, kind: str, name: str) -> None:
        """Raise DeleteConflict for a policy that somebody has."""
        holders = self._holders(kind, name)
        if holders:
            subject = holders[0].partition("/")[0]
            message = f"The policy CAN NOT been attached to any {subject.lower()} while deleting the policy."
            raise DeleteConflict(f"Policy.{subject}", message)

    def check_without_policies(self, holder: Holder) -> None:
        """Raise DeleteConflict for a role or user that has policies."""
        if self.of(holder):
            subject = holder.kind.lower()
            message = f"The {subject} CAN NOT has any attached policy while deleting the {subject}."
            raise DeleteConflict(f"{holder.kind}.Policy", message)

    def _holders(self, kind: str, name: str) -> list[str]:
        rows = self._database.all(
            "SELECT holder FROM ram_attached_policies WHERE kind = ? AND policy = ? ORDER BY holder",
            (kind, name),
        )
        return [row["holder"] for row in rows]
