"""Buckets, and the lists of what is in them."""

from __future__ import annotations

from datetime import datetime, timedelta, timezone

import alibabacloud_oss_v2 as oss
import oss2
import pytest

from localcloud.oss.protocol.errors import OssError
from tests.localcloud.oss_world import ACCOUNT_ID, BUCKET, Oss, StartOss, official_client, put, refusal

pytest_plugins = ["tests.localcloud.oss_fixtures"]

INVALID_NAMES = ["ab", "a" * 64, "Media", "media_1", "-media", "media-", "me.dia", "媒体"]


def keys_of(client: oss.Client, **options: object) -> list[str]:
    result = client.list_objects_v2(oss.ListObjectsV2Request(bucket=BUCKET, **options))
    return [entry.key for entry in result.contents or []]


def test_a_bucket_is_made_and_described(cloud: Oss, client: oss.Client) -> None:
    client.put_bucket(oss.PutBucketRequest(bucket="another", acl="private"))
    info = client.get_bucket_info(oss.GetBucketInfoRequest(bucket="another")).bucket_info
    assert (info.name, info.location, info.storage_class) == ("another", "oss-cn-hangzhou", "Standard")
    assert (info.owner.id, info.acl, info.data_redundancy_type) == (ACCOUNT_ID, "private", "LRS")
    assert info.extranet_endpoint == "oss-cn-hangzhou.aliyuncs.com"
    assert info.intranet_endpoint == "oss-cn-hangzhou-internal.aliyuncs.com"
    assert abs(info.creation_date - datetime.now(timezone.utc)) < timedelta(minutes=1)


def test_the_owner_may_make_a_bucket_again(client: oss.Client) -> None:
    put(client, "a")
    client.put_bucket(oss.PutBucketRequest(bucket=BUCKET))
    assert keys_of(client) == ["a"]


def test_a_bucket_has_a_storage_class_and_one_kind_of_redundancy(cloud: Oss, client: oss.Client) -> None:
    configuration = oss.CreateBucketConfiguration(storage_class="Standard", data_redundancy_type="LRS")
    client.put_bucket(oss.PutBucketRequest(bucket="another", create_bucket_configuration=configuration))
    for body, status, code in [
        (
            b"<CreateBucketConfiguration><DataRedundancyType>ZRS</DataRedundancyType>"
            b"</CreateBucketConfiguration>",
            501,
            "NotImplemented",
        ),
        (
            b"<CreateBucketConfiguration><StorageClass>Warm</StorageClass></CreateBucketConfiguration>",
            400,
            "InvalidArgument",
        ),
        (b"<Other/>", 400, "MalformedXML"),
        (b"<CreateBucketConfiguration>", 400, "MalformedXML"),
        (b"\xff", 400, "MalformedXML"),
    ]:
        answer = cloud.call("PUT", bucket="third", body=body)
        assert (answer.status, answer.error()["Code"]) == (status, code)
    assert (
        refusal(lambda: client.get_bucket_info(oss.GetBucketInfoRequest(bucket="third"))).status_code == 404
    )


def test_what_is_written_has_the_class_of_its_bucket_or_its_own(cloud: Oss, client: oss.Client) -> None:
    configuration = oss.CreateBucketConfiguration(storage_class="IA")
    client.put_bucket(oss.PutBucketRequest(bucket="rarely", create_bucket_configuration=configuration))
    info = client.get_bucket_info(oss.GetBucketInfoRequest(bucket="rarely")).bucket_info
    assert info.storage_class == "IA"
    for key, asked in [("a", None), ("b", "Archive"), ("c", "Standard")]:
        request = oss.PutObjectRequest(bucket="rarely", key=key, body=b"v", storage_class=asked)
        client.put_object(request)
    listed = client.list_objects_v2(oss.ListObjectsV2Request(bucket="rarely")).contents
    assert [(entry.key, entry.storage_class) for entry in listed] == [
        ("a", "IA"),
        ("b", "Archive"),
        ("c", "Standard"),
    ]
    # An archived object is known, and its tags can be set, but it cannot be read before it is restored.
    head = client.head_object(oss.HeadObjectRequest(bucket="rarely", key="b"))
    assert head.storage_class == "Archive"
    copied = oss.CopyObjectRequest(bucket=BUCKET, key="b", source_bucket="rarely", source_key="b")
    for call in (
        lambda: client.get_object(oss.GetObjectRequest(bucket="rarely", key="b")),
        lambda: client.copy_object(copied),
    ):
        error = refusal(call)
        assert (error.status_code, error.code) == (403, "InvalidObjectState")
    # A copy is of the class of its own bucket.
    client.copy_object(oss.CopyObjectRequest(bucket=BUCKET, key="a", source_bucket="rarely", source_key="a"))
    assert client.head_object(oss.HeadObjectRequest(bucket=BUCKET, key="a")).storage_class == "Standard"
    refused = cloud.call("PUT", "d", headers={"x-oss-storage-class": "Warm"})
    assert (refused.status, refused.error()["Code"]) == (400, "InvalidArgument")


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
    result = client.list_buckets(oss.ListBucketsRequest())
    assert [bucket.name for bucket in result.buckets] == ["archive", "media", "media-2", "media-3"]
    assert (result.owner.id, result.is_truncated) == (ACCOUNT_ID, False)
    assert {(bucket.region, bucket.location) for bucket in result.buckets} == {
        ("cn-hangzhou", "oss-cn-hangzhou")
    }
    first = client.list_buckets(oss.ListBucketsRequest(prefix="media", max_keys=2))
    assert ([bucket.name for bucket in first.buckets], first.is_truncated) == (["media", "media-2"], True)
    rest = client.list_buckets(oss.ListBucketsRequest(prefix="media", max_keys=2, marker=first.next_marker))
    assert ([bucket.name for bucket in rest.buckets], rest.is_truncated) == (["media-3"], False)


def test_an_account_without_buckets(start_oss: StartOss) -> None:
    with start_oss(bucket=None) as cloud, official_client(cloud) as client:
        assert client.list_buckets(oss.ListBucketsRequest()).buckets is None


def test_only_an_empty_bucket_can_be_deleted(client: oss.Client) -> None:
    put(client, "a")
    error = refusal(lambda: client.delete_bucket(oss.DeleteBucketRequest(bucket=BUCKET)))
    assert (error.status_code, error.code, error.ec) == (409, "BucketNotEmpty", "0015-00000301")
    client.delete_object(oss.DeleteObjectRequest(bucket=BUCKET, key="a"))
    assert client.delete_bucket(oss.DeleteBucketRequest(bucket=BUCKET)).status_code == 204
    error = refusal(lambda: put(client, "a"))
    assert (error.status_code, error.code, error.ec) == (404, "NoSuchBucket", "0015-00000101")
    assert error.error_fileds["BucketName"] == BUCKET


def test_objects_are_listed_in_the_order_of_their_bytes(client: oss.Client) -> None:
    for key in ("b", "a/2", "a", "Z", "é", "a/10", "视频"):
        put(client, key)
    assert keys_of(client) == ["Z", "a", "a/10", "a/2", "b", "é", "视频"]


def test_what_a_list_says_of_an_object(cloud: Oss, client: oss.Client) -> None:
    put(client, "a&b c", b"a video")
    result = client.list_objects_v2(oss.ListObjectsV2Request(bucket=BUCKET, fetch_owner=True))
    (entry,) = result.contents
    head = client.head_object(oss.HeadObjectRequest(bucket=BUCKET, key="a&b c"))
    assert (entry.key, entry.size, entry.etag) == ("a&b c", 7, head.etag)
    assert (entry.object_type, entry.storage_class) == ("Normal", "Standard")
    assert entry.last_modified == head.last_modified
    assert (entry.owner.id, entry.owner.display_name) == (ACCOUNT_ID, ACCOUNT_ID)
    assert b"<Owner>" not in cloud.call("GET", query="list-type=2&fetch-owner=false").body
    assert (result.name, result.key_count, result.max_keys, result.is_truncated) == (BUCKET, 1, 100, False)
    # Without an encoding, keys stand in the document as they are.
    assert b"<Key>a&amp;b c</Key>" in cloud.call("GET", query="list-type=2").body


def test_prefixes_and_delimiters(client: oss.Client) -> None:
    for key in ("videos/a/1", "videos/a/2", "videos/b/1", "videos/top", "videos!", "other/1"):
        put(client, key)
    assert keys_of(client, prefix="videos/") == ["videos/a/1", "videos/a/2", "videos/b/1", "videos/top"]
    result = client.list_objects_v2(oss.ListObjectsV2Request(bucket=BUCKET, prefix="videos/", delimiter="/"))
    assert [entry.prefix for entry in result.common_prefixes] == ["videos/a/", "videos/b/"]
    assert [entry.key for entry in result.contents] == ["videos/top"]
    assert (result.prefix, result.delimiter, result.key_count) == ("videos/", "/", 3)
    top = client.list_objects_v2(oss.ListObjectsV2Request(bucket=BUCKET, delimiter="/"))
    assert [entry.prefix for entry in top.common_prefixes] == ["other/", "videos/"]
    assert [entry.key for entry in top.contents] == ["videos!"]


@pytest.mark.parametrize("max_keys", [1, 2, 3, 7])
@pytest.mark.parametrize("delimiter", [None, "/"])
def test_pages_join_to_the_whole_list(client: oss.Client, max_keys: int, delimiter: str | None) -> None:
    keys = ["a", "a/1", "a/2", "a/ÿ", "b/1", "c", "c\U0010ffff"]
    for key in keys:
        put(client, key)
    request = oss.ListObjectsV2Request(bucket=BUCKET, max_keys=max_keys, delimiter=delimiter)
    seen, prefixes, pages = [], [], 0
    for page in client.list_objects_v2_paginator().iter_page(request):
        pages += 1
        assert page.key_count <= max_keys
        seen += [entry.key for entry in page.contents or []]
        prefixes += [entry.prefix for entry in page.common_prefixes or []]
    expected = keys if delimiter is None else ["a", "c", "c\U0010ffff"]
    assert (seen, prefixes) == (expected, [] if delimiter is None else ["a/", "b/"])
    assert pages == -(-(len(seen) + len(prefixes)) // max_keys)


def test_a_list_can_begin_after_a_key(client: oss.Client) -> None:
    for key in ("a", "b", "c"):
        put(client, key)
    assert keys_of(client, start_after="a") == ["b", "c"]
    assert keys_of(client, start_after="aa") == ["b", "c"]
    assert keys_of(client, start_after="c") == []
    first = client.list_objects_v2(oss.ListObjectsV2Request(bucket=BUCKET, max_keys=1))
    assert keys_of(client, continuation_token=first.next_continuation_token, start_after="b") == ["b", "c"]
    assert keys_of(client, continuation_token="", start_after="b") == ["c"]


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


@pytest.mark.parametrize("max_keys", [1, 2, 3, 7])
@pytest.mark.parametrize("delimiter", [None, "/"])
def test_the_first_version_of_listing_joins_too(
    client: oss.Client, max_keys: int, delimiter: str | None
) -> None:
    keys = ["a", "a/1", "a/2", "a/ÿ", "b/1", "c", "c\U0010ffff"]
    for key in keys:
        put(client, key)
    request = oss.ListObjectsRequest(bucket=BUCKET, max_keys=max_keys, delimiter=delimiter)
    seen, prefixes = [], []
    for page in client.list_objects_paginator().iter_page(request):
        found = page.contents or []
        seen += [entry.key for entry in found]
        prefixes += [entry.prefix for entry in page.common_prefixes or []]
        assert all(entry.owner.id == ACCOUNT_ID for entry in found)
        assert len(found) + len(page.common_prefixes or []) <= max_keys
    expected = keys if delimiter is None else ["a", "c", "c\U0010ffff"]
    assert (seen, prefixes) == (expected, [] if delimiter is None else ["a/", "b/"])
    after = client.list_objects(oss.ListObjectsRequest(bucket=BUCKET, marker="b/1", prefix="c"))
    assert [entry.key for entry in after.contents] == ["c", "c\U0010ffff"]


def test_several_objects_are_deleted_at_once(cloud: Oss, client: oss.Client) -> None:
    control = "control \x01\x1f\r"
    for key in ("a b&c", "视频/1", "kept", control):
        put(client, key)
    one = oss.DeleteMultipleObjectsRequest(
        bucket=BUCKET, encoding_type="url", objects=[oss.DeleteObject(key=control)]
    )
    assert [entry.key for entry in client.delete_multiple_objects(one).deleted_objects] == [control]
    for quiet, told in [(False, ["a b&c", "none", "视频/1"]), (True, [])]:
        request = oss.DeleteMultipleObjectsRequest(
            bucket=BUCKET,
            encoding_type="url",
            quiet=quiet,
            objects=[oss.DeleteObject(key=key) for key in ("a b&c", "none", "视频/1")],
        )
        result = client.delete_multiple_objects(request)
        assert [entry.key for entry in result.deleted_objects or []] == told
    assert keys_of(client) == ["kept"]
    for body in (b"", b"<Other/>", b"<Delete/>", b"<Delete><Object/></Delete>"):
        answer = cloud.call("POST", query="delete", body=body)
        assert (answer.status, answer.error()["Code"]) == (400, "MalformedXML")
    many = b"<Delete>" + b"<Object><Key>k</Key></Object>" * 1001 + b"</Delete>"
    assert cloud.call("POST", query="delete", body=many).status == 400
    versions = b"<Delete><Object><Key>k</Key><VersionId>v</VersionId></Object></Delete>"
    assert cloud.call("POST", query="delete", body=versions).status == 501


def test_texts_that_are_not_utf8_match_as_bytes(cloud: Oss, client: oss.Client) -> None:
    put(client, "视频/1")
    assert b"<KeyCount>0</KeyCount>" in cloud.call("GET", query="list-type=2&prefix=%FF").body
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
    service = oss2.Service(
        witness.auth, cloud.serving.base_url, session=witness.session, region="cn-hangzhou"
    )
    assert [bucket.name for bucket in service.list_buckets().buckets] == [BUCKET]


def test_where_a_bucket_is_and_what_it_holds(cloud: Oss, client: oss.Client) -> None:
    location = client.get_bucket_location(oss.GetBucketLocationRequest(bucket=BUCKET))
    assert location.location == "oss-cn-hangzhou"
    empty = client.get_bucket_stat(oss.GetBucketStatRequest(bucket=BUCKET))
    assert (empty.storage, empty.object_count, empty.last_modified_time) == (0, 0, 0)
    put(client, "a", b"standard")
    put(client, "b", b"rarely", storage_class="IA")
    client.initiate_multipart_upload(oss.InitiateMultipartUploadRequest(bucket=BUCKET, key="c"))
    stat = client.get_bucket_stat(oss.GetBucketStatRequest(bucket=BUCKET))
    assert (stat.storage, stat.object_count, stat.multi_part_upload_count) == (14, 2, 1)
    assert (stat.standard_storage, stat.standard_object_count) == (8, 1)
    # Of a colder class no object is billed as less than 64 KiB.
    assert (stat.infrequent_access_real_storage, stat.infrequent_access_storage) == (6, 65536)
    assert stat.infrequent_access_object_count == 1


def test_the_local_cloud_has_one_region(cloud: Oss, client: oss.Client) -> None:
    for asked in (None, "oss-cn-hangzhou"):
        (region,) = client.describe_regions(oss.DescribeRegionsRequest(regions=asked)).region_info
        assert (region.region, region.internet_endpoint) == (
            "oss-cn-hangzhou",
            "oss-cn-hangzhou.aliyuncs.com",
        )
    assert cloud.call("GET", None, "regions=oss-cn-beijing", bucket=None).error()["Code"] == "NoSuchRegion"


def test_buckets_have_tags_of_their_own(cloud: Oss, client: oss.Client, witness: oss2.Bucket) -> None:
    cloud.storage.create_bucket("another")
    assert witness.get_bucket_tagging().tag_set.tagging_rule == {}
    for tags in ({"team": "a", "%@abc": "++123%"}, {"team": "b"}):
        witness.put_bucket_tagging(oss2.models.Tagging(rule_of(tags)))
        assert witness.get_bucket_tagging().tag_set.tagging_rule == tags
    for key, value, found in [
        ("team", None, [BUCKET]),
        ("team", "b", [BUCKET]),
        ("team", "a", None),
        ("x", None, None),
    ]:
        listed = client.list_buckets(oss.ListBucketsRequest(tag_key=key, tag_value=value)).buckets
        assert (listed and [bucket.name for bucket in listed]) == found
    both = rule_of({"team": "b", "env": "test"})
    witness.put_bucket_tagging(oss2.models.Tagging(both))
    for tagging, found in [('"team":"b","env":"test"', [BUCKET]), ('"team":"b","env":"live"', None)]:
        listed = client.list_buckets(oss.ListBucketsRequest(tagging=tagging)).buckets
        assert (listed and [bucket.name for bucket in listed]) == found
    assert refusal(lambda: client.list_buckets(oss.ListBucketsRequest(tagging="a"))).code == "InvalidArgument"
    # One tag can be deleted by its key.
    assert witness.delete_bucket_tagging(params={"tagging": "env"}).status == 204
    assert witness.get_bucket_tagging().tag_set.tagging_rule == {"team": "b"}
    assert witness.delete_bucket_tagging().status == 204
    assert witness.get_bucket_tagging().tag_set.tagging_rule == {}


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
    answer = cloud.call("PUT", None, "tagging", body=body)
    assert (answer.status, answer.error()["Code"]) == (400, "InvalidTag")


def rule_of(tags: dict[str, str]) -> oss2.models.TaggingRule:
    rule = oss2.models.TaggingRule()
    for key, value in tags.items():
        rule.add(key, value)
    return rule
