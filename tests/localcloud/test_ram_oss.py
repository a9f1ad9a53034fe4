"""OSS obeys RAM's policies: which operation needs which permission, and how a refusal looks."""

from __future__ import annotations

from functools import partial
from typing import Any
from xml.etree import ElementTree

import alibabacloud_oss_v2 as oss
import pytest

from localcloud.accounts import Identity
from tests.localcloud.oss_signing import sign_form
from tests.localcloud.oss_world import ask, get, put, refusal, set_tags, tagging
from tests.localcloud.ram_world import allow, deny, document
from tests.localcloud.services import ACCOUNT, Cloud

pytest_plugins = ["tests.localcloud.service_fixtures"]

KEY = "videos/a.mp4"
COPY = "copy"
Fields = dict[str, Any]

# Each operation with the permission that it needs, if that has another name, and what it is called with.
OF_OBJECT: dict[str, tuple[str, Fields]] = {
    "put_object": ("PutObject", {"body": b"a video"}),
    "get_object": ("GetObject", {}),
    "head_object": ("GetObject", {}),
    "get_object_meta": ("GetObject", {}),
    "put_object_acl": ("PutObjectAcl", {"acl": "private"}),
    "get_object_acl": ("GetObjectAcl", {}),
    "delete_object": ("DeleteObject", {}),
    "delete_multiple_objects": ("DeleteObject", {"objects": [oss.DeleteObject(key=KEY)]}),
    "get_object_tagging": ("GetObjectTagging", {}),
    "put_object_tagging": ("PutObjectTagging", {"tagging": tagging(("a", "b"))}),
    "delete_object_tagging": ("DeleteObjectTagging", {}),
}
OF_UPLOAD: dict[str, tuple[str, Fields]] = {
    "upload_part": ("PutObject", {"part_number": 1, "body": b"a video"}),
    "complete_multipart_upload": ("PutObject", {}),
    "abort_multipart_upload": ("AbortMultipartUpload", {}),
    "list_parts": ("ListParts", {}),
}
EXPIRATION = oss.LifecycleRule(status="Enabled", prefix="", expiration=oss.LifecycleRuleExpiration(days=1))
OF_BUCKET: dict[str, tuple[str, Fields]] = {
    "get_bucket_info": ("GetBucketInfo", {}),
    "list_objects": ("ListObjects", {}),
    "list_objects_v2": ("ListObjects", {}),
    "list_multipart_uploads": ("ListMultipartUploads", {}),
    "put_bucket_lifecycle": (
        "PutBucketLifecycle",
        {"lifecycle_configuration": oss.LifecycleConfiguration(rules=[EXPIRATION])},
    ),
    "get_bucket_lifecycle": ("GetBucketLifecycle", {}),
    "delete_bucket_lifecycle": ("DeleteBucketLifecycle", {}),
    "put_bucket_acl": ("PutBucketAcl", {"acl": "private"}),
    "get_bucket_acl": ("GetBucketAcl", {}),
    "get_bucket_location": ("GetBucketLocation", {}),
    "get_bucket_stat": ("GetBucketStat", {}),
    "put_bucket_tags": ("PutBucketTagging", {"tagging": tagging(("a", "b"))}),
    "get_bucket_tags": ("GetBucketTagging", {}),
    "delete_bucket_tags": ("DeleteBucketTagging", {}),
    "put_bucket_policy": (
        "PutBucketPolicy",
        {"body": document(deny("oss:GetObject", Principal=["1"]))},
    ),
    "get_bucket_policy": ("GetBucketPolicy", {}),
    "delete_bucket_policy": ("DeleteBucketPolicy", {}),
    "get_bucket_policy_status": ("GetBucketPolicyStatus", {}),
    "put_bucket_public_access_block": (
        "PutBucketPublicAccessBlock",
        {"public_access_block_configuration": oss.PublicAccessBlockConfiguration(block_public_access=True)},
    ),
    "get_bucket_public_access_block": ("GetBucketPublicAccessBlock", {}),
    "delete_bucket_public_access_block": ("DeleteBucketPublicAccessBlock", {}),
    "open_meta_query": ("OpenMetaQuery", {}),
    "get_meta_query_status": ("GetMetaQueryStatus", {}),
    "do_meta_query": (
        "DoMetaQuery",
        {
            "mode": "basic",
            "meta_query": oss.MetaQuery(query='{"Field":"Size","Operation":"gt","Value":"0"}'),
        },
    ),
    "close_meta_query": ("CloseMetaQuery", {}),
    "put_bucket": ("PutBucket", {}),
    "delete_bucket": ("DeleteBucket", {}),
}
# What has to be there before.
AFTER = {
    "get_bucket_policy": "put_bucket_policy",
    "get_bucket_lifecycle": "put_bucket_lifecycle",
    "get_meta_query_status": "open_meta_query",
    "do_meta_query": "open_meta_query",
}


@pytest.fixture
def bucket(guarded: Cloud) -> Fields:
    """The field of a request that names the bucket."""
    return {"bucket": guarded.bucket}


def everything_but(guarded: Cloud, action: str, resource: str) -> Identity:
    return guarded.caller(allow("*"), deny(action, resource))


def denied(guarded: Cloud, keys: Identity, operation: str, /, **fields: Any) -> Any:
    """The refusal of somebody who may not carry out an operation on the bucket."""
    error = refusal(ask, guarded.oss(keys), operation, **{"bucket": guarded.bucket, **fields})
    assert (error.status_code, error.code) == (403, "AccessDenied")
    return error


@pytest.mark.parametrize("operation", OF_OBJECT)
def test_an_operation_on_an_object_needs_its_permission(
    guarded: Cloud, bucket: Fields, operation: str
) -> None:
    # Given an object
    name, fields = OF_OBJECT[operation]
    action = f"oss:{name}"
    fields = {**fields, **bucket, **({} if "objects" in fields else {"key": KEY})}
    put(guarded.oss(guarded.owner), KEY, **bucket)
    # When somebody calls who may do everything else, or this to other objects, or nothing
    others = [f"oss:{known}" for known, _ in OF_OBJECT.values() if known != name]
    for keys in (
        guarded.caller(),
        guarded.caller(allow(others)),
        guarded.caller(allow(action, guarded.objects("videos/b*"))),
        guarded.caller(allow(action, f"acs:oss:*:6543210987654321:{guarded.bucket}/*")),
        guarded.caller(allow(action, f"acs:oss:*:{ACCOUNT}:{guarded.bucket}")),
        guarded.caller(allow("imm:*")),
        everything_but(guarded, action, guarded.objects(KEY)),
    ):
        # Then they are refused
        denied(guarded, keys, operation, **fields)
    # And neither who may do this and nothing else, nor the owner is
    for keys in (guarded.caller(allow(action, guarded.objects("videos/*"))), guarded.owner):
        put(guarded.oss(guarded.owner), KEY, **bucket)
        answer = ask(guarded.oss(keys), operation, **fields)
        if operation == "get_object":
            answer.body.close()


@pytest.mark.parametrize("operation", OF_BUCKET)
def test_an_operation_on_a_bucket_needs_its_permission(
    guarded: Cloud, bucket: Fields, operation: str
) -> None:
    name, fields = OF_BUCKET[operation]
    if operation in AFTER:
        ask(guarded.oss(guarded.owner), AFTER[operation], **OF_BUCKET[AFTER[operation]][1], **bucket)
    resource = f"acs:oss:*:{ACCOUNT}:{guarded.bucket}"
    for keys in (guarded.caller(), guarded.caller(allow(f"oss:{name}", f"{resource}/*"))):
        error = denied(guarded, keys, operation, **fields)
        assert error.message == "The bucket you access does not belong to you."
        assert error.ec == ("0003-00000202" if operation == "put_bucket" else "0003-00000001")
    ask(guarded.oss(guarded.caller(allow(f"oss:{name}", resource))), operation, **fields, **bucket)


@pytest.mark.parametrize("operation", OF_UPLOAD)
def test_an_operation_on_an_upload_needs_its_permission(
    guarded: Cloud, bucket: Fields, operation: str
) -> None:
    name, fields = OF_UPLOAD[operation]
    action, fields = f"oss:{name}", {**fields, **bucket, "key": KEY, "upload_id": "none"}
    for keys in (guarded.caller(), everything_but(guarded, action, guarded.objects(KEY))):
        denied(guarded, keys, operation, **fields)
    allowed = guarded.oss(guarded.caller(allow(action, guarded.objects("videos/*"))))
    assert refusal(ask, allowed, operation, **fields).code in ("NoSuchUpload", "MalformedXML")


def test_all_buckets_are_listed_by_who_may_list_all(guarded: Cloud) -> None:
    one = guarded.caller(allow("oss:ListBuckets", f"acs:oss:*:{ACCOUNT}:{guarded.bucket}"))
    error = denied(guarded, one, "list_buckets", prefix=guarded.bucket)
    assert error.ec == "0003-00000202"
    assert ElementTree.fromstring(error.snapshot).find("Bucket") is None
    everything = guarded.caller(allow("oss:ListBuckets", f"acs:oss:*:{ACCOUNT}:*"))
    assert ask(guarded.oss(everything), "list_buckets", prefix=guarded.bucket).buckets


def test_a_refusal_says_what_is_lacking(guarded: Cloud) -> None:
    # When a role does what no policy allows
    keys = guarded.caller(allow("oss:GetObject"))
    error = denied(guarded, keys, "put_object_tagging", key=KEY, tagging=tagging(("a", "b")))
    # Then the answer tells what
    root = ElementTree.fromstring(error.snapshot)
    assert error.ec == "0003-00000001"
    assert error.message == "You have no right to access this object because of bucket acl."
    detail = root.find("AccessDeniedDetail")
    assert detail is not None
    assert {element.tag: element.text for element in detail} == {
        "PolicyType": "AccountLevelIdentityBasedPolicy",
        "AuthPrincipalOwnerId": ACCOUNT,
        "AuthPrincipalType": "AssumedRoleUser",
        "AuthPrincipalDisplayName": "worker:localcloud",
        "NoPermissionType": "ImplicitDeny",
        "AuthAction": "oss:PutObjectTagging",
    }
    assert root.findtext("Bucket") == guarded.bucket
    assert root.findtext("User") == "worker:localcloud"
    assert root.findtext("HostId")


def test_a_forbidden_operation_is_refused_in_other_words(guarded: Cloud) -> None:
    keys = everything_but(guarded, "oss:PutObject", "*")
    error = denied(guarded, keys, "put_object", key=KEY, body=b"a video")
    assert (error.ec, error.message) == ("0003-00000201", "Access denied by bucket policy.")
    root = ElementTree.fromstring(error.snapshot)
    assert root.findtext("AccessDeniedDetail/NoPermissionType") == "ExplicitDeny"


def test_a_refusal_without_a_body_is_in_a_header(guarded: Cloud) -> None:
    assert denied(guarded, guarded.caller(), "head_object", key=KEY).ec == "0003-00000001"


def test_a_missing_object_is_not_told_to_who_may_not_read_it(guarded: Cloud, bucket: Fields) -> None:
    client = guarded.oss(guarded.caller(allow("oss:GetObject", guarded.objects("videos/*"))))
    assert refusal(get, client, KEY, **bucket).code == "NoSuchKey"
    assert refusal(get, client, "b", **bucket).code == "AccessDenied"


def test_an_upload_with_tags_needs_the_permission_to_tag(guarded: Cloud, bucket: Fields) -> None:
    uploads = allow("oss:PutObject", guarded.objects("videos/*"))
    # Given somebody who may upload but not tag
    client = guarded.oss(guarded.caller(uploads))
    # When the upload has tags
    error = refusal(put, client, KEY, tagging="a=b", **bucket)
    # Then it is refused, and nothing is there
    assert (error.status_code, error.code, error.ec) == (403, "AccessDenied", "0003-00000905")
    assert "oss:PutObjectTagging" in error.snapshot.decode()
    assert guarded.local.objects.stat(guarded.bucket, KEY) is None
    # But without tags, or with the permission, it is taken
    put(client, KEY, **bucket)
    tags = allow("oss:PutObjectTagging", guarded.objects(KEY))
    put(guarded.oss(guarded.caller(uploads, tags)), KEY, tagging="a=b", **bucket)


def test_a_large_upload_needs_the_permission_to_put_objects_and_to_tag_them(
    guarded: Cloud, bucket: Fields
) -> None:
    uploads = allow("oss:PutObject", guarded.objects("videos/*"))
    # Given somebody who may upload but not tag
    client = guarded.oss(guarded.caller(uploads))
    of_object = {**bucket, "key": KEY}
    initiate = "initiate_multipart_upload"
    assert refusal(ask, client, initiate, tagging="a=b", **of_object).ec == "0003-00000905"
    # Then an upload without tags is all theirs, from its beginning to the object
    of_upload = {**of_object, "upload_id": ask(client, initiate, **of_object).upload_id}
    part = ask(client, "upload_part", part_number=1, body=b"a video", **of_upload)
    listed = oss.CompleteMultipartUpload(parts=[oss.UploadPart(part_number=1, etag=part.etag)])
    ask(client, "complete_multipart_upload", complete_multipart_upload=listed, **of_upload)
    # And with tags it is theirs who may tag
    tags = allow("oss:PutObjectTagging", guarded.objects(KEY))
    ask(guarded.oss(guarded.caller(uploads, tags)), initiate, tagging="a=b", **of_object)
    coloured = {"StringEquals": {"oss:RequestObjectTag/a": "b"}}
    either = guarded.oss(guarded.caller(allow("oss:*", Condition=coloured)))
    ask(either, initiate, tagging="a=b", **of_object)
    assert refusal(ask, either, initiate, tagging="a=c", **of_object).code == "AccessDenied"


def test_an_append_and_a_form_need_the_permission_to_put_objects(guarded: Cloud) -> None:
    def post(keys: Identity) -> int:
        policy = {"expiration": "2099-01-01T00:00:00Z", "conditions": [{"bucket": guarded.bucket}]}
        url, file = f"{guarded.local.endpoints.oss}/{guarded.bucket}", {"file": ("a", b"a video")}
        fields = {"key": KEY, **sign_form(keys, policy)}
        return guarded.session.post(url, data=fields, files=file, timeout=30).status_code

    other = guarded.caller(name="other")
    uploader = guarded.caller(allow("oss:PutObject", guarded.objects(KEY)))
    append = {"key": KEY, "position": 0, "body": b"a video"}
    denied(guarded, other, "append_object", **append)
    ask(guarded.oss(uploader), "append_object", bucket=guarded.bucket, **append)
    assert (post(other), post(uploader)) == (403, 204)


def test_a_restoration_needs_its_permission(guarded: Cloud, bucket: Fields) -> None:
    put(guarded.oss(guarded.owner), KEY, storage_class="Archive", **bucket)
    denied(guarded, everything_but(guarded, "oss:RestoreObject", "*"), "restore_object", key=KEY)
    keys = guarded.caller(allow("oss:RestoreObject", guarded.objects(KEY)))
    ask(guarded.oss(keys), "restore_object", key=KEY, **bucket)


def test_a_part_is_copied_by_who_may_read_its_source(guarded: Cloud, bucket: Fields) -> None:
    put(guarded.oss(guarded.owner), KEY, **bucket)
    of_copy = {"key": COPY, "upload_id": "none", "part_number": 1, "source_key": KEY}
    of_copy["source_bucket"] = guarded.bucket
    reads = allow("oss:GetObject", guarded.objects(KEY))
    writes = allow("oss:PutObject", guarded.objects(COPY))
    for statement in (reads, writes):
        denied(guarded, guarded.caller(statement), "upload_part_copy", **of_copy)
    both = guarded.oss(guarded.caller(reads, writes))
    assert refusal(ask, both, "upload_part_copy", **of_copy, **bucket).code == "NoSuchUpload"


def test_tags_that_cannot_be_read_are_refused_as_such(guarded: Cloud, bucket: Fields) -> None:
    client = guarded.oss(guarded.caller(allow("oss:PutObject")))
    error = refusal(put, client, KEY, tagging="a=b=c", **bucket)
    assert (error.status_code, error.code) == (400, "InvalidArgument")


def test_the_number_of_tags_is_told_to_who_may_read_them(guarded: Cloud, bucket: Fields) -> None:
    put(guarded.oss(guarded.owner), KEY, tagging="a=b&c=d", **bucket)

    def counts(keys: Identity) -> list[int | None]:
        told = ask(guarded.oss(keys), "head_object", key=KEY, **bucket)
        got = ask(guarded.oss(keys), "get_object", key=KEY, **bucket)
        with got.body:
            return [told.tagging_count, got.tagging_count]

    reads = allow("oss:GetObject")
    assert counts(guarded.owner) == [2, 2]
    assert counts(guarded.caller(reads)) == [None, None]
    assert counts(guarded.caller(reads, allow("oss:GetObjectTagging", guarded.objects(KEY)))) == [2, 2]


OF_COPY = [("oss:GetObject", KEY), ("oss:PutObject", COPY)]
OF_TAGS = [("oss:GetObjectTagging", KEY), ("oss:PutObjectTagging", COPY)]


@pytest.mark.parametrize(
    ("tagged", "options", "needs"),
    [
        (False, {}, OF_COPY),
        (True, {}, OF_COPY + OF_TAGS),
        (True, {"tagging_directive": "Replace"}, OF_COPY),
        (True, {"tagging_directive": "Replace", "tagging": "c=d"}, OF_COPY + OF_TAGS),
    ],
)
def test_a_copy_needs_permissions_on_both_sides(
    guarded: Cloud, bucket: Fields, tagged: bool, options: Fields, needs: list[tuple[str, str]]
) -> None:
    put(guarded.oss(guarded.owner), KEY, tagging="a=b" if tagged else None, **bucket)
    statements = [allow(action, guarded.objects(path)) for action, path in needs]
    of_copy = {"key": COPY, "source_key": KEY, **options}
    for number, (action, _) in enumerate(needs):
        keys = guarded.caller(*statements[:number], *statements[number + 1 :])
        error = denied(guarded, keys, "copy_object", **of_copy)
        assert f"<AuthAction>{action}</AuthAction>" in error.snapshot.decode()
    ask(guarded.oss(guarded.caller(*statements)), "copy_object", **of_copy, **bucket)


def test_a_copy_of_what_is_not_there_needs_permissions_too(guarded: Cloud, bucket: Fields) -> None:
    of_copy = {"key": COPY, "source_key": "none"}
    denied(guarded, guarded.caller(), "copy_object", **of_copy)
    client = guarded.oss(guarded.caller(allow("oss:*")))
    assert refusal(ask, client, "copy_object", **of_copy, **bucket).code == "NoSuchKey"


def test_objects_are_told_apart_by_the_tags_that_they_have(guarded: Cloud, bucket: Fields) -> None:
    public = {"StringEquals": {"oss:ExistingObjectTag/level": "public"}}
    reads = allow(["oss:GetObject", "oss:GetObjectTagging"], Condition=public)
    client = guarded.oss(guarded.caller(reads))
    for tags in ("level=secret", None):
        put(guarded.oss(guarded.owner), KEY, tagging=tags, **bucket)
        assert refusal(get, client, KEY, **bucket).code == "AccessDenied"
    put(guarded.oss(guarded.owner), KEY, tagging="level=public", **bucket)
    assert get(client, KEY, **bucket) == b"a video"
    assert ask(client, "head_object", key=KEY, **bucket).tagging_count == 1


def test_requests_are_told_apart_by_the_tags_that_they_carry(guarded: Cloud, bucket: Fields) -> None:
    team = {"StringLike": {"oss:RequestObjectTag/team": "a*"}}
    client = guarded.oss(guarded.caller(allow(["oss:PutObject", "oss:PutObjectTagging"], Condition=team)))
    for tags in (None, "team=b"):
        assert refusal(put, client, KEY, tagging=tags, **bucket).code == "AccessDenied"
    put(client, KEY, tagging="team=alpha", **bucket)
    for tag in (("team", "b"), ("other", "a")):
        assert refusal(set_tags, client, KEY, [tag], **bucket).code == "AccessDenied"
    set_tags(client, KEY, [("team", "a")], **bucket)


def test_listings_are_told_apart_by_their_prefix_and_delimiter(guarded: Cloud, bucket: Fields) -> None:
    folder = {"StringEquals": {"oss:Prefix": ["videos/", "images/"], "oss:Delimiter": "/"}}
    client = guarded.oss(guarded.caller(allow("oss:ListObjects", Condition=folder)))
    listed = partial(ask, client, "list_objects_v2", **bucket)
    for fields in ({}, {"prefix": "videos/"}, {"prefix": "audio/", "delimiter": "/"}):
        assert refusal(listed, **fields).code == "AccessDenied"
    listed(prefix="videos/", delimiter="/")


@pytest.mark.parametrize(
    ("condition", "allowed"),
    [
        ({"IpAddress": {"acs:SourceIp": ["10.0.0.0/8", "127.0.0.1"]}}, True),
        ({"NotIpAddress": {"acs:SourceIp": "127.0.0.0/8"}}, False),
        ({"Bool": {"acs:SecureTransport": "true"}}, False),
        ({"DateGreaterThan": {"acs:CurrentTime": "2020-01-01T00:00:00Z"}}, True),
    ],
)
def test_requests_are_told_apart_by_where_they_come_from_how_and_when(
    guarded: Cloud, bucket: Fields, condition: Fields, allowed: bool
) -> None:
    client = guarded.oss(guarded.caller(allow("oss:PutObject", Condition=condition)))
    if allowed:
        put(client, KEY, **bucket)
    else:
        assert refusal(put, client, KEY, **bucket).code == "AccessDenied"


def test_a_user_may_do_what_its_policies_allow(guarded: Cloud, bucket: Fields) -> None:
    policies = {"uploads": document(allow("oss:PutObject"))}
    user = guarded.local.call(guarded.local.access.put_user, "uploader", policies)
    put(guarded.oss(user.keys), KEY, **bucket)
    error = refusal(get, guarded.oss(user.keys), KEY, **bucket)
    assert ElementTree.fromstring(error.snapshot).findtext("User") == user.user_id
