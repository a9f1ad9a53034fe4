"""OSS obeys RAM's policies: which operation needs which permission, and how a refusal looks."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Any
from xml.etree import ElementTree

import alibabacloud_oss_v2 as oss
import pytest

from localcloud.accounts import Identity
from tests.localcloud.oss_signing import sign_form
from tests.localcloud.oss_world import refusal
from tests.localcloud.ram_world import allow, deny, document
from tests.localcloud.services import ACCOUNT, Cloud

pytest_plugins = ["tests.localcloud.service_fixtures"]

KEY = "videos/a.mp4"
Call = Callable[[oss.Client, str], object]


def put(client: oss.Client, bucket: str, key: str = KEY, **options: Any) -> object:
    return client.put_object(oss.PutObjectRequest(bucket=bucket, key=key, body=b"a video", **options))


def put_tags(client: oss.Client, bucket: str, **tags: str) -> object:
    tag_set = oss.TagSet(tags=[oss.Tag(key=key, value=value) for key, value in tags.items()])
    request = oss.PutObjectTaggingRequest(bucket=bucket, key=KEY, tagging=oss.Tagging(tag_set=tag_set))
    return client.put_object_tagging(request)


def read(client: oss.Client, bucket: str, key: str = KEY) -> bytes:
    with client.get_object(oss.GetObjectRequest(bucket=bucket, key=key)).body as stream:
        content: bytes = stream.content
    return content


def copy(client: oss.Client, bucket: str, **options: Any) -> object:
    request = oss.CopyObjectRequest(bucket=bucket, key="copy", source_key=KEY, **options)
    return client.copy_object(request)


OF_OBJECT: dict[str, tuple[str, Call]] = {
    "PutObject": ("oss:PutObject", put),
    "GetObject": ("oss:GetObject", read),
    "HeadObject": (
        "oss:GetObject",
        lambda client, bucket: client.head_object(oss.HeadObjectRequest(bucket=bucket, key=KEY)),
    ),
    "GetObjectMeta": (
        "oss:GetObject",
        lambda client, bucket: client.get_object_meta(oss.GetObjectMetaRequest(bucket=bucket, key=KEY)),
    ),
    "PutObjectAcl": (
        "oss:PutObjectAcl",
        lambda client, bucket: client.put_object_acl(
            oss.PutObjectAclRequest(bucket=bucket, key=KEY, acl="private")
        ),
    ),
    "GetObjectAcl": (
        "oss:GetObjectAcl",
        lambda client, bucket: client.get_object_acl(oss.GetObjectAclRequest(bucket=bucket, key=KEY)),
    ),
    "DeleteObject": (
        "oss:DeleteObject",
        lambda client, bucket: client.delete_object(oss.DeleteObjectRequest(bucket=bucket, key=KEY)),
    ),
    "DeleteMultipleObjects": (
        "oss:DeleteObject",
        lambda client, bucket: client.delete_multiple_objects(
            oss.DeleteMultipleObjectsRequest(bucket=bucket, objects=[oss.DeleteObject(key=KEY)])
        ),
    ),
    "GetObjectTagging": (
        "oss:GetObjectTagging",
        lambda client, bucket: client.get_object_tagging(oss.GetObjectTaggingRequest(bucket=bucket, key=KEY)),
    ),
    "PutObjectTagging": ("oss:PutObjectTagging", lambda client, bucket: put_tags(client, bucket, a="b")),
    "DeleteObjectTagging": (
        "oss:DeleteObjectTagging",
        lambda client, bucket: client.delete_object_tagging(
            oss.DeleteObjectTaggingRequest(bucket=bucket, key=KEY)
        ),
    ),
}


def initiate(client: oss.Client, bucket: str, **options: Any) -> str:
    request = oss.InitiateMultipartUploadRequest(bucket=bucket, key=KEY, **options)
    return str(client.initiate_multipart_upload(request).upload_id)


def parts(client: oss.Client, bucket: str, upload_id: str = "none") -> object:
    return client.list_parts(oss.ListPartsRequest(bucket=bucket, key=KEY, upload_id=upload_id))


def part(client: oss.Client, bucket: str, upload_id: str = "none") -> str:
    request = oss.UploadPartRequest(
        bucket=bucket, key=KEY, upload_id=upload_id, part_number=1, body=b"a video"
    )
    return str(client.upload_part(request).etag)


def part_copy(client: oss.Client, bucket: str, upload_id: str = "none") -> object:
    return client.upload_part_copy(
        oss.UploadPartCopyRequest(
            bucket=bucket,
            key="copy",
            upload_id=upload_id,
            part_number=1,
            source_bucket=bucket,
            source_key=KEY,
        )
    )


def complete(client: oss.Client, bucket: str, upload_id: str = "none", etag: str = "") -> object:
    listed = oss.CompleteMultipartUpload(parts=[oss.UploadPart(part_number=1, etag=etag)])
    return client.complete_multipart_upload(
        oss.CompleteMultipartUploadRequest(
            bucket=bucket, key=KEY, upload_id=upload_id, complete_multipart_upload=listed
        )
    )


def abort(client: oss.Client, bucket: str, upload_id: str = "none") -> object:
    return client.abort_multipart_upload(
        oss.AbortMultipartUploadRequest(bucket=bucket, key=KEY, upload_id=upload_id)
    )


OF_UPLOAD: dict[str, tuple[str, Call]] = {
    "UploadPart": ("oss:PutObject", part),
    "CompleteMultipartUpload": ("oss:PutObject", complete),
    "AbortMultipartUpload": ("oss:AbortMultipartUpload", abort),
    "ListParts": ("oss:ListParts", parts),
}
OF_BUCKET: dict[str, tuple[str, Call]] = {
    "GetBucketInfo": (
        "oss:GetBucketInfo",
        lambda client, bucket: client.get_bucket_info(oss.GetBucketInfoRequest(bucket=bucket)),
    ),
    "ListObjects": (
        "oss:ListObjects",
        lambda client, bucket: client.list_objects(oss.ListObjectsRequest(bucket=bucket)),
    ),
    "ListObjectsV2": (
        "oss:ListObjects",
        lambda client, bucket: client.list_objects_v2(oss.ListObjectsV2Request(bucket=bucket)),
    ),
    "ListMultipartUploads": (
        "oss:ListMultipartUploads",
        lambda client, bucket: client.list_multipart_uploads(oss.ListMultipartUploadsRequest(bucket=bucket)),
    ),
    "PutBucketLifecycle": (
        "oss:PutBucketLifecycle",
        lambda client, bucket: client.put_bucket_lifecycle(
            oss.PutBucketLifecycleRequest(
                bucket=bucket,
                lifecycle_configuration=oss.LifecycleConfiguration(
                    rules=[
                        oss.LifecycleRule(
                            status="Enabled", prefix="", expiration=oss.LifecycleRuleExpiration(days=1)
                        )
                    ]
                ),
            )
        ),
    ),
    "GetBucketLifecycle": (
        "oss:GetBucketLifecycle",
        lambda client, bucket: client.get_bucket_lifecycle(oss.GetBucketLifecycleRequest(bucket=bucket)),
    ),
    "DeleteBucketLifecycle": (
        "oss:DeleteBucketLifecycle",
        lambda client, bucket: client.delete_bucket_lifecycle(
            oss.DeleteBucketLifecycleRequest(bucket=bucket)
        ),
    ),
    "PutBucketAcl": (
        "oss:PutBucketAcl",
        lambda client, bucket: client.put_bucket_acl(oss.PutBucketAclRequest(bucket=bucket, acl="private")),
    ),
    "GetBucketAcl": (
        "oss:GetBucketAcl",
        lambda client, bucket: client.get_bucket_acl(oss.GetBucketAclRequest(bucket=bucket)),
    ),
    "GetBucketLocation": (
        "oss:GetBucketLocation",
        lambda client, bucket: client.get_bucket_location(oss.GetBucketLocationRequest(bucket=bucket)),
    ),
    "GetBucketStat": (
        "oss:GetBucketStat",
        lambda client, bucket: client.get_bucket_stat(oss.GetBucketStatRequest(bucket=bucket)),
    ),
    "PutBucketTags": (
        "oss:PutBucketTagging",
        lambda client, bucket: client.put_bucket_tags(
            oss.PutBucketTagsRequest(
                bucket=bucket, tagging=oss.Tagging(tag_set=oss.TagSet(tags=[oss.Tag(key="a", value="b")]))
            )
        ),
    ),
    "GetBucketTags": (
        "oss:GetBucketTagging",
        lambda client, bucket: client.get_bucket_tags(oss.GetBucketTagsRequest(bucket=bucket)),
    ),
    "DeleteBucketTags": (
        "oss:DeleteBucketTagging",
        lambda client, bucket: client.delete_bucket_tags(oss.DeleteBucketTagsRequest(bucket=bucket)),
    ),
    "PutBucketPolicy": (
        "oss:PutBucketPolicy",
        lambda client, bucket: client.put_bucket_policy(
            oss.PutBucketPolicyRequest(bucket=bucket, body=document(deny("oss:GetObject", Principal=["1"])))
        ),
    ),
    "GetBucketPolicy": (
        "oss:GetBucketPolicy",
        lambda client, bucket: client.get_bucket_policy(oss.GetBucketPolicyRequest(bucket=bucket)),
    ),
    "DeleteBucketPolicy": (
        "oss:DeleteBucketPolicy",
        lambda client, bucket: client.delete_bucket_policy(oss.DeleteBucketPolicyRequest(bucket=bucket)),
    ),
    "GetBucketPolicyStatus": (
        "oss:GetBucketPolicyStatus",
        lambda client, bucket: client.get_bucket_policy_status(
            oss.GetBucketPolicyStatusRequest(bucket=bucket)
        ),
    ),
    "PutBucketPublicAccessBlock": (
        "oss:PutBucketPublicAccessBlock",
        lambda client, bucket: client.put_bucket_public_access_block(
            oss.PutBucketPublicAccessBlockRequest(
                bucket=bucket,
                public_access_block_configuration=oss.PublicAccessBlockConfiguration(
                    block_public_access=True
                ),
            )
        ),
    ),
    "GetBucketPublicAccessBlock": (
        "oss:GetBucketPublicAccessBlock",
        lambda client, bucket: client.get_bucket_public_access_block(
            oss.GetBucketPublicAccessBlockRequest(bucket=bucket)
        ),
    ),
    "DeleteBucketPublicAccessBlock": (
        "oss:DeleteBucketPublicAccessBlock",
        lambda client, bucket: client.delete_bucket_public_access_block(
            oss.DeleteBucketPublicAccessBlockRequest(bucket=bucket)
        ),
    ),
    "OpenMetaQuery": (
        "oss:OpenMetaQuery",
        lambda client, bucket: client.open_meta_query(oss.OpenMetaQueryRequest(bucket=bucket)),
    ),
    "GetMetaQueryStatus": (
        "oss:GetMetaQueryStatus",
        lambda client, bucket: client.get_meta_query_status(oss.GetMetaQueryStatusRequest(bucket=bucket)),
    ),
    "DoMetaQuery": (
        "oss:DoMetaQuery",
        lambda client, bucket: client.do_meta_query(
            oss.DoMetaQueryRequest(
                bucket=bucket,
                mode="basic",
                meta_query=oss.MetaQuery(query='{"Field":"Size","Operation":"gt","Value":"0"}'),
            )
        ),
    ),
    "CloseMetaQuery": (
        "oss:CloseMetaQuery",
        lambda client, bucket: client.close_meta_query(oss.CloseMetaQueryRequest(bucket=bucket)),
    ),
    "PutBucket": (
        "oss:PutBucket",
        lambda client, bucket: client.put_bucket(oss.PutBucketRequest(bucket=bucket)),
    ),
    "DeleteBucket": (
        "oss:DeleteBucket",
        lambda client, bucket: client.delete_bucket(oss.DeleteBucketRequest(bucket=bucket)),
    ),
}


# What has to be there before.
AFTER = {
    "GetBucketPolicy": "PutBucketPolicy",
    "GetBucketLifecycle": "PutBucketLifecycle",
    "GetMetaQueryStatus": "OpenMetaQuery",
    "DoMetaQuery": "OpenMetaQuery",
}


def everything_but(guarded: Cloud, action: str, resource: str) -> Identity:
    return guarded.caller(allow("*"), deny(action, resource))


@pytest.mark.parametrize("operation", OF_OBJECT)
def test_an_operation_on_an_object_needs_its_permission(guarded: Cloud, operation: str) -> None:
    # Given an object
    action, call = OF_OBJECT[operation]
    put(guarded.oss(guarded.owner), guarded.bucket)
    # When somebody calls who may do everything else, or this to other objects, or nothing
    others = [known for known, _ in OF_OBJECT.values() if known != action]
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
        error = refusal(partial(call, guarded.oss(keys), guarded.bucket))
        assert (error.status_code, error.code) == (403, "AccessDenied")
    # And who may do this and nothing else is not
    call(guarded.oss(guarded.caller(allow(action, guarded.objects("videos/*")))), guarded.bucket)


@pytest.mark.parametrize("operation", OF_BUCKET)
def test_an_operation_on_a_bucket_needs_its_permission(guarded: Cloud, operation: str) -> None:
    action, call = OF_BUCKET[operation]
    if operation in AFTER:
        OF_BUCKET[AFTER[operation]][1](guarded.oss(guarded.owner), guarded.bucket)
    bucket = f"acs:oss:*:{ACCOUNT}:{guarded.bucket}"

    for keys in (guarded.caller(), guarded.caller(allow(action, f"{bucket}/*"))):
        error = refusal(partial(call, guarded.oss(keys), guarded.bucket))
        assert (error.status_code, error.code) == (403, "AccessDenied")
        assert error.message == "The bucket you access does not belong to you."
        assert error.ec == ("0003-00000202" if operation == "PutBucket" else "0003-00000001")

    call(guarded.oss(guarded.caller(allow(action, bucket))), guarded.bucket)


def test_all_buckets_are_listed_by_who_may_list_all(guarded: Cloud) -> None:
    def listed(keys: Identity) -> object:
        return guarded.oss(keys).list_buckets(oss.ListBucketsRequest(prefix=guarded.bucket)).buckets

    one = guarded.caller(allow("oss:ListBuckets", f"acs:oss:*:{ACCOUNT}:{guarded.bucket}"))
    error = refusal(lambda: listed(one))
    assert (error.status_code, error.code, error.ec) == (403, "AccessDenied", "0003-00000202")
    assert ElementTree.fromstring(error.snapshot).find("Bucket") is None

    assert listed(guarded.caller(allow("oss:ListBuckets", f"acs:oss:*:{ACCOUNT}:*")))


def test_a_refusal_says_what_is_lacking(guarded: Cloud) -> None:
    keys = guarded.caller(allow("oss:GetObject"))
    # When a role does what no policy allows
    error = refusal(lambda: put_tags(guarded.oss(keys), guarded.bucket, a="b"))
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

    error = refusal(lambda: put(guarded.oss(keys), guarded.bucket))

    assert (error.ec, error.message) == ("0003-00000201", "Access denied by bucket policy.")
    root = ElementTree.fromstring(error.snapshot)
    assert root.findtext("AccessDeniedDetail/NoPermissionType") == "ExplicitDeny"


def test_a_refusal_without_a_body_is_in_a_header(guarded: Cloud) -> None:
    put(guarded.oss(guarded.owner), guarded.bucket)
    head = OF_OBJECT["HeadObject"][1]

    error = refusal(lambda: head(guarded.oss(guarded.caller()), guarded.bucket))

    assert (error.status_code, error.code, error.ec) == (403, "AccessDenied", "0003-00000001")


def test_a_missing_object_is_not_told_to_who_may_not_read_it(guarded: Cloud) -> None:
    read_ = guarded.caller(allow("oss:GetObject", guarded.objects("videos/*")))

    assert refusal(lambda: read(guarded.oss(read_), guarded.bucket)).code == "NoSuchKey"
    assert refusal(lambda: read(guarded.oss(read_), guarded.bucket, "b")).code == "AccessDenied"


def test_the_account_itself_needs_no_policy(guarded: Cloud) -> None:
    for _, call in (*OF_OBJECT.values(), *OF_BUCKET.values()):
        if call is read:
            put(guarded.oss(guarded.owner), guarded.bucket)
        try:
            call(guarded.oss(guarded.owner), guarded.bucket)
        except oss.exceptions.OperationError as error:
            assert "AccessDenied" not in str(error)


def test_an_upload_with_tags_needs_the_permission_to_tag(guarded: Cloud) -> None:
    uploads = allow("oss:PutObject", guarded.objects("videos/*"))
    # Given somebody who may upload but not tag
    keys = guarded.caller(uploads)
    # When the upload has tags
    error = refusal(lambda: put(guarded.oss(keys), guarded.bucket, tagging="a=b"))
    # Then it is refused, and nothing is there
    assert (error.status_code, error.code, error.ec) == (403, "AccessDenied", "0003-00000905")
    assert "oss:PutObjectTagging" in error.snapshot.decode()
    assert guarded.local.objects.stat(guarded.bucket, KEY) is None
    # But without tags, or with the permission, it is taken
    put(guarded.oss(keys), guarded.bucket)
    tags = allow("oss:PutObjectTagging", guarded.objects(KEY))
    put(guarded.oss(guarded.caller(uploads, tags)), guarded.bucket, tagging="a=b")


@pytest.mark.parametrize("operation", OF_UPLOAD)
def test_an_operation_on_an_upload_needs_its_permission(guarded: Cloud, operation: str) -> None:
    action, call = OF_UPLOAD[operation]

    for keys in (guarded.caller(), everything_but(guarded, action, guarded.objects(KEY))):
        assert refusal(partial(call, guarded.oss(keys), guarded.bucket)).code == "AccessDenied"

    allowed = guarded.oss(guarded.caller(allow(action, guarded.objects("videos/*"))))
    assert refusal(lambda: call(allowed, guarded.bucket)).code == "NoSuchUpload"


def test_a_large_upload_needs_the_permission_to_put_objects_and_to_tag_them(guarded: Cloud) -> None:
    uploads = allow("oss:PutObject", guarded.objects("videos/*"))
    # Given somebody who may upload but not tag
    client, bucket = guarded.oss(guarded.caller(uploads)), guarded.bucket
    assert refusal(lambda: initiate(client, bucket, tagging="a=b")).ec == "0003-00000905"
    # Then an upload without tags is all theirs, from its beginning to the object
    upload_id = initiate(client, bucket)
    complete(client, bucket, upload_id, part(client, bucket, upload_id))
    # And with tags it is theirs who may tag
    tags = allow("oss:PutObjectTagging", guarded.objects(KEY))
    initiate(guarded.oss(guarded.caller(uploads, tags)), bucket, tagging="a=b")
    coloured = {"StringEquals": {"oss:RequestObjectTag/a": "b"}}
    either = guarded.oss(guarded.caller(allow("oss:*", Condition=coloured)))
    initiate(either, bucket, tagging="a=b")
    assert refusal(lambda: initiate(either, bucket, tagging="a=c")).code == "AccessDenied"


def test_an_append_and_a_form_need_the_permission_to_put_objects(guarded: Cloud) -> None:
    def append(keys: Identity) -> object:
        return guarded.oss(keys).append_object(
            oss.AppendObjectRequest(bucket=guarded.bucket, key=KEY, position=0, body=b"a video")
        )

    def post(keys: Identity) -> int:
        policy = {"expiration": "2099-01-01T00:00:00Z", "conditions": [{"bucket": guarded.bucket}]}
        url, file = f"{guarded.local.endpoints.oss}/{guarded.bucket}", {"file": ("a", b"a video")}
        fields = {"key": KEY, **sign_form(keys, policy)}
        return guarded.session.post(url, data=fields, files=file, timeout=30).status_code

    other, uploader = (
        guarded.caller(name="other"),
        guarded.caller(allow("oss:PutObject", guarded.objects(KEY))),
    )
    assert refusal(lambda: append(other)).code == "AccessDenied"
    append(uploader)
    assert (post(other), post(uploader)) == (403, 204)


def test_a_restoration_needs_its_permission(guarded: Cloud) -> None:
    put(guarded.oss(guarded.owner), guarded.bucket, storage_class="Archive")

    def restore(keys: Identity) -> object:
        return guarded.oss(keys).restore_object(oss.RestoreObjectRequest(bucket=guarded.bucket, key=KEY))

    assert refusal(lambda: restore(everything_but(guarded, "oss:RestoreObject", "*"))).code == "AccessDenied"
    restore(guarded.caller(allow("oss:RestoreObject", guarded.objects(KEY))))


def test_a_part_is_copied_by_who_may_read_its_source(guarded: Cloud) -> None:
    put(guarded.oss(guarded.owner), guarded.bucket)
    reads, writes = (
        allow(action, guarded.objects(key))
        for action, key in (("oss:GetObject", KEY), ("oss:PutObject", "copy"))
    )
    for statements in ((reads,), (writes,)):
        client = guarded.oss(guarded.caller(*statements))
        assert refusal(partial(part_copy, client, guarded.bucket)).code == "AccessDenied"
    both = guarded.oss(guarded.caller(reads, writes))
    assert refusal(lambda: part_copy(both, guarded.bucket)).code == "NoSuchUpload"


def test_tags_that_cannot_be_read_are_refused_as_such(guarded: Cloud) -> None:
    error = refusal(
        lambda: put(guarded.oss(guarded.caller(allow("oss:PutObject"))), guarded.bucket, tagging="a=b=c")
    )

    assert (error.status_code, error.code) == (400, "InvalidArgument")


def test_the_number_of_tags_is_told_to_who_may_read_them(guarded: Cloud) -> None:
    put(guarded.oss(guarded.owner), guarded.bucket, tagging="a=b&c=d")

    def counts(keys: Identity) -> list[int | None]:
        client, bucket = guarded.oss(keys), guarded.bucket
        head = client.head_object(oss.HeadObjectRequest(bucket=bucket, key=KEY))
        got = client.get_object(oss.GetObjectRequest(bucket=bucket, key=KEY))
        with got.body:
            return [head.tagging_count, got.tagging_count]

    reads = allow("oss:GetObject")
    assert counts(guarded.owner) == [2, 2]
    assert counts(guarded.caller(reads)) == [None, None]
    assert counts(guarded.caller(reads, allow("oss:GetObjectTagging", guarded.objects(KEY)))) == [2, 2]


SOURCE, COPY = "videos/a.mp4", "copy"
OF_COPY = [("oss:GetObject", SOURCE), ("oss:PutObject", COPY)]
OF_TAGS = [("oss:GetObjectTagging", SOURCE), ("oss:PutObjectTagging", COPY)]


@pytest.mark.parametrize(
    ("tagged", "options", "needs"),
    [
        (False, {}, OF_COPY),
        (True, {}, OF_COPY + OF_TAGS),
        (True, {"tagging_directive": "Replace"}, OF_COPY),
        (
            True,
            {"tagging_directive": "Replace", "tagging": "c=d"},
            OF_COPY + OF_TAGS,
        ),
    ],
)
def test_a_copy_needs_permissions_on_both_sides(
    guarded: Cloud, tagged: bool, options: dict[str, str], needs: list[tuple[str, str]]
) -> None:
    put(guarded.oss(guarded.owner), guarded.bucket, tagging="a=b" if tagged else None)
    statements = [allow(action, guarded.objects(path)) for action, path in needs]

    for number, (action, _) in enumerate(needs):
        keys = guarded.caller(*statements[:number], *statements[number + 1 :])
        error = refusal(partial(copy, guarded.oss(keys), guarded.bucket, **options))
        assert (error.status_code, error.code) == (403, "AccessDenied")
        assert f"<AuthAction>{action}</AuthAction>" in error.snapshot.decode()

    copy(guarded.oss(guarded.caller(*statements)), guarded.bucket, **options)


def test_a_copy_of_what_is_not_there_needs_permissions_too(guarded: Cloud) -> None:
    assert refusal(lambda: copy(guarded.oss(guarded.caller()), guarded.bucket)).code == "AccessDenied"
    all_ = guarded.caller(allow("oss:*"))
    assert refusal(lambda: copy(guarded.oss(all_), guarded.bucket)).code == "NoSuchKey"


def test_objects_are_told_apart_by_the_tags_that_they_have(guarded: Cloud) -> None:
    public = {"StringEquals": {"oss:ExistingObjectTag/level": "public"}}
    keys = guarded.caller(allow(["oss:GetObject", "oss:GetObjectTagging"], Condition=public))
    client = guarded.oss(keys)

    put(guarded.oss(guarded.owner), guarded.bucket, tagging="level=secret")
    assert refusal(lambda: read(client, guarded.bucket)).code == "AccessDenied"
    put(guarded.oss(guarded.owner), guarded.bucket)
    assert refusal(lambda: read(client, guarded.bucket)).code == "AccessDenied"
    put(guarded.oss(guarded.owner), guarded.bucket, tagging="level=public")
    assert read(client, guarded.bucket) == b"a video"
    assert client.head_object(oss.HeadObjectRequest(bucket=guarded.bucket, key=KEY)).tagging_count == 1


def test_requests_are_told_apart_by_the_tags_that_they_carry(guarded: Cloud) -> None:
    team = {"StringLike": {"oss:RequestObjectTag/team": "a*"}}
    client = guarded.oss(guarded.caller(allow(["oss:PutObject", "oss:PutObjectTagging"], Condition=team)))

    assert refusal(lambda: put(client, guarded.bucket)).code == "AccessDenied"
    assert refusal(lambda: put(client, guarded.bucket, tagging="team=b")).code == "AccessDenied"
    put(client, guarded.bucket, tagging="team=alpha")
    assert refusal(lambda: put_tags(client, guarded.bucket, team="b")).code == "AccessDenied"
    assert refusal(lambda: put_tags(client, guarded.bucket, other="a")).code == "AccessDenied"
    put_tags(client, guarded.bucket, team="a")


def test_listings_are_told_apart_by_their_prefix_and_delimiter(guarded: Cloud) -> None:
    folder = {"StringEquals": {"oss:Prefix": ["videos/", "images/"], "oss:Delimiter": "/"}}
    client = guarded.oss(guarded.caller(allow("oss:ListObjects", Condition=folder)))

    def listed(**options: str) -> object:
        return client.list_objects_v2(oss.ListObjectsV2Request(bucket=guarded.bucket, **options))

    assert refusal(listed).code == "AccessDenied"
    assert refusal(lambda: listed(prefix="videos/")).code == "AccessDenied"
    assert refusal(lambda: listed(prefix="audio/", delimiter="/")).code == "AccessDenied"
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
    guarded: Cloud, condition: dict[str, object], allowed: bool
) -> None:
    client = guarded.oss(guarded.caller(allow("oss:PutObject", Condition=condition)))

    if allowed:
        put(client, guarded.bucket)
    else:
        assert refusal(lambda: put(client, guarded.bucket)).code == "AccessDenied"


def test_a_user_may_do_what_its_policies_allow(guarded: Cloud) -> None:
    access = guarded.local.access
    statement = (
        '{"Version": "1", "Statement": [{"Effect": "Allow", "Action": "oss:PutObject", "Resource": "*"}]}'
    )
    user = guarded.local.call(access.put_user, "uploader", {"uploads": statement})

    put(guarded.oss(user.keys), guarded.bucket)
    error = refusal(lambda: read(guarded.oss(user.keys), guarded.bucket))
    assert ElementTree.fromstring(error.snapshot).findtext("User") == user.user_id
