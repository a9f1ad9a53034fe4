"""Object tags: a set is replaced as a whole, and what OSS refuses is refused with OSS's words."""

from __future__ import annotations

from datetime import timedelta
from functools import partial
from urllib.parse import quote, urlencode

import alibabacloud_oss_v2 as oss
import pytest

from localcloud.oss.service import MAX_DOCUMENT_BYTES
from tests.localcloud.oss_world import (
    BUCKET,
    Oss,
    ask,
    object_storage,
    official_client,
    put,
    refusal,
    set_tags,
    tags_of,
)

KEY = "videos/a.mp4"
OLD = [("team", "a"), ("empty", "")]
TEN = [(f"key{number}", f"value{number}") for number in range(10)]
ALPHABET = "abcXYZ019 +-=._:/"

# The smallest difference to an accepted set, and OSS's answer to it.
REFUSED = [
    ([*TEN, ("eleventh", "")], "BadRequest", "0010-00000218", "Object tags cannot be greater than 10"),
    ([("k" * 129, "v")], "InvalidTag", "0010-00000209", "TagKey"),
    ([("k", "v" * 257)], "InvalidTag", "0010-00000214", "TagValue"),
    ([("k", "v"), ("k", "w")], "InvalidTag", "0010-00000210", "multiple Tags with the same key"),
    ([("", "v")], "InvalidTag", "0010-00000208", "TagKey"),
    ([("k", "v"), ("key1&", "v")], "InvalidTag", "0010-00000212", "The TagKey you have provided is invalid"),
    ([("k", "a,b")], "InvalidTag", "0010-00000217", "The TagValue you have provided is invalid"),
    ([("k\tk", "v")], "InvalidTag", "0010-00000212", "TagKey"),
    ([("k", "a\nb")], "InvalidTag", "0010-00000217", "TagValue"),
    ([("椅子", "v")], "InvalidTag", "0010-00000212", "TagKey"),
    ([("k", "é")], "InvalidTag", "0010-00000217", "TagValue"),
]


@pytest.fixture(autouse=True)
def video(cloud: Oss, client: oss.Client) -> None:
    put(client, KEY, b"a video")
    set_tags(client, KEY, OLD)


def document(*tags: str) -> bytes:
    return f"<Tagging><TagSet>{''.join(tags)}</TagSet></Tagging>".encode()


def tag(key: str, value: str) -> str:
    return f"<Tag><Key>{key}</Key><Value>{value}</Value></Tag>"


@pytest.mark.parametrize(
    "tags",
    [
        TEN,
        [(ALPHABET, ALPHABET), (" leading and trailing ", "  ")],
        [("case", "a"), ("Case", "A")],
    ],
)
def test_a_tag_set_takes_the_place_of_the_old_one(client: oss.Client, tags: list[tuple[str, str]]) -> None:
    set_tags(client, KEY, tags)
    assert tags_of(client, KEY) == tags


@pytest.mark.parametrize(("tags", "code", "ec", "message"), REFUSED)
def test_a_refused_set_leaves_the_old_one(
    client: oss.Client, tags: list[tuple[str, str]], code: str, ec: str, message: str
) -> None:
    error = refusal(set_tags, client, KEY, tags)
    assert (error.status_code, error.code, error.ec) == (400, code, ec)
    assert message in error.message
    assert tags_of(client, KEY) == OLD


@pytest.mark.parametrize(
    ("body", "code", "ec"),
    [
        (b"", "MalformedXML", "0010-00000101"),
        (b"<Tagging><TagSet></TagSet>", "MalformedXML", "0010-00000101"),
        (b"<Tagging/>", "MalformedXML", "0010-00000103"),
        (b"<TagSet></TagSet>", "MalformedXML", "0010-00000103"),
        (b"<Tagging><TagSet/><TagSet/></Tagging>", "MalformedXML", "0010-00000103"),
        (b'<Tagging xmlns="urn:x"><TagSet/></Tagging>', "MalformedXML", "0010-00000103"),
        (document("<Other/>"), "MalformedXML", "0010-00000101"),
        (document("<Tag><Key>k</Key><Key>l</Key><Value>v</Value></Tag>"), "MalformedXML", "0010-00000101"),
        (document("<Tag><Key>k</Key><Value>v</Value><Value/></Tag>"), "MalformedXML", "0010-00000101"),
        (document("<Tag><Key>k</Key><Value>v</Value><More/></Tag>"), "MalformedXML", "0010-00000101"),
        (document(tag("<b>k</b>", "v")), "MalformedXML", "0010-00000101"),
        (document(tag("&undeclared;", "v")), "MalformedXML", "0010-00000101"),
        (b"<!DOCTYPE Tagging>" + document(tag("k", "v")), "MalformedXML", "0010-00000101"),
        (b'<!DOCTYPE t [<!ENTITY e "v">]>' + document(tag("k", "&e;")), "MalformedXML", "0010-00000101"),
        (document("<Tag><Key>k</Key></Tag>"), "InvalidTag", "0010-00000208"),
        (document("<Tag><Value>v</Value></Tag>"), "InvalidTag", "0010-00000208"),
        (document("<Tag/>"), "InvalidTag", "0010-00000208"),
        (document(tag("k@", "v")).replace(b"@", b"\xff"), "InvalidTag", "0010-00000211"),
        (document(tag("k", "@")).replace(b"@", b"\xff"), "InvalidTag", "0010-00000216"),
        (document(tag("k", "v")) + b"<!-- \xff -->", "MalformedXML", "0010-00000101"),
        (document(tag("k", "v")).decode().encode("utf-16"), "MalformedXML", "0010-00000101"),
        (b"x" * (MAX_DOCUMENT_BYTES + 1), "EntityTooLarge", ""),
    ],
)
def test_a_document_that_is_no_tag_set(
    cloud: Oss, client: oss.Client, body: bytes, code: str, ec: str
) -> None:
    answer = cloud.call("PUT", KEY, "tagging", body=body)
    assert (answer.status, answer.error()["Code"], answer.error().get("EC", "")) == (400, code, ec)
    assert tags_of(client, KEY) == OLD


@pytest.mark.parametrize(
    "body",
    [
        b'<?xml version="1.0" encoding="UTF-8"?>\n<Tagging>\n  <TagSet>\n    <Tag>\n      <Key>k</Key>\n'
        b"      <Value>v</Value>\n    </Tag>\n  </TagSet>\n</Tagging>\n",
        b"<Tagging><!-- a comment --><TagSet><Tag><Value>v</Value><Key>k</Key></Tag></TagSet></Tagging>",
        document("<Tag><Key>&#107;</Key><Value><![CDATA[v]]></Value></Tag>"),
    ],
)
def test_documents_may_be_laid_out_freely(cloud: Oss, client: oss.Client, body: bytes) -> None:
    assert cloud.call("PUT", KEY, "tagging", body=body).status == 200
    assert tags_of(client, KEY) == [("k", "v")]


def test_the_set_is_sent_as_documented(cloud: Oss, client: oss.Client) -> None:
    set_tags(client, KEY, [("a", "1"), ("b", "2")])
    answer = cloud.call("GET", KEY, "tagging")
    assert answer.headers["content-type"] == "application/xml"
    # The length that the documentation's sample answer has.
    assert answer.headers["content-length"] == "209"
    assert answer.body == (
        b'<?xml version="1.0" encoding="UTF-8"?>\n'
        b"<Tagging>\n  <TagSet>\n"
        b"    <Tag>\n      <Key>a</Key>\n      <Value>1</Value>\n    </Tag>\n"
        b"    <Tag>\n      <Key>b</Key>\n      <Value>2</Value>\n    </Tag>\n"
        b"  </TagSet>\n</Tagging>\n"
    )


def test_an_empty_value_is_an_element(cloud: Oss) -> None:
    assert b"      <Key>empty</Key>\n      <Value></Value>\n" in cloud.call("GET", KEY, "tagging").body


def test_an_object_whose_tags_are_deleted_has_an_empty_set(cloud: Oss, client: oss.Client) -> None:
    assert ask(client, "delete_object_tagging", key=KEY).status_code == 204
    answer = cloud.call("GET", KEY, "tagging")
    assert (answer.status, answer.body.split()[-1], tags_of(client, KEY)) == (200, b"</Tagging>", [])


@pytest.mark.parametrize(
    ("key", "bucket", "code", "ec"),
    [
        ("none", BUCKET, "NoSuchKey", "0026-00000001"),
        (KEY, "nowhere", "NoSuchBucket", "0015-00000101"),
    ],
)
def test_what_does_not_exist_has_no_tags(cloud: Oss, key: str, bucket: str, code: str, ec: str) -> None:
    for method, body in [("GET", b""), ("DELETE", b""), ("PUT", document(tag("k", "v")))]:
        answer = cloud.call(method, key, "tagging", bucket=bucket, body=body)
        assert (answer.status, answer.error()["Code"], answer.error()["EC"]) == (404, code, ec)


def test_tagging_leaves_the_object_as_it_was(cloud: Oss, client: oss.Client) -> None:
    before = ask(client, "head_object", key=KEY)
    cloud.clock.advance(timedelta(days=1).total_seconds())
    set_tags(client, KEY, TEN)
    ask(client, "delete_object_tagging", key=KEY)
    set_tags(client, KEY, [("k", "v")])
    after = ask(client, "head_object", key=KEY)
    assert (after.last_modified, after.etag) == (before.last_modified, before.etag)
    assert (before.tagging_count, after.tagging_count) == (2, 1)


def test_a_damaged_document_is_refused(cloud: Oss, client: oss.Client) -> None:
    headers = {"Content-MD5": "1B2M2Y8AsgTpgAmY7PhCfg=="}
    answer = cloud.call("PUT", KEY, "tagging", headers=headers, body=document(tag("k", "v")))
    assert answer.error()["Code"] == "InvalidDigest"
    assert tags_of(client, KEY) == OLD


@pytest.mark.parametrize(
    ("header", "tags"),
    [
        ("a=1&b=2", [("a", "1"), ("b", "2")]),
        ("key&other=", [("key", ""), ("other", "")]),
        ("a+b=%2B+%3D", [("a b", "+ =")]),
        (urlencode({ALPHABET: ALPHABET}), [(ALPHABET, ALPHABET)]),
        (urlencode(dict(TEN)), TEN),
        ("", []),
    ],
)
def test_an_upload_can_bring_its_tags(client: oss.Client, header: str, tags: list[tuple[str, str]]) -> None:
    put(client, KEY, b"another video", tagging=header)
    assert tags_of(client, KEY) == tags


@pytest.mark.parametrize(
    ("header", "code", "ec"),
    [
        ("a=1&a=2", "InvalidArgument", ""),
        ("aa=bb=cc", "InvalidArgument", "0010-00000219"),
        ("a=1&", "InvalidArgument", "0010-00000219"),
        ("a=%zz", "InvalidArgument", "0010-00000219"),
        ("a=%ff", "InvalidArgument", "0010-00000219"),
        *((urlencode(tags), code, ec) for tags, code, ec, _ in REFUSED if ec != "0010-00000210"),
    ],
)
def test_an_upload_with_refused_tags_is_no_upload(
    cloud: Oss, client: oss.Client, header: str, code: str, ec: str
) -> None:
    answer = cloud.call("PUT", KEY, headers={"x-oss-tagging": header}, body=b"another video")
    assert (answer.status, answer.error()["Code"], answer.error().get("EC", "")) == (400, code, ec)
    if code == "InvalidArgument":
        assert "query parameters without tag name duplicates" in answer.error()["Message"]
    assert (cloud.storage.read(BUCKET, KEY), tags_of(client, KEY)) == (b"a video", OLD)


def test_other_characters_than_ascii_can_be_switched_on() -> None:
    with object_storage(accept_unicode_tags=True) as cloud, official_client(cloud) as client:
        put(client, KEY, tagging=f"{quote('中文')}={quote('test++/')}")
        assert tags_of(client, KEY) == [("中文", "test++/")]
        tags = [("椅子", "家具"), ("k" * 128, "é" * 128), ("𠮷", "")]
        set_tags(client, KEY, tags)
        assert tags_of(client, KEY) == tags
        for refused in ([("椅子&", "v")], [("子" * 43, "v")], [("k", "é" * 129)]):
            assert refusal(partial(set_tags, client, KEY, refused)).code == "InvalidTag"
        assert tags_of(client, KEY) == tags
