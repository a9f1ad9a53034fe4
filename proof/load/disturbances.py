"""What goes wrong during a flood: faults of every kind on the function's calls, and outages of objects."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace

from localcloud.faults import Fault, FaultKind
from proof.load.scenario import BUCKET, DENIED, UNAVAILABLE

IMM_READS = "GetVideoLabelClassificationResult|GetTask"
OSS_READS = "HeadObject|GetObjectTagging"
OSS_WRITES = "PutObjectTagging|PutObject"
EVERY_CALL = f"{IMM_READS}|{OSS_READS}|{OSS_WRITES}"
READS = f"{IMM_READS}|{OSS_READS}"
_CALLS = {"imm": IMM_READS, "oss": f"{OSS_READS}|{OSS_WRITES}"}

_HTML = b"<html><head><title>502 Bad Gateway</title></head><body>nginx</body></html>"
_HTML_HEADERS = {"content-type": "text/html"}


@dataclass(frozen=True)
class _Share:
    """A kind of fault and its weight among all of them."""

    weight: float
    fault: Fault


def _error(status: int, code: str, service: str = "*") -> Fault:
    return Fault(FaultKind.ERROR, service, EVERY_CALL, status=status, code=code)


# An answer of 200 to a write would be a lie, not a fault: nobody could know that it was not carried out.
_SHARES = (
    _Share(18, _error(503, "ServiceUnavailable")),
    _Share(10, _error(500, "InternalError")),
    _Share(6, _error(503, "QpsLimitExceeded", "oss")),
    _Share(6, _error(400, "Throttling.User", "imm")),
    _Share(4, _error(403, "AccessDenied")),
    _Share(8, Fault(FaultKind.ANSWER, action=EVERY_CALL, status=502, headers=_HTML_HEADERS, body=_HTML)),
    _Share(8, Fault(FaultKind.ANSWER, action=READS, status=200, headers=_HTML_HEADERS, body=_HTML)),
    _Share(10, Fault(FaultKind.DELAY, action=EVERY_CALL, delay_seconds=0.05)),
    _Share(8, Fault(FaultKind.RESET_BEFORE, action=EVERY_CALL)),
    _Share(7, Fault(FaultKind.RESET_DURING, action=EVERY_CALL)),
    _Share(7, Fault(FaultKind.RESET_AFTER, action=EVERY_CALL)),
    _Share(7, Fault(FaultKind.TRUNCATE, action=EVERY_CALL)),
)
_SILENCE = _Share(1, Fault(FaultKind.SILENCE, action=EVERY_CALL))
# Calls that wait for each other have to be drawn together, and often enough not to wait in vain.
_MEETING = _Share(8, Fault(FaultKind.MEET, action=READS))


def faults(rate: float, seed: int, *, long_waits: bool) -> list[Fault]:
    """Orders that let the share ``rate`` of the function's calls go wrong, in every way that there is.

    Some kinds are for some calls only; every call meets the same rate all the same. Without ``long_waits``
    there are neither silence nor meetings.
    """
    shares = (*_SHARES, _SILENCE) if long_waits else _SHARES
    orders = [_meeting(shares, rate)] if long_waits else []
    for service, actions in _CALLS.items():
        for action in actions.split("|"):
            orders += _for_one_call(shares, service, action, rate, long_waits=long_waits)
    return [replace(order, times=None, seed=seed * 1000 + number) for number, order in enumerate(orders)]


def outages() -> list[Fault]:
    """Orders that let every call for some objects fail: one kind may pass, the other needs somebody."""
    return [
        replace(_error(status, code, "oss"), resource=f"oss://{BUCKET}/{prefix}*", times=None)
        for prefix, status, code in ((UNAVAILABLE, 503, "ServiceUnavailable"), (DENIED, 403, "AccessDenied"))
    ]


def in_outage(resource: str) -> bool:
    """Whether a call's resource is one of the objects that cannot be reached."""
    return resource.startswith((f"oss://{BUCKET}/{UNAVAILABLE}", f"oss://{BUCKET}/{DENIED}"))


def _meeting(shares: tuple[_Share, ...], rate: float) -> Fault:
    total = sum(share.weight for share in _fitting(shares, "imm", IMM_READS.split("|")[0]))
    return replace(_MEETING.fault, rate=rate * _MEETING.weight / (total + _MEETING.weight))


def _for_one_call(
    shares: tuple[_Share, ...], service: str, action: str, rate: float, *, long_waits: bool
) -> Iterator[Fault]:
    """The orders for one action.

    They are drawn one after the other, so each gets the chance that it has among the calls that the earlier
    ones have left.
    """
    meets = long_waits and _MEETING.fault.matches(service, action, "")
    fitting = _fitting(shares, service, action)
    total = sum(share.weight for share in fitting) + meets * _MEETING.weight
    left = 1.0 - meets * rate * _MEETING.weight / total
    for share in fitting:
        chance = rate * share.weight / total
        drawn = min(1.0, chance / left) if left > 0 else 0.0
        yield replace(share.fault, service=service, action=action, rate=drawn)
        left -= chance


def _fitting(shares: tuple[_Share, ...], service: str, action: str) -> list[_Share]:
    return [share for share in shares if share.fault.matches(service, action, "")]
