"""Objects: what is written comes back, byte for byte, with the headers that OSS sends."""

from __future__ import annotations

import base64
import hashlib
import socket
from datetime import datetime, timedelta, timezone
from email.utils import format_datetime, parsedate_to_datetime
from typing import Any
from urllib.parse import quote

import alibabacloud_oss_v2 as oss
import pytest

from localcloud.oss.protocol.errors import OssError
from localcloud.oss.service import ObjectCreated
from tests.localcloud.oss_signing import Signed, send, sign_text
from tests.localcloud.oss_world import (
    BUCKET,
    OWNER,
    Oss,
    ask,
    get,
    head,
    official_client,
    put,
    refusal,
    set_tags,
    tags_of,
)

BODY = b"a video, or what stands for one"
MD5 = hashlib.md5(BODY)
ETAG = f'"{MD5.hexdigest().upper()}"'
CONTENT_MD5 = base64.b64encode(MD5.digest()).decode()
CRC64 = "14447996920958250918"
HOUR = timedelta(hours=1)


def test_an_object_comes_back_with_its_metadata(cloud: Oss, client: oss.Client) -> None:
    headers = {
        "content_type": "video/mp4",
        "cache_control": "no-cache",
        "content_disposition": "inline",
        "content_encoding": "identity",
        "expires": "Wed, 01 Jan 2031 00:00:00 GMT",
    }
    written = put(client, "a.mp4", BODY, metadata={"owner": "team-a", "Empty": ""}, **headers)
    read, told = ask(client, "get_object", key="a.mp4"), head(client, "a.mp4")
    with read.body as stream:
        assert stream.content == BODY
    # The head says what the body would.
    for answer in (read, told):
        assert {name: getattr(answer, name) for name in headers} == headers
        assert answer.metadata == {"owner": "team-a", "empty": ""}
        assert (answer.etag, answer.hash_crc64, answer.content_md5) == (ETAG, CRC64, CONTENT_MD5)
        assert (answer.object_type, answer.storage_class) == ("Normal", "Standard")
        assert (answer.content_length, answer.tagging_count) == (len(BODY), None)
        assert abs(answer.last_modified - datetime.now(timezone.utc)) < timedelta(minutes=1)
    assert (written.etag, written.hash_crc64) == (ETAG, CRC64)
    # The object's meta is a part of the head.
    meta = ask(client, "get_object_meta", key="a.mp4")
    assert (meta.content_length, meta.etag, meta.hash_crc64) == (len(BODY), ETAG, CRC64)
    assert "x-oss-meta-owner" not in cloud.call("HEAD", "a.mp4", "objectMeta").headers
    # The other services see the same.
    info = cloud.storage.stat(BUCKET, "a.mp4")
    assert info is not None
    assert (f'"{info.etag}"', info.size, info.last_modified) == (ETAG, len(BODY), told.last_modified)
    assert (info.metadata, info.tags) == ({"owner": "team-a", "empty": ""}, ())
    assert cloud.storage.read(BUCKET, "a.mp4") == BODY


def test_every_answer_names_its_server_and_its_request(cloud: Oss) -> None:
    first, second = cloud.call("GET", "none.mp4"), cloud.call("GET", query="list-type=2")
    assert first.headers["server"] == second.headers["server"] == "AliyunOSS"
    ids = {first.headers["x-oss-request-id"], second.headers["x-oss-request-id"]}
    assert len(ids) == 2
    assert all(len(request_id) == 24 and request_id == request_id.upper() for request_id in ids)
    assert first.error()["RequestId"] == first.headers["x-oss-request-id"]
    assert int(second.headers["x-oss-server-time"]) >= 0


def test_an_answer_is_never_dated_before_the_object_that_it_speaks_of(cloud: Oss) -> None:
    # Given a server that has just answered, so that a date it kept would be too old.
    cloud.call("GET", "none.mp4")
    cloud.clock.advance(1)
    cloud.call("PUT", "a.mp4")
    told = cloud.call("HEAD", "a.mp4")
    dated, modified = (parsedate_to_datetime(told.headers[name]) for name in ("date", "last-modified"))
    assert dated >= modified
    # An error has the real time, by which a client that signs too early or too late sets its clock.
    cloud.clock.advance(7200)
    refused = parsedate_to_datetime(cloud.call("GET", "none.mp4").headers["date"])
    assert abs(refused - datetime.now(timezone.utc)) < HOUR


def test_the_checksum_is_crc_64_as_the_world_computes_it(client: oss.Client) -> None:
    # The check value that catalogues of CRCs give for CRC-64/XZ, the reflected ECMA-182.
    assert put(client, "digits", b"123456789").hash_crc64 == str(0x995DC9BBDF1939FA)


def test_an_upload_without_a_type_is_of_no_particular_type(cloud: Oss) -> None:
    answer = cloud.call("PUT", "a", body=BODY)
    assert (answer.status, answer.headers["content-md5"]) == (200, CONTENT_MD5)
    assert cloud.call("HEAD", "a").headers["content-type"] == "application/octet-stream"


@pytest.mark.parametrize(
    "key",
    [
        "with space and +plus",
        "percent%2Fencoded%20key",
        "what?is#this&that=~-_.!*'()",
        "视频/椅子.mp4",
        "a//b",
        "trailing/",
        "line\nfeed\tand\rreturn",
        "k" * 1023,
    ],
)
def test_a_key_survives_the_way_there_and_back(cloud: Oss, client: oss.Client, key: str) -> None:
    put(client, key, key.encode(), tagging="a=1")
    assert get(client, key) == key.encode()
    assert tags_of(client, key) == [("a", "1")]
    assert [entry.key for entry in ask(client, "list_objects_v2").contents] == [key]
    assert cloud.calls("PutObject")[0].resource == f"oss://{BUCKET}/{key}"


@pytest.mark.parametrize(
    ("key", "ec"),
    [("/a", "0016-00000005"), ("\\a", "0016-00000005"), ("k" * 1024, "0016-00000002")],
)
def test_a_name_that_no_object_can_have_is_refused(cloud: Oss, key: str, ec: str) -> None:
    answer = cloud.call("PUT", key, body=BODY)
    assert (answer.status, answer.error()["Code"], answer.error()["EC"]) == (400, "InvalidObjectName", ec)
    assert not cloud.bodies


def test_a_name_that_is_not_utf8_is_refused(cloud: Oss) -> None:
    # Given a request for the key of one byte FF, signed as that.
    now = datetime.now(timezone.utc)
    text = "\n".join(
        ["GET", "/media/%FF", "", f"x-oss-content-sha256:UNSIGNED-PAYLOAD\nx-oss-date:{now:%Y%m%dT%H%M%SZ}\n"]
    )
    signed = sign_text(OWNER, f"{text}\n\nUNSIGNED-PAYLOAD", now)
    answer = send(cloud.address, Signed("GET", "/media/%FF", signed))
    assert (answer.status, answer.error()["Code"]) == (400, "InvalidObjectName")
    assert answer.error()["EC"] == "0016-00000002"


def test_an_object_is_replaced_with_all_that_belongs_to_it(cloud: Oss, client: oss.Client) -> None:
    put(client, "a", b"old", metadata={"owner": "team-a"}, tagging="a=1")
    before = head(client, "a")
    cloud.clock.advance(60)
    put(client, "a", b"new")
    after = head(client, "a")
    assert get(client, "a") == b"new"
    assert after.last_modified - before.last_modified >= timedelta(seconds=60)
    assert (after.metadata or {}, after.tagging_count, tags_of(client, "a")) == ({}, None, [])
    assert len(cloud.bodies) == 1


def test_overwriting_can_be_forbidden(cloud: Oss, client: oss.Client) -> None:
    put(client, "a", b"old", forbid_overwrite=True)
    error = refusal(put, client, "a", b"new", forbid_overwrite=True)
    assert (error.status_code, error.code, error.ec) == (409, "FileAlreadyExists", "0026-00000002")
    assert get(client, "a") == b"old"
    assert len(cloud.bodies) == 1


def test_an_absent_object_is_named_in_the_error(cloud: Oss, client: oss.Client) -> None:
    error = refusal(get, client, "videos/none&.mp4")
    assert (error.status_code, error.code, error.ec) == (404, "NoSuchKey", "0026-00000001")
    assert error.message == "The specified key does not exist."
    assert error.error_fileds["Key"] == "videos/none&.mp4"
    assert error.error_fileds["HostId"] == cloud.address
    assert error.error_fileds["RecommendDoc"].endswith("0026-00000001")
    assert error.headers["x-oss-ec"] == "0026-00000001"


def test_the_error_of_a_head_is_in_a_header(cloud: Oss, client: oss.Client) -> None:
    error = refusal(head, client, "none")
    assert (error.status_code, error.code, error.ec) == (404, "NoSuchKey", "0026-00000001")
    assert error.snapshot == b""
    assert "x-oss-err" not in cloud.call("GET", "none").headers


def test_deleting_is_the_same_whether_the_object_was_there(cloud: Oss, client: oss.Client) -> None:
    put(client, "a")
    for _ in range(2):
        assert ask(client, "delete_object", key="a").status_code == 204
    assert refusal(get, client, "a").code == "NoSuchKey"
    assert not cloud.bodies


@pytest.mark.parametrize(
    "digest", ["abc", "2c6d3039a7c38bffd146cf420f3b53d2", "MTIzNDU2Nzg5MDEyMzQ1Ng==", ""]
)
def test_a_body_that_does_not_match_its_digest_is_refused(cloud: Oss, digest: str) -> None:
    put_answer = cloud.call("PUT", "a", body=BODY, headers={"Content-MD5": digest})
    assert (put_answer.status, put_answer.error()["Code"]) == (400, "InvalidDigest")
    assert put_answer.error()["Message"] == "The Content-MD5 you specified was invalid."
    assert put_answer.error()["EC"] == "0017-00000503"
    assert not cloud.bodies
    get_answer = cloud.call("GET", "a", headers={"Content-MD5": digest})
    assert get_answer.error()["Code"] == "InvalidDigest"


def test_an_upload_has_to_say_how_long_it_is(cloud: Oss) -> None:
    answer = cloud.call("PUT", "a", body=None)
    assert (answer.status, answer.error()["Code"]) == (411, "MissingContentLength")


@pytest.mark.parametrize("length", [5 * 1024**3 + 1, 10**15])
def test_an_upload_past_the_limit_is_refused_before_it_is_sent(cloud: Oss, length: int) -> None:
    answer = cloud.call("PUT", "a", headers={"Content-Length": str(length)})
    assert (answer.status, answer.error()["Code"]) == (400, "EntityTooLarge")


def test_user_metadata_has_a_limit(cloud: Oss) -> None:
    fitting, beyond = {"x-oss-meta-a": "v" * 8191}, {"x-oss-meta-a": "v" * 8192}
    assert cloud.call("PUT", "a", headers=fitting).status == 200
    assert cloud.call("PUT", "a", headers=beyond).error()["Code"] == "MetadataTooLarge"


STANDARD = {"x-oss-range-behavior": "standard"}


@pytest.mark.parametrize(
    ("requested", "headers", "status", "content_range", "content"),
    [
        ("bytes=0-3", {}, 206, "bytes 0-3/10", b"0123"),
        ("bytes=4-", {}, 206, "bytes 4-9/10", b"456789"),
        ("bytes=-3", {}, 206, "bytes 7-9/10", b"789"),
        ("bytes=9-9", {}, 206, "bytes 9-9/10", b"9"),
        # A range that leaves the object is no range, unless the standard behaviour is asked for.
        *(
            (requested, {}, 200, None, b"0123456789")
            for requested in (
                *("bytes=0-10", "bytes=10-", "bytes=10-20", "bytes=-11", "bytes=-0", "bytes=3-1"),
                *("byte=0-3", "-"),
            )
        ),
        ("bytes=5-20", STANDARD, 206, "bytes 5-9/10", b"56789"),
        ("bytes=-11", STANDARD, 206, "bytes 0-9/10", b"0123456789"),
        ("bytes=10-20", STANDARD, 416, None, None),
        ("bytes=10-", STANDARD, 416, None, None),
        ("bytes=3-1", STANDARD, 200, None, b"0123456789"),
        # Of several ranges none is given.
        ("bytes=0-1,3-4", {}, 416, None, None),
    ],
)
def test_a_range_of_an_object(
    cloud: Oss,
    client: oss.Client,
    requested: str,
    headers: dict[str, str],
    status: int,
    content_range: str | None,
    content: bytes | None,
) -> None:
    put(client, "digits", b"0123456789")
    answer = cloud.call("GET", "digits", headers={"Range": requested, **headers})
    assert (answer.status, answer.headers.get("content-range")) == (status, content_range)
    if content is None:
        assert (answer.error()["Code"], answer.error()["ActualObjectSize"]) == ("InvalidRange", "10")
    else:
        assert (answer.body, answer.headers["content-length"]) == (content, str(len(content)))


def test_an_empty_object(cloud: Oss, client: oss.Client) -> None:
    put(client, "empty", b"")
    assert get(client, "empty") == b""
    assert cloud.call("GET", "empty", headers={"Range": "bytes=0-0"}).status == 200
    assert cloud.storage.read(BUCKET, "empty") == b""


def test_reads_can_be_made_on_conditions(cloud: Oss, client: oss.Client) -> None:
    put(client, "a", BODY)
    written, etag = head(client, "a").last_modified.astimezone(timezone.utc), ETAG
    earlier, later = (format_datetime(time, usegmt=True) for time in (written - HOUR, written + HOUR))
    same = format_datetime(written, usegmt=True)
    for headers, status in [
        ({"If-Match": etag}, 200),
        ({"If-Match": '"other"'}, 412),
        ({"If-None-Match": etag}, 304),
        ({"If-None-Match": '"other"'}, 200),
        ({"If-Modified-Since": earlier}, 200),
        ({"If-Modified-Since": same}, 304),
        ({"If-Modified-Since": later}, 304),
        ({"If-Modified-Since": "some day"}, 200),
        ({"If-Modified-Since": f"Mon, {10**30} Jan 2024 00:00:00 GMT"}, 200),
        ({"If-Modified-Since": later.replace("GMT", "-0000")}, 304),
        ({"If-Unmodified-Since": earlier}, 412),
        ({"If-Unmodified-Since": same}, 200),
        ({"If-Match": etag, "If-None-Match": etag}, 304),
    ]:
        read, told = (cloud.call(method, "a", headers=headers) for method in ("GET", "HEAD"))
        assert (read.status, told.status) == (status, status), headers
        if status == 412:
            assert read.error()["Code"] == "PreconditionFailed"
            assert read.error()["Condition"] in headers
        if status == 304:
            assert (read.body, read.headers["etag"]) == (b"", etag)


@pytest.mark.parametrize("header", ["If-Match", "If-None-Match", "If-Modified-Since", "If-Unmodified-Since"])
def test_there_are_no_conditional_writes(cloud: Oss, client: oss.Client, header: str) -> None:
    put(client, "a", BODY)
    for query, headers in [("", {}), ("tagging", {}), ("", {"x-oss-copy-source": f"/{BUCKET}/a"})]:
        answer = cloud.call("PUT", "a", query, headers={**headers, header: "*"})
        assert (answer.status, answer.error()["Code"]) == (400, "NotImplemented")
        assert (answer.error()["Header"], answer.error()["EC"]) == (header, "0017-00000245")
    assert get(client, "a") == BODY


def copy(client: oss.Client, key: str, source_key: str, **fields: Any) -> oss.CopyObjectResult:
    return ask(client, "copy_object", key=key, source_key=source_key, **fields)


def test_a_copy_takes_metadata_and_tags_along_unless_others_are_to_replace_them(client: oss.Client) -> None:
    written = put(client, "视频 1", BODY, content_type="video/mp4", metadata={"owner": "a"}, tagging="a=1")
    others = {"tagging": "b=2", "metadata": {"owner": "b"}}
    copied = copy(client, "b", "视频 1", **others)
    assert (copied.etag, copied.hash_crc64) == (written.etag, written.hash_crc64)
    told = head(client, "b")
    assert (told.content_type, told.metadata, copied.last_modified) == (
        "video/mp4",
        {"owner": "a"},
        told.last_modified,
    )
    assert (get(client, "b"), tags_of(client, "b")) == (BODY, [("a", "1")])
    copy(client, "c", "视频 1", metadata_directive="REPLACE", tagging_directive="Replace", **others)
    told = head(client, "c")
    assert (told.content_type, told.metadata) == ("video/mp4", {"owner": "b"})
    assert tags_of(client, "c") == [("b", "2")]
    copy(client, "d", "视频 1", tagging_directive="Replace")
    assert tags_of(client, "d") == []


def test_a_copy_can_always_be_decrypted(client: oss.Client) -> None:
    keys = {f"client-side-encryption-{name}": name for name in ("key", "start", "cek-alg", "wrap-alg")}
    put(client, "a", BODY, metadata={**keys, "owner": "a"})
    copy(client, "b", "a", metadata_directive="REPLACE", metadata={"owner": "b"}, content_type="video/mp4")
    told = head(client, "b")
    assert (told.content_type, told.metadata) == ("video/mp4", {**keys, "owner": "b"})


def test_a_plain_condition_may_stand_beside_that_of_the_source(cloud: Oss, client: oss.Client) -> None:
    put(client, "a", BODY)
    source = {"x-oss-copy-source": "/media/a"}
    for name, value, status in [
        ("if-match", ETAG, 200),
        ("if-match", "other", 412),
        ("if-none-match", ETAG, 304),
    ]:
        both = {name: value, f"x-oss-copy-source-{name}": value}
        assert cloud.call("PUT", "b", headers={**source, **both}).status == status
    mixed = {"if-match": ETAG, "x-oss-copy-source-if-none-match": "other"}
    assert cloud.refused("PUT", "b", headers={**source, **mixed}) == "NotImplemented"


def test_an_object_copied_onto_itself_changes_its_metadata_only(cloud: Oss, client: oss.Client) -> None:
    put(client, "a", BODY, metadata={"owner": "a"}, tagging="a=1")
    copy(client, "a", "a", metadata={"owner": "b"})
    assert (head(client, "a").metadata, tags_of(client, "a")) == ({"owner": "b"}, [("a", "1")])
    assert (get(client, "a"), len(cloud.bodies)) == (BODY, 1)


def test_copies_outlive_their_source(cloud: Oss, client: oss.Client) -> None:
    put(client, "a", BODY)
    copy(client, "b", "a")
    ask(client, "delete_object", key="a")
    assert get(client, "b") == BODY
    ask(client, "delete_object", key="b")
    assert not cloud.bodies


@pytest.mark.parametrize("source", ["/media/a+b%2Bc", "/media/a%20b%2Bc", "/media/a%20b%2bc"])
def test_a_blank_of_a_source_may_be_a_plus_sign(cloud: Oss, client: oss.Client, source: str) -> None:
    put(client, "a b+c", BODY)
    assert cloud.call("PUT", "copy", headers={"x-oss-copy-source": source}).status == 200
    assert get(client, "copy") == BODY


def test_what_cannot_be_copied(cloud: Oss, client: oss.Client) -> None:
    put(client, "a", BODY)
    cases: list[tuple[dict[str, Any], int, str]] = [
        ({"source_key": "none"}, 404, "NoSuchKey"),
        ({"source_key": "a", "source_bucket": "nowhere"}, 404, "NoSuchBucket"),
        ({"source_key": "a", "source_version_id": "CAEQ"}, 501, "NotImplemented"),
        ({"source_key": "a", "forbid_overwrite": True}, 409, "FileAlreadyExists"),
        ({"source_key": "a", "tagging_directive": "Append"}, 400, "InvalidArgument"),
        ({"source_key": "a", "if_match": '"other"'}, 412, "PreconditionFailed"),
    ]
    for fields, status, code in cases:
        error = refusal(ask, client, "copy_object", key="a", **fields)
        assert (error.status_code, error.code) == (status, code), fields
    for source, code in [
        ("media/a", "InvalidArgument"),
        ("/media", "InvalidArgument"),
        ("//a", "InvalidArgument"),
        ("/media/%FF", "InvalidObjectName"),
    ]:
        assert cloud.refused("PUT", "b", headers={"x-oss-copy-source": source}) == code
    # What is not copied is not told to functions.
    told: list[ObjectCreated] = []
    cloud.storage.watch(told.append)
    headers = {"x-oss-copy-source": "/media/a", "x-oss-copy-source-if-none-match": ETAG}
    assert cloud.call("PUT", "a", headers=headers).status == 304
    assert told == []


@pytest.mark.parametrize(
    ("method", "key", "query", "headers", "what"),
    [
        ("GET", "a", "versionId=CAEQ", {}, "the parameter versionId of GetObject"),
        ("GET", "a", "x-oss-process=video%2Fsnapshot", {}, "the parameter x-oss-process of GetObject"),
        ("PUT", "a", "legalHold", {}, "PUT ?legalHold"),
        ("PUT", "a", "", {"x-oss-server-side-encryption": "AES256"}, "x-oss-server-side-encryption"),
        ("GET", None, "cors", {}, "GET ?cors"),
        ("POST", None, "metaQuery&comp=query&mode=semantic", {}, "the mode semantic"),
        ("POST", "a", "x-oss-process", {}, "PostProcessTask"),
        ("POST", "a", "x-oss-async-process", {}, "POST ?x-oss-async-process"),
        ("GET", None, "versions", {}, "ListObjectVersions"),
        ("GET", None, "list-type=2&website", {}, "GET ?website"),
        ("OPTIONS", "a", "", {}, "OptionObject"),
    ],
)
def test_what_the_local_cloud_leaves_out_is_said_clearly(
    cloud: Oss,
    client: oss.Client,
    method: str,
    key: str | None,
    query: str,
    headers: dict[str, str],
    what: str,
) -> None:
    put(client, "a", BODY)
    answer = cloud.call(method, key, query, headers=headers)
    assert (answer.status, answer.error()["Code"]) == (501, "NotImplemented")
    assert what in answer.error()["Message"]
    assert cloud.storage.read(BUCKET, "a") == BODY


def test_headers_that_ask_for_what_is_done_anyway_are_accepted(client: oss.Client) -> None:
    put(client, "a", BODY, storage_class="Standard", acl="default", request_payer="requester")
    assert get(client, "a") == BODY


@pytest.mark.parametrize(
    ("method", "key", "resource_type"),
    [("POST", "a", "Object"), ("HEAD", None, "Bucket"), ("PATCH", "a", "Object")],
)
def test_methods_that_oss_does_not_have(cloud: Oss, method: str, key: str | None, resource_type: str) -> None:
    answer = cloud.call(method, key)
    assert answer.status == 405
    if method != "HEAD":
        assert (answer.error()["Method"], answer.error()["ResourceType"]) == (method, resource_type)


def test_the_other_services_put_objects_like_any_other(cloud: Oss, client: oss.Client) -> None:
    put(client, "视频/a b+.mp4", b"old")
    cloud.storage.put_object(BUCKET, "视频/a b+.mp4", b"a video", {"team": "a", "archived": ""})
    assert get(client, "视频/a b+.mp4") == b"a video"
    assert tags_of(client, "视频/a b+.mp4") == [("team", "a"), ("archived", "")]
    assert len(cloud.bodies) == 1
    assert cloud.storage.stat(BUCKET, "none") is None
    assert cloud.storage.read("nowhere", "none") is None


@pytest.mark.parametrize(
    ("bucket", "key", "tags"),
    [
        ("nowhere", "a.mp4", {}),
        ("No_Bucket", "a.mp4", {}),
        (BUCKET, "/a.mp4", {}),
        (BUCKET, "a.mp4", {"椅子": "1"}),
        (BUCKET, "a.mp4", {str(number): "" for number in range(11)}),
    ],
)
def test_what_oss_refuses_the_other_services_is_refused(
    cloud: Oss, bucket: str, key: str, tags: dict[str, str]
) -> None:
    with pytest.raises(OssError):
        cloud.storage.put_object(bucket, key, b"x", tags)
    assert not cloud.bodies


def test_buckets_in_the_host_name(cloud: Oss, monkeypatch: pytest.MonkeyPatch) -> None:
    # Given a client that addresses the bucket as a host, which not every system takes for this machine.
    resolve = socket.getaddrinfo
    monkeypatch.setattr(
        socket,
        "getaddrinfo",
        lambda host, *rest: resolve("127.0.0.1" if host.endswith("localhost") else host, *rest),
    )
    endpoint = cloud.base_url.replace("127.0.0.1", "localhost")
    with official_client(cloud, endpoint=endpoint) as client:
        put(client, "a b/视频", BODY)
        set_tags(client, "a b/视频", [("a", "1")])
        assert get(client, "a b/视频") == BODY
        assert len(ask(client, "list_objects_v2").contents) == 1
    assert cloud.calls("PutObject")[0].resource == f"oss://{BUCKET}/a b/视频"


def test_an_answer_has_other_headers_where_its_reader_asks_for_them(cloud: Oss, client: oss.Client) -> None:
    put(client, "a", BODY, content_type="video/mp4", cache_control="no-cache")
    other = {"content_type": "application/octet-stream", "content_disposition": "attachment; filename=a.mp4"}
    got = ask(client, "get_object", key="a", **{f"response_{name}": value for name, value in other.items()})
    with got.body:
        assert (got.content_type, got.cache_control) == ("application/octet-stream", "no-cache")
        assert got.content_disposition == "attachment; filename=a.mp4"
    # A name may be Chinese, and no line may be added.
    answer = cloud.call("GET", "a", f"response-content-disposition={quote('attachment; filename=视频.mp4')}")
    assert answer.headers["content-disposition"].encode("latin-1").decode() == "attachment; filename=视频.mp4"
    broken = "response-content-type=a%0D%0ASet-Cookie%3A%20b"
    assert cloud.refused("GET", "a", broken) == "InvalidArgument"
    # The object itself is as it was.
    told = head(client, "a")
    assert (told.content_type, told.content_disposition) == ("video/mp4", None)
