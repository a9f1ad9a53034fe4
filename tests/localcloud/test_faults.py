"""Faults that a test orders, as a client of OSS meets them: through the official SDK and on the wire."""

from __future__ import annotations

import logging
import secrets
import socket
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import alibabacloud_oss_v2 as oss
import pytest
import requests

from localcloud.calls import Call
from localcloud.cloud import LocalCloud
from localcloud.faults import Fault, FaultKind, FaultPlan
from tests.localcloud.oss_signing import sign
from tests.user import oss_client
from tests.waiting import until

KEY = "videos/a.mp4"
BODY = b"0123456789" * 1000
OLD = {"team": "a"}


@dataclass(frozen=True)
class Bucket:
    """A bucket with a video that has a tag, and two ways to it."""

    cloud: LocalCloud
    name: str
    session: requests.Session

    def client(self, attempts: int = 1) -> oss.Client:
        return oss_client(self.cloud, self.session, attempts=attempts)

    def order(self, kind: FaultKind, action: str = "*", **options: Any) -> None:
        self.cloud.call(self.cloud.faults.order, Fault(kind, "oss", action, **options))

    def get(self, attempts: int = 1) -> bytes:
        result = self.client(attempts).get_object(oss.GetObjectRequest(bucket=self.name, key=KEY))
        with result.body as stream:
            content: bytes = stream.content
        return content

    def tags(self, attempts: int = 1, **options: Any) -> dict[str, str]:
        request = oss.GetObjectTaggingRequest(bucket=self.name, key=KEY)
        result = self.client(attempts).get_object_tagging(request, **options)
        return {tag.key or "": tag.value or "" for tag in (result.tag_set and result.tag_set.tags) or []}

    def set_tags(self, tags: dict[str, str], attempts: int = 1) -> None:
        tag_set = oss.TagSet(tags=[oss.Tag(key=name, value=value) for name, value in tags.items()])
        self.client(attempts).put_object_tagging(
            oss.PutObjectTaggingRequest(bucket=self.name, key=KEY, tagging=oss.Tagging(tag_set=tag_set))
        )

    def fetch(self, query: str = "", method: str = "GET", **options: Any) -> requests.Response:
        """One request without any retry."""
        request = sign(self.cloud.accounts.owner, method, self.name, KEY, query)
        return self.session.request(
            method,
            self.cloud.endpoints.oss + request.path,
            headers=request.headers,
            data=b"<Tagging><TagSet/></Tagging>" if method == "PUT" else None,
            **{"timeout": 30, **options},
        )

    def calls(self, action: str) -> list[Call]:
        self.cloud.run(self.cloud.calls.settled())
        resource = f"oss://{self.name}/{KEY}"
        return [call for call in self.cloud.calls.list("oss", action) if call.resource == resource]

    def ends(self, action: str) -> list[tuple[str | None, int | None]]:
        """The faults and statuses of the calls of an action."""
        return [(call.fault, call.status) for call in self.calls(action)]


@pytest.fixture
def bucket(shared_cloud: LocalCloud) -> Iterator[Bucket]:
    name = f"media-{secrets.token_hex(4)}"
    shared_cloud.call(shared_cloud.objects.create_bucket, name)
    shared_cloud.call(shared_cloud.objects.put_object, name, KEY, BODY, OLD)
    with requests.Session() as session:
        session.trust_env = False
        yield Bucket(shared_cloud, name, session)
    shared_cloud.call(shared_cloud.faults.clear)


def failure(call: Callable[[], object]) -> Any:
    with pytest.raises(oss.exceptions.OperationError) as caught:
        call()
    return caught.value.unwrap()


# Errors


def test_an_error_is_one_of_the_services_own_and_comes_before_it_acts(bucket: Bucket) -> None:
    bucket.order(FaultKind.ERROR, status=503, code="TotalQpsLimitExceeded", message="Slow down.")
    error = failure(lambda: bucket.set_tags({}))
    assert (error.status_code, error.code, error.message) == (503, "TotalQpsLimitExceeded", "Slow down.")
    assert (error.ec, len(error.request_id)) == ("0004-00000302", 24)
    assert error.headers["server"] == "AliyunOSS"
    assert bucket.tags() == OLD


def test_an_error_of_a_head_is_readable_too(bucket: Bucket) -> None:
    bucket.order(FaultKind.ERROR, "HeadObject", status=403, code="SecurityTokenExpired")
    error = failure(lambda: bucket.client().head_object(oss.HeadObjectRequest(bucket=bucket.name, key=KEY)))
    assert (error.status_code, error.code, error.ec) == (403, "SecurityTokenExpired", "0002-00000007")


def test_an_error_may_have_further_headers(bucket: Bucket) -> None:
    bucket.order(FaultKind.ERROR, headers={"x-oss-qos-delay-time": "10"}, code="Unheard")
    answer = bucket.fetch()
    assert (answer.status_code, answer.headers["x-oss-qos-delay-time"]) == (503, "10")
    assert "x-oss-ec" not in answer.headers


def test_as_many_errors_as_the_sdk_makes_attempts(bucket: Bucket) -> None:
    bucket.order(FaultKind.ERROR, "GetObjectTagging", times=2)
    assert bucket.tags(attempts=3) == OLD
    assert bucket.ends("GetObjectTagging") == [("error", 503), ("error", 503), (None, 200)]


def test_faults_are_for_the_calls_that_they_name(bucket: Bucket) -> None:
    bucket.order(FaultKind.ERROR, "GetObject*", resource="*/images/*", times=None)
    bucket.order(FaultKind.ERROR, "PutObject|GetObjectTagging", resource="*/videos/*", times=None, status=502)
    assert [bucket.fetch().status_code, bucket.fetch("tagging").status_code] == [200, 502]
    # until they are withdrawn
    bucket.cloud.call(bucket.cloud.faults.clear)
    assert bucket.tags() == OLD


def test_any_answer_can_be_ordered(bucket: Bucket, tmp_path: Path) -> None:
    bucket.order(FaultKind.ANSWER, status=200, headers={"x-oss-meta-a": "b"}, body=b"<html>hello</html>")
    answer = bucket.fetch("tagging")
    assert (answer.headers["x-oss-meta-a"], answer.content) == ("b", b"<html>hello</html>")
    # also one that is a file
    large = tmp_path / "answer"
    large.write_bytes(BODY * 100)
    bucket.order(FaultKind.ANSWER, "GetObject", status=200, headers={"x": "y"}, file=str(large))
    answer = bucket.fetch()
    assert (answer.headers["x"], answer.content) == ("y", BODY * 100)
    assert bucket.get() == BODY


# Connections


def test_a_connection_that_breaks_before_the_service_has_acted(bucket: Bucket) -> None:
    bucket.order(FaultKind.RESET_BEFORE, "PutObjectTagging", times=3)
    error = failure(lambda: bucket.set_tags({"new": ""}, attempts=3))
    assert isinstance(error, oss.exceptions.RequestError)
    assert bucket.ends("PutObjectTagging") == [("reset_before", None)] * 3
    assert bucket.tags() == OLD


def test_a_connection_that_breaks_after_the_service_has_acted(bucket: Bucket) -> None:
    bucket.order(FaultKind.RESET_AFTER, "PutObjectTagging")
    error = failure(lambda: bucket.set_tags({"new": ""}))
    assert isinstance(error, oss.exceptions.RequestError)
    assert bucket.ends("PutObjectTagging") == [("reset_after", None)]
    assert bucket.tags() == {"new": ""}


@pytest.mark.parametrize("kind", [FaultKind.RESET_DURING, FaultKind.TRUNCATE])
def test_an_answer_that_breaks_off_in_the_middle(bucket: Bucket, kind: FaultKind) -> None:
    bucket.order(kind, "GetObject*", times=2)
    with pytest.raises((requests.ConnectionError, requests.exceptions.ChunkedEncodingError)):
        bucket.fetch()
    # Then the SDK, which reads the whole of a short answer in one attempt, makes another one.
    assert bucket.tags(attempts=3) == OLD
    assert bucket.ends("GetObjectTagging") == [(kind.value, 200), (None, 200)]


def test_half_of_the_body_arrives_before_the_orderly_end(bucket: Bucket) -> None:
    bucket.order(FaultKind.TRUNCATE, "GetObject")
    with bucket.fetch(stream=True) as response:
        assert response.headers["content-length"] == str(len(BODY))
        assert response.raw.read(len(BODY) // 2) == BODY[: len(BODY) // 2]


def test_the_service_has_acted_when_its_answer_breaks_off(bucket: Bucket) -> None:
    bucket.order(FaultKind.TRUNCATE, "PutObjectTagging")
    # An answer without a body is whole when it is cut in half.
    assert bucket.fetch("tagging", "PUT").status_code == 200
    assert bucket.tags(attempts=2) == {}


def test_a_kept_connection_can_be_told_from_a_new_one(bucket: Bucket) -> None:
    bucket.tags()
    bucket.order(FaultKind.RESET_AFTER, "GetObjectTagging")
    failure(bucket.tags)
    bucket.tags()
    first, broken, fresh = (call.connection for call in bucket.calls("GetObjectTagging"))
    assert first == broken != fresh


# Time


def test_silence_lasts_as_long_as_the_client_waits(bucket: Bucket) -> None:
    bucket.order(FaultKind.SILENCE, times=2)
    with pytest.raises(requests.ReadTimeout):
        bucket.fetch(timeout=0.05)
    error = failure(lambda: bucket.tags(readwrite_timeout=0.05))
    assert isinstance(error, oss.exceptions.ResponseError)
    until(lambda: bucket.ends("GetObject") == [("silence", None)])
    assert bucket.get() == BODY


@pytest.mark.parametrize(("kind", "status"), [(FaultKind.DELAY, 200), (FaultKind.ERROR, 503)])
def test_an_answer_can_be_delayed(bucket: Bucket, kind: FaultKind, status: int) -> None:
    bucket.order(kind, "GetObject", delay_seconds=0.05)
    assert bucket.fetch().status_code == status
    (call,) = bucket.calls("GetObject")
    assert (call.fault, call.status) == (kind.value, status)
    assert call.ended - call.started >= 0.05


# Lots

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


def test_a_share_of_the_calls_goes_wrong_the_same_with_the_same_seed() -> None:
    first, second, third = (drawn(by_lot(FaultKind.ERROR, 0.05, seed)) for seed in (1, 1, 2))
    assert first == second != third
    assert 0.04 < first.count(FaultKind.ERROR) / CALLS < 0.06


def test_calls_that_are_not_drawn_are_left_to_the_next_order() -> None:
    met = drawn(by_lot(FaultKind.ERROR, 0.5, seed=1), by_lot(FaultKind.DELAY, 1.0, seed=1))
    assert set(met) == {FaultKind.ERROR, FaultKind.DELAY}


def test_only_drawn_calls_are_counted_against_an_order() -> None:
    # Given an order that spares the first two of the calls that it draws, and ends after three
    places = [place for place, kind in enumerate(drawn(by_lot(FaultKind.ERROR, 0.05, seed=3))) if kind]
    # Then exactly the third to the fifth of them go wrong
    met = drawn(by_lot(FaultKind.ERROR, 0.05, seed=3, skip=2, times=3))
    assert [place for place, kind in enumerate(met) if kind] == places[2:5]


@pytest.mark.parametrize("rate", [-0.1, 1.1])
def test_a_rate_that_is_none_is_refused(rate: float) -> None:
    with pytest.raises(ValueError, match="from 0 to 1"):
        Fault(FaultKind.ERROR, rate=rate)


# What else the gateway sees


def test_whoever_watches_is_told_of_every_call(bucket: Bucket) -> None:
    seen: list[Call] = []
    bucket.cloud.calls.watch(seen.append)
    bucket.get()
    bucket.tags()
    until(lambda: [call.action for call in seen] == ["GetObject", "GetObjectTagging"])


def test_a_caller_that_goes_away_is_no_failure_of_the_service(
    bucket: Bucket, caplog: pytest.LogCaptureFixture
) -> None:
    # Given a service that waits for the rest of a request
    caplog.set_level(logging.INFO)
    host, _, port = bucket.cloud.endpoints.imm.removeprefix("http://").partition(":")
    with socket.create_connection((host, int(port))) as caller:
        caller.sendall(b"PUT /gone HTTP/1.1\r\nhost: imm\r\ncontent-length: 1000\r\n\r\nhalf")
        until(lambda: bucket.cloud.calls.under_way > 0)
        before = len(bucket.cloud.calls.list("imm"))
    # When the caller goes away, then the call has ended without an answer, and nobody is alarmed
    until(lambda: len(bucket.cloud.calls.list("imm")) > before)
    assert bucket.cloud.calls.list("imm")[-1].status is None
    assert "failed" not in caplog.text


def test_a_service_that_fails_is_reported(
    bucket: Bucket, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    def break_down(*arguments: object) -> None:
        raise RuntimeError("broken")

    monkeypatch.setattr(bucket.cloud.logs, "app", break_down)
    assert bucket.session.get(bucket.cloud.endpoints.sls, timeout=30).status_code == 500
    assert "sls" in caplog.text
    assert "broken" in caplog.text
