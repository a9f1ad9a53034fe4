"""Faults fall on every call alike, in every way that there is."""

from __future__ import annotations

from collections import Counter

import pytest

from localcloud.faults import Fault, FaultKind, FaultPlan
from proof.load.disturbances import EVERY_CALL, faults, in_outage, outages
from proof.load.scenario import DENIED, UNAVAILABLE

CALLS = 2_000
IMM = ("GetVideoLabelClassificationResult", "GetTask")


def met(orders: list[Fault], action: str, resource: str = "") -> list[Fault | None]:
    """The faults that many calls of one action meet."""
    plan = FaultPlan()
    for order in orders:
        plan.order(order)
    return [plan.take("imm" if action in IMM else "oss", action, resource) for _ in range(CALLS)]


def broken(found: list[Fault | None]) -> list[Fault]:
    return [fault for fault in found if fault is not None]


@pytest.mark.parametrize("action", EVERY_CALL.split("|"))
@pytest.mark.parametrize("long_waits", [True, False])
def test_every_call_meets_the_same_share_of_faults(action: str, long_waits: bool) -> None:
    found = broken(met(faults(0.2, 1, long_waits=long_waits), action))
    assert 0.16 < len(found) / CALLS < 0.24


def test_every_kind_of_fault_occurs() -> None:
    found = broken(met(faults(0.5, 1, long_waits=True), "GetObjectTagging"))
    assert {fault.kind for fault in found} == set(FaultKind)


def test_nothing_makes_the_function_wait_for_long_where_that_is_not_wanted() -> None:
    found = broken(met(faults(0.5, 1, long_waits=False), "GetObjectTagging"))
    assert {fault.kind for fault in found} == set(FaultKind) - {FaultKind.MEET, FaultKind.SILENCE}


@pytest.mark.parametrize("action", ["PutObjectTagging", "PutObject"])
def test_no_write_is_answered_as_if_it_had_been_carried_out(action: str) -> None:
    found = broken(met(faults(0.5, 1, long_waits=True), action))
    assert FaultKind.ANSWER in {fault.kind for fault in found}
    assert all(fault.status >= 400 for fault in found if fault.kind is FaultKind.ANSWER)


def test_each_service_throttles_in_its_own_words() -> None:
    codes = {
        action: {fault.code for fault in broken(met(faults(0.5, 1, long_waits=False), action))}
        for action in ("GetTask", "HeadObject")
    }
    assert "Throttling.User" in codes["GetTask"] - codes["HeadObject"]
    assert "QpsLimitExceeded" in codes["HeadObject"] - codes["GetTask"]


def test_no_faults_are_none() -> None:
    assert broken(met(faults(0.0, 1, long_waits=True), "GetObjectTagging")) == []


def test_some_objects_can_never_be_reached() -> None:
    for prefix, status in ((UNAVAILABLE, 503), (DENIED, 403)):
        resource = f"oss://media/{prefix}宜家 0+&=%.mp4"
        assert in_outage(resource)
        found = broken(met(outages(), "HeadObject", resource))
        assert Counter(fault.status for fault in found) == {status: CALLS}
    assert broken(met(outages(), "HeadObject", "oss://media/videos/000001.mp4")) == []
    assert not in_outage("oss://media/videos/000001.mp4")
