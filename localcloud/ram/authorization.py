"""What the services ask once they know who calls: whether this identity may do this with that resource."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

from starlette.types import Scope

from localcloud.accounts import Identity
from localcloud.clock import Clock
from localcloud.ram.conditions import CURRENT_TIME, NO_CONTEXT, SECURE_TRANSPORT, SOURCE_IP, Context
from localcloud.ram.policy import Decision, Policy, evaluate

NO_POLICY = Policy(())
ACCOUNT, ANONYMOUS = "CloudAccount", "Anonymous"


@dataclass(frozen=True)
class Principal:
    """Who asks, and the policies that RAM has of them.

    That is a session of a role (``AssumedRoleUser``), a RAM user (``SubUser``) or the account
    (``CloudAccount``) by its UID, or somebody who gives no name (``Anonymous``).
    """

    kind: str
    name: str
    policies: Sequence[Policy]


class AccessRefused(Exception):
    """No policy lets the caller do it, or one forbids it."""

    def __init__(
        self, action: str, resource: str, decision: Decision, principal: Principal, owner_id: str
    ) -> None:
        super().__init__(f"{principal.name} may not {action} on {resource}: {decision.value}")
        self.action = action
        self.resource = resource
        self.decision = decision
        self.principal = principal
        self.owner_id = owner_id

    @property
    def detail(self) -> dict[str, str]:
        """What the services tell the caller: AccessDeniedDetail, without its encoded message."""
        return {
            "PolicyType": "AccountLevelIdentityBasedPolicy",
            "AuthPrincipalOwnerId": self.owner_id,
            "AuthPrincipalType": self.principal.kind,
            "AuthPrincipalDisplayName": self.principal.name,
            "NoPermissionType": self.decision.value,
            "AuthAction": self.action,
        }


class Authorization:
    """RAM's answer to every request. The account itself may do everything that is not forbidden to it.

    ``principal_of`` gives the role or user of an identity; None for the account itself.
    """

    def __init__(
        self, account_id: str, principal_of: Callable[[Identity], Principal | None], clock: Clock
    ) -> None:
        self._account_id = account_id
        self._principal_of = principal_of
        self._clock = clock

    def check(
        self,
        identity: Identity | None,
        action: str,
        resource: str,
        context: Context = NO_CONTEXT,
        attached: Policy = NO_POLICY,
    ) -> None:
        """Raise AccessRefused unless the identity may do it; None is somebody who gives no name.

        ``context`` holds the condition keys of the request, but for acs:CurrentTime. ``attached`` is what a
        policy of the resource itself says about the caller.
        """
        principal = self.principal(identity)
        if principal.kind == ACCOUNT and not attached.statements:
            return
        asked = {CURRENT_TIME: self._clock.timestamp(), **context}
        decision = evaluate([*principal.policies, attached], action, resource, asked)
        if decision is Decision.EXPLICIT_DENY or (
            decision is Decision.IMPLICIT_DENY and principal.kind != ACCOUNT
        ):
            raise AccessRefused(action, resource, decision, principal, self._account_id)

    def principal(self, identity: Identity | None) -> Principal:
        """Who an identity is."""
        if identity is None:
            return Principal(ANONYMOUS, "", ())
        return self._principal_of(identity) or Principal(ACCOUNT, self._account_id, ())

    def permits(
        self,
        identity: Identity | None,
        action: str,
        resource: str,
        context: Context = NO_CONTEXT,
        attached: Policy = NO_POLICY,
    ) -> bool:
        """Whether the identity may do it."""
        try:
            self.check(identity, action, resource, context, attached)
        except AccessRefused:
            return False
        return True


def request_context(scope: Scope) -> Mapping[str, str]:
    """The condition keys that every HTTP request has."""
    client = scope.get("client")
    return {
        SECURE_TRANSPORT: "true" if scope["scheme"] == "https" else "false",
        **({SOURCE_IP: client[0]} if client else {}),
    }
