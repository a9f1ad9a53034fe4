"""PostObject: an upload by a form, as browsers send it."""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
from datetime import datetime, timedelta, timezone
from typing import Any
from xml.etree import ElementTree

import alibabacloud_oss_v2 as oss
import pytest
import requests

from localcloud.accounts import Identity
from localcloud.oss.service import ObjectCreated
from tests.localcloud.oss_signing import sign_form
from tests.localcloud.oss_world import BUCKET, OWNER, Oss, get, head, tags_of

KEY = "视频/a b.mp4"
VIDEO = b"a video\r\n--not-the-boundary\r\n"


def policy(
    *conditions: object, lasts: timedelta = timedelta(hours=1), **members: object
) -> dict[str, object]:
    until = datetime.now(timezone.utc) + lasts
    return {"expiration": f"{until:%Y-%m-%dT%H:%M:%S}.000Z", "conditions": list(conditions), **members}


def signed_as_before(identity: Identity = OWNER) -> dict[str, str]:
    """The fields of a form with a signature of version 1, whose policy lets it be sent to the bucket."""
    encoded = base64.b64encode(json.dumps(policy({"bucket": BUCKET})).encode())
    signature = hmac.digest(identity.access_key_secret.encode(), encoded, "sha1")
    return {
        "OSSAccessKeyId": identity.access_key_id,
        "policy": encoded.decode(),
        "Signature": base64.b64encode(signature).decode(),
    }


def signed(
    document: dict[str, object] | None = None, identity: Identity = OWNER, **options: Any
) -> dict[str, str]:
    """The same with a signature of version 4, and with another policy if one is given."""
    return sign_form(identity, policy({"bucket": BUCKET}) if document is None else document, **options)


def encoded(fields: dict[str, str], **files: tuple[str, bytes]) -> tuple[bytes, str]:
    """A form as a browser sends it, and its content type."""
    body, content_type = requests.models.RequestEncodingMixin._encode_files(files, fields)
    return body, content_type


def send(cloud: Oss, body: Any, content_type: str, **headers: str) -> requests.Response:
    with requests.Session() as session:
        session.trust_env = False
        url = f"{cloud.base_url}/{BUCKET}/"
        sent = {"content-type": content_type, **headers}
        return session.post(url, data=body, headers=sent, timeout=30, allow_redirects=False)


def post(cloud: Oss, fields: dict[str, str]) -> requests.Response:
    """Send a form as a browser does."""
    body = requests.Request(
        "POST", "http://host", data=fields, files={"file": ("videos/from-a-phone.mp4", VIDEO, "video/mp4")}
    ).prepare()
    return send(cloud, body.body, str(body.headers["content-type"]))


def error(answer: requests.Response) -> tuple[int, str, str]:
    root = ElementTree.fromstring(answer.content)
    return answer.status_code, root.findtext("Code") or "", root.findtext("EC") or ""


def test_a_form_becomes_an_object(cloud: Oss, client: oss.Client) -> None:
    events: list[ObjectCreated] = []
    cloud.storage.watch(events.append)
    fields = {
        "key": KEY,
        **signed(policy(["starts-with", "$key", "视频/"], ["content-length-range", 1, 99])),
        "x-oss-meta-owner": "team-a",
        "Cache-Control": "no-cache",
        "x-oss-storage-class": "IA",
        "x-oss-tagging": "team=a",
    }
    answer = post(cloud, fields)
    assert (answer.status_code, answer.content) == (204, b"")
    told = head(client, KEY)
    assert (told.content_type, told.cache_control, told.storage_class) == ("video/mp4", "no-cache", "IA")
    assert (told.metadata, told.etag) == ({"owner": "team-a"}, answer.headers["etag"])
    assert get(client, KEY) == VIDEO
    # A form cannot tag.
    assert tags_of(client, KEY) == []
    (created,) = events
    assert (created.event, created.key, created.size) == ("ObjectCreated:PostObject", KEY, len(VIDEO))


def test_both_signatures_and_temporary_keys_are_taken(cloud: Oss, client: oss.Client) -> None:
    temporary = cloud.accounts.issue_role_keys("uploader")
    token = {"x-oss-security-token": temporary.security_token or ""}
    forms = (signed_as_before(), signed(identity=temporary), signed_as_before(temporary) | token)
    for number, fields in enumerate(forms):
        assert post(cloud, {"key": f"{number}", **fields}).status_code == 204
        assert get(client, f"{number}") == VIDEO


def test_the_key_may_have_the_name_of_the_file(cloud: Oss, client: oss.Client) -> None:
    assert post(cloud, {"key": "videos/${filename}", **signed()}).status_code == 204
    assert get(client, "videos/from-a-phone.mp4") == VIDEO


def test_the_form_says_what_it_is_answered(cloud: Oss) -> None:
    fields = {"key": KEY, **signed()}
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
    fields = {"key": KEY, **signed()}
    for name in ("x-oss-meta-owner", "Content-Type", "success_action_redirect"):
        answer = post(cloud, {**fields, name: "a\r\nSet-Cookie: b"})
        assert error(answer) == (400, "InvalidArgument", "")
    chinese = {"x-oss-meta-owner": "团队", "success_action_redirect": "https://example.com/完成"}
    answer = post(cloud, {**fields, **chinese})
    location = answer.headers["location"].encode("latin-1").decode()
    assert location.startswith("https://example.com/完成?bucket=")
    owner = head(client, KEY).headers["x-oss-meta-owner"]
    assert owner.encode("latin-1").decode() == "团队"


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
        (policy({"bucket": BUCKET}, expiration="2024-02-30T00:00:00Z"), "InvalidPolicyDocument", ""),
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
    assert (cloud.storage.stat(BUCKET, KEY), cloud.bodies) == (None, set())


def test_the_policy_has_to_name_the_fields_of_the_signature(cloud: Oss) -> None:
    fields = signed(named=False)
    assert error(post(cloud, {"key": KEY, **fields})) == (403, "AccessDenied", "0006-00000228")


def test_a_form_that_is_not_rightly_signed_is_refused(cloud: Oss) -> None:
    right = signed()
    before = signed_as_before()
    old = datetime.now(timezone.utc) - timedelta(days=8)
    unknown = Identity("LTAInobody", "secret")
    for fields, expected in [
        ({**right, "x-oss-signature": "0" * 64}, (403, "SignatureDoesNotMatch")),
        ({**before, "Signature": "AAAA"}, (403, "SignatureDoesNotMatch")),
        (signed(identity=unknown), (403, "InvalidAccessKeyId")),
        (signed(at=old), (403, "AccessDenied")),
        (signed(region="cn-beijing"), (400, "InvalidArgument")),
        ({**right, "x-oss-signature-version": "OSS5"}, (400, "InvalidArgument")),
        ({name: value for name, value in right.items() if name != "policy"}, (400, "InvalidArgument")),
        ({name: value for name, value in before.items() if name != "Signature"}, (400, "InvalidArgument")),
        ({}, (403, "AccessDenied")),
    ]:
        assert error(post(cloud, {"key": KEY, **fields}))[:2] == expected
    assert error(post(cloud, right)) == (400, "InvalidArgument", "")
    assert not cloud.bodies


def test_what_is_no_form_is_refused(cloud: Oss) -> None:
    fields = {"key": KEY, **signed()}
    body, content_type = encoded(fields, file=("a", VIDEO))
    broken = [(part, content_type) for part in (b"", b"nothing", body[:-30], body[10:])]
    for form, expected in [
        ((body, "text/plain"), (412, "PreconditionFailed", "")),
        *((one, (400, "MalformedPOSTRequest", "")) for one in broken),
        (encoded(fields, other=("a", b"b")), (400, "IncorrectNumberOfFilesInPOSTRequest", "")),
    ]:
        assert error(send(cloud, *form)) == expected
    wrong, right = (base64.b64encode(hashlib.md5(text).digest()).decode() for text in (b"another", body))
    assert error(send(cloud, body, content_type, **{"content-md5": wrong}))[1] == "InvalidDigest"
    assert not cloud.bodies
    assert send(cloud, body, content_type, **{"content-md5": right}).status_code == 204


@pytest.mark.parametrize("size", [1, 7, 64])
def test_a_form_may_come_in_any_pieces(cloud: Oss, client: oss.Client, size: int) -> None:
    body, content_type = encoded({"key": KEY, **signed()}, file=("a", VIDEO))
    pieces = (body[start : start + size] for start in range(0, len(body), size))
    assert send(cloud, pieces, content_type).status_code == 204
    assert get(client, KEY) == VIDEO


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
