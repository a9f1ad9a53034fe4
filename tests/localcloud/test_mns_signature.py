"""Who may call MNS: requests signed by the documentation's rules, by a known key, in time."""

from __future__ import annotations

import base64
import hashlib
from collections.abc import Iterator
from datetime import datetime, timedelta, timezone
from email.utils import format_datetime

import pytest

from localcloud.accounts import Accounts, Identity
from localcloud.clock import Clock
from localcloud.mns.signature import verify
from localcloud.refusals import RequestRefused
from tests.localcloud.mns_region import OWNER, Region, message, region, sign

BODY = message("<MessageBody>hello</MessageBody>")
MESSAGES = "/topics/labels/messages"


@pytest.fixture(scope="module")
def mns() -> Iterator[Region]:
    with region() as served:
        yield served


def around(seconds: float) -> str:
    return format_datetime(datetime.now(timezone.utc) + timedelta(seconds=seconds), usegmt=True)


def test_a_signed_request_is_accepted(mns: Region) -> None:
    assert mns.send("POST", MESSAGES, BODY).status == 201


def test_temporary_keys_are_accepted_with_their_token(mns: Region) -> None:
    role = mns.accounts.issue_role_keys("acs:ram::1234567890123456:role/publisher")

    assert mns.send("GET", "/topics", identity=role).status == 200


def test_own_headers_and_the_query_are_part_of_what_is_signed(mns: Region) -> None:
    headers = {"x-mns-prefix": "a", "x-mns-ret-number": "10", "x-mns-with-meta": "true"}

    assert mns.send("GET", "/topics", headers=headers).status == 200
    assert mns.send("PUT", "/topics/labels?metaoverride=true").status == 204


def test_another_date_header_may_stand_for_date(mns: Region) -> None:
    # given a client that cannot set Date
    headers = {"date": None, "x-mns-date": around(0)}

    assert mns.send("GET", "/topics", headers=headers).status == 200


@pytest.mark.parametrize("hexadecimal", [False, True], ids=["RFC 1864", "official SDKs"])
def test_either_form_of_the_digest_is_accepted(mns: Region, hexadecimal: bool) -> None:
    digest = hashlib.md5(BODY.encode())
    form = digest.hexdigest().encode() if hexadecimal else digest.digest()

    reply = mns.send("POST", MESSAGES, BODY, {"content-md5": base64.b64encode(form).decode()})

    assert reply.status == 201


def test_a_digest_of_another_body_is_refused(mns: Region) -> None:
    digest = base64.b64encode(hashlib.md5(b"other").digest()).decode()

    assert mns.send("POST", MESSAGES, BODY, {"content-md5": digest}).refusal == (400, "InvalidDegist")


def test_another_secret_is_refused_and_told_what_the_server_signed(mns: Region) -> None:
    reply = mns.send("GET", "/topics", secret="other")

    assert reply.refusal == (403, "SignatureDoesNotMatch")
    assert "x-mns-version:2015-06-06\\n/topics" in reply.fields["Message"]


@pytest.mark.parametrize(
    ("method", "target", "more"),
    [
        ("DELETE", "/topics/labels", {}),
        ("GET", "/topics/labels", {}),
        ("GET", "/topics?metaoverride=true", {}),
        ("GET", "/topics", {"x-mns-prefix": "a"}),
        ("GET", "/topics", {"content-type": "text/xml"}),
        ("GET", "/topics", {"content-md5": "eA=="}),
    ],
)
def test_what_was_not_signed_is_refused(mns: Region, method: str, target: str, more: dict[str, str]) -> None:
    # given the signature of another request
    headers = {"date": around(0), "x-mns-version": "2015-06-06"}
    authorization = f"MNS {OWNER.access_key_id}:{sign('GET', '/topics', headers, OWNER.access_key_secret)}"

    reply = mns.send_as_it_is(method, target, "", {**headers, **more, "authorization": authorization})

    assert reply.refusal == (403, "SignatureDoesNotMatch")


def test_unknown_and_expired_keys_are_refused(mns: Region) -> None:
    role = mns.accounts.issue_role_keys("role")
    expired = mns.accounts.issue_role_keys("role", timedelta(0))
    without = Identity(role.access_key_id, role.access_key_secret)
    mixed = Identity(role.access_key_id, role.access_key_secret, "other")

    refusals = {
        "unknown": mns.send("GET", "/topics", identity=Identity("LTAIother", "secret")).refusal,
        "expired": mns.send("GET", "/topics", identity=expired).refusal,
        "without token": mns.send("GET", "/topics", identity=without).refusal,
        "other token": mns.send("GET", "/topics", identity=mixed).refusal,
    }

    assert refusals == {
        "unknown": (403, "InvalidAccessKeyId"),
        "expired": (403, "SecurityTokenExpired"),
        "without token": (403, "InvalidSecurityToken"),
        "other token": (403, "InvalidSecurityToken"),
    }


@pytest.mark.parametrize("seconds", [1000, -1000])
def test_a_date_far_from_now_is_refused(mns: Region, seconds: float) -> None:
    assert mns.send("GET", "/topics", headers={"date": around(seconds)}).refusal == (408, "TimeExpired")


@pytest.mark.parametrize("seconds", [800, -800])
def test_a_date_up_to_fifteen_minutes_away_is_accepted(mns: Region, seconds: float) -> None:
    assert mns.send("GET", "/topics", headers={"date": around(seconds)}).status == 200


@pytest.mark.parametrize("minutes", [15, -15])
def test_fifteen_minutes_are_the_limit(minutes: int) -> None:
    # given a request that was signed at a certain time
    accounts = Accounts("1", OWNER, Clock())
    headers = {"date": "Tue, 08 Dec 2015 06:02:33 GMT", "x-mns-version": "2015-06-06"}
    headers["authorization"] = f"MNS LTAItest:{sign('GET', '/topics', headers, 'secret')}"
    limit = datetime(2015, 12, 8, 6, 2, 33, tzinfo=timezone.utc) + timedelta(minutes=minutes)

    # then it is accepted up to the limit, and not beyond
    assert verify("GET", "/topics", headers, b"", accounts, now=limit) == OWNER
    beyond = limit + timedelta(seconds=1 if minutes > 0 else -1)
    with pytest.raises(RequestRefused, match="TimeExpired"):
        verify("GET", "/topics", headers, b"", accounts, now=beyond)


@pytest.mark.parametrize(
    ("headers", "code"),
    [
        ({"authorization": ""}, "MissingAuthorizationHeader"),
        ({"authorization": "Basic dXNlcg=="}, "InvalidAuthorizationHeader"),
        ({"authorization": "MNS LTAItest"}, "InvalidAuthorizationHeader"),
        ({"date": None}, "MissingDateHeader"),
        ({"date": "2026-11-22T13:09:53Z"}, "InvalidDateHeader"),
        ({"date": "Sun, 22 Nov 2026 13:09:53 +0800"}, "InvalidDateHeader"),
        ({"x-mns-version": None}, "MissingVersionHeader"),
        ({"x-mns-version": "2014-07-08"}, "InvalidVersionHeader"),
    ],
)
def test_a_request_without_its_headers_is_refused(
    mns: Region, headers: dict[str, str | None], code: str
) -> None:
    assert mns.send("GET", "/topics", headers=headers).refusal == (400, code)


def test_requests_are_checked_against_the_real_time(mns: Region) -> None:
    # given services whose present was moved by a day
    mns.clock.advance(24 * 3600)

    # then requests are still checked against the real time
    assert mns.send("GET", "/topics").status == 200
    assert mns.send("GET", "/topics", headers={"date": around(24 * 3600)}).status == 408
