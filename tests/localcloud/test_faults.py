"""Faults that a test orders, as a client of OSS meets them: through the official SDK and on the wire."""

from __future__ import annotations

import time
from collections.abc import Iterator

import alibabacloud_oss_v2 as oss
import pytest
import requests

from localcloud.faults import Fault, FaultKind
from tests.localcloud.oss_signing import Answer, sign
from tests.localcloud.oss_world import (
    BUCKET,
    OWNER,
    Oss,
    get,
    official_client,
    put,
    refusal,
    set_tags,
    tags_of,
)
from tests.localcloud.serving import until

pytest_plugins = ["tests.localcloud.oss_fixtures"]

KEY = "videos/a.mp4"
BODY = b"0123456789" * 1000
OLD = [("team", "a")]


@pytest.fixture(autouse=True)
def video(cloud: Oss, client: oss.Client) -> None:
    put(client, KEY, BODY)
    set_tags(client, KEY, OLD)


@pytest.fixture
def patient(cloud: Oss) -> Iterator[oss.Client]:
    """The SDK with its three attempts."""
    with official_client(cloud, attempts=3) as client:
        yield client


def order(cloud: Oss, kind: FaultKind, action: str = "*", **options: object) -> None:
    cloud.serving.faults.order(Fault(kind, "oss", action, **options))  # type: ignore[arg-type]


def fetch(cloud: Oss, query: str = "", method: str = "GET", timeout: float = 30) -> Answer:
    """One request without any retry."""
    request = sign(OWNER, method, BUCKET, KEY, query)
    with requests.Session() as session:
        session.trust_env = False
        response = session.request(
            request.method,
            cloud.serving.base_url + request.path,
            headers=request.headers,
            data=b"<Tagging><TagSet/></Tagging>" if method == "PUT" else None,
            timeout=timeout,
        )
        return Answer(response.status_code, dict(response.headers), response.content)


def faults_of(cloud: Oss, action: str) -> list[tuple[str | None, int | None]]:
    return [(call.fault, call.status) for call in cloud.calls(action)]


def test_an_error_is_one_of_the_services_own(cloud: Oss, client: oss.Client) -> None:
    order(cloud, FaultKind.ERROR, status=503, code="TotalQpsLimitExceeded", message="Slow down.")
    error = refusal(lambda: get(client, KEY))
    assert (error.status_code, error.code, error.message) == (503, "TotalQpsLimitExceeded", "Slow down.")
    assert (error.ec, len(error.request_id)) == ("0004-00000302", 24)
    assert error.headers["server"] == "AliyunOSS"
    assert get(client, KEY) == BODY


def test_an_error_of_a_head_is_readable_too(cloud: Oss, client: oss.Client) -> None:
    order(cloud, FaultKind.ERROR, "HeadObject", status=403, code="SecurityTokenExpired")
    error = refusal(lambda: client.head_object(oss.HeadObjectRequest(bucket=BUCKET, key=KEY)))
    assert (error.status_code, error.code, error.ec) == (403, "SecurityTokenExpired", "0002-00000007")


def test_an_error_may_have_further_headers(cloud: Oss) -> None:
    order(cloud, FaultKind.ERROR, headers={"x-oss-qos-delay-time": "10"}, code="Unheard")
    answer = fetch(cloud)
    assert (answer.status, answer.headers["x-oss-qos-delay-time"]) == (503, "10")
    assert "x-oss-ec" not in answer.headers


def test_an_error_comes_before_the_service_acts(cloud: Oss, client: oss.Client) -> None:
    order(cloud, FaultKind.ERROR, "PutObject")
    assert refusal(lambda: put(client, KEY, BODY * 100)).status_code == 503
    assert get(client, KEY) == BODY


def test_as_many_errors_as_the_sdk_makes_attempts(cloud: Oss, patient: oss.Client) -> None:
    order(cloud, FaultKind.ERROR, "GetObjectTagging", times=2)
    assert tags_of(patient, KEY) == OLD
    assert faults_of(cloud, "GetObjectTagging") == [("error", 503), ("error", 503), (None, 200)]
    order(cloud, FaultKind.ERROR, "GetObjectTagging", times=None)
    assert refusal(lambda: tags_of(patient, KEY)).status_code == 503
    assert len(cloud.calls("GetObjectTagging")) == 6


def test_the_first_calls_can_be_spared(cloud: Oss) -> None:
    order(cloud, FaultKind.ERROR, "GetObject", skip=1, times=2)
    assert [fetch(cloud).status for _ in range(4)] == [200, 503, 503, 200]


def test_faults_are_for_the_calls_that_they_name(cloud: Oss) -> None:
    order(cloud, FaultKind.ERROR, "GetObject*", resource="oss://media/images/*", times=None)
    order(cloud, FaultKind.ERROR, "GetObjectTagging", resource="oss://media/videos/*", times=None, status=502)
    assert [fetch(cloud).status, fetch(cloud, "tagging").status] == [200, 502]


def test_any_answer_can_be_ordered(cloud: Oss, client: oss.Client) -> None:
    order(cloud, FaultKind.ANSWER, status=200, headers={"x-oss-meta-a": "b"}, body=b"<html>hello</html>")
    answer = fetch(cloud, "tagging")
    assert (answer.status, answer.headers["x-oss-meta-a"], answer.body) == (200, "b", b"<html>hello</html>")
    # Then the SDK, which takes an empty body for an empty set, can be told so.
    order(cloud, FaultKind.ANSWER, "GetObjectTagging", status=200)
    assert tags_of(client, KEY) == []


def test_a_connection_that_breaks_before_the_service_has_acted(cloud: Oss, patient: oss.Client) -> None:
    order(cloud, FaultKind.RESET_BEFORE, "PutObjectTagging", times=3)
    with pytest.raises(oss.exceptions.OperationError) as caught:
        set_tags(patient, KEY, [("new", "")])
    assert isinstance(caught.value.unwrap(), oss.exceptions.RequestError)
    assert tags_of(patient, KEY) == OLD
    assert faults_of(cloud, "PutObjectTagging")[1:] == [("reset_before", None)] * 3
    set_tags(patient, KEY, [("new", "")])
    assert tags_of(patient, KEY) == [("new", "")]


def test_a_connection_that_breaks_after_the_service_has_acted(cloud: Oss, client: oss.Client) -> None:
    order(cloud, FaultKind.RESET_AFTER, "PutObjectTagging")
    with pytest.raises(oss.exceptions.OperationError) as caught:
        set_tags(client, KEY, [("new", "")])
    assert isinstance(caught.value.unwrap(), oss.exceptions.RequestError)
    assert tags_of(client, KEY) == [("new", "")]
    assert faults_of(cloud, "PutObjectTagging")[1:] == [("reset_after", None)]


@pytest.mark.parametrize("kind", [FaultKind.RESET_DURING, FaultKind.TRUNCATE])
def test_an_answer_that_breaks_off_in_the_middle(cloud: Oss, patient: oss.Client, kind: FaultKind) -> None:
    order(cloud, kind, "GetObject*", times=2)
    with pytest.raises((requests.ConnectionError, requests.exceptions.ChunkedEncodingError)):
        fetch(cloud)
    # Then the SDK, which reads the whole of a short answer in one attempt, makes another one.
    assert tags_of(patient, KEY) == OLD
    assert faults_of(cloud, "GetObjectTagging") == [(kind.value, 200), (None, 200)]


def test_half_of_the_body_arrives_before_the_orderly_end(cloud: Oss) -> None:
    order(cloud, FaultKind.TRUNCATE, "GetObject")
    request = sign(OWNER, "GET", BUCKET, KEY)
    with requests.Session() as session:
        session.trust_env = False
        url = cloud.serving.base_url + request.path
        with session.get(url, headers=request.headers, stream=True, timeout=30) as response:
            assert response.headers["content-length"] == str(len(BODY))
            assert response.raw.read(len(BODY) // 2) == BODY[: len(BODY) // 2]


def test_the_service_has_acted_when_its_answer_breaks_off(cloud: Oss, client: oss.Client) -> None:
    order(cloud, FaultKind.TRUNCATE, "PutObjectTagging")
    answer = fetch(cloud, "tagging", "PUT")
    # An answer without a body is whole when it is cut in half.
    assert answer.status == 200
    assert tags_of(client, KEY) == []


def test_silence_lasts_as_long_as_the_client_waits(cloud: Oss, client: oss.Client) -> None:
    order(cloud, FaultKind.SILENCE, "GetObject")
    with pytest.raises(requests.ReadTimeout):
        fetch(cloud, timeout=0.05)
    until(lambda: len(cloud.serving.calls.list(action="GetObject")) == 1)
    assert faults_of(cloud, "GetObject") == [("silence", None)]
    assert get(client, KEY) == BODY


def test_the_sdk_does_not_wait_for_ever(cloud: Oss, client: oss.Client) -> None:
    order(cloud, FaultKind.SILENCE, "GetObjectTagging", times=None)
    request = oss.GetObjectTaggingRequest(bucket=BUCKET, key=KEY)
    with pytest.raises(oss.exceptions.OperationError) as caught:
        client.get_object_tagging(request, readwrite_timeout=0.05)
    assert isinstance(caught.value.unwrap(), oss.exceptions.ResponseError)


def test_a_delayed_answer_is_the_right_one(cloud: Oss, client: oss.Client) -> None:
    order(cloud, FaultKind.DELAY, "GetObject", delay_seconds=0.05)
    assert get(client, KEY) == BODY
    (call,) = cloud.calls("GetObject")
    assert (call.fault, call.status) == ("delay", 200)
    assert call.ended - call.started >= 0.05


def test_other_faults_can_be_delayed_too(cloud: Oss) -> None:
    order(cloud, FaultKind.ERROR, "GetObject", delay_seconds=0.05, status=500)
    assert fetch(cloud).status == 500
    (call,) = cloud.calls("GetObject")
    assert call.ended - call.started >= 0.05


def test_other_requests_go_on_during_a_delay(cloud: Oss, client: oss.Client) -> None:
    order(cloud, FaultKind.SILENCE, "GetObject", times=1)
    with requests.Session() as session:
        session.trust_env = False
        request = sign(OWNER, "GET", BUCKET, KEY)
        with pytest.raises(requests.ReadTimeout):
            session.get(cloud.serving.base_url + request.path, headers=request.headers, timeout=0.05)
        assert tags_of(client, KEY) == OLD


def test_orders_can_be_withdrawn(cloud: Oss, client: oss.Client) -> None:
    order(cloud, FaultKind.ERROR, times=None)
    assert refusal(lambda: get(client, KEY)).status_code == 503
    cloud.serving.faults.clear()
    assert get(client, KEY) == BODY


def test_a_kept_connection_can_be_told_from_a_new_one(cloud: Oss, client: oss.Client) -> None:
    tags_of(client, KEY)
    order(cloud, FaultKind.RESET_AFTER, "GetObjectTagging")
    with pytest.raises(oss.exceptions.OperationError):
        tags_of(client, KEY)
    tags_of(client, KEY)
    first, broken, fresh = (call.connection for call in cloud.calls("GetObjectTagging"))
    assert first == broken != fresh


def test_calls_are_recorded_with_their_times(cloud: Oss, client: oss.Client) -> None:
    before = time.monotonic()
    tags_of(client, KEY)
    (call,) = cloud.calls("GetObjectTagging")
    assert before <= call.started <= call.ended <= time.monotonic()
    assert call.resource == f"oss://{BUCKET}/{KEY}"
