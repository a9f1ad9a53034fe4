"""The nonces of signed requests: each lets one request in, so that a recorded one cannot be replayed."""

from __future__ import annotations

from datetime import datetime


class UsedNonces:
    """The nonces that were used, each remembered until its request would be too old anyway."""

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
