"""Buckets, and the lists of what is in them."""

from __future__ import annotations

from datetime import datetime, timedelta, timezone

import alibabacloud_oss_v2 as oss
import oss2
import pytest

from localcloud.oss.protocol.errors import OssError
from tests.localcloud.oss_world import (
    ACCOUNT_ID,
    BUCKET,
    Oss,
    ask,
    head,
    object_storage,
    official_client,
    put,
    refusal,
)

INVALID_NAMES = ["ab", "a" * 64, "Media", "media_1", "-media", "media-", "me.dia", "媒体"]


def keys_of(client: oss.Client, **fields: object) -> list[str]:
    return [entry.key for entry in ask(client, "list_objects_v2", **fields).contents or []]


def buckets_of(client: oss.Client, **fields: object) -> list[str]:
    return [bucket.name for bucket in ask(client, "list_buckets", **fields).buckets or []]


def test_a_bucket_is_made_and_described(client: oss.Client) -> None:
    for _ in range(2):
        # The owner may make it again.
        ask(client, "put_bucket", bucket="another", acl="private")
        put(client, "a", bucket="another")
    assert keys_of(client, bucket="another") == ["a"]
    info = ask(client, "get_bucket_info", bucket="another").bucket_info
    assert (info.name, info.location, info.storage_class) == ("another", "oss-cn-hangzhou", "Standard")
    assert (info.owner.id, info.acl, info.data_redundancy_type) == (ACCOUNT_ID, "private", "LRS")
    assert info.extranet_endpoint == "oss-cn-hangzhou.aliyuncs.com"
    assert info.intranet_endpoint == "oss-cn-hangzhou-internal.aliyuncs.com"
    assert abs(info.creation_date - datetime.now(timezone.utc)) < timedelta(minutes=1)


@pytest.mark.parametrize(
    ("body", "status", "code"),
    [
        ("<DataRedundancyType>ZRS</DataRedundancyType>", 501, "NotImplemented"),
        ("<StorageClass>Warm</StorageClass>", 400, "InvalidArgument"),
        ("<Other/></CreateBucketConfiguration><Other>", 400, "MalformedXML"),
        ("<StorageClass>", 400, "MalformedXML"),
        ("\udcff", 400, "MalformedXML"),
    ],
)
def test_a_bucket_that_cannot_be_made(
    cloud: Oss, client: oss.Client, body: str, status: int, code: str
) -> None:
    text = f"<CreateBucketConfiguration>{body}</CreateBucketConfiguration>"
    answer = cloud.call("PUT", bucket="third", body=text.encode("utf-8", "surrogateescape"))
    assert (answer.status, answer.error()["Code"]) == (status, code)
    assert buckets_of(client) == [BUCKET]


def test_what_is_written_has_the_class_of_its_bucket_or_its_own(cloud: Oss, client: oss.Client) -> None:
    configuration = oss.CreateBucketConfiguration(storage_class="IA", data_redundancy_type="LRS")
    ask(client, "put_bucket", bucket="rarely", create_bucket_configuration=configuration)
    assert ask(client, "get_bucket_info", bucket="rarely").bucket_info.storage_class == "IA"
    for key, asked in [("a", None), ("b", "Archive"), ("c", "Standard")]:
        put(client, key, bucket="rarely", storage_class=asked)
    listed = ask(client, "list_objects_v2", bucket="rarely").contents
    assert [entry.storage_class for entry in listed] == ["IA", "Archive", "Standard"]
    assert head(client, "b", bucket="rarely").storage_class == "Archive"
    # A copy is of the class of its own bucket.
    ask(client, "copy_object", key="a", source_bucket="rarely", source_key="a")
    assert head(client, "a").storage_class == "Standard"
    assert cloud.refused("PUT", "d", headers={"x-oss-storage-class": "Warm"}) == "InvalidArgument"


@pytest.mark.parametrize("name", INVALID_NAMES)
def test_names_that_no_bucket_can_have(cloud: Oss, name: str) -> None:
    for method in ("PUT", "GET"):
        answer = cloud.call(method, bucket=name)
        assert (answer.status, answer.error()["Code"]) == (400, "InvalidBucketName")
        assert (answer.error()["BucketName"], answer.error()["EC"]) == (name, "0015-00000001")
    with pytest.raises(OssError, match="InvalidBucketName"):
        cloud.storage.create_bucket(name)


def test_the_buckets_of_the_account(cloud: Oss, client: oss.Client) -> None:
    for name in ("media-2", "archive", "media-3"):
        cloud.storage.create_bucket(name)
        cloud.storage.create_bucket(name)
    result = ask(client, "list_buckets")
    assert [bucket.name for bucket in result.buckets] == ["archive", "media", "media-2", "media-3"]
    assert (result.owner.id, result.is_truncated) == (ACCOUNT_ID, False)
    places = {(bucket.region, bucket.location) for bucket in result.buckets}
    assert places == {("cn-hangzhou", "oss-cn-hangzhou")}
    first = ask(client, "list_buckets", prefix="media", max_keys=2)
    assert ([bucket.name for bucket in first.buckets], first.is_truncated) == (["media", "media-2"], True)
    assert buckets_of(client, prefix="media", max_keys=2, marker=first.next_marker) == ["media-3"]


def test_an_account_without_buckets() -> None:
    with object_storage(bucket=None) as cloud, official_client(cloud) as client:
        assert buckets_of(client) == []


def test_only_an_empty_bucket_can_be_deleted(client: oss.Client) -> None:
    put(client, "a")
    error = refusal(ask, client, "delete_bucket")
    assert (error.status_code, error.code, error.ec) == (409, "BucketNotEmpty", "0015-00000301")
    ask(client, "delete_object", key="a")
    assert ask(client, "delete_bucket").status_code == 204
    error = refusal(put, client, "a")
    assert (error.status_code, error.code, error.ec) == (404, "NoSuchBucket", "0015-00000101")
    assert error.error_fileds["BucketName"] == BUCKET


def test_objects_are_listed_in_the_order_of_their_bytes(client: oss.Client) -> None:
    for key in ("b", "a/2", "a", "Z", "é", "a/10", "视频"):
        put(client, key)
    assert keys_of(client) == ["Z", "a", "a/10", "a/2", "b", "é", "视频"]


def test_what_a_list_says_of_an_object(cloud: Oss, client: oss.Client) -> None:
    put(client, "a&b c", b"a video")
    result = ask(client, "list_objects_v2", fetch_owner=True)
    (entry,) = result.contents
    told = head(client, "a&b c")
    assert (entry.key, entry.size, entry.etag) == ("a&b c", 7, told.etag)
    assert (entry.object_type, entry.storage_class) == ("Normal", "Standard")
    assert entry.last_modified == told.last_modified
    assert (entry.owner.id, entry.owner.display_name) == (ACCOUNT_ID, ACCOUNT_ID)
    assert b"<Owner>" not in cloud.call("GET", query="list-type=2&fetch-owner=false").body
    assert (result.name, result.key_count, result.max_keys, result.is_truncated) == (BUCKET, 1, 100, False)
    # Without an encoding, keys stand in the document as they are.
    assert b"<Key>a&amp;b c</Key>" in cloud.call("GET", query="list-type=2").body


def test_prefixes_and_delimiters(client: oss.Client) -> None:
    for key in ("videos/a/1", "videos/a/2", "videos/b/1", "videos/top", "videos!", "other/1"):
        put(client, key)
    assert keys_of(client, prefix="videos/") == ["videos/a/1", "videos/a/2", "videos/b/1", "videos/top"]
    result = ask(client, "list_objects_v2", prefix="videos/", delimiter="/")
    assert [entry.prefix for entry in result.common_prefixes] == ["videos/a/", "videos/b/"]
    assert [entry.key for entry in result.contents] == ["videos/top"]
    assert (result.prefix, result.delimiter, result.key_count) == ("videos/", "/", 3)
    top = ask(client, "list_objects_v2", delimiter="/")
    assert [entry.prefix for entry in top.common_prefixes] == ["other/", "videos/"]
    assert [entry.key for entry in top.contents] == ["videos!"]


@pytest.mark.parametrize("version", ["", "_v2"])
@pytest.mark.parametrize("max_keys", [1, 2, 3, 7])
@pytest.mark.parametrize("delimiter", [None, "/"])
def test_pages_join_to_the_whole_list(
    client: oss.Client, version: str, max_keys: int, delimiter: str | None
) -> None:
    keys = ["a", "a/1", "a/2", "a/ÿ", "b/1", "c", "c\U0010ffff"]
    for key in keys:
        put(client, key)
    kind = oss.ListObjectsV2Request if version else oss.ListObjectsRequest
    request = kind(bucket=BUCKET, max_keys=max_keys, delimiter=delimiter)
    seen: list[str] = []
    prefixes: list[str] = []
    pages = 0
    for page in getattr(client, f"list_objects{version}_paginator")().iter_page(request):
        pages += 1
        found = [entry.key for entry in page.contents or []]
        common = [entry.prefix for entry in page.common_prefixes or []]
        assert len(found) + len(common) <= max_keys
        seen, prefixes = seen + found, prefixes + common
    expected = keys if delimiter is None else ["a", "c", "c\U0010ffff"]
    assert (seen, prefixes) == (expected, [] if delimiter is None else ["a/", "b/"])
    assert pages == -(-(len(seen) + len(prefixes)) // max_keys)


def test_a_list_can_begin_after_a_key(client: oss.Client) -> None:
    for key in ("a", "b", "c"):
        put(client, key)
    assert keys_of(client, start_after="a") == ["b", "c"]
    assert keys_of(client, start_after="aa") == ["b", "c"]
    assert keys_of(client, start_after="c") == []
    first = ask(client, "list_objects_v2", max_keys=1)
    assert keys_of(client, continuation_token=first.next_continuation_token, start_after="b") == ["b", "c"]
    assert keys_of(client, continuation_token="", start_after="b") == ["c"]
    after = ask(client, "list_objects", marker="a", prefix="c").contents
    assert [(entry.key, entry.owner.id) for entry in after] == [("c", ACCOUNT_ID)]


@pytest.mark.parametrize(
    ("query", "argument"),
    [
        ("max-keys=0", "max-keys"),
        ("max-keys=1001", "max-keys"),
        ("max-keys=many", "max-keys"),
        ("continuation-token=%21", "continuation-token"),
        ("continuation-token=%E8%A7%86", "continuation-token"),
        ("encoding-type=base64", "encoding-type"),
    ],
)
def test_a_list_that_cannot_be_given(cloud: Oss, query: str, argument: str) -> None:
    answer = cloud.call("GET", query=f"list-type=2&{query}")
    error = answer.error()
    assert (answer.status, error["Code"], error["ArgumentName"]) == (400, "InvalidArgument", argument)


def test_several_objects_are_deleted_at_once(cloud: Oss, client: oss.Client) -> None:
    control, asked = "control \x01\x1f\r", ("a b&c", "none", "视频/1")
    for key in ("a b&c", "视频/1", "kept", control):
        put(client, key)
    for keys, quiet, told in [
        ([control], False, [control]),
        (asked, False, list(asked)),
        (asked, True, []),
    ]:
        objects = [oss.DeleteObject(key=key) for key in keys]
        result = ask(client, "delete_multiple_objects", encoding_type="url", quiet=quiet, objects=objects)
        assert [entry.key for entry in result.deleted_objects or []] == told
    assert keys_of(client) == ["kept"]
    many = b"<Delete>" + b"<Object><Key>k</Key></Object>" * 1001 + b"</Delete>"
    for body in (b"", b"<Other/>", b"<Delete/>", b"<Delete><Object/></Delete>", many):
        assert cloud.refused("POST", query="delete", body=body) == "MalformedXML"
    versions = b"<Delete><Object><Key>k</Key><VersionId>v</VersionId></Object></Delete>"
    assert cloud.call("POST", query="delete", body=versions).status == 501


def test_texts_that_are_not_utf8_match_as_bytes(cloud: Oss, client: oss.Client) -> None:
    put(client, "视频/1")
    assert b"<KeyCount>0</KeyCount>" in cloud.call("GET", query="list-type=2&prefix=%FF").body
    assert b"<KeyCount>1</KeyCount>" in cloud.call("GET", query="list-type=2&prefix=%E8").body
    cut = cloud.call("GET", query="delimiter=%A7&encoding-type=url&list-type=2").body
    assert b"<Prefix>%E8%A7</Prefix>" in cut


def test_the_independent_sdk_agrees(cloud: Oss, client: oss.Client, witness: oss2.Bucket) -> None:
    for key in ("videos/a b", "videos/椅子", "other"):
        put(client, key, b"a video")
    listed = witness.list_objects_v2(prefix="videos/")
    assert [entry.key for entry in listed.object_list] == ["videos/a b", "videos/椅子"]
    grouped = witness.list_objects_v2(delimiter="/")
    assert (grouped.prefix_list, [entry.key for entry in grouped.object_list]) == (["videos/"], ["other"])
    pages = list(oss2.ObjectIteratorV2(witness, max_keys=1))
    assert [entry.key for entry in pages] == ["other", "videos/a b", "videos/椅子"]
    info = witness.get_bucket_info()
    assert (info.name, info.owner.id, info.acl.grant) == (BUCKET, ACCOUNT_ID, "private")
    url, session = cloud.base_url, witness.session
    service = oss2.Service(witness.auth, url, session=session, region="cn-hangzhou")
    assert [bucket.name for bucket in service.list_buckets().buckets] == [BUCKET]


def test_where_a_bucket_is_and_what_it_holds(client: oss.Client) -> None:
    assert ask(client, "get_bucket_location").location == "oss-cn-hangzhou"
    empty = ask(client, "get_bucket_stat")
    assert (empty.storage, empty.object_count, empty.last_modified_time) == (0, 0, 0)
    put(client, "a", b"standard")
    put(client, "b", b"rarely", storage_class="IA")
    ask(client, "initiate_multipart_upload", key="c")
    stat = ask(client, "get_bucket_stat")
    assert (stat.storage, stat.object_count, stat.multi_part_upload_count) == (14, 2, 1)
    assert (stat.standard_storage, stat.standard_object_count) == (8, 1)
    # Of a colder class no object is billed as less than 64 KiB.
    assert (stat.infrequent_access_real_storage, stat.infrequent_access_storage) == (6, 65536)
    assert stat.infrequent_access_object_count == 1


def test_the_local_cloud_has_one_region(cloud: Oss, client: oss.Client) -> None:
    for asked in (None, "oss-cn-hangzhou"):
        (region,) = ask(client, "describe_regions", regions=asked).region_info
        assert region.region == "oss-cn-hangzhou"
        assert region.internet_endpoint == "oss-cn-hangzhou.aliyuncs.com"
    assert cloud.call("GET", None, "regions=oss-cn-beijing", bucket=None).error()["Code"] == "NoSuchRegion"


def test_buckets_have_tags_of_their_own(cloud: Oss, client: oss.Client, witness: oss2.Bucket) -> None:
    def tags() -> object:
        return witness.get_bucket_tagging().tag_set.tagging_rule

    cloud.storage.create_bucket("another")
    assert tags() == {}
    for rule in ({"team": "a", "%@abc": "++123%"}, {"team": "b", "env": "test"}):
        witness.put_bucket_tagging(oss2.models.Tagging(rule_of(rule)))
        assert tags() == rule
    for asked, found in [
        ({"tag_key": "team"}, [BUCKET]),
        ({"tag_key": "team", "tag_value": "b"}, [BUCKET]),
        ({"tag_key": "team", "tag_value": "a"}, []),
        ({"tag_key": "x"}, []),
        ({"tagging": '"team":"b","env":"test"'}, [BUCKET]),
        ({"tagging": '"team":"b","env":"live"'}, []),
    ]:
        assert buckets_of(client, **asked) == found
    assert refusal(ask, client, "list_buckets", tagging="a").code == "InvalidArgument"
    # One tag can be deleted by its key, or all.
    assert witness.delete_bucket_tagging(params={"tagging": "env"}).status == 204
    assert tags() == {"team": "b"}
    assert witness.delete_bucket_tagging().status == 204
    assert tags() == {}


@pytest.mark.parametrize(
    "tags",
    [
        [("a", "1"), ("a", "2")],
        [(f"key-{number}", "") for number in range(21)],
        [("k" * 65, "")],
        [("k", "v" * 129)],
        [("acs:team", "a")],
    ],
)
def test_tags_that_no_bucket_can_have(cloud: Oss, tags: list[tuple[str, str]]) -> None:
    tag_set = "".join(f"<Tag><Key>{key}</Key><Value>{value}</Value></Tag>" for key, value in tags)
    body = f"<Tagging><TagSet>{tag_set}</TagSet></Tagging>".encode()
    assert cloud.refused("PUT", None, "tagging", body=body) == "InvalidTag"


def rule_of(tags: dict[str, str]) -> oss2.models.TaggingRule:
    rule = oss2.models.TaggingRule()
    for key, value in tags.items():
        rule.add(key, value)
    return rule
