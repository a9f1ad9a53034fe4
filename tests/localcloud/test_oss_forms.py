"""PostObject: an upload by a form, as browsers send it."""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
import tracemalloc
from collections.abc import Iterator
from datetime import datetime, timedelta, timezone
from typing import Any
from xml.etree import ElementTree

import alibabacloud_oss_v2 as oss
import pytest
import requests

from localcloud.accounts import Identity
from localcloud.oss.service import ObjectCreated
from tests.localcloud.oss_signing import sign_form
from tests.localcloud.oss_world import BUCKET, OWNER, Oss, get, tags_of

pytest_plugins = ["tests.localcloud.oss_fixtures"]

KEY = "视频/a b.mp4"
VIDEO = b"a video\r\n--not-the-boundary\r\n"
MEBIBYTE = 1024 * 1024


def policy(
    *conditions: object, lasts: timedelta = timedelta(hours=1), **members: object
) -> dict[str, object]:
    until = datetime.now(timezone.utc) + lasts
    return {"expiration": f"{until:%Y-%m-%dT%H:%M:%S}.000Z", "conditions": list(conditions), **members}


def signed_as_before(document: dict[str, object], identity: Identity = OWNER) -> dict[str, str]:
    """The fields of a form with a signature of version 1."""
    encoded = base64.b64encode(json.dumps(document).encode())
    signature = hmac.new(identity.access_key_secret.encode(), encoded, hashlib.sha1).digest()
    return {
        "OSSAccessKeyId": identity.access_key_id,
        "policy": encoded.decode(),
        "Signature": base64.b64encode(signature).decode(),
    }


def signed(document: dict[str, object], identity: Identity = OWNER, **options: Any) -> dict[str, str]:
    return sign_form(identity, document, **options)


def post(cloud: Oss, fields: dict[str, str], body: Any = VIDEO, **options: Any) -> requests.Response:
    """Send a form as a browser does."""
    file = ("videos/from-a-phone.mp4", body, "video/mp4")
    with requests.Session() as session:
        session.trust_env = False
        url = f"{cloud.serving.base_url}/{BUCKET}"
        return session.post(
            url, data=fields, files={"file": file}, timeout=30, allow_redirects=False, **options
        )


def error(answer: requests.Response) -> tuple[int, str, str]:
    root = ElementTree.fromstring(answer.content)
    return answer.status_code, root.findtext("Code") or "", root.findtext("EC") or ""


def test_a_form_becomes_an_object(cloud: Oss, client: oss.Client) -> None:
    told: list[ObjectCreated] = []
    cloud.storage.watch(told.append)
    fields = {
        "key": KEY,
        **signed(
            policy({"bucket": BUCKET}, ["starts-with", "$key", "视频/"], ["content-length-range", 1, 99])
        ),
        "x-oss-meta-owner": "team-a",
        "Cache-Control": "no-cache",
        "x-oss-storage-class": "IA",
        "x-oss-tagging": "team=a",
    }
    answer = post(cloud, fields)
    assert (answer.status_code, answer.content) == (204, b"")
    head = client.head_object(oss.HeadObjectRequest(bucket=BUCKET, key=KEY))
    assert (head.content_type, head.cache_control, head.storage_class) == ("video/mp4", "no-cache", "IA")
    assert (head.metadata, head.etag) == ({"owner": "team-a"}, answer.headers["etag"])
    assert get(client, KEY) == VIDEO
    # A form cannot tag.
    assert tags_of(client, KEY) == []
    assert [(one.event, one.key, one.size) for one in told] == [("ObjectCreated:PostObject", KEY, len(VIDEO))]


def test_both_signatures_and_temporary_keys_are_taken(cloud: Oss, client: oss.Client) -> None:
    temporary = cloud.accounts.issue_role_keys("uploader")
    anybody = policy({"bucket": BUCKET})
    token = {"x-oss-security-token": temporary.security_token or ""}
    forms = (
        signed_as_before(anybody),
        signed(anybody, temporary),
        signed_as_before(anybody, temporary) | token,
    )
    for number, fields in enumerate(forms):
        assert post(cloud, {"key": f"{number}", **fields}).status_code == 204
        assert get(client, f"{number}") == VIDEO


def test_the_key_may_have_the_name_of_the_file(cloud: Oss, client: oss.Client) -> None:
    assert post(cloud, {"key": "videos/${filename}", **signed(policy({"bucket": BUCKET}))}).status_code == 204
    assert get(client, "videos/from-a-phone.mp4") == VIDEO


def test_the_form_says_what_it_is_answered(cloud: Oss) -> None:
    fields = {"key": KEY, **signed(policy({"bucket": BUCKET}))}
    for status, expected in (("200", 200), ("204", 204), ("299", 204), ("201", 201)):
        answer = post(cloud, {**fields, "success_action_status": status})
        assert answer.status_code == expected
    root = ElementTree.fromstring(answer.content)
    assert (root.tag, root.findtext("Bucket"), root.findtext("Key")) == ("PostResponse", BUCKET, KEY)
    assert root.findtext("ETag") == answer.headers["etag"]
    answer = post(cloud, {**fields, "success_action_redirect": "https://example.com/done?page=1"})
    assert answer.status_code == 303
    assert answer.headers["location"].startswith("https://example.com/done?page=1&bucket=media&key=")


def test_a_field_of_a_form_adds_no_line_to_an_answer(cloud: Oss, client: oss.Client) -> None:
    fields = {"key": KEY, **signed(policy({"bucket": BUCKET}))}
    for name in ("x-oss-meta-owner", "Content-Type", "success_action_redirect"):
        answer = post(cloud, {**fields, name: "a\r\nSet-Cookie: b"})
        assert error(answer) == (400, "InvalidArgument", "")
    chinese = {"x-oss-meta-owner": "团队", "success_action_redirect": "https://example.com/完成"}
    answer = post(cloud, {**fields, **chinese})
    assert (
        answer.headers["location"].encode("latin-1").decode().startswith("https://example.com/完成?bucket=")
    )
    head = client.head_object(oss.HeadObjectRequest(bucket=BUCKET, key=KEY))
    assert head.headers["x-oss-meta-owner"].encode("latin-1").decode() == "团队"


@pytest.mark.parametrize(
    ("document", "code", "ec"),
    [
        (policy({"bucket": BUCKET}, lasts=timedelta(minutes=-1)), "AccessDenied", ""),
        (policy({"bucket": "another"}), "AccessDenied", "0006-00000227"),
        (policy(["eq", "$key", "another"]), "AccessDenied", "0006-00000227"),
        (policy(["starts-with", "$x-oss-meta-owner", "team-"]), "AccessDenied", "0006-00000227"),
        (policy(["in", "$key", ["another"]]), "AccessDenied", "0006-00000227"),
        (policy(["not-in", "$key", [KEY]]), "AccessDenied", "0006-00000227"),
        (policy(["content-length-range", 0, 3]), "EntityTooLarge", ""),
        (policy(["content-length-range", 99, 999]), "EntityTooSmall", ""),
        (policy({"bucket": BUCKET, "key": KEY}), "InvalidPolicyDocument", ""),
        (policy(["$key"]), "InvalidPolicyDocument", "0006-00000216"),
        (policy(123), "InvalidPolicyDocument", "0006-00000222"),
        (policy({"bucket": BUCKET}, expiration="tomorrow"), "InvalidPolicyDocument", ""),
        ({"conditions": []}, "InvalidPolicyDocument", "0006-00000208"),
        ({"expiration": "2030-01-01T00:00:00Z"}, "InvalidPolicyDocument", "0006-00000207"),
        ({}, "InvalidPolicyDocument", "0006-00000209"),
    ],
)
def test_a_form_that_its_policy_does_not_cover_is_refused(
    cloud: Oss, document: dict[str, object], code: str, ec: str
) -> None:
    answer = post(cloud, {"key": KEY, **signed(document)})
    assert error(answer) == (403 if code == "AccessDenied" else 400, code, ec)
    assert (cloud.storage.stat(BUCKET, KEY), cloud.bodies) == (None, [])


def test_the_policy_has_to_name_the_fields_of_the_signature(cloud: Oss) -> None:
    fields = signed(policy({"bucket": BUCKET}), named=False)
    assert error(post(cloud, {"key": KEY, **fields})) == (403, "AccessDenied", "0006-00000228")


def test_a_form_that_is_not_rightly_signed_is_refused(cloud: Oss) -> None:
    right = signed(policy({"bucket": BUCKET}))
    before = signed_as_before(policy({"bucket": BUCKET}))
    old = datetime.now(timezone.utc) - timedelta(days=8)
    unknown = Identity("LTAInobody", "secret")
    for fields, expected in [
        ({**right, "x-oss-signature": "0" * 64}, (403, "SignatureDoesNotMatch")),
        ({**before, "Signature": "AAAA"}, (403, "SignatureDoesNotMatch")),
        (signed(policy({"bucket": BUCKET}), unknown), (403, "InvalidAccessKeyId")),
        (signed(policy({"bucket": BUCKET}), at=old), (403, "AccessDenied")),
        (signed(policy({"bucket": BUCKET}), region="cn-beijing"), (400, "InvalidArgument")),
        ({**right, "x-oss-signature-version": "OSS5"}, (400, "InvalidArgument")),
        ({name: value for name, value in right.items() if name != "policy"}, (400, "InvalidArgument")),
        ({name: value for name, value in before.items() if name != "Signature"}, (400, "InvalidArgument")),
        ({}, (403, "AccessDenied")),
    ]:
        assert error(post(cloud, {"key": KEY, **fields}))[:2] == expected
    assert error(post(cloud, right)) == (400, "InvalidArgument", "")
    assert cloud.bodies == []


def test_what_is_no_form_is_refused(cloud: Oss) -> None:
    fields = {"key": KEY, **signed(policy({"bucket": BUCKET}))}
    body, headers = requests.models.RequestEncodingMixin._encode_files({"file": ("a", VIDEO)}, fields)
    with requests.Session() as session:
        session.trust_env = False

        def send(data: Any, content_type: str, **more: str) -> tuple[int, str]:
            url = f"{cloud.serving.base_url}/{BUCKET}/"
            answer = session.post(url, data=data, headers={"content-type": content_type, **more}, timeout=30)
            return error(answer)[:2] if answer.content else (answer.status_code, "")

        assert send(body, "text/plain") == (412, "PreconditionFailed")
        for broken in (b"", b"nothing", body[:-30], body[10:]):
            assert send(broken, headers) == (400, "MalformedPOSTRequest")
        without = requests.models.RequestEncodingMixin._encode_files({"other": ("a", b"b")}, fields)
        assert send(*without) == (400, "IncorrectNumberOfFilesInPOSTRequest")
        wrong = base64.b64encode(hashlib.md5(b"another").digest()).decode()
        assert send(body, headers, **{"content-md5": wrong}) == (400, "InvalidDigest")
        assert cloud.bodies == []
        right = base64.b64encode(hashlib.md5(body).digest()).decode()
        assert send(body, headers, **{"content-md5": right}) == (204, "")


@pytest.mark.parametrize("size", [1, 7, 64])
def test_a_form_may_come_in_any_pieces(cloud: Oss, client: oss.Client, size: int) -> None:
    fields = {"key": KEY, **signed(policy({"bucket": BUCKET}))}
    body, content_type = requests.models.RequestEncodingMixin._encode_files({"file": ("a", VIDEO)}, fields)
    pieces = (body[start : start + size] for start in range(0, len(body), size))
    with requests.Session() as session:
        session.trust_env = False
        url, headers = f"{cloud.serving.base_url}/{BUCKET}/", {"content-type": content_type}
        assert session.post(url, data=pieces, headers=headers, timeout=30).status_code == 204
    assert get(client, KEY) == VIDEO


def test_a_large_file_never_sits_in_memory(cloud: Oss) -> None:
    fields = {"key": KEY, **signed(policy({"bucket": BUCKET}))}
    frame, content_type = requests.models.RequestEncodingMixin._encode_files({"file": ("a", b"@")}, fields)
    head, tail = frame.split(b"\r\n\r\n@")
    chunk, count = bytes(range(256)) * 4096, 48

    def body() -> Iterator[bytes]:
        yield head + b"\r\n\r\n"
        for _ in range(count):
            yield chunk
        yield tail

    tracemalloc.start()
    try:
        with requests.Session() as session:
            session.trust_env = False
            url, headers = f"{cloud.serving.base_url}/{BUCKET}/", {"content-type": content_type}
            assert session.post(url, data=body(), headers=headers, timeout=60).status_code == 204
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    info = cloud.storage.stat(BUCKET, KEY)
    assert info is not None
    assert (info.size, peak < 16 * MEBIBYTE) == (count * len(chunk), True)


@pytest.mark.parametrize("field", ["callback", "x-oss-server-side-encryption"])
def test_a_field_that_would_silently_do_nothing_is_refused(cloud: Oss, field: str) -> None:
    fields = {
        "key": KEY,
        **signed(policy({"bucket": BUCKET}, ["starts-with", f"${field}", ""])),
        field: "AES256",
    }
    code = error(post(cloud, fields))[:2]
    assert code == (501, "NotImplemented")
    assert not cloud.bodies
