"""A record of every call that reached a service, for tests and for the terminal."""

from __future__ import annotations

from collections import deque
from dataclasses import asdict, dataclass
from typing import Any

REMEMBERED_CALLS = 200_000


@dataclass(frozen=True)
class Call:
    """One request: what was asked of what, how it ended, when it ran (seconds of a monotonic clock).

    ``status`` is None where no answer was sent (a broken connection, silence).
    ``connection`` is the client's port: equal ports mean a kept connection.
    """

    service: str
    action: str
    resource: str
    status: int | None
    started: float
    ended: float
    connection: int
    fault: str | None = None

    def as_dict(self) -> dict[str, Any]:
        """The call as JSON-serialisable values."""
        return asdict(self)


class CallLog:
    """The calls of a cloud in the order of their ends; the oldest are forgotten first."""

    def __init__(self) -> None:
        self._calls: deque[Call] = deque(maxlen=REMEMBERED_CALLS)

    def add(self, call: Call) -> None:
        """Remember a call."""
        self._calls.append(call)

    def list(self, service: str | None = None, action: str | None = None) -> list[Call]:
        """The remembered calls, of one service or action if named."""
        return [
            call
            for call in list(self._calls)
            if service in (None, call.service) and action in (None, call.action)
        ]

    def clear(self) -> None:
        """Forget every call."""
        self._calls.clear()
