"""Faults that a test orders: which call fails, how, and how often."""

from __future__ import annotations

import asyncio
import random
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

    ``rate`` of them are drawn by lot (with a ``seed``, the same ones in the same sequence of calls); those
    that are not drawn are left to the orders that follow. ``skip`` of the drawn calls pass first, then
    ``times`` fail (None: all). ``delay_seconds`` also applies to the other kinds. ``file`` names a file that
    is the body of an ``answer`` instead of ``body``: it may be larger than memory.
    Raises ValueError for a rate that is none.
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
    rate: float = 1.0
    seed: int | None = None
    file: str = ""

    def __post_init__(self) -> None:
        if not 0 <= self.rate <= 1:
            raise ValueError(f"The rate of a fault is from 0 to 1, not {self.rate}.")

    def matches(self, service: str, action: str, resource: str) -> bool:
        """Whether a call is one of those that the order names."""
        return (
            _fits(service, self.service)
            and any(_fits(action, pattern) for pattern in self.action.split("|"))
            and _fits(resource, self.resource)
        )


def _fits(text: str, pattern: str) -> bool:
    # Most patterns are none, and a plan may have a hundred orders.
    if pattern in ("*", text):
        return True
    return any(mark in pattern for mark in "*?[") and fnmatchcase(text, pattern)


class _Meeting:
    """The calls that wait for each other."""

    def __init__(self) -> None:
        self.arrived = 0
        self.complete = asyncio.Event()


class _Order:
    """An order, and how far it is carried out."""

    def __init__(self, fault: Fault) -> None:
        self.fault = fault
        self._drawn = 0
        self._randomness = random.Random(fault.seed)

    def concerns(self, service: str, action: str, resource: str) -> bool:
        """Whether a call is drawn, and the order not used up."""
        fault = self.fault
        if not fault.matches(service, action, resource):
            return False
        if fault.times is not None and self._drawn >= fault.skip + fault.times:
            return False
        return fault.rate >= 1 or self._randomness.random() < fault.rate

    def applies(self) -> bool:
        """Count a drawn call; whether it goes wrong, or is one of those that are spared at first."""
        self._drawn += 1
        return self._drawn > self.fault.skip


class FaultPlan:
    """The orders of a cloud; the first that a call is drawn for and that is not used up applies."""

    def __init__(self) -> None:
        self._orders: list[_Order] = []
        self._meetings: dict[int, _Meeting] = {}

    def order(self, fault: Fault) -> None:
        """Add an order."""
        self._orders.append(_Order(fault))

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
        for order in self._orders:
            if order.concerns(service, action, resource) and order.applies():
                return order.fault
        return None
