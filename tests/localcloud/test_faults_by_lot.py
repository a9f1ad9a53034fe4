"""Faults that are drawn by lot, answers that are files, and callers that are gone before their answer."""

from __future__ import annotations

import asyncio
import logging
import socket
from pathlib import Path

import alibabacloud_oss_v2 as oss
import pytest
import requests
from starlette.requests import Request
from starlette.responses import Response
from starlette.types import ASGIApp, Receive, Scope, Send

from localcloud.calls import CallLog
from localcloud.faults import Fault, FaultKind, FaultPlan
from localcloud.gateway import Operation
from tests.localcloud.oss_world import Oss, get, put
from tests.localcloud.serving import serve, until

pytest_plugins = ["tests.localcloud.oss_fixtures"]

CALLS = 10_000


def drawn(*faults: Fault) -> list[FaultKind | None]:
    """Which fault each of many equal calls meets."""
    plan = FaultPlan()
    for fault in faults:
        plan.order(fault)
    met = (plan.take("oss", "HeadObject", "oss://media/a.mp4") for _ in range(CALLS))
    return [None if fault is None else fault.kind for fault in met]


def by_lot(kind: FaultKind, rate: float, seed: int | None, **options: int | None) -> Fault:
    return Fault(kind, rate=rate, seed=seed, **{"times": None, **options})  # type: ignore[arg-type]


def test_a_share_of_the_calls_goes_wrong() -> None:
    met = drawn(by_lot(FaultKind.ERROR, 0.05, seed=1))
    assert 0.04 < met.count(FaultKind.ERROR) / CALLS < 0.06


def test_the_same_seed_draws_the_same_calls_and_another_seed_others() -> None:
    first, second, third = (drawn(by_lot(FaultKind.ERROR, 0.05, seed)) for seed in (1, 1, 2))
    assert first == second != third


def test_without_a_seed_calls_are_drawn_too() -> None:
    assert FaultKind.ERROR in drawn(by_lot(FaultKind.ERROR, 0.5, seed=None))


def test_calls_that_are_not_drawn_are_left_to_the_next_order() -> None:
    met = drawn(by_lot(FaultKind.ERROR, 0.5, seed=1), by_lot(FaultKind.DELAY, 1.0, seed=1))
    assert set(met) == {FaultKind.ERROR, FaultKind.DELAY}


def test_only_drawn_calls_are_counted_against_an_order() -> None:
    # Given an order that spares the first two of the calls that it draws, and ends after three
    drawn_by_rate = drawn(by_lot(FaultKind.ERROR, 0.05, seed=3))
    places = [place for place, kind in enumerate(drawn_by_rate) if kind]
    # Then exactly the third to the fifth of them go wrong
    met = drawn(by_lot(FaultKind.ERROR, 0.05, seed=3, skip=2, times=3))
    assert [place for place, kind in enumerate(met) if kind] == places[2:5]


def test_a_rate_of_nothing_never_happens() -> None:
    assert set(drawn(by_lot(FaultKind.ERROR, 0.0, seed=1))) == {None}


@pytest.mark.parametrize("rate", [-0.1, 1.1])
def test_a_rate_that_is_none_is_refused(rate: float) -> None:
    with pytest.raises(ValueError, match="from 0 to 1"):
        Fault(FaultKind.ERROR, rate=rate)


def test_an_answer_may_be_a_file(cloud: Oss, client: oss.Client, tmp_path: Path) -> None:
    put(client, "a.mp4", b"short")
    large = tmp_path / "answer"
    large.write_bytes(b"0123456789" * 100_000)
    cloud.serving.faults.order(
        Fault(FaultKind.ANSWER, "oss", "GetObject", status=200, headers={"x": "y"}, file=str(large))
    )
    answer = cloud.call("GET", "a.mp4")
    assert (answer.status, answer.headers["x"], answer.body) == (200, "y", large.read_bytes())
    assert get(client, "a.mp4") == b"short"


def test_whoever_watches_is_told_of_every_call(cloud: Oss, client: oss.Client) -> None:
    seen: list[str] = []
    cloud.serving.calls.watch(lambda call: seen.append(call.action))
    put(client, "a.mp4", b"x")
    get(client, "a.mp4")
    until(lambda: seen == ["PutObject", "GetObject"])


class Reader:
    """A service that reads the whole request before it answers."""

    name = "reader"

    def __init__(self) -> None:
        self.app: ASGIApp = self._serve

    def operation(self, scope: Scope) -> Operation:
        return Operation("Read", "")

    def error(self, status: int, code: str, message: str) -> Response:
        return Response(status_code=status)

    async def _serve(self, scope: Scope, receive: Receive, send: Send) -> None:
        await Request(scope, receive).body()


def test_a_caller_that_goes_away_is_no_failure_of_the_service(caplog: pytest.LogCaptureFixture) -> None:
    # Given a service that waits for the rest of a request
    caplog.set_level(logging.INFO)
    with serve(Reader()) as serving:
        host, _, port = serving.address.partition(":")
        caller = socket.create_connection((host, int(port)))
        caller.sendall(b"PUT / HTTP/1.1\r\nhost: reader\r\ncontent-length: 1000\r\n\r\nhalf")
        until(lambda: not serving.run(_quiet(serving.calls)))

        # When the caller goes away
        caller.close()

        # Then the call has ended without an answer, and nobody is alarmed
        until(lambda: len(serving.calls.list()) == 1)
        assert serving.calls.list()[0].status is None
    assert "failed" not in caplog.text


async def _quiet(calls: CallLog) -> bool:
    try:
        await asyncio.wait_for(calls.settled(), 0.01)
    except asyncio.TimeoutError:
        return False
    return True


def test_a_service_that_fails_is_still_reported(caplog: pytest.LogCaptureFixture) -> None:
    class Failing(Reader):
        async def _serve(self, scope: Scope, receive: Receive, send: Send) -> None:
            raise RuntimeError("broken")

    with serve(Failing()) as serving, requests.Session() as session:
        session.trust_env = False
        assert session.get(serving.base_url).status_code == 500
    assert "reader Read failed" in caplog.text
