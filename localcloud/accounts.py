"""Who may call: the account's access key, and the temporary keys (STS) of its roles."""

from __future__ import annotations

import secrets
from dataclasses import dataclass
from datetime import datetime, timedelta

from localcloud.clock import Clock

ROLE_KEY_LIFETIME = timedelta(hours=36)
DEFAULT_SESSION = "localcloud"


@dataclass(frozen=True)
class Identity:
    """An access key with its secret; temporary keys also have a token and an end.

    Whose it is: a ``role``'s (its ARN or name) in a session with a name, a RAM ``user``'s, or the account's.
    """

    access_key_id: str
    access_key_secret: str
    security_token: str | None = None
    expires: datetime | None = None
    role: str | None = None
    session: str = ""
    user: str | None = None


class UsedNonces:
    """The nonces of signed requests: each lets one in, so that a recorded request cannot be replayed.

    Each is remembered until its request would be too old anyway.
    """

    def __init__(self) -> None:
        self._used: dict[str, datetime] = {}

    def claim(self, nonce: str, now: datetime, until: datetime) -> bool:
        """Use a nonce and remember it until then; False if it is already used."""
        self._forget(now)
        if nonce in self._used:
            return False
        self._used[nonce] = until
        return True

    def _forget(self, now: datetime) -> None:
        while self._used:
            oldest = next(iter(self._used))
            if self._used[oldest] > now:
                return
            del self._used[oldest]


class Accounts:
    """The keys that this cloud knows."""

    def __init__(self, account_id: str, owner: Identity, clock: Clock) -> None:
        self.account_id = account_id
        self.owner = owner
        self._clock = clock
        self._identities = {owner.access_key_id: owner}
        self.nonces = UsedNonces()

    def find(self, access_key_id: str) -> Identity | None:
        """The identity behind an access key id, also when its keys have expired."""
        return self._identities.get(access_key_id)

    def identities(self) -> list[Identity]:
        """Every identity, the owner first."""
        return list(self._identities.values())

    def add(self, identity: Identity) -> None:
        """Know another key."""
        self._identities[identity.access_key_id] = identity

    def expired(self, identity: Identity) -> bool:
        """Whether temporary keys are past their end."""
        return identity.expires is not None and identity.expires <= self._clock.now()

    def issue_role_keys(
        self, role: str, lifetime: timedelta = ROLE_KEY_LIFETIME, *, session: str = DEFAULT_SESSION
    ) -> Identity:
        """New temporary keys of a role, as STS AssumeRole gives them."""
        identity = Identity(
            access_key_id="STS.NT" + secrets.token_hex(12),
            access_key_secret=secrets.token_hex(15),
            security_token="CAIS" + secrets.token_urlsafe(120),
            expires=self._clock.now() + lifetime,
            role=role,
            session=session,
        )
        self.add(identity)
        return identity

    def revoke(self, access_key_id: str) -> None:
        """Forget a key: calls that are signed with it fail from now on."""
        self._identities.pop(access_key_id, None)
