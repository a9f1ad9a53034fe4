"""Faults that a test orders: which call fails, how, and how often."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from enum import Enum
from fnmatch import fnmatchcase

MEETING_SECONDS = 20.0


class FaultKind(str, Enum):
    """How a call goes wrong.

    ``delay``: answered correctly, later. ``meet``: answered correctly, once ``parties`` such calls have
    arrived. ``error``: the service's own error, with a status and a code. ``answer``: any status, headers
    and body. ``reset_before``: the connection breaks before the service has acted; ``reset_during``: after
    half of the answer; ``reset_after``: after the service has acted, before it answers. ``truncate``: half
    of the body, then an orderly end. ``silence``: no answer at all.
    """

    DELAY = "delay"
    MEET = "meet"
    ERROR = "error"
    ANSWER = "answer"
    RESET_BEFORE = "reset_before"
    RESET_DURING = "reset_during"
    RESET_AFTER = "reset_after"
    TRUNCATE = "truncate"
    SILENCE = "silence"


@dataclass(frozen=True)
class Fault:
    """One order: the calls that match ``service``, ``action`` and ``resource`` go wrong.

    These are shell patterns; ``action`` may be several, separated by a bar.

    ``skip`` calls pass first, then ``times`` calls fail (None: all). ``delay_seconds`` also applies to
    the other kinds.
    """

    kind: FaultKind
    service: str = "*"
    action: str = "*"
    resource: str = "*"
    times: int | None = 1
    skip: int = 0
    delay_seconds: float = 0.0
    parties: int = 2
    status: int = 503
    code: str = "ServiceUnavailable"
    message: str = "A fault that a test ordered."
    headers: Mapping[str, str] = field(default_factory=dict)
    body: bytes = b""

    def matches(self, service: str, action: str, resource: str) -> bool:
        """Whether a call is one of those that the order names."""
        return (
            fnmatchcase(service, self.service)
            and any(fnmatchcase(action, pattern) for pattern in self.action.split("|"))
            and fnmatchcase(resource, self.resource)
        )


class _Meeting:
    """The calls that wait for each other."""

    def __init__(self) -> None:
        self.arrived = 0
        self.complete = asyncio.Event()


class FaultPlan:
    """The orders of a cloud; the first that matches a call and is not used up applies."""

    def __init__(self) -> None:
        self._orders: list[tuple[Fault, list[int]]] = []
        self._meetings: dict[int, _Meeting] = {}

    def order(self, fault: Fault) -> None:
        """Add an order."""
        self._orders.append((fault, [0]))

    def clear(self) -> None:
        """Withdraw every order."""
        self._orders.clear()
        self._meetings.clear()

    async def meet(self, fault: Fault) -> None:
        """Wait for the other parties of a ``meet``; whoever waits too long goes on alone."""
        meeting = self._meetings.setdefault(id(fault), _Meeting())
        meeting.arrived += 1
        if meeting.arrived == fault.parties:
            del self._meetings[id(fault)]
            meeting.complete.set()
        with suppress(asyncio.TimeoutError):
            await asyncio.wait_for(meeting.complete.wait(), MEETING_SECONDS)

    def take(self, service: str, action: str, resource: str) -> Fault | None:
        """The fault of this call, if any; counts the call against its order."""
        for fault, seen in self._orders:
            if not fault.matches(service, action, resource):
                continue
            last = None if fault.times is None else fault.skip + fault.times
            if last is not None and seen[0] >= last:
                continue
            seen[0] += 1
            if seen[0] > fault.skip:
                return fault
        return None
