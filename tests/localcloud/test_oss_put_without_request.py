"""Objects that the local cloud's owner puts there without a request."""

from __future__ import annotations

import alibabacloud_oss_v2 as oss
import pytest

from localcloud.oss.protocol.errors import OssError
from tests.localcloud.oss_world import BUCKET, Oss, get, put, tags_of

pytest_plugins = ["tests.localcloud.oss_fixtures"]


def test_such_an_object_is_like_any_other(cloud: Oss, client: oss.Client) -> None:
    cloud.storage.put_object(BUCKET, "视频/a b+.mp4", b"a video", {"team": "a", "archived": ""})
    assert get(client, "视频/a b+.mp4") == b"a video"
    assert tags_of(client, "视频/a b+.mp4") == [("team", "a"), ("archived", "")]


def test_it_takes_the_place_of_an_older_one(cloud: Oss, client: oss.Client) -> None:
    put(client, "a.mp4", b"old")
    cloud.storage.put_object(BUCKET, "a.mp4", b"new", {})
    assert (get(client, "a.mp4"), tags_of(client, "a.mp4")) == (b"new", [])
    assert len(cloud.bodies) == 1


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
def test_what_oss_refuses_is_refused(cloud: Oss, bucket: str, key: str, tags: dict[str, str]) -> None:
    with pytest.raises(OssError):
        cloud.storage.put_object(bucket, key, b"x", tags)
    assert cloud.bodies == []
