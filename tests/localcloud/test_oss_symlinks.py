"""Symbolic links: objects that are read as others are."""

from __future__ import annotations

from urllib.parse import quote

import alibabacloud_oss_v2 as oss
import oss2
import pytest

from localcloud.oss.service import ObjectCreated
from tests.localcloud.oss_world import BUCKET, Oss, ask, get, put, refusal, tags_of

KEY, LINK = "videos/视频 a.mp4", "latest.mp4"


def link(client: oss.Client, target: str = KEY, key: str = LINK, **options: object) -> None:
    ask(client, "put_symlink", key=key, symlink_target=quote(target), **options)


def test_a_link_is_read_as_its_target(cloud: Oss, client: oss.Client) -> None:
    told: list[ObjectCreated] = []
    put(client, KEY, b"a video", content_type="video/mp4", tagging="team=a")
    cloud.storage.watch(told.append)
    link(client, metadata={"owner": "b"}, headers={"x-oss-tagging": "link=1"})
    assert (get(client, LINK), get(client, LINK, range_header="bytes=2-")) == (b"a video", b"video")
    head = ask(client, "head_object", key=LINK)
    target = ask(client, "head_object", key=KEY)
    assert (head.content_length, head.etag, head.hash_crc64) == (7, target.etag, target.hash_crc64)
    # Its metadata and tags are its own.
    assert (head.object_type, head.metadata, tags_of(client, LINK)) == (
        "Symlink",
        {"owner": "b"},
        [("link", "1")],
    )
    shown = ask(client, "get_symlink", key=LINK)
    assert shown.target == quote(KEY)
    assert [one.event for one in told] == ["ObjectCreated:PutSymlink"]


def test_a_link_tells_no_md5_of_a_target_that_has_none(client: oss.Client) -> None:
    ask(client, "append_object", key=KEY, position=0, body=b"a video")
    link(client)
    assert ask(client, "head_object", key=LINK).content_md5 is None


def test_the_independent_sdk_agrees(witness: oss2.Bucket) -> None:
    witness.put_object(KEY, b"a video")
    witness.put_symlink(KEY, LINK)
    assert witness.get_symlink(LINK).target_key == KEY
    assert witness.get_object(LINK).read() == b"a video"
    with pytest.raises(oss2.exceptions.NoSuchKey):
        witness.get_symlink("none")


def test_a_link_may_lead_nowhere(cloud: Oss, client: oss.Client) -> None:
    link(client)
    assert refusal(get, client, LINK).code == "SymlinkTargetNotExist"
    link(client, LINK, "another")
    assert refusal(get, client, "another").code == "InvalidTargetType"
    put(client, KEY)
    assert get(client, LINK) == b"a video"
    asked = oss.GetSymlinkRequest(bucket=BUCKET, key=KEY)
    assert refusal(client.get_symlink, asked).code == "NotSymlink"
    for headers in ({}, {"x-oss-symlink-target": ""}):
        assert cloud.call("PUT", LINK, "symlink", headers=headers).error()["Code"] == "InvalidArgument"
    assert cloud.call("PUT", LINK, "symlink", headers={"x-oss-symlink-target": "/a"}).status == 400


def test_a_link_to_what_is_archived_cannot_be_read(client: oss.Client) -> None:
    put(client, KEY, storage_class="Archive")
    link(client)
    assert refusal(get, client, LINK).code == "InvalidObjectState"


def test_it_is_the_link_that_is_copied(client: oss.Client) -> None:
    put(client, KEY)
    link(client)
    ask(client, "copy_object", key="copy", source_key=LINK)
    put(client, KEY, b"a new video")
    assert get(client, "copy") == b"a new video"
