"""Signatures: a request is answered only if version 4 of OSS's signature covers it as it arrived."""

from __future__ import annotations

import dataclasses
import hashlib
from datetime import datetime, timedelta, timezone
from email.utils import format_datetime
from typing import Any
from urllib.parse import urlsplit

import alibabacloud_oss_v2 as oss
import oss2
import pytest

from localcloud.accounts import Identity
from tests.localcloud.oss_signing import Answer, Signed, send, sign, sign_text
from tests.localcloud.oss_world import (
    BUCKET,
    OWNER,
    Oss,
    get,
    independent_client,
    official_client,
    put,
    refusal,
    set_tags,
    tags_of,
)

MINUTE = timedelta(minutes=1)
UNKNOWN = "The OSS Access Key Id you provided does not exist in our records."
INVALID_TOKEN = "The security token you provided is invalid."


def now() -> datetime:
    return datetime.now(timezone.utc).replace(microsecond=0)


def changed(request: Signed, **headers: str | None) -> Signed:
    """A signed request with other headers; None leaves one out."""
    merged = {name.lower(): value for name, value in request.headers.items()}
    for name, value in headers.items():
        merged.pop(name.replace("_", "-"), None)
        if value is not None:
            merged[name.replace("_", "-")] = value
    return dataclasses.replace(request, headers=merged)


def refused(answer: Answer, status: int, code: str, ec: str | None = None) -> dict[str, str]:
    error = answer.error()
    assert (answer.status, error["Code"]) == (status, code), error
    if ec is not None:
        assert (error.get("EC", ""), answer.headers.get("x-oss-ec", "")) == (ec, ec)
    return error


@pytest.mark.parametrize(
    ("bucket", "key", "ec"),
    [(None, None, "0003-00001201"), (BUCKET, None, "0003-00000905"), (BUCKET, "a", "0003-00000001")],
)
def test_nobody_in_particular_may_do_nothing(
    cloud: Oss, bucket: str | None, key: str | None, ec: str
) -> None:
    path = "/" + "/".join(part for part in (bucket, key) if part)
    answer = send(cloud.address, Signed("GET", path, {}))
    message = refused(answer, 403, "AccessDenied", ec)["Message"]
    if key:
        assert message == "You have no right to access this object because of bucket acl."


def test_a_missing_bucket_is_named_to_everybody(cloud: Oss) -> None:
    error = refused(
        send(cloud.address, Signed("GET", "/nowhere/a", {})), 404, "NoSuchBucket", "0015-00000101"
    )
    assert error["BucketName"] == "nowhere"


def test_an_unknown_key(cloud: Oss) -> None:
    stranger = Identity("LTAIstranger", "secret")
    with official_client(cloud, stranger) as client:
        error = refusal(put, client, "a")
    assert (error.status_code, error.code, error.ec) == (403, "InvalidAccessKeyId", "0002-00000902")
    assert (error.message, error.error_fileds["OSSAccessKeyId"]) == (UNKNOWN, "LTAIstranger")


def test_a_wrong_secret(cloud: Oss) -> None:
    with official_client(cloud, dataclasses.replace(OWNER, access_key_secret="guessed")) as client:
        error = refusal(put, client, "a")
    assert (error.status_code, error.code, error.ec) == (403, "SignatureDoesNotMatch", "0002-00000201")
    fields = error.error_fileds
    # Then the error shows what the service signed, so that the client can compare it with what it signed.
    string_to_sign, canonical = fields["StringToSign"], fields["CanonicalRequest"]
    assert string_to_sign.splitlines()[3] == hashlib.sha256(canonical.encode()).hexdigest()
    assert canonical.splitlines()[:2] == ["PUT", "/media/a"]
    assert bytes.fromhex(fields["StringToSignBytes"]) == string_to_sign.encode()
    assert fields["OSSAccessKeyId"] == OWNER.access_key_id
    assert len(fields["SignatureProvided"]) == 64
    assert not cloud.bodies


def test_a_large_upload_that_is_refused_gets_its_answer(cloud: Oss) -> None:
    with official_client(cloud, dataclasses.replace(OWNER, access_key_secret="guessed")) as client:
        for _ in range(2):
            assert refusal(put, client, "a", bytes(8 * 1024 * 1024)).code == "SignatureDoesNotMatch"
    assert not cloud.bodies


def test_the_signature_is_the_documented_one(cloud: Oss) -> None:
    # Given a request that is signed here from the words of the documentation.
    time = now()
    canonical = (
        "GET\n/media/a%20b%2B/%E4%B8%AD\n-_.~=-_.~&encoding=%2F%2B%20&tagging\n"
        f"content-md5:1B2M2Y8AsgTpgAmY7PhCfg==\nhost:{cloud.address}\n"
        f"x-oss-content-sha256:UNSIGNED-PAYLOAD\nx-oss-date:{time:%Y%m%dT%H%M%SZ}\n"
        "\nhost\nUNSIGNED-PAYLOAD"
    )
    headers = sign_text(OWNER, canonical, time, additional="host")
    # When it is sent with the query in another order and with other, equal spellings.
    path = "/media/a%20b%2b/%E4%B8%AD?tagging=&encoding=%2f%2B+&-_.~=%2D_.~"
    sent = Signed("GET", path, {"Content-MD5": "1B2M2Y8AsgTpgAmY7PhCfg==", **headers})
    # Then only the object is missing.
    refused(send(cloud.address, sent), 404, "NoSuchKey")


def test_a_download_is_not_kept_waiting_for_a_body(cloud: Oss, client: oss.Client) -> None:
    put(client, "a", b"0123456789")
    request = sign(
        OWNER, "GET", BUCKET, "a", headers={"Content-Length": "9"}, additional_headers=["content-length"]
    )
    answer = send(cloud.address, request, None)
    assert (answer.body, answer.headers["connection"]) == (b"0123456789", "close")


def test_a_request_may_have_its_time_in_the_date_header_only(cloud: Oss) -> None:
    # As the SDK for Go and ossutil 1 sign: the header's text is what is signed.
    time = now()
    canonical = "GET\n/media/a\n\nx-oss-content-sha256:UNSIGNED-PAYLOAD\n\n\nUNSIGNED-PAYLOAD"
    date = format_datetime(time, usegmt=True)
    request = Signed("GET", "/media/a", sign_text(OWNER, canonical, time, time=date))
    refused(send(cloud.address, request), 404, "NoSuchKey")
    later = format_datetime(time + timedelta(seconds=1), usegmt=True)
    refused(send(cloud.address, changed(request, date=later)), 403, "SignatureDoesNotMatch")
    refused(send(cloud.address, changed(request, date="now")), 403, "AccessDenied", "0002-00000502")


@pytest.mark.parametrize("change", [{"path": "/media/b?tagging"}, {"path": "/media/a"}, {"method": "DELETE"}])
def test_a_changed_path_query_or_method(cloud: Oss, client: oss.Client, change: dict[str, Any]) -> None:
    put(client, "a")
    put(client, "b", b"not for you")
    request = dataclasses.replace(sign(OWNER, "GET", BUCKET, "a", "tagging"), **change)
    refused(send(cloud.address, request), 403, "SignatureDoesNotMatch")
    assert cloud.storage.stat(BUCKET, "a") is not None


@pytest.mark.parametrize("name", ["x-oss-tagging", "content-type", "content-md5", "x-oss-meta-owner"])
def test_a_changed_or_added_header_that_is_signed(cloud: Oss, name: str) -> None:
    signed = {"x-oss-tagging": "a=1", "Content-Type": "video/mp4", "Content-MD5": "1B2M2Y8AsgTpgAmY7PhCfg=="}
    request = sign(OWNER, "PUT", BUCKET, "a", headers=signed)
    refused(send(cloud.address, changed(request, **{name: "b=2"})), 403, "SignatureDoesNotMatch")
    assert send(cloud.address, request).status == 200


@pytest.mark.parametrize("in_query", [False, True])
def test_other_headers_are_not_signed_unless_they_are_listed(
    cloud: Oss, client: oss.Client, in_query: bool
) -> None:
    put(client, "a", b"0123456789")
    fields: dict[str, Any] = {
        "headers": {"Range": "bytes=0-1"},
        "in_query": in_query,
        "expires_at": now() + 60 * MINUTE,
    }
    loose = sign(OWNER, "GET", BUCKET, "a", **fields)
    assert send(cloud.address, changed(loose, range="bytes=0-2")).body == b"012"
    strict = sign(OWNER, "GET", BUCKET, "a", additional_headers=["range"], **fields)
    assert send(cloud.address, strict).body == b"01"
    for change in ("bytes=0-2", None):
        refused(send(cloud.address, changed(strict, range=change)), 403, "SignatureDoesNotMatch")


def test_additional_headers_of_the_sdk(cloud: Oss) -> None:
    with official_client(cloud, additional_headers=["User-Agent", "x-oss-date", "absent"]) as client:
        put(client, "a", b"a video")
        assert get(client, "a") == b"a video"


@pytest.mark.parametrize("key", ["a/../b.mp4", "./a.mp4", "a/./b", "../a"])
def test_the_sdk_shortens_dotted_paths_after_it_signed_them(cloud: Oss, client: oss.Client, key: str) -> None:
    for call in (
        lambda: put(client, key),
        lambda: get(client, key),
        lambda: set_tags(client, key, [("a", "1")]),
        lambda: tags_of(client, key),
    ):
        error = refusal(call)
        # A path that climbs out of the bucket does not even name it.
        assert error.code in ("SignatureDoesNotMatch", "NoSuchBucket", "InvalidBucketName")
    assert not cloud.bodies


def test_dotted_keys_that_are_encoded_whole(cloud: Oss, witness: oss2.Bucket) -> None:
    witness.put_object("a/../b.mp4", b"climbing")
    assert witness.get_object("a/../b.mp4").read() == b"climbing"
    assert cloud.storage.stat(BUCKET, "b.mp4") is None


@pytest.mark.parametrize("minutes", [-14, 14])
def test_clocks_may_differ_a_little(cloud: Oss, minutes: int) -> None:
    # The services' clock has no part in it.
    cloud.clock.advance(3600)
    answer = send(cloud.address, sign(OWNER, "GET", BUCKET, query="bucketInfo", at=now() + minutes * MINUTE))
    assert answer.status == 200


@pytest.mark.parametrize("minutes", [-16, 16, -3 * 24 * 60])
def test_clocks_may_not_differ_much(cloud: Oss, minutes: int) -> None:
    at = now() + minutes * MINUTE
    answer = send(cloud.address, sign(OWNER, "GET", BUCKET, query="bucketInfo", at=at))
    error = refused(answer, 403, "RequestTimeTooSkewed", "0002-00000504")
    assert error["Message"] == "The difference between the request time and the current time is too large."
    assert error["RequestTime"] == f"{at:%Y-%m-%dT%H:%M:%S}.000Z"
    assert datetime.strptime(error["ServerTime"], "%Y-%m-%dT%H:%M:%S.000Z")
    assert error["MaxAllowedSkewMilliseconds"] == "900000"


@pytest.mark.parametrize(
    ("region", "product", "wrong", "ec"),
    [
        ("cn-beijing", "oss", "region", "0002-00000226"),
        ("oss-cn-hangzhou", "oss", "region", "0002-00000226"),
        ("cn-hangzhou", "s3", "product", "0002-00000227"),
    ],
)
def test_a_scope_that_is_not_the_services(cloud: Oss, region: str, product: str, wrong: str, ec: str) -> None:
    answer = send(cloud.address, sign(OWNER, "GET", BUCKET, "a", region=region, product=product))
    error = refused(answer, 400, "InvalidArgument", ec)
    assert error["Message"] == f"Invalid signing {wrong} in Authorization header."


@pytest.mark.parametrize(
    ("authorization", "message", "ec"),
    [
        (
            "Credential={ak}/20200101/cn-hangzhou/oss/aliyun_v4_request,Signature=0",
            "signing date",
            "0002-00000212",
        ),
        ("Credential={ak}/{day}/cn-hangzhou/oss/abc,Signature=0", "Credential", "0002-00000213"),
        ("Credential={ak}/{day}/cn-hangzhou/aliyun_v4_request,Signature=0", "Credential", "0002-00000213"),
        ("Credential=/{day}/cn-hangzhou/oss/aliyun_v4_request,Signature=0", "Credential", "0002-00000213"),
        ("Signature=0", "header is invalid", "0002-00000202"),
        ("Credential={ak}/{day}/cn-hangzhou/oss/aliyun_v4_request", "header is invalid", "0002-00000202"),
        ("Credential,Signature=0", "header is invalid", "0002-00000203"),
        ("Credential=a,Signature=0,UnknownKey=1", "header is invalid", "0002-00000204"),
        ("Credential=a,Signature=0,Signature=1", "header is invalid", "0002-00000204"),
        ("", "header is invalid", "0002-00000203"),
    ],
)
def test_an_authorization_that_is_not_well_formed(
    cloud: Oss, authorization: str, message: str, ec: str
) -> None:
    value = "OSS4-HMAC-SHA256 " + authorization.format(ak=OWNER.access_key_id, day=f"{now():%Y%m%d}")
    answer = send(cloud.address, changed(sign(OWNER, "GET", BUCKET, "a"), authorization=value))
    assert message in refused(answer, 400, "InvalidArgument", ec)["Message"]


@pytest.mark.parametrize(
    "payload", [None, "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"]
)
def test_payloads_are_never_signed(cloud: Oss, payload: str | None) -> None:
    request = changed(sign(OWNER, "GET", BUCKET, "a"), x_oss_content_sha256=payload)
    refused(send(cloud.address, request), 400, "InvalidArgument", "0002-00000214")


@pytest.mark.parametrize(
    ("date", "ec"),
    [
        (None, "0002-00000503"),
        ("Tue, 20 Dec 2022 08:48:18 GMT", "0002-00000502"),
        ("20221399T084818Z", "0002-00000502"),
    ],
)
def test_a_request_has_to_be_dated(cloud: Oss, date: str | None, ec: str) -> None:
    request = changed(sign(OWNER, "GET", BUCKET, "a"), x_oss_date=date, date=None)
    refused(send(cloud.address, request), 403, "AccessDenied", ec)


def test_version_1_is_refused_with_a_reason(cloud: Oss) -> None:
    with official_client(cloud, signature_version="v1") as client:
        error = refusal(put, client, "a")
    assert (error.status_code, error.code) == (400, "InvalidArgument")
    assert "sign with version 4 (OSS4-HMAC-SHA256)" in error.message
    for query in ("OSSAccessKeyId=a&Expires=1&Signature=b", "x-oss-signature-version=OSS2&x-oss-signature=b"):
        answer = send(cloud.address, Signed("GET", f"/media/a?{query}", {}))
        assert "sign with version 4" in refused(answer, 400, "InvalidArgument")["Message"]


def test_temporary_keys_come_with_their_token_until_their_end(cloud: Oss) -> None:
    keys = cloud.accounts.issue_role_keys("role", timedelta(hours=1))
    with official_client(cloud, keys) as client, independent_client(cloud, keys) as witness:
        put(client, "a", b"a video")
        assert witness.get_object("a").read() == b"a video"
        cloud.clock.advance(3600)
        error = refusal(get, client, "a")
    assert (error.status_code, error.code, error.ec) == (403, "SecurityTokenExpired", "0002-00000007")
    assert error.message == "The security token you provided has expired."


@pytest.mark.parametrize(
    ("token", "code", "ec", "message"),
    [
        (None, "InvalidAccessKeyId", "0002-00000003", f"{UNKNOWN} The Security Token may be lost"),
        (
            "CAISforged",
            "InvalidSecurityToken",
            "0002-00000006",
            "The security token you provided is invalid.",
        ),
        ("令牌", "InvalidSecurityToken", "0002-00000006", INVALID_TOKEN),
    ],
)
def test_temporary_keys_with_another_token_or_none(
    cloud: Oss, token: str | None, code: str, ec: str, message: str
) -> None:
    keys = dataclasses.replace(cloud.accounts.issue_role_keys("role"), security_token=token)
    error = refused(send(cloud.address, sign(keys, "GET", BUCKET, "a")), 403, code, ec)
    assert error["Message"].startswith(message)


def test_a_token_makes_oss_look_among_the_temporary_keys_only(cloud: Oss) -> None:
    unknown = dataclasses.replace(cloud.accounts.issue_role_keys("role"), access_key_id="STS.NTunknown")
    for keys in (unknown, dataclasses.replace(OWNER, security_token="CAISstray")):
        answer = send(cloud.address, sign(keys, "GET", BUCKET, "a"))
        refused(answer, 403, "InvalidAccessKeyId", "0002-00000002")


def fetched(cloud: Oss, url: str, method: str = "GET") -> Answer:
    split = urlsplit(url)
    return send(cloud.address, Signed(method, f"{split.path}?{split.query}", {}))


def test_a_signed_url_needs_nothing_else(cloud: Oss, client: oss.Client, witness: oss2.Bucket) -> None:
    up = client.presign(oss.PutObjectRequest(bucket=BUCKET, key="视频 1.mp4", content_type="video/mp4"))
    split = urlsplit(up.url)
    upload = Signed("PUT", f"{split.path}?{split.query}", {"Content-Type": "video/mp4"})
    assert send(cloud.address, upload, b"a video").status == 200
    down = client.presign(oss.GetObjectRequest(bucket=BUCKET, key="视频 1.mp4"), expires=60 * MINUTE)
    download = fetched(cloud, down.url)
    assert (download.body, download.headers["content-type"]) == (b"a video", "video/mp4")
    assert fetched(cloud, witness.sign_url("GET", "视频 1.mp4", 60, slash_safe=True)).body == b"a video"
    # And it is good for one method and one set of headers only.
    changed_type = dataclasses.replace(upload, headers={"Content-Type": "text/plain"})
    refused(send(cloud.address, changed_type), 403, "SignatureDoesNotMatch")
    assert fetched(cloud, down.url, "HEAD").status == 403


def presigned(
    lifetime: timedelta = 60 * MINUTE,
    at: datetime | None = None,
    identity: Identity = OWNER,
    **options: object,
) -> Signed:
    at = at or now()
    return sign(identity, "GET", BUCKET, "a", at=at, in_query=True, expires_at=at + lifetime, **options)  # type: ignore[arg-type]


def test_a_signed_url_begins_and_ends(cloud: Oss, client: oss.Client) -> None:
    put(client, "a")
    for good in (presigned(at=now() - 59 * MINUTE), presigned(at=now() + 14 * MINUTE)):
        assert send(cloud.address, good).status == 200
    late, early = presigned(at=now() - 61 * MINUTE), presigned(at=now() + 16 * MINUTE)
    error = refused(send(cloud.address, late), 403, "AccessDenied", "0002-00000069")
    assert error["Message"] == "Request has expired."
    assert error["Expires"] < error["ServerTime"]
    refused(send(cloud.address, early), 403, "AccessDenied", "0002-00000235")


@pytest.mark.parametrize("lifetime", [timedelta(), -MINUTE, timedelta(days=8)])
def test_a_signed_url_lasts_seven_days_at_most(cloud: Oss, lifetime: timedelta) -> None:
    refused(send(cloud.address, presigned(lifetime)), 403, "AccessDenied", "0002-00000070")


def test_a_signed_url_of_temporary_keys(cloud: Oss, client: oss.Client) -> None:
    put(client, "a")
    keys = cloud.accounts.issue_role_keys("role", timedelta(hours=1))
    request = presigned(identity=keys)
    assert "x-oss-security-token=" in request.path
    assert send(cloud.address, request).status == 200
    cloud.clock.advance(3600)
    refused(send(cloud.address, request), 403, "SecurityTokenExpired")


@pytest.mark.parametrize(
    ("old", "new", "status", "code", "ec"),
    [
        ("&x-oss-signature=", "&x-oss-signatur=", 403, "AccessDenied", "0002-00000219"),
        ("&x-oss-expires=", "&x-oss-expire=", 403, "AccessDenied", ""),
        ("x-oss-expires=3600", "x-oss-expires=soon", 403, "AccessDenied", "0002-00000070"),
        ("x-oss-expires=3600", "x-oss-expires=3601", 403, "SignatureDoesNotMatch", "0002-00000201"),
        ("x-oss-signature=", "x-oss-signature=%FF", 403, "SignatureDoesNotMatch", "0002-00000201"),
        ("cn-hangzhou", "cn-beijing", 400, "InvalidArgument", ""),
        ("%2Foss%2F", "%2Fs3%2F", 400, "InvalidArgument", ""),
        ("aliyun_v4_request", "aws4_request", 400, "InvalidArgument", "0002-00000213"),
        ("x-oss-date=2", "x-oss-date=1", 400, "InvalidArgument", "0002-00000223"),
        (
            "x-oss-credential=",
            "x-oss-additional-headers=%FF&x-oss-credential=",
            403,
            "SignatureDoesNotMatch",
            None,
        ),
    ],
)
def test_a_signed_url_that_was_changed(
    cloud: Oss, client: oss.Client, old: str, new: str, status: int, code: str, ec: str | None
) -> None:
    put(client, "a")
    request = presigned()
    assert old in request.path
    refused(
        send(cloud.address, dataclasses.replace(request, path=request.path.replace(old, new))),
        status,
        code,
        ec,
    )


def test_one_signature_is_enough(cloud: Oss) -> None:
    both = dataclasses.replace(presigned(), headers=sign(OWNER, "GET", BUCKET, "a").headers)
    assert "not in both" in refused(send(cloud.address, both), 400, "InvalidArgument")["Message"]
