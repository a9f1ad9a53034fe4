"""Roles and users have policies: which ones, since when, and how many they may have."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any, NamedTuple

from localcloud.accounts import Identity
from localcloud.clock import Clock
from localcloud.ram.policies import CUSTOM, ManagedPolicy, Policies
from localcloud.ram.policy import Policy, parse_policy
from localcloud.records import Records
from localcloud.refusals import RequestRefused

# AttachedPoliciesPerRoleQuota and its neighbours of GetAccountSummary (IMS 2019-08-15).
MAX_CUSTOM = {"Role": 5, "User": 10}
MAX_SYSTEM = 20


@dataclass(frozen=True, kw_only=True)
class Holder:
    """A role or a user; ``attached`` says since when they have a policy, by the policy's key."""

    name: str
    attached: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, kw_only=True)
class User(Holder):
    """A RAM user with an access key."""

    user_id: str
    access_key_id: str
    access_key_secret: str

    @property
    def keys(self) -> Identity:
        """The access key, by which a caller is known as the user."""
        return Identity(self.access_key_id, self.access_key_secret, user=self.name)


class Attachment(NamedTuple):
    """An attached policy, and since when."""

    policy: ManagedPolicy
    since: str


class Attachments:
    """Attaches policies to the ``holders`` of each kind. What is refused raises a RequestRefused."""

    def __init__(
        self, policies: Policies, clock: Clock, holders: Mapping[type[Holder], Records[Any]]
    ) -> None:
        self._policies = policies
        self._clock = clock
        self._holders = holders

    def attach(self, holder: Holder, kind: str, name: str) -> Holder:
        """Attach a policy; gives the holder as it is then."""
        policy, who = self._policies.get(kind, name), type(holder).__name__
        if policy.key in holder.attached:
            message = f"The {who.lower()} has already been attached this policy."
            raise RequestRefused(409, f"EntityAlreadyExists.{who}.Policy", message)
        limit = MAX_CUSTOM[who] if kind == CUSTOM else MAX_SYSTEM
        if sum(key.startswith(f"{kind}/") for key in holder.attached) >= limit:
            message = f"The count of policies attached to the {who.lower()} beyond the current limits."
            raise RequestRefused(409, f"LimitExceeded.{who}.Policy", message)
        return self._keep(holder, {**holder.attached, policy.key: self._clock.timestamp()})

    def detach(self, holder: Holder, kind: str, name: str) -> Holder:
        """Detach a policy; gives the holder as it is then."""
        policy, who = self._policies.get(kind, name), type(holder).__name__
        if policy.key not in holder.attached:
            message = f"The indicate policy attached to the {who.lower()} does not exist."
            raise RequestRefused(404, f"EntityNotExist.{who}.Policy", message)
        return self._keep(holder, {key: at for key, at in holder.attached.items() if key != policy.key})

    def replace(self, holder: Holder, documents: Mapping[str, str]) -> None:
        """Let a holder have exactly these policies of the account's own, by their names."""
        holder = self._keep(holder, {})
        for name, document in documents.items():
            self._policies.put(name, document)
            holder = self.attach(holder, CUSTOM, name)

    def of(self, holder: Holder) -> list[Attachment]:
        """What is attached to a role or user, by name."""
        found = [
            Attachment(self._policies.get(*key.split("/", 1)), since)
            for key, since in holder.attached.items()
        ]
        return sorted(found, key=lambda one: (one.policy.name, one.policy.kind))

    def policies_of(self, holder: Holder) -> list[Policy]:
        """The policies that decide what a role or user may do."""
        return [parse_policy(attachment.policy.document) for attachment in self.of(holder)]

    def holders(self, policy: ManagedPolicy) -> list[Holder]:
        """The roles and users that have a policy."""
        everybody: list[Holder] = [one for records in self._holders.values() for one in records.all()]
        return [holder for holder in everybody if policy.key in holder.attached]

    def _keep(self, holder: Holder, attached: Mapping[str, str]) -> Holder:
        changed = replace(holder, attached=attached)
        self._holders[type(holder)].put(holder.name, changed)
        return changed
