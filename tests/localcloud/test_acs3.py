"""Requests signed with ACS3-HMAC-SHA256: only what was signed, by a known key, once and in time, is let in.

The witness is the official SDK's own signer, and the example of the help page "V3 request structure and
signature".
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import replace
from datetime import datetime, timedelta, timezone
from typing import Any, NamedTuple
from urllib.parse import urlencode

import pytest
from alibabacloud_tea_openapi.utils import Utils
from darabonba.request import DaraRequest
from hypothesis import given
from hypothesis import strategies as st

from localcloud.accounts import Accounts, Identity
from localcloud.acs3 import verify
from localcloud.clock import Clock
from localcloud.refusals import RequestRefused

OWNER = Identity("LTAItest", "secret")
NOW = datetime(2026, 11, 22, 13, 9, 53, tzinfo=timezone.utc)


class Signed(NamedTuple):
    method: str
    path: str
    raw_query: bytes
    headers: dict[str, str]
    body: bytes


def signed(
    *,
    identity: Identity = OWNER,
    query: dict[str, str] | None = None,
    path: str = "/",
    body: bytes = b"",
    date: str = "2026-11-22T13:09:53Z",
    nonce: str = "a5d442c08f72471ab72cef90f3ec6f6b",
    algorithm: str = "ACS3-HMAC-SHA256",
    without: str = "",
    more_headers: Mapping[str, str] | None = None,
) -> Signed:
    """A request as the official SDK signs and sends it."""
    digest = hashlib.sha256(body).hexdigest()
    headers = {
        "host": "127.0.0.1:36747",
        "x-acs-version": "2020-09-30",
        "x-acs-action": "GetTask",
        "user-agent": "AlibabaCloud (Linux; x86_64)",
        "x-acs-date": date,
        "x-acs-signature-nonce": nonce,
        "accept": "application/json",
        "x-acs-content-sha256": digest,
        **(more_headers or {}),
    }
    if identity.security_token:
        headers["x-acs-accesskey-id"] = identity.access_key_id
        headers["x-acs-security-token"] = identity.security_token
    headers.pop(without, None)
    request = DaraRequest()
    request.method, request.pathname = "POST", path
    request.query, request.headers = query or {}, headers
    headers["Authorization"] = Utils.get_authorization(
        request, algorithm, digest, identity.access_key_id, identity.access_key_secret
    )
    return Signed("POST", path, urlencode(query or {}).encode(), headers, body)


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def accounts(clock: Clock) -> Accounts:
    return Accounts("1234567890123456", OWNER, clock)


def test_the_documented_example_is_accepted(clock: Clock) -> None:
    # given the example of the help page, made by nothing of this project
    headers = {
        "host": "ecs.cn-shanghai.aliyuncs.com",
        "x-acs-action": "RunInstances",
        "x-acs-content-sha256": "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855",
        "x-acs-date": "2023-10-26T10:22:32Z",
        "x-acs-signature-nonce": "3156853299f313e23d1673dc12e1703d",
        "x-acs-version": "2014-05-26",
        "Authorization": "ACS3-HMAC-SHA256 Credential=YourAccessKeyId,SignedHeaders=host;x-acs-action;"
        "x-acs-content-sha256;x-acs-date;x-acs-signature-nonce;x-acs-version,"
        "Signature=06563a9e1b43f5dfe96b81484da74bceab24a1d853912eee15083a6f0f3283c0",
    }
    query = b"ImageId=win2019_1809_x64_dtc_zh-cn_40G_alibase_20230811.vhd&RegionId=cn-shanghai"
    owner = Identity("YourAccessKeyId", "YourAccessKeySecret")
    accounts = Accounts("1", owner, clock)

    caller = verify(
        "POST", "/", query, headers, b"", accounts, now=datetime(2023, 10, 26, 10, 23, tzinfo=timezone.utc)
    )

    assert caller == owner


@given(
    query=st.dictionaries(st.from_regex(r"[A-Za-z][A-Za-z0-9.]{0,20}", fullmatch=True), st.text(max_size=30))
)
def test_any_query_that_the_sdk_signs_is_accepted(query: dict[str, str]) -> None:
    accounts = Accounts("1", OWNER, Clock())
    assert verify(*signed(query=query), accounts, now=NOW) == OWNER


@pytest.mark.parametrize(
    "request_line",
    [
        {"path": "/2023-03-30/functions/a%2Fb%E8%A7%86/invocations", "body": b'{"a": 1}'},
        {"more_headers": {"Accept": "text/xml"}},
        {"date": f"{NOW + timedelta(minutes=15):%Y-%m-%dT%H:%M:%SZ}"},
        {"date": f"{NOW - timedelta(minutes=15):%Y-%m-%dT%H:%M:%SZ}"},
    ],
    ids=["a body and an encoded path", "a header that comes twice", "fifteen minutes fast", "and late"],
)
def test_what_was_signed_is_accepted(accounts: Accounts, request_line: dict[str, Any]) -> None:
    assert verify(*signed(**request_line), accounts, now=NOW) == OWNER


def test_temporary_keys_are_accepted_with_their_token(accounts: Accounts) -> None:
    role = accounts.issue_role_keys("acs:ram::1234567890123456:role/tagger")
    assert verify(*signed(identity=role), accounts, now=NOW) == role


def changed(**changes: Any) -> Signed:
    return signed(query={"TaskId": "1"})._replace(**changes)


def with_header(name: str, value: str, **options: Any) -> Signed:
    """A request to which a header comes that was not signed, or not with this value."""
    request = signed(query={"TaskId": "1"}, **options)
    return request._replace(headers={**request.headers, name: value})


REFUSED: dict[str, list[Signed]] = {
    "SignatureDoesNotMatch": [
        changed(method="GET"),
        changed(path="/other"),
        changed(raw_query=b"TaskId=2"),
        changed(raw_query=b"TaskId=1&TaskType=x"),
        changed(body=b"other"),
        with_header("accept", "text/xml"),
        with_header("x-acs-action", "DeleteProject"),
        with_header("host", "127.0.0.1:1"),
        with_header("x-acs-content-sha256", hashlib.sha256(b"other").hexdigest()),
        signed(identity=Identity(OWNER.access_key_id, "wrong")),
    ],
    "InvalidTimeStamp.Expired": [signed(date="2026-11-22T12:54:52Z"), signed(date="2026-11-22T13:24:54Z")],
    "InvalidTimeStamp.Format": [
        signed(date=date) for date in ("2026-11-22T13:09:53", "2026-11-22T13:09:53+08:00", "Sun, 22 Nov 2026")
    ],
    "MissingParameter": [
        signed(without=name) for name in ("x-acs-date", "x-acs-signature-nonce", "x-acs-content-sha256")
    ],
    "MissingAuthorization": [with_header("Authorization", "")],
    "IncompleteSignature": [
        with_header("Authorization", "Basic dXNlcg=="),
        with_header("Authorization", "ACS3-HMAC-SHA256 Credential=LTAItest"),
        # host and every x-acs header must be signed
        *(with_header(name, "anything", without=name) for name in ("host", "x-acs-action", "x-acs-later")),
    ],
    "InvalidSignatureMethod": [signed(algorithm="ACS3-HMAC-SM3")],
    "InvalidSecurityToken.MismatchWithAccessKey": [
        signed(identity=Identity(OWNER.access_key_id, OWNER.access_key_secret, "token"))
    ],
}


def refusal(request: Signed, accounts: Accounts, now: datetime = NOW) -> tuple[int, str]:
    with pytest.raises(RequestRefused) as caught:
        verify(*request, accounts, now=now)
    assert caught.value.message
    return caught.value.status, caught.value.code


@pytest.mark.parametrize(("code", "request_"), [(code, one) for code in REFUSED for one in REFUSED[code]])
def test_what_was_not_signed_in_time_by_a_known_key_is_refused(
    accounts: Accounts, code: str, request_: Signed
) -> None:
    assert refusal(request_, accounts) == (400, code)


def test_temporary_keys_need_their_token_and_their_time(accounts: Accounts, clock: Clock) -> None:
    role = accounts.issue_role_keys("role", timedelta(hours=1))
    without = signed(identity=replace(role, security_token=None))
    assert refusal(without, accounts) == (400, "MissingSecurityToken")
    wrong = signed(identity=replace(role, security_token="other"))
    assert refusal(wrong, accounts) == (400, "InvalidSecurityToken.MismatchWithAccessKey")
    clock.advance(3600)
    assert refusal(signed(identity=role), accounts) == (400, "InvalidSecurityToken.Expired")


def test_an_unknown_key_is_refused(accounts: Accounts) -> None:
    unknown = signed(identity=Identity("LTAIunknown", "secret"))
    assert refusal(unknown, accounts) == (404, "InvalidAccessKeyId.NotFound")


def test_a_nonce_counts_once(accounts: Accounts) -> None:
    verify(*signed(), accounts, now=NOW)
    assert refusal(signed(), accounts) == (400, "SignatureNonceUsed")
    assert verify(*signed(nonce="another"), accounts, now=NOW) == OWNER


def test_a_refused_request_does_not_use_up_its_nonce(accounts: Accounts) -> None:
    refusal(signed()._replace(path="/other"), accounts)
    assert verify(*signed(), accounts, now=NOW) == OWNER


def test_a_nonce_is_forgotten_when_its_request_would_be_too_old(accounts: Accounts) -> None:
    # given a nonce that was used
    verify(*signed(), accounts, now=NOW)

    # when it comes again with a new date, after fifteen minutes
    later = NOW + timedelta(minutes=15)
    request = signed(date=f"{later:%Y-%m-%dT%H:%M:%SZ}")

    # then it is a new nonce
    assert verify(*request, accounts, now=later) == OWNER


def test_a_request_dated_ahead_cannot_be_replayed_later(accounts: Accounts) -> None:
    # given a request whose sender's clock is ten minutes fast
    request = signed(date=f"{NOW + timedelta(minutes=10):%Y-%m-%dT%H:%M:%SZ}")
    verify(*request, accounts, now=NOW)
    assert refusal(request, accounts, NOW + timedelta(minutes=24)) == (400, "SignatureNonceUsed")
