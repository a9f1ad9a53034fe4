"""What goes wrong: faults of every kind on the function's calls, objects in an outage, killed instances."""

from __future__ import annotations

import asyncio
import random
from collections.abc import Callable
from dataclasses import replace

from localcloud.faults import Fault, FaultKind
from localcloud.fc.service import FunctionCompute
from proof.load.scenario import BUCKET, DENIED, UNAVAILABLE

_IMM_READS = "GetVideoLabelClassificationResult|GetTask"
_OSS_READS = "HeadObject|GetObjectTagging"
_READS = f"{_IMM_READS}|{_OSS_READS}"
_CALLS = f"{_READS}|PutObjectTagging|PutObject"

_HTML = b"<html><head><title>502 Bad Gateway</title></head><body>nginx</body></html>"
_HTML_HEADERS = {"content-type": "text/html"}

_LONGEST_WAIT_SECONDS = 0.03
_NEXT_LOOK_SECONDS = 0.003


def _error(status: int, code: str, service: str = "*") -> Fault:
    return Fault(FaultKind.ERROR, service, _CALLS, status=status, code=code)


# Each kind with its weight. An answer of 200 to a write would be a lie, not a fault: nobody could know that
# it was not carried out.
_KINDS = (
    (18, _error(503, "ServiceUnavailable")),
    (10, _error(500, "InternalError")),
    (6, _error(503, "QpsLimitExceeded", "oss")),
    (6, _error(400, "Throttling.User", "imm")),
    (4, _error(403, "AccessDenied")),
    (8, Fault(FaultKind.ANSWER, action=_CALLS, status=502, headers=_HTML_HEADERS, body=_HTML)),
    (8, Fault(FaultKind.ANSWER, action=_READS, status=200, headers=_HTML_HEADERS, body=_HTML)),
    (10, Fault(FaultKind.DELAY, action=_CALLS, delay_seconds=0.05)),
    (8, Fault(FaultKind.RESET_BEFORE, action=_CALLS)),
    (7, Fault(FaultKind.RESET_DURING, action=_CALLS)),
    (7, Fault(FaultKind.RESET_AFTER, action=_CALLS)),
    (7, Fault(FaultKind.TRUNCATE, action=_CALLS)),
)
# Services that do not answer at all, and calls that wait for each other.
_LONG_WAITS = (
    (1, Fault(FaultKind.SILENCE, action=_CALLS)),
    (8, Fault(FaultKind.MEET, action=_READS)),
)


def faults(rate: float, seed: int, *, long_waits: bool) -> list[Fault]:
    """Orders that let about the share ``rate`` of the function's calls go wrong, in every way there is."""
    kinds = (*_KINDS, *_LONG_WAITS) if long_waits else _KINDS
    total = sum(weight for weight, _ in kinds)
    return [
        replace(fault, times=None, rate=rate * weight / total, seed=seed * 1000 + number)
        for number, (weight, fault) in enumerate(kinds)
    ]


def outages() -> list[Fault]:
    """Orders that let every call for some objects fail: one kind may pass, the other needs somebody."""
    return [
        replace(_error(status, code, "oss"), resource=f"oss://{BUCKET}/{prefix}*", times=None)
        for prefix, status, code in ((UNAVAILABLE, 503, "ServiceUnavailable"), (DENIED, 403, "AccessDenied"))
    ]


def in_outage(resource: str) -> bool:
    """Whether a call's resource is one of the objects that cannot be reached."""
    return resource.startswith((f"oss://{BUCKET}/{UNAVAILABLE}", f"oss://{BUCKET}/{DENIED}"))


class Killer:
    """Kills instances of a function (SIGKILL), each at a random moment of its work, spread over a flood.

    ``ended`` says how many events have come to an end. ``spared`` is an instance that must live; without one
    any may die. ``killed`` counts.
    """

    def __init__(
        self,
        functions: FunctionCompute,
        function: str,
        ended: Callable[[], int],
        *,
        seed: str,
        spared: Callable[[], str | None] = lambda: None,
    ) -> None:
        self._functions = functions
        self._function = function
        self._ended = ended
        self._spared = spared
        self._randomness = random.Random(seed)
        self.killed = 0

    async def run(self, kills: int, deliveries: int) -> None:
        """Kill so many, or until this is cancelled; ``deliveries`` are expected in all."""
        for number in range(kills):
            due = deliveries * (number + 1) / (kills + 1)
            while self._ended() < due:
                await asyncio.sleep(_NEXT_LOOK_SECONDS)
            await asyncio.sleep(self._randomness.uniform(0, _LONGEST_WAIT_SECONDS))
            while not self._kill():
                await asyncio.sleep(_NEXT_LOOK_SECONDS)
            self.killed += 1

    def _kill(self) -> bool:
        live = self._functions.instances(self._function)
        busy = sorted(one.instance_id for one in live if one.busy and one.instance_id != self._spared())
        return bool(busy) and self._functions.kill_instance(self._function, self._randomness.choice(busy))
